from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from leadline.data import SplitSettings, WeightedSource, read, split
from leadline.errors import LeadlineError, UsageError
from leadline.experiment import Experiment
from leadline.session.plan import make_plan


def write(path: Path, n: int, shift: float, seed: int = 0) -> str:
    random = np.random.default_rng(seed)
    x = random.normal(shift, 1, (n, 2))
    table = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "country": random.choice(["fr", "pt"], n), "y": x[:, 0] > shift})
    table.to_csv(path, index=False)
    return str(path)


def test_several_files_are_one_source(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a.csv", 30, 0), write(tmp_path / "b.csv", 20, 1, seed=1)
    data = read([first, second], "y")
    assert data.n == 50 and data.sources == ("a.csv", "b.csv")
    assert split(data).sizes == {"train": 30, "train_dev": 0, "dev": 10, "test": 10}
    assert data.segments([0, 49])["source"].tolist() == ["a.csv", "b.csv"]


def test_a_mistake_in_the_second_file_names_it(tmp_path: Path) -> None:
    first = write(tmp_path / "a.csv", 30, 0)
    (tmp_path / "b.csv").write_text("a,b,country,y\n1,2,fr,True\n1e999,2,fr,False\n")
    with pytest.raises(LeadlineError, match=r"b\.csv, line 3, column 'a'"):
        read([first, str(tmp_path / "b.csv")], "y")
    (tmp_path / "b.csv").write_text("a,c,country,y\n1,2,fr,True\n")
    with pytest.raises(LeadlineError, match=r"b\.csv lacks the column 'b'"):
        read([first, str(tmp_path / "b.csv")], "y")


def test_extra_sources_serve_for_training_alone_with_their_weight(tmp_path: Path) -> None:
    mobile, web = write(tmp_path / "mobile.csv", 200, 0), write(tmp_path / "web.csv", 900, 2, seed=1)
    data = read(sources={"target": mobile, "extra": {"source": web, "weight": 0.25}}, target="y")
    made = split(data)
    assert made.sizes == {"train": 950, "train_dev": 50, "dev": 50, "test": 50}
    origin = np.asarray(data.source_of)
    assert set(origin[made.dev]) == set(origin[made.test]) == {0}
    assert set(origin[made.train]) == set(origin[made.train_dev]) == {0, 1}
    assert (
        data.weights is not None and set(data.weights[origin == 1]) == {0.25} and set(data.weights[origin == 0]) == {1}
    )
    assert data.fingerprint()["sources"] == ["mobile.csv: 200", "web.csv: 900"]


def test_frames_are_sources_too(tmp_path: Path) -> None:
    one = pd.DataFrame({"a": np.arange(40.0), "y": np.arange(40) % 2})
    data = read([WeightedSource(one), one.assign(a=one.a + 100)], "y", extra=[one.assign(a=one.a - 100)])
    assert data.sets is not None and np.bincount(data.sets).tolist() == [80, 0, 0, 40]


def test_segments_are_kept_for_metrics(tmp_path: Path) -> None:
    data = read(write(tmp_path / "a.csv", 30, 0), "y", segments=["country"], exclude=["country"])
    assert set(data.segments()["country"]) == {"fr", "pt"}
    with pytest.raises(UsageError, match=r"data\.segments: a\.csv has no column 'contry'. Did you mean 'country'"):
        read(write(tmp_path / "a.csv", 30, 0), "y", segments=["contry"])


def test_groups_of_dev_and_test_are_not_trained_on_in_extra_sources() -> None:
    random = np.random.default_rng(0)
    table = pd.DataFrame({"x": random.normal(size=300), "who": random.integers(0, 40, 300), "y": np.arange(300) % 2})
    data = read(table[:150], "y", extra=[table[150:]])
    made = split(data, SplitSettings(group="who"))
    who = table["who"].to_numpy()
    held_out = set(who[made.dev]) | set(who[made.test])
    assert held_out.isdisjoint(who[made.train]) and held_out.isdisjoint(who[made.train_dev])
    assert any("they share a group with dev or test examples" in notice for notice in made.notices)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"sources": {"extra": "a.csv"}}, "keys target and extra"),
        ({"sources": {"target": "a.csv"}, "source": "b.csv"}, "takes the place of source"),
        ({"source": "a.csv", "extra": [{"sorce": "b.csv"}]}, "a path in quotes"),
    ],
)
def test_wrong_sources_in_an_experiment_file(data: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Experiment.from_dict({"data": data})


def test_an_experiment_file_with_sources_survives_and_repeats_its_split(tmp_path: Path) -> None:
    write(tmp_path / "mobile.csv", 200, 0)
    write(tmp_path / "web.csv", 400, 2, seed=1)
    text = '[data]\ntarget = "y"\nsources = { target = "mobile.csv", extra = [{source = "web.csv", weight = 0.5}] }\n'
    (tmp_path / "e.toml").write_text(text)
    plan = make_plan(Experiment.from_toml(tmp_path / "e.toml"))
    assert plan.split.sizes == {"train": 460, "train_dev": 40, "dev": 50, "test": 50}
    (tmp_path / "again.toml").write_text(plan.experiment.to_toml())
    again = make_plan(Experiment.from_toml(tmp_path / "again.toml"))
    assert again.split.hash() == plan.split.hash()
    examples = again.examples("train")
    assert examples is not None and examples.weights is not None
    assert set(examples.weights.tolist()) == {0.5, 1.0}


def test_a_weight_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the weight of web\.csv is -1"):
        WeightedSource("web.csv", -1)
