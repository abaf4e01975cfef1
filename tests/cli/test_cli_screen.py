"""The progress bar."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from leadline.cli.screen import ProgressBar
from leadline.experiment import Experiment
from leadline.session.plan import make_plan


def test_the_bar_stands_where_training_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when batches come so quickly that the end of an epoch is not drawn."""
    screen = StringIO()
    bar = ProgressBar(Console(file=screen, force_terminal=True, width=120))
    bar.planned(make_plan(Experiment.from_dict({"data": {"source": "digits"}, "training": {"epochs": 4}})))
    assert bar.bar is not None
    monkeypatch.setattr(bar, "_due", lambda: False)
    for epoch in (1, 2, 3):
        bar.epoch({"epoch": epoch, "cost": 0.5, "dev_error": 0.25})
    monkeypatch.setattr(bar, "_due", lambda: True)
    bar.step(5, 10, 0.5)
    assert bar.bar.tasks[0].completed == 3.5
    assert bar.bar.tasks[0].fields["text"] == "epoch 3, cost 0.5000, dev error 25.0 %"
    bar.close()
    assert "parameters" in screen.getvalue()
