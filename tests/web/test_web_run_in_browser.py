"""A run's page: while it trains, when it ends under one's eyes, and what can be done next."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serving_runs import Served, look

from browser import needs_browser
from leadline.experiment import Experiment
from leadline.runs.folder import STOP_FILE
from leadline.runs.run import load_run
from leadline.session.training import run_experiment

pytestmark = needs_browser


class Unhurried:
    """Takes its time over each epoch, as trainings do that are worth watching."""

    def planned(self, plan: Any) -> None: ...

    def step(self, step: int, steps: int, cost: float) -> None: ...

    def epoch(self, epoch: Any) -> None:
        time.sleep(0.1)


@pytest.fixture
def endless(own: Served) -> Iterator[str]:
    """The name of a run that trains until it is told to stop."""
    training = {"epochs": 100_000, "early_stopping": False}
    experiment = Experiment.from_dict({"data": {"source": "digits"}, "training": training})
    options = {"name": "endless", "runs": own.root, "listener": Unhurried()}
    thread = threading.Thread(target=run_experiment, args=(experiment,), kwargs=options)
    thread.start()
    yield "endless"
    (own.root / "endless" / STOP_FILE).touch()
    thread.join(timeout=30)


def test_a_training_is_watched_steered_and_stopped(browser: Any, own: Served, endless: str) -> None:
    table = look(browser, own)
    table.page.wait_for_selector(f"tr[data-run='{endless}'] td .state.running", timeout=60_000)
    first = "Number(document.querySelector('tr[data-run=endless] [data-epoch]').textContent)"
    table.page.wait_for_function(f"() => {first} > 1", timeout=10_000)

    seen = look(browser, own, f"/runs/{endless}")
    points = "document.querySelector('#curve-1 .plot').data[0].x.length"
    before = seen.page.evaluate(points)
    seen.page.wait_for_function(f"() => {points} > {before}", timeout=10_000)
    seen.page.fill("#rate", "0.00021")
    seen.page.click("text=Change")
    seen.page.wait_for_selector(".toast:has-text('0.00021')")
    seen.page.wait_for_function(
        "() => document.querySelector('#progress').innerText.includes('0.00021')", timeout=10_000
    )

    seen.page.reload()  # in the middle
    seen.page.wait_for_selector("#curve-1 .main-svg")
    assert "0.00021" in seen.page.inner_text("#progress")
    seen.page.fill("#rate", "fast")
    seen.page.click("text=Change")
    seen.page.wait_for_selector(".toast.error:has-text('A learning rate is a number')")

    seen.page.click("text=Stop and keep")
    seen.page.wait_for_selector("#ladder", timeout=30_000)  # the page has become the finished run's
    assert not (own.root / "endless" / "stop").exists()
    run = load_run(endless, own.root)
    assert run.status == "done" and run.summary.stopped == "request"
    assert 0.00021 in run.summary.learning_rates_by_hand.values()
    table.page.wait_for_selector(f"tr[data-run='{endless}'] td .state.done", timeout=10_000)
    answer = own.post(f"/runs/{endless}/stop")
    assert answer.status == 400 and "not training any more" in answer.text
    assert [text for text in seen.complaints if "400" not in text] == [] and seen.requests == []


def test_curves_are_smoothed_by_our_own_average(browser: Any, served: Served) -> None:
    seen = look(browser, served, "/runs/digits-a")
    raw = seen.page.evaluate("document.querySelector('#curve-1 .plot').data[0].y")
    seen.page.fill("#smoothing-slider", "3")
    seen.page.wait_for_function("() => document.querySelector('#curve-1 .plot').data.length === 4")
    average, smooth = 0.0, seen.page.evaluate("document.querySelector('#curve-1 .plot').data[1].y")
    for step, (value, shown) in enumerate(zip(raw, smooth, strict=True), start=1):
        average = 0.9 * average + 0.1 * value
        assert shown == pytest.approx(average / (1 - 0.9**step), rel=1e-4)
    assert "0.9" in seen.page.inner_text("#smoothing output")
    seen.page.reload()
    seen.page.wait_for_function("() => document.querySelector('#curve-1 .plot').data.length === 4")
    seen.page.click("#curve-1 button")
    assert seen.page.evaluate("document.querySelector('#curve-1 .plot')._fullLayout.yaxis.type") in ("log", "linear")
    assert seen.complaints == []


@pytest.mark.parametrize("name", ["digits-a", "fruit", "houses"])
def test_a_finished_run_fits_every_screen(browser: Any, served: Served, name: str) -> None:
    seen = look(browser, served, f"/runs/{name}", width=320)
    for width, scheme in ((320, "light"), (320, "dark"), (768, "light"), (1600, "dark")):
        seen.page.set_viewport_size({"width": width, "height": 800})
        seen.page.emulate_media(color_scheme=scheme)
        seen.page.wait_for_timeout(150)
        assert seen.overflow() <= 0
    assert seen.drawn() >= 3
    assert seen.complaints == [] and seen.requests == []


def test_a_cell_of_the_confusion_matrix_leads_to_its_examples(browser: Any, served: Served) -> None:
    seen = look(browser, served, "/runs/fruit")
    cell = seen.page.locator(".confusion a").first
    count = int(cell.locator("b").inner_text())
    cell.click()
    seen.page.wait_for_url("**/runs/fruit/mistakes?true=*&predicted=*")
    assert f"{count} shown" in seen.page.inner_text("main") or count > 0


def test_a_remedy_is_copied(browser: Any, own: Served) -> None:
    seen = look(browser, own, "/runs/digits-b")
    seen.page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=own.origin)
    seen.page.locator("[data-copy]").first.click()
    seen.page.wait_for_selector(".toast:has-text('clipboard')")
    copied = seen.page.evaluate("navigator.clipboard.readText()")
    [remedy, *_] = [r for r in load_run("digits-b", own.root).diagnosis.remedies if r.change]
    assert copied == load_run("digits-b", own.root).experiment.replace(remedy.change).to_toml()


def test_a_remedy_is_trained_and_appears(browser: Any, own: Served, tmp_path: Path) -> None:
    seen = look(browser, own, "/runs/digits-b")
    seen.page.locator("text=Train it").first.click()
    seen.page.wait_for_selector(".remedy a.button", timeout=60_000)
    name = seen.page.inner_text(".remedy a.button")
    assert name.startswith("digits-2")
    seen.page.click(".remedy a.button")
    seen.page.wait_for_selector("#ladder", timeout=60_000)
    [remedy, *_] = [r for r in load_run("digits-b", own.root).diagnosis.remedies if r.change]
    key, value = next(iter(remedy.change.items()))
    section, _, field = key.partition(".")
    assert load_run(name, own.root).experiment.to_dict()[section][field] == value
    assert seen.complaints == []
