"""The application in a real browser: how it is entered, and that it asks nothing of anybody else."""

from __future__ import annotations

from typing import Any

from serving_runs import Served, look

from browser import needs_browser

pytestmark = needs_browser


def test_the_token_leaves_the_address_and_the_script_cannot_read_the_cookie(browser: Any, served: Served) -> None:
    seen = look(browser, served)
    assert seen.page.url == f"{served.origin}/"
    assert seen.page.evaluate("document.cookie") == ""
    seen.page.reload()
    assert seen.page.inner_text("h1") == "Runs"
    assert seen.complaints == [] and seen.requests == []


def test_the_address_works_as_a_link_on_another_site(browser: Any, served: Served) -> None:
    """Such as in a terminal that is a page of its own."""
    page = browser.new_context().new_page()
    page.route("http://other.example/", lambda route: route.fulfill(content_type="text/html", body=link))
    link = f'<a href="{served.server.url("/")}">open</a>'
    page.goto("http://other.example/")
    page.click("a")
    page.wait_for_url(f"{served.origin}/")
    assert page.inner_text("h1") == "Runs"


def test_another_site_cannot_frame_post_or_read(browser: Any, served: Served) -> None:
    context = browser.new_context()
    ours = context.new_page()
    ours.goto(served.server.url("/"))
    theirs = context.new_page()
    theirs.route("http://127.0.0.1:1/", lambda route: route.fulfill(content_type="text/html", body="<p>hello"))
    theirs.goto("http://127.0.0.1:1/")  # the same site, another origin: the cookie goes along
    asked = """async (url) => {
        const found = {};
        const tried = (name, promise) => promise.then(() => found[name] = "let through", () => found[name] = "refused");
        await tried("read", fetch(url, {credentials: "include"}));
        await tried("post", fetch(url + "tags", {method: "POST", credentials: "include",
                                  headers: {"X-CSRF-Token": "x"}, body: new URLSearchParams("tag=theirs&run=fruit")}));
        const frame = document.createElement("iframe");
        frame.src = url;
        document.body.append(frame);
        await new Promise((done) => frame.onload = done);
        try { found.frame = frame.contentDocument.body.innerText } catch { found.frame = "refused" }
        return found;
    }"""
    assert theirs.evaluate(asked, f"{served.origin}/") == {"read": "refused", "post": "refused", "frame": "refused"}
    form = f'<form method=post action="{served.origin}/tags"><input name=tag value=theirs></form>'
    theirs.evaluate("(form) => { document.body.innerHTML = form; document.forms[0].submit(); }", form)
    theirs.wait_for_url("**/tags")
    assert "another site" in theirs.inner_text("body")
    assert "theirs" not in served.get("/").text


def test_the_gallery_draws_each_section_when_it_comes_into_view(browser: Any, served: Served) -> None:
    """All of Plotly's kinds of figures under the strict policy; the slow sections are left to the report."""
    seen = look(browser, served, "/gallery")
    quick = ("activations", "weighted-averages", "schedules", "batch-norm")
    for slug in quick:
        seen.page.locator(f"#{slug}").scroll_into_view_if_needed()
        seen.page.wait_for_selector(f"#{slug} .main-svg", timeout=20_000)
    seen.page.emulate_media(color_scheme="dark")
    seen.page.wait_for_timeout(200)
    heat = {"type": "heatmap", "z": [[1, 2], [3, 4]]}
    drawn = "(heat) => Plotly.newPlot(document.body.appendChild(document.createElement('div')), [heat])"
    seen.page.evaluate(drawn, heat)
    assert seen.page.evaluate("getComputedStyle(document.querySelector('.hm image')).imageRendering") == "pixelated"
    assert seen.complaints == [] and seen.requests == []
