"""Looking through mistakes and reviewing labels in a real browser: by key, in two tabs, loaded again in the middle."""

from __future__ import annotations

import re
import time
from typing import Any

from serving_runs import Served, look

from browser import needs_browser
from leadline.review.mistakes import find_mistakes
from leadline.runs.index import RunIndex
from leadline.runs.reviews import load_verdicts
from leadline.runs.run import load_run
from leadline.runs.store import RunStore

pytestmark = needs_browser
MISTAKES, LABELS = "/runs/digits-b/mistakes", "/runs/digits-b/labels"


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def until(page: Any, condition: str, seconds: float = 15) -> None:
    """Wait for a condition in the page, which its own policy forbids it to evaluate by itself."""
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        page.wait_for_timeout(50)


def name_cause(page: Any, name: str) -> None:
    """Make a cause for the framed mistake, and wait until it is kept."""
    press(page, "n")
    until(page, "document.activeElement.tagName === 'INPUT'")
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    page.wait_for_selector(f".mistake[aria-current] .chip:text-is('{name}')")


def framed(page: Any) -> int:
    return int(page.get_attribute(".mistake[aria-current]", "data-row"))


def saved(page: Any) -> None:
    """Wait until every action so far is answered."""
    until(page, "!document.body.classList.contains('saving')")


def tags(served: Served) -> list[tuple[int, str]]:
    return [(line["row"], line["cause"]) for line in RunIndex(RunStore(served.root)).cause_tags()]


def wrong_rows(served: Served) -> list[int]:
    found = find_mistakes(load_run("digits-b", served.root), suggest=False)
    return found.rows[found.wrong].tolist()


def test_causes_are_ticked_by_key_and_the_shares_follow(browser: Any, own: Served) -> None:
    seen = look(browser, own, MISTAKES)
    page = seen.page
    rows = [int(card.get_attribute("data-row")) for card in page.query_selector_all(".mistake")]
    assert framed(page) == rows[0]
    name_cause(page, "thin")
    press(page, "j", "1", "j", "0", "ArrowRight")
    page.wait_for_selector(f".mistake[data-row='{rows[2]}'] .chip.none")
    assert framed(page) == rows[3]
    name_cause(page, "turned")
    press(page, "k", "k", "2")
    saved(page)
    expected = sorted([(rows[0], "thin"), (rows[1], "thin"), (rows[1], "turned"), (rows[3], "turned")])
    assert sorted(tags(own)) == expected
    text = re.sub(r"\s+", " ", page.inner_text("#panel"))
    assert "4 of" in text and text.count("50.0") == 2 and "none of them 1" in text and "25.0" in text
    press(page, "u")
    until(page, f"document.querySelectorAll('.mistake[data-row=\"{rows[1]}\"] .chip').length === 1")
    press(page, "2", "2")
    saved(page)
    page.reload()
    assert sorted(tags(own)) == [pair for pair in expected if pair != (rows[1], "turned")]
    assert page.inner_text(f".mistake[data-row='{rows[0]}'] .chips") == "thin"
    assert seen.complaints == [] and seen.requests == []


def test_shares_that_take_long_follow(browser: Any, own: Served) -> None:
    page = look(browser, own, "/runs/houses/mistakes").page
    name_cause(page, "renovated")
    page.wait_for_selector("#panel:has-text('not looked at')")
    assert "%" in page.inner_text(".causes tbody tr:first-child")


def test_undo_reaches_back_over_a_reload(browser: Any, own: Served) -> None:
    page = look(browser, own, MISTAKES).page
    row = framed(page)
    name_cause(page, "thin")
    press(page, "j", "1")
    saved(page)
    page.reload()
    press(page, "u")
    until(page, "document.querySelectorAll('.mistake .chip').length === 1")
    assert tags(own) == [(row, "thin")]
    press(page, "u")
    until(page, "document.querySelectorAll('.mistake .chip').length === 0")
    press(page, "u")
    page.wait_for_selector(".toast:has-text('nothing of yours')")
    assert tags(own) == []


def test_two_tabs_tick_at_once(browser: Any, own: Served) -> None:
    first = look(browser, own, MISTAKES)
    second = first.page.context.new_page()
    second.goto(f"{own.origin}{MISTAKES}")
    row = framed(first.page)
    name_cause(first.page, "thin")
    name_cause(second, "turned")
    assert sorted(tags(own)) == [(row, "thin"), (row, "turned")]
    first.page.wait_for_selector(f".mistake[data-row='{row}'] .chip:text-is('turned')", timeout=10_000)
    press(second, "u")
    until(first.page, "document.querySelectorAll('.mistake .chip').length === 1")
    assert tags(own) == [(row, "thin")] and first.complaints == []


def test_more_mistakes_come_with_scrolling_and_with_keys(browser: Any, own: Served) -> None:
    page = look(browser, own, MISTAKES).page
    total = len(wrong_rows(own))
    assert page.locator(".mistake").count() == 60 < total
    page.mouse.move(400, 400)
    while page.locator("[data-more]").count():
        page.mouse.wheel(0, 4000)
        page.wait_for_timeout(50)
    until(page, f"document.querySelectorAll('.mistake').length === {total}")
    shown = [card.get_attribute("data-row") for card in page.query_selector_all(".mistake")]
    assert len(set(shown)) == total


def test_keys_are_left_alone_while_somebody_writes(browser: Any, own: Served) -> None:
    page = look(browser, own, MISTAKES).page
    press(page, "n")
    page.keyboard.type("1 j u ?")
    assert page.input_value("#cause-name") == "1 j u ?" and not page.query_selector("dialog[open]")
    press(page, "Escape", "?")
    assert page.query_selector("dialog#keys[open]")
    press(page, "j", "Escape")
    assert not page.query_selector("dialog[open]") and tags(own) == []


def test_pages_fit_every_screen(browser: Any, own: Served) -> None:
    for path, width, scheme in ((MISTAKES, 768, "dark"), ("/runs/fruit/mistakes", 320, "light"), (LABELS, 320, "dark")):
        seen = look(browser, own, path, width, scheme)
        assert seen.overflow() <= 0, (path, width)
        assert seen.page.inner_text("#content h2, .mistake >> nth=0")
        assert seen.complaints == []
        seen.page.context.close()


def test_labels_are_reviewed_by_key(browser: Any, own: Served) -> None:
    """T3.11: keep, change, unsure and undo; loaded again in the middle; applied and taken back."""
    seen = look(browser, own, LABELS)
    page = seen.page
    page.click("text=Look for wrong labels")
    page.wait_for_selector("#question", timeout=60_000)

    def row() -> int:
        return int(page.get_attribute("#review", "data-row"))

    def after(key: str) -> tuple[int, int]:
        before = row()
        press(page, key)
        until(page, f"document.getElementById('review').dataset.row !== '{before}'")
        return before, row()

    first, second = after("y")
    label = page.inner_text(".label-now b")
    other = "7" if label != "7" else "4"
    assert after(other)[0] == second
    third, fourth = after("s")
    page.reload()
    assert row() == fourth
    run = load_run("digits-b", own.root)
    given = {review.row: (review.verdict, review.new) for review in load_verdicts(run.folder)}
    assert given[first][0] == "right" and given[second] == ("wrong", other) and given[third][0] == "unclear"
    press(page, "u")
    until(page, f"document.getElementById('review').dataset.row === '{third}'")
    press(page, "k")
    until(page, f"document.getElementById('review').dataset.row === '{second}'")
    assert "have not seen it say" in page.inner_text("#question")
    page.click("text=Apply")
    page.wait_for_selector("text=2 are in force", timeout=30_000)
    page.click("text=Take back")
    page.wait_for_selector("text=2 verdicts wait", timeout=30_000)
    assert seen.complaints == [] and seen.requests == []


def test_a_key_held_down_judges_one_label(browser: Any, own: Served) -> None:
    page = look(browser, own, LABELS).page
    page.click("text=Look for wrong labels")
    page.wait_for_selector("#question", timeout=60_000)
    page.evaluate("""() => { for (let k = 0; k < 5; k++) document.body.dispatchEvent(
        new KeyboardEvent("keydown", {key: "y", bubbles: true, repeat: k > 0})) }""")
    page.wait_for_selector("text=1 of 100 in this round")
    assert len(load_verdicts(load_run("digits-b", own.root).folder)) == 1
