"""The table of runs and runs side by side, as people use them."""

from __future__ import annotations

from typing import Any

from serving_runs import Served, look

from browser import needs_browser

pytestmark = needs_browser


def names(seen: Any) -> list[str]:
    return seen.page.eval_on_selector_all("tr[data-run]", "rows => rows.map(row => row.dataset.run)")


def settled(seen: Any, expected: list[str]) -> None:
    seen.page.wait_for_function(
        "expected => [...document.querySelectorAll('tr[data-run]')].map(row => row.dataset.run).join() === expected",
        arg=",".join(expected),
    )


def test_search_sort_and_back(browser: Any, served: Served) -> None:
    seen = look(browser, served)
    assert sorted(names(seen)) == ["digits-a", "digits-b", "fruit", "houses"]
    seen.page.fill("#search", "digits")
    seen.page.wait_for_url("**q=digits**")
    settled(seen, ["digits-b", "digits-a"])
    seen.page.click("th a:text('Run')")
    settled(seen, ["digits-a", "digits-b"])
    seen.page.fill("#search", "digits-")
    seen.page.wait_for_url("**q=digits-&**")
    settled(seen, ["digits-a", "digits-b"])  # searching keeps the order
    seen.page.reload()
    assert names(seen) == ["digits-a", "digits-b"] and seen.page.input_value("#search") == "digits-"
    seen.page.go_back()
    seen.page.wait_for_selector("tr[data-run]")
    assert seen.page.input_value("#search") == "digits"
    assert seen.complaints == [] and seen.requests == []


def test_what_is_selected_stays_selected_and_is_compared(browser: Any, served: Served) -> None:
    seen = look(browser, served)
    seen.page.check("input[value='digits-a']")
    assert not seen.page.is_visible("[data-compare]")
    seen.page.fill("#search", "digits-b")
    settled(seen, ["digits-b"])
    seen.page.check("input[value='digits-b']")
    seen.page.fill("#search", "")
    seen.page.wait_for_selector("tr[data-run='fruit']")
    assert seen.page.is_checked("input[value='digits-a']") and seen.page.is_checked("input[value='digits-b']")
    seen.page.click("[data-compare]")
    seen.page.wait_for_selector("#overlay-2 .main-svg")
    assert "digits-a is better than digits-b" in seen.page.inner_text("main")
    assert seen.page.evaluate("document.querySelector('#overlay-1 .plot').data.length") == 4
    for width, scheme in ((320, "dark"), (768, "light"), (1600, "dark")):
        seen.page.set_viewport_size({"width": width, "height": 800})
        seen.page.emulate_media(color_scheme=scheme)
        seen.page.wait_for_timeout(150)
        assert seen.overflow() <= 0
    assert seen.complaints == [] and seen.requests == []


def test_tags_from_two_tabs_are_all_kept(browser: Any, own: Served) -> None:
    """Each tab knows nothing of the other's tags when it adds its own."""
    one, other = look(browser, own), look(browser, own, "/runs/fruit")
    one.page.check("input[value='fruit']")
    one.page.fill("#selection input", "from the table")
    one.page.click("text=Add tag")
    one.page.wait_for_selector("tr[data-run='fruit'] a.tag")
    assert other.page.locator(".run-tags .tag").count() == 0
    other.page.fill(".run-tags input[name=tag]:not([type=hidden])", "from the page")
    other.page.keyboard.press("Enter")
    other.page.wait_for_selector(".run-tags .tag >> nth=1")
    shown = [text.split("\n")[0] for text in other.page.locator(".run-tags .tag").all_inner_texts()]
    assert shown == ["from the page", "from the table"]
    other.page.click("[aria-label='Remove the tag from the table']")
    other.page.wait_for_function("() => document.querySelectorAll('.run-tags .tag').length === 1")
    one.page.reload()
    assert one.page.inner_text("tr[data-run='fruit'] a.tag") == "from the page"
    one.page.click("tr[data-run='fruit'] a.tag")
    settled(one, ["fruit"])
    assert one.complaints == other.complaints == []


def test_a_hostile_tag_is_shown_as_it_is(browser: Any, own: Served) -> None:
    seen = look(browser, own, "/runs/fruit")
    hostile = "<img src=x onerror=alert(1)>"
    seen.page.fill(".run-tags input[name=tag]:not([type=hidden])", hostile)
    seen.page.keyboard.press("Enter")
    seen.page.wait_for_selector(".run-tags .tag")
    assert hostile in seen.page.inner_text(".run-tags .tag")
    seen.page.goto(own.origin + "/")
    assert seen.page.inner_text("a.tag") == hostile
    assert seen.complaints == [] and seen.requests == []


def test_a_run_that_comes_and_one_that_goes(browser: Any, own: Served) -> None:
    seen = look(browser, own)
    (own.root / "fruit").rename(own.root / "apples")
    seen.page.wait_for_selector("tr[data-run='apples']", timeout=10_000)
    assert "fruit" not in names(seen)


def test_all_can_be_reached_by_keyboard(browser: Any, served: Served) -> None:
    seen = look(browser, served)
    reached = []
    for _ in range(24):
        seen.page.keyboard.press("Tab")
        reached.append(
            seen.page.evaluate("(document.activeElement.innerText || document.activeElement.value || '').trim()")
        )
    assert reached[0] == "To the content"
    assert {"Gallery", "Run", "digits-a", "houses"} <= set(reached)
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert seen.page.evaluate(outline) == "solid"


def test_errors_are_told_and_pass(browser: Any, own: Served) -> None:
    seen = look(browser, own, "/runs/fruit")
    (own.root / "fruit").rename(own.root / "gone")
    seen.page.fill(".run-tags input[name=tag]:not([type=hidden])", "late")
    seen.page.keyboard.press("Enter")
    seen.page.wait_for_selector(".toast.error")
    assert "fruit" in seen.page.inner_text(".toast.error")


def test_many_tabs_do_not_use_up_the_connections(browser: Any, served: Served) -> None:
    """A browser allows six connections to a server, and each page that listens holds one."""
    first = look(browser, served)
    pages = [first.page.context.new_page() for _ in range(7)]
    for page in pages:
        page.goto(served.origin + "/")
        page.evaluate(
            "() => { Object.defineProperty(document, 'hidden', {get: () => true});"
            " document.dispatchEvent(new Event('visibilitychange')) }"
        )
    first.page.reload(timeout=10_000)
    assert len(names(first)) == 4
