"""The report in a real browser: nothing asked of the network, nothing wider than a phone, figures in both schemes."""

from __future__ import annotations

import pytest
import report_samples as samples

from browser import needs_browser, visit
from leadline.report import write_report

pytestmark = needs_browser

HOSTILE = "</script><img src=x onerror=alert(1)>" + "very" * 30


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports")
    reports = {
        "digits": samples.digits(),
        "houses": samples.houses(),
        "many": samples.many_classes(40),
        "hostile": samples.hostile(HOSTILE),
    }
    return {name: write_report(report, folder / f"{name}.html") for name, report in reports.items()}


@pytest.fixture(scope="module")
def digits(browser, pages):
    return visit(browser, pages["digits"])


def stroke(seen):
    """The colour in which the first curve stands on the screen."""
    return seen.page.evaluate("getComputedStyle(document.querySelector('#curve-1 .js-line')).stroke")


@pytest.mark.parametrize(("name", "figures"), [("digits", 3), ("houses", 4), ("many", 4), ("hostile", 5)])
def test_it_opens_clean_on_a_phone_in_both_schemes(browser, pages, name, figures):
    seen = visit(browser, pages[name], width=320)
    for scheme in ("light", "dark"):
        seen.page.emulate_media(color_scheme=scheme)
        seen.page.wait_for_timeout(100)
        assert seen.overflow() <= 0
        assert seen.drawn() == figures
    assert seen.complaints == []
    assert seen.requests == []


def test_figures_follow_the_scheme_and_paper_is_light(digits):
    assert stroke(digits) == "rgb(0, 114, 178)"
    digits.page.emulate_media(color_scheme="dark")
    digits.page.wait_for_timeout(100)
    assert stroke(digits) == "rgb(86, 180, 233)"
    digits.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert stroke(digits) == "rgb(0, 114, 178)"
    digits.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert stroke(digits) == "rgb(86, 180, 233)"
    digits.page.emulate_media(color_scheme="light")


def test_log_scale_is_a_button_for_the_keyboard(digits):
    kind = "document.querySelector('#curve-1 .plot')._fullLayout.yaxis.type"
    start = digits.page.evaluate(kind)
    assert digits.page.get_attribute("#curve-1 button", "aria-pressed") == str(start == "log").lower()
    digits.page.focus("#curve-1 button")
    digits.page.keyboard.press("Enter")
    other = digits.page.evaluate(kind)
    assert {start, other} == {"linear", "log"}
    assert digits.page.get_attribute("#curve-1 button", "aria-pressed") == str(other == "log").lower()
    assert digits.complaints == []


def test_the_best_epoch_is_marked(digits):
    assert "best epoch 37" in digits.page.inner_text("#curve-1")
