"""The local application: pages over the runs, served to the browser of this machine only.

`app` makes the application, `security` guards it, `serving` runs it, `site` is what every page stands on. `pages` has a
module for each page with a ``router`` (listed in ``pages.ROUTERS``) and `navigation` says where pages are linked.

A page is a template that extends ``application.html``, or ``run_frame.html`` for a page on one run; figures are drawn
by the report's macros (``figures.html``), parts of a page come by htmx. There is no inline script or style: scripts are
files in ``static`` and read what they need from ``data-`` attributes or JSON blocks. A change is a POST by htmx, which
sends the page's secret along, or by ``leadline.post`` of ``application.js``; an error that it answers with is shown as
a passing line.
"""
