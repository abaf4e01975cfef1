"""The gallery's page: whole, offline, the same each time, and clean in a real browser."""

from __future__ import annotations

import json
import re

import plotly.graph_objects as go
import pytest

from browser import needs_browser, visit
from leadline.report.gallery import SECTIONS, write_gallery
from leadline.report.style import packed_plotly_script, stylesheet

N_FIGURES = sum(len(section.figures) for section in SECTIONS)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_gallery(tmp_path_factory.mktemp("gallery") / "gallery.html")


@pytest.fixture(scope="module")
def html(path) -> str:
    return path.read_text(encoding="utf-8").replace(packed_plotly_script(), "")


@pytest.fixture(scope="module")
def figures(html) -> dict[str, dict]:
    found = re.findall(r'<script type="application/json" id="([\w-]+)-data">(.*?)</script>', html)
    return {name: json.loads(text) for name, text in found}


def test_every_section_is_there_with_its_figures(html, figures):
    assert len(figures) == N_FIGURES
    for section in SECTIONS:
        assert f'<section class="section{" beside" * (len(section.figures) == 1)}" id="{section.slug}">' in html
        assert f'href="#{section.slug}"' in html
        assert 60 < len(section.caption) < 320


def test_every_figure_is_valid_and_names_its_axes(figures):
    for name, figure in figures.items():
        assert figure["layout"]["xaxis"]["title"]["text"], name
        assert figure["layout"]["yaxis"]["title"]["text"], name
        for frame in figure["frames"] or [{"data": [], "layout": {}}]:
            go.Figure(data=figure["data"] + frame["data"], layout={**figure["layout"], **frame["layout"]})


def test_every_line_has_a_name_where_there_are_several(figures):
    for name, figure in figures.items():
        for frame in figure["frames"] or [{"data": []}]:
            lines = [trace for trace in figure["data"] + frame["data"] if trace["type"] == "scatter"]
            assert all(trace.get("name") for trace in lines), name


def test_figures_use_only_colours_of_the_stylesheet(figures):
    used = set(re.findall(r"var\(--([\w-]+)\)", json.dumps(figures)))
    assert used <= set(re.findall(r"--([\w-]+):", stylesheet()))
    assert not re.search(r"#[0-9a-fA-F]{6}\b|rgb\(", json.dumps(figures))


def test_the_page_asks_nothing_of_a_network(html):
    assert "http://" not in html and "https://" not in html
    assert "src=" not in html


def test_it_is_the_same_each_time(path, tmp_path):
    assert write_gallery(tmp_path / "again.html").read_bytes() == path.read_bytes()


class TestInBrowser:
    pytestmark = needs_browser

    def test_it_opens_clean_on_a_phone_in_both_schemes(self, browser, path):
        seen = visit(browser, path, width=320)
        for scheme in ("light", "dark"):
            seen.page.emulate_media(color_scheme=scheme)
            seen.page.wait_for_timeout(200)
            assert seen.overflow() <= 0
            assert seen.drawn() == N_FIGURES
        assert seen.complaints == [] and seen.requests == []

    def test_a_slider_moves_by_keyboard_and_redraws(self, browser, path):
        seen = visit(browser, path)
        last = "document.querySelector('#optimizers-1 .plot').data.at(-1).x.length"
        before = seen.page.evaluate(last)
        seen.page.focus("#optimizers-1-slider")
        seen.page.keyboard.press("End")
        assert seen.page.evaluate(last) == 61 > before
        assert seen.page.inner_text("#optimizers-1 output") == "step 60"
        assert seen.page.get_attribute("#optimizers-1-slider", "aria-valuetext") == "step 60"
        seen.page.emulate_media(color_scheme="dark")
        seen.page.wait_for_timeout(200)
        assert seen.page.evaluate(last) == 61
        assert seen.complaints == []
