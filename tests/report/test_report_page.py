"""The report's HTML: what it says, that it stands alone, and that data cannot break out of it."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest
import report_samples as samples

from leadline.errors import LeadlineError
from leadline.report import write_report
from leadline.report.page import render_report
from leadline.report.quantities import prose
from leadline.report.rendering import embed
from leadline.report.style import packed_plotly_script, plotly_script

ROOT = Path(__file__).parents[2]

HOSTILE = (
    """</script></style><script>alert(1)</script><img src="http://evil.example/x" onerror='alert(2)'>&amp;{{7*7}}"""
)


class Elements(HTMLParser):
    """Every element with its attributes, and the text of each script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def without_plotly(html: str) -> str:
    return html.replace(packed_plotly_script(), "")


@pytest.fixture(scope="module")
def digits_html() -> str:
    return render_report(samples.digits())


def test_the_page_loads_nothing(digits_html):
    page = Elements(digits_html)
    assert all("src" not in script for script in page.all("script"))
    assert not [link for link in page.all("link") if not str(link.get("href")).startswith("data:")]
    sources = [attributes["src"] for _, attributes in page.elements if "src" in attributes]
    assert sources and all(str(source).startswith("data:image/png;base64,") for source in sources)
    own = without_plotly(digits_html)
    assert "http://" not in own and "https://" not in own
    assert "@import" not in own and "url(" not in own
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None and "default-src 'none'" in policy and "connect-src" not in policy


def test_plotly_is_inlined_once(digits_html):
    assert digits_html.count(packed_plotly_script()) == 1


def test_plotly_is_the_one_that_was_vendored():
    """Its checksum is on record, and nobody has changed a byte; its licence lies beside it."""
    script = (ROOT / "src/leadline/report/static/plotly-cartesian.min.js").read_bytes()
    record = (ROOT / "docs/decisions/0036-plotly-bundle.md").read_text()
    assert sha256(script).hexdigest() in record and b"plotly.js (cartesian - minified) v4.1.1" in script[:100]
    assert "MIT" in (ROOT / "src/leadline/report/static/plotly-cartesian.LICENSE").read_text()


def test_every_trace_is_of_a_kind_that_the_bundle_draws():
    """A trace of another kind would leave its figure empty; ``type`` also names shapes, axes and error bars."""
    others = {"line", "rect", "circle", "log", "data", "constraint", "category"}
    named = set()
    for path in (ROOT / "src/leadline").rglob("*.py"):
        if path.relative_to(ROOT / "src/leadline").parts[0] in ("report", "web"):
            named |= set(re.findall(r'"type": "(\w+)"', path.read_text("utf-8")))
    drawn = set(re.findall(r'moduleType:"trace",name:"(\w+)"', plotly_script()))
    assert {"scatter", "bar", "heatmap", "contour"} <= named & drawn
    assert named - others <= drawn


@pytest.mark.parametrize("sample", [samples.digits, samples.houses, samples.bare])
def test_a_report_weighs_less_than_1_6_megabytes(sample):
    assert len(render_report(sample()).encode()) < 1.6e6


def test_numbers_and_texts_are_there(digits_html):
    report = samples.digits()
    text = " ".join(Elements(without_plotly(digits_html)).words)
    assert report.conclusion in text and report.next_step in text
    assert "2.5" in text and "1.3 to 4.7 %" in text and "360" in text
    assert "9\u202f610" in text and "1.8\u202fs" in text and "60 epochs" in text
    assert "avoidable bias" in text and "variance" in text and "present" in text and "absent" in text
    assert "closed" in text
    assert "Penalize large weights" in text and "+ l2 = 0.1" in text and "- l2 = 0.0" in text
    assert "3 of 33 (9\u202f%)" in text
    assert "torch" in text and "2.13.0" in text
    assert report.notices[0] in text
    assert 'source = "digits"' in text


def test_each_mistake_is_drawn_once(digits_html):
    images = Elements(digits_html).all("img")
    assert len(images) == len(samples.digits().mistakes)
    assert all(image["class"] == "pixels" for image in images)


def test_regression_shows_residuals_and_unit():
    html = without_plotly(render_report(samples.houses()))
    assert "Predicted against true" in html and "Residuals" in html
    assert "58 812" in html and "USD" in html
    assert "<table" not in html
    assert "ocean_proximity" in html and "&lt;1H OCEAN" in html


def test_metrics_by_class_and_by_segment_are_shown():
    report = samples.segmented()
    html = render_report(report)
    assert "By class" in html and "By North" in html and "Error by North" in html and "Calibration" in html
    recall = report.breakdowns["dev"].classes["survived"]["recall"]
    assert prose(recall.plain()) in html and prose(recall.range()) in html


def test_hostile_texts_stay_texts():
    html = render_report(samples.hostile(HOSTILE))
    page = Elements(html)
    assert len(page.all("script")) == len(Elements(render_report(samples.segmented())).all("script"))
    assert page.all("img") == []
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert "49" not in re.findall(r"&amp;amp;(\d+)", html)
    assert "{{7*7}}" in html


def test_hostile_classes_in_the_heat_map_stay_texts():
    report = samples.many_classes(30)
    assert report.confusion is not None
    classes = [f'<a href="http://evil.example/{number}">{number}</a>' for number in range(30)]
    html = without_plotly(render_report(samples.renamed(report, classes)))
    assert "evil.example" in html
    figures = [json.loads(text) for text in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', html)]
    assert "<a " not in json.dumps(figures)


def test_embedded_json_is_the_same_json():
    value = {"a": "</script><!-- & \u2028", "b": [1.5, float("nan"), float("inf")], "c": None}
    text = str(embed(value))
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"a": value["a"], "b": [1.5, None, None], "c": None}


def test_a_report_without_extras_is_whole():
    html = without_plotly(render_report(samples.bare()))
    for section in ("remedies", "training", "confusion", "residuals", "mistakes", "notices"):
        assert f'id="{section}"' not in html
    assert 'id="ladder"' in html


def test_writing_is_atomic(tmp_path, monkeypatch):
    path = write_report(samples.bare(), tmp_path / "folder" / "report.html")
    before = path.read_bytes()
    assert [entry.name for entry in path.parent.iterdir()] == ["report.html"]

    def fails(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("pathlib.Path.replace", fails)
    with pytest.raises(LeadlineError, match=r"report\.html cannot be written: disk full"):
        write_report(samples.digits(), path)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["report.html"]


def test_the_same_report_gives_the_same_page():
    assert render_report(samples.houses()) == render_report(samples.houses())
