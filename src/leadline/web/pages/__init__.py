"""The pages, one module each; a module's ``router`` holds all that its page answers."""

from leadline.web.pages import compare, examples, gallery, labels, mistakes, run, runs, searches, static

ROUTERS = (
    static.router,
    runs.router,
    compare.router,
    run.router,
    gallery.router,
    examples.router,
    mistakes.router,
    labels.router,
    searches.router,
)
