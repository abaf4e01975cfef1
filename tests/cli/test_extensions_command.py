from __future__ import annotations

import json
from pathlib import Path

import pytest

from leadline.cli.main import run
from leadline.extensions import kinds

METRIC = """
import leadline as ll


class Worst(ll.Metric):
    tasks, needs, direction, unit = ("regression",), "values", "minimize", ""

    def value(self, y_true, prediction):
        return float(abs(y_true - prediction).max())
"""


def test_all_names_are_listed_with_where_the_users_own_stand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(METRIC, encoding="utf-8")
    assert run(["extensions", "--module", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert tuple(found) == kinds()
    assert found["loss"]["squared_error"] is None
    assert found["metric"]["worst"] == f"Worst of {path}"
    assert run(["extensions", "metric", "--module", str(path)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "rmse" in shown and "worst (Worst of" in shown and "squared_error" not in shown


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["metrics"], 2, "unknown kind 'metrics'. Did you mean 'metric'?"),
        (["--module", "none.py"], 1, "none.py: there is no such file; --module names your own Python files."),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["extensions", *arguments]) == code
    assert message in capsys.readouterr().err
