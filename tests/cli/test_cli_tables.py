"""T3.09 and T3.15 from the command line: the human level and the ceilings of a pipeline, from tables."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from leadline.cli.main import run as leadline
from leadline.strategy import ceilings_of_outputs, human_level


def write(path: Path, columns: dict) -> str:
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def doctors(tmp_path: Path) -> tuple[str, dict]:
    rng = np.random.default_rng(0)
    truth = rng.choice(["ill", "well"], 300)
    other = np.where(truth == "ill", "well", "ill")
    columns = {"right": truth}
    for name, error in (("a", 0.1), ("b", 0.05), ("c", 0.08)):
        columns[f"annotator_{name}"] = np.where(rng.random(300) < error, other, truth)
    return write(tmp_path / "d.csv", columns), columns


def test_t3_09_the_human_level_of_a_table(tmp_path, capsys):
    """T3.09."""
    path, columns = doctors(tmp_path)
    expected = human_level({name: columns[f"annotator_{name}"] for name in "abc"}, columns["right"])
    assert leadline(["human", path, "--truth", "right", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["source"] == "majority of 3 annotators" and found["level"]["value"] == expected.level.value
    assert leadline(["human", path, "--annotators", "annotator_a, annotator_b"]) == 0
    assert "human_error = " in capsys.readouterr().out
    assert leadline(["human", path, "--annotators", "anotator_a"]) == 2
    assert "Did you mean 'annotator_a'" in capsys.readouterr().err
    assert leadline(["human", write(tmp_path / "n.csv", {"x": [1]})]) == 2
    assert "no columns annotator_NAME" in capsys.readouterr().err


def test_t3_15_ceilings_of_a_table_of_perfected_stages(tmp_path, capsys):
    """T3.15."""
    label = ["yes", "no"] * 50
    wrong = ["no", "yes"] * 50
    columns = {
        "label": label,
        "prediction": wrong[:40] + label[40:],
        "perfect_detect": wrong[:10] + label[10:],
        "perfect_read": label,
        "network": wrong[:5] + label[5:],
    }
    path = write(tmp_path / "p.csv", columns)
    assert leadline(["pipeline", path, "--end-to-end", "network", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["accuracy"]["value"] == 0.6 and found["worthwhile"] == "detect"
    assert [c["gain"]["value"] for c in found["ceilings"]] == pytest.approx([0.3, 0.1])
    assert found["end_to_end"]["first"] == "end-to-end" and found["end_to_end"]["significant"]
    assert leadline(["pipeline", path]) == 0
    assert "Work on detect" in capsys.readouterr().out
    assert leadline(["pipeline", path, "--whole", "predictoin"]) == 2


def test_t3_15_ceilings_of_a_table_of_stage_outputs(tmp_path, capsys):
    """T3.15: stages err on their own, so the examples where the first is right show what its perfection brings."""
    rng = np.random.default_rng(1)
    n = 4000
    first = rng.random(n) < 0.7
    second = np.where(first, rng.random(n) < 0.9, rng.random(n) < 0.2)
    columns = {
        "output_a": np.where(first, "x", "y"),
        "truth_a": ["x"] * n,
        "output_b": np.where(second, "u", "v"),
        "truth_b": ["u"] * n,
    }
    assert leadline(["pipeline", write(tmp_path / "p.csv", columns), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["accuracy"]["value"] == pytest.approx(0.69, abs=0.02)
    gains = [c["gain"] for c in found["ceilings"]]
    for gain, truth in zip(gains, (0.21, 0.1), strict=True):
        assert gain["low"] < truth < gain["high"] and gain["high"] - gain["low"] < 0.06
    assert found["ceilings"][-1]["accuracy"]["value"] == 1
    assert leadline(["pipeline", write(tmp_path / "n.csv", {"x": [1]})]) == 2
    assert "perfect_STAGE" in capsys.readouterr().err


def test_stages_without_a_truth_are_refused():
    with pytest.raises(Exception, match="truth of every stage"):
        ceilings_of_outputs({"a": [1]}, {})
    with pytest.raises(Exception, match="No example is right"):
        ceilings_of_outputs({"a": [1, 1]}, {"a": [0, 0]})
