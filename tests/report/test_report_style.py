"""The stylesheet: every pair of text and background that pages use has enough contrast, in both schemes."""

from __future__ import annotations

import re

import pytest

from leadline.report.style import SERIES, TEMPLATE, script, stylesheet


def colours(scheme: str) -> dict[str, str]:
    light, dark = re.findall(r":root(?::not\(\.paper\))? \{(.*?)\n\s*\}", stylesheet(), re.S)[:2]
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", light))
    return found | (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", dark)) if scheme == "dark" else {})


def luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def mixed(colour: str, share: float, base: str) -> str:
    pairs = [(int(colour[i : i + 2], 16), int(base[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(share * one + (1 - share) * other):02x}" for one, other in pairs)


def test_contrast_is_measured_as_defined():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("text", ["ink", "muted", "accent", "alarm", "calm"])
@pytest.mark.parametrize("background", ["surface", "canvas"])
def test_texts_have_aa_contrast(scheme, text, background):
    named = colours(scheme)
    assert contrast(named[text], named[background]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["accent", "alarm", "calm"])
def test_texts_on_their_soft_ground_have_aa_contrast(scheme, name):
    named = colours(scheme)
    assert contrast(named[name], named[f"{name}-soft"]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("series", "kind"), [("series-1", "right"), ("series-2", "wrong")])
def test_the_darkest_cell_of_the_confusion_matrix_stays_readable(scheme, series, kind):
    named = colours(scheme)
    full = re.search(rf"\.{kind} \{{ --full: (\d+)%", stylesheet())
    assert full is not None
    ground = mixed(named[series], int(full[1]) / 100, named["canvas"])
    assert contrast(named["ink"], ground) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_lines_of_figures_stand_out(scheme):
    named = colours(scheme)
    assert len(SERIES) == 6
    assert all(contrast(named[f"series-{number}"], named["surface"]) >= 3 for number in range(1, 7))


def test_every_named_colour_is_in_the_stylesheet():
    used = set(re.findall(r"var\(--([\w-]+)\)", stylesheet() + str(TEMPLATE)))
    defined = set(re.findall(r"--([\w-]+):", stylesheet()))
    assert used <= defined


def test_the_script_builds_no_html():
    assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|eval\(", script())
