"""The commands that people's judgement enters: mistakes and labels; and those that choose: compare and best."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from leadline.cli.main import run as leadline
from leadline.runs.index import RunIndex
from leadline.runs.run import load_run
from leadline.runs.store import RunStore

ROWS = 600


def write_table(path: Path, seed: int = 0) -> np.ndarray:
    """Fruit by weight; in the district North one cannot tell, and some labels of annotator B are wrong."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, ROWS)
    district = rng.choice(["North", "South", "East"], ROWS, p=[0.2, 0.4, 0.4])
    weight = 100 + 40 * kind + rng.normal(0, 5, ROWS)
    weight = np.where(district == "North", 140 + rng.normal(0, 30, ROWS), weight)
    annotator = rng.choice(["A", "B"], ROWS)
    flipped = (annotator == "B") & (rng.random(ROWS) < 0.15) & (district != "North")
    label = np.where(flipped, (kind + 1) % 3, kind)
    names = np.array(["apple", "pear", "plum"])
    lines = [f"{w:.2f},{d},{a},{names[k]}" for w, d, a, k in zip(weight, district, annotator, label, strict=True)]
    path.write_text("\n".join(["weight,district,annotator,kind", *lines]) + "\n")
    return names[kind]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a table and three runs on it: first, second (same split) and other (another split)."""
    folder = tmp_path_factory.mktemp("made")
    before = Path.cwd()
    os.chdir(folder)
    np.save("truth.npy", write_table(folder / "fruit.csv"))
    layers = '[{type = "dense", units = 64, activation = "relu"}, {type = "dense", units = 3}]'
    train = ["train", "fruit.csv", "--target", "kind", "--quiet", "--set", "split.dev=200", "--set", "split.test=100"]
    train += ["--set", f"network.layers={layers}"]
    assert leadline([*train, "--name", "first", "--epochs", "40"]) == 0
    assert leadline([*train, "--name", "second", "--epochs", "2"]) == 0
    assert leadline([*train, "--name", "other", "--epochs", "2", "--seed", "1"]) == 0
    yield folder
    os.chdir(before)


@pytest.fixture
def here(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, free to change."""
    shutil.copytree(made, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def say(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = leadline(list(arguments))
    streams = capsys.readouterr()
    return code, streams.out, streams.err


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    code, out, _ = say(capsys, *arguments, "--json")
    assert code == 0
    return json.loads(out)


# --- compare and best ---------------------------------------------------------------------------------------


def test_compare_says_which_is_better_and_what_differs(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = as_json(capsys, "compare", "first", "second")
    assert list(found["scores"]) == ["first", "second"]
    (comparison,) = found["comparisons"]
    assert (comparison["first"], comparison["significant"], comparison["lead"]["n"]) == ("first", True, 200)
    assert found["changes"]["first"]["training.epochs"] == 40
    code, out, _ = say(capsys, "compare", "second", "first", "--metric", "macro_f1")
    assert code == 0 and "first is better than second" in out and "training.epochs: first 40; second 2" in out


def test_several_comparisons_are_corrected_for(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree("runs/second", "runs/third")
    found = as_json(capsys, "compare", "second", "first", "third")
    assert next(iter(found["scores"])) == "first"
    assert [(c["first"], c["comparisons"]) for c in found["comparisons"]] == [("first", 2), ("first", 2)]


def test_best_measures_latency_and_size_and_keeps_to_the_limits(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = as_json(capsys, "best", "first", "second", "--limit", "latency_ms<=1000", "--limit", "size_mb<=50")
    assert found["winner"]["name"] == "first"
    costs = found["winner"]["satisficing"]
    assert 0 < costs["latency_ms"] < 1000 and costs["parameters"] > 100
    assert costs["size_mb"] == Path("runs/first/checkpoint.safetensors").stat().st_size / 1e6
    assert "compared on the same 200 dev examples" in found["notes"][0]
    none = as_json(capsys, "best", "first", "second", "--limit", "parameters<=1")
    assert none["winner"] is None and "parameters" in none["rejected"][0]["missed"]


def test_best_without_names_takes_all_on_one_dev_set(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = as_json(capsys, "best", "first")
    assert len(found["ranked"]) == 1
    shutil.rmtree(here / "runs" / "other")
    assert [c["name"] for c in as_json(capsys, "best")["ranked"]] == ["first", "second"]


# --- mistakes -----------------------------------------------------------------------------------------------


def test_mistakes_suggests_the_district_where_they_gather(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = as_json(capsys, "mistakes", "first")
    assert found["slices"][0]["description"] == "district = North"
    assert found["slices"][0]["excess"]["low"] > 0
    code, out, _ = say(capsys, "mistakes", "first")
    assert code == 0 and "district = North" in out and "Nobody has looked through them yet" in out


def test_causes_go_out_and_in_and_into_the_database(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = say(capsys, "mistakes", "first", "--export", "m.csv", "--cause", "dirty", "--size", "10")
    assert code == 0 and "10 of " in err
    lines = Path("m.csv").read_text().splitlines()
    assert lines[0] == "row,label,prediction,dirty,comment" and len(lines) == 11
    ticked = [lines[0], *(line.replace(",,", ",x,") for line in lines[1:5]), *lines[5:]]
    Path("m.csv").write_text("\n".join(ticked) + "\n")
    found = as_json(capsys, "mistakes", "first", "--import", "m.csv")
    (cause,) = found["causes"]
    assert (cause["name"], cause["count"], cause["share"]["value"]) == ("dirty", 4, 0.4)
    assert cause["ceiling"]["value"] == pytest.approx(0.6 * found["error"]["value"])
    index = RunIndex(RunStore("runs"))
    assert len(index.cause_tags()) == 4
    index.rebuild()
    assert len(index.cause_tags()) == 4
    code, out, _ = say(capsys, "mistakes", "first")
    assert code == 0 and "10 mistakes looked through" in out and "dirty" in out
    say(capsys, "mistakes", "first", "--export", "again.csv", "--cause", "small")
    assert Path("again.csv").read_text().splitlines()[0] == "row,label,prediction,dirty,small,comment"


# --- labels -------------------------------------------------------------------------------------------------


def reviewed(here: Path, path: Path) -> int:
    """Fill a queue with the truth; returns how many labels it finds wrong."""
    truth = np.load(here / "truth.npy")
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    wrong = 0
    for line in lines:
        right = truth[int(line["row"])]
        line["verdict"] = "right" if right == line["label"] else "wrong"
        line["correction"] = "" if right == line["label"] else right
        wrong += right != line["label"]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    return wrong


def test_labels_finds_suspects_in_every_set(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = as_json(capsys, "labels", "first", "--segment", "annotator")
    assert found["n"] == ROWS and {"train", "dev", "test"} == {s["set"] for s in found["suspects"]}
    assert 0 < found["share"]["share"]["value"] < 1 and not found["confirmed"]
    assert found == as_json(capsys, "labels", "first", "--segment", "annotator")
    code, out, _ = say(capsys, "labels", "first")
    assert code == 0 and "Least credible labels" in out and "If the suspects are wrong" in out
    assert "Fix the labels now" not in out, "nobody has looked at them yet"


def test_corrections_are_applied_to_dev_and_test_alike_and_taken_back(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = load_run("first").errors
    say(capsys, "labels", "first", "--export", "l.csv", "--size", "300")
    wrong = reviewed(here, Path("l.csv"))
    assert wrong > 20
    found = as_json(capsys, "labels", "first", "--apply", "l.csv")
    assert found["after"]["dev"]["value"] < before["dev"].value
    run = load_run("first")
    rungs = {rung.name: rung.error.value for rung in run.diagnosis.ladder.rungs}
    assert rungs["dev"] == found["after"]["dev"]["value"]
    truth = np.load(here / "truth.npy")
    changed = {r["row"] for r in RunIndex(RunStore("runs")).label_reviews() if r["old"] != r["new"]}
    assert len(changed) == wrong
    assert leadline(["diagnose", "first", "--open-test"]) == 0
    for part in ("dev", "test"):
        table = run.predictions(part).to_pydict()
        rows = [k for k, row in enumerate(table["row"]) if row in changed]
        assert rows and all(table["label"][k] == truth[table["row"][k]] for k in rows), part
    again = as_json(capsys, "labels", "first", "--segment", "annotator")
    assert again["confirmed"] and again["changed"] == wrong and again["pattern"]["n"] == wrong
    assert again["pattern"]["verdict"] == "systematic"
    assert say(capsys, "labels", "first", "--corrections", "kept.csv")[0] == 0
    assert as_json(capsys, "labels", "first", "--undo")["after"]["dev"] == before["dev"].to_json()
    assert RunIndex(RunStore("runs")).label_reviews() == []
    assert as_json(capsys, "labels", "first", "--apply", "kept.csv")["after"]["dev"] == found["after"]["dev"]


def test_a_queue_leaves_out_what_was_reviewed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    say(capsys, "labels", "first", "--export", "one.csv", "--size", "20")
    reviewed(here, Path("one.csv"))
    say(capsys, "labels", "first", "--apply", "one.csv")
    say(capsys, "labels", "first", "--export", "two.csv", "--size", "20")
    first, second = (
        {line.split(",")[0] for line in Path(name).read_text().splitlines()[1:]} for name in ("one.csv", "two.csv")
    )
    assert len(second) == 20 and not {row.strip('"') for row in first} & {row.strip('"') for row in second}


# --- wrong on purpose ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("compare first", 2, "compare takes two runs or more"),
        ("compare first first", 2, "compare takes two runs or more"),
        ("compare first other", 1, "measured on other dev examples"),
        ("compare first thrid", 1, "There is no run 'thrid'"),
        ("compare first second --metric acuracy", 2, "Did you mean 'accuracy'"),
        ("compare first second --metric rmse", 2, "does not apply to a multiclass task"),
        ("best first --limit latency", 2, "write NAME<=NUMBER"),
        ("best first --limit latncy_ms<=3", 2, "Did you mean 'latency_ms'"),
        ("best first --limit size_mb<=big", 2, "no threshold"),
        ("mistakes thrid", 1, "There is no run 'thrid'"),
        ("mistakes first --export m.xlsx", 2, "written as .csv"),
        ("mistakes first --export none/m.csv", 2, "the folder none does not exist"),
        ("mistakes first --import none.csv", 1, "cannot be read"),
        ("mistakes first --import fruit.csv", 1, "has no column 'row'"),
        ("mistakes first --import bad.csv", 1, "is no dev mistake of first"),
        ("mistakes first --import noise.csv", 1, "is not a CSV file"),
        ("labels first --apply noise.csv", 1, "is not a CSV file"),
        ("labels first --apply none.csv", 1, "cannot be read"),
        ("labels first --apply fruit.csv", 1, "has no column 'row'"),
        ("labels first --apply odd.csv", 1, "unknown class 'aple'. Did you mean 'apple'"),
        ("labels first --apply empty.csv", 1, "no reviewed line"),
        ("labels first --undo", 1, "no corrections of labels to undo"),
        ("labels first --undo --apply x.csv", 2, "do not go together"),
        ("labels first --segment distrct", 2, "Did you mean 'district'"),
        ("labels first --folds 1", 2, "--folds"),
    ],
)
def test_wrong_input_is_one_or_two_lines(
    here: Path, capsys: pytest.CaptureFixture[str], command: str, code: int, said: str
) -> None:
    Path("bad.csv").write_text("row,dirty\n99999,x\n")
    Path("odd.csv").write_text("row,label,verdict,correction\n3,pear,wrong,aple\n")
    Path("noise.csv").write_bytes(b"\xcc\x00\xff\n\xfe")
    Path("empty.csv").write_text("row,label,verdict\n3,pear,\n")
    got, out, err = say(capsys, *command.split())
    assert (got, out) == (code, ""), err
    assert said in err and len(err.splitlines()) <= 2 and "Traceback" not in err
    assert not (here / "runs" / "first" / "label_reviews.csv").exists()


def test_a_correction_that_does_not_fit_leaves_the_run_as_it_was(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = Path("fruit.csv").read_text().splitlines()
    label = lines[4].split(",")[-1]
    old, new = [name for name in ("apple", "pear", "plum") if name != label]
    Path("x.csv").write_text(f"row,label,verdict,correction\n3,{old},wrong,{new}\n")
    code, _, err = say(capsys, "labels", "first", "--apply", "x.csv")
    assert code == 1 and f"Row 3 is labelled {label} by now" in err
    assert not (here / "runs" / "first" / "label_reviews.csv").exists()
