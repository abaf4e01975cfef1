"""The application's own colours have enough contrast, in both schemes."""

from __future__ import annotations

import re

import pytest

from leadline.report.style import stylesheet
from leadline.web.assets import assets


def colours(scheme: str) -> dict[str, str]:
    """Every named colour, the report's and the application's."""
    found: dict[str, str] = {}
    for text in (stylesheet(), assets()["application.css"].content.decode()):
        blocks = re.findall(r":root(?::not\(\.paper\))? \{(.*?)\}", text, re.DOTALL)[: 1 if scheme == "light" else 2]
        for block in blocks:
            found |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
    return found


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_aa(scheme: str) -> None:
    named = colours(scheme)
    assert (named["canvas"] == "#11161a") == (scheme == "dark")
    assert contrast("#ffffff", named["accent-fill"]) >= 4.5  # text on the main button
    for ground in ("surface", "canvas"):
        assert contrast(named["edge"], named[ground]) >= 3  # borders of fields and buttons


def test_styles_name_their_colours() -> None:
    """Colours stand in one place, so that both schemes have them."""
    text = assets()["application.css"].content.decode()
    rules = re.sub(r":root.*?\}", "", text, flags=re.DOTALL)
    assert set(re.findall(r"#[0-9a-f]{3,6}\b", rules)) <= {"#fff"}
