"""Runs whose data stay on disk have everything that other runs have."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

import leadline as ll
from leadline.cli.main import run as leadline
from leadline.data.mapped import blocks_of_rows
from leadline.errors import UsageError
from leadline.experiment import Experiment
from leadline.runs.trained import TrainedNetwork
from leadline.session.plan import make_plan
from leadline.session.results import predict_set
from leadline.session.streams import ArrayStream, TableStream
from leadline.training import fit
from leadline.training.stream import Stream

N = 12_000


def write_table(path: Path, n: int = N) -> Path:
    random = np.random.default_rng(0)
    x = random.normal(size=(n, 3))
    country = random.choice(["fr", "pt"], n)
    rows = {f"x{k}": x[:, k] for k in range(3)} | {"country": country, "y": np.where(x[:, 0] > x[:, 1], "more", "less")}
    parquet.write_table(pa.table(rows), path, row_group_size=1_000)
    return path


def test_a_streamed_table_is_trained_measured_reported_and_opened_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, runs = write_table(tmp_path / "rows.parquet"), ["--runs", str(tmp_path / "runs")]
    keys = ["--target", "y", "--stream", "--epochs", "2", "--name", "first", "-q"]
    assert leadline(["train", str(path), *keys, "--set", 'data.segments=["country"]', *runs]) == 0
    run = ll.load_run("first", tmp_path / "runs")
    assert run.experiment.data.stream is True
    assert run.errors["dev"].value < 0.05
    split = run.data["split"]
    assert split["train"] + split["dev"] + split["test"] == N and run.data["fingerprint"]["streamed"]["rows"] == N
    predicted = run.predictions("dev")
    assert predicted.num_rows == split["dev"]
    x = parquet.read_table(path)
    rows = predicted["row_in_source"].to_numpy()
    assert x["y"].take(pa.array(rows)).to_pylist() == predicted["label"].to_pylist()
    report = (run.folder / "report.html").read_text()
    assert "is streamed" in report and "row in the source" in report
    assert ll.open_test_set(run).errors["test"].n == split["test"]
    again = ll.run_experiment(run.experiment, name="again", runs=tmp_path / "runs")
    assert again.history[-1]["cost"] == run.history[-1]["cost"]
    capsys.readouterr()
    assert leadline(["mistakes", "first", "--json", *runs]) == 0
    assert json.loads(capsys.readouterr().out)["error"]["n"] == split["dev"]
    assert leadline(["mismatch", "first", "--sets", "train,dev", *runs]) == 0


def test_training_takes_the_stream_and_the_sizes_of_the_whole(tmp_path: Path) -> None:
    path = write_table(tmp_path / "rows.parquet")
    plan = make_plan(Experiment.from_dict({"data": {"source": str(path), "target": "y", "stream": True}}))
    assert isinstance(plan.training_set(), TableStream) and len(plan.training_set()) == plan.n_train
    assert plan.n_train == plan.data.streamed["train"] and plan.batch_size == 64
    memory = make_plan(Experiment.from_dict({"data": {"source": str(path), "target": "y"}}))
    assert memory.experiment.data.stream is False and not isinstance(memory.training_set(), Stream)


def test_a_path_streams_in_python(tmp_path: Path) -> None:
    path = write_table(tmp_path / "rows.parquet", 3_000)
    run = ll.train(data=path, target="y", stream=True, epochs=1, name="streamed", runs=tmp_path / "runs")
    assert run.data["fingerprint"]["streamed"]["rows"] == 3_000
    with pytest.raises(UsageError, match="stream = True reads from a path"):
        ll.train(data=ll.read(path, "y"), stream=True)


def test_what_is_too_large_for_memory_streams_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_table(tmp_path / "rows.parquet")
    experiment = Experiment.from_dict({"data": {"source": str(path), "target": "y"}})
    monkeypatch.setattr("leadline.session.streams.memory_available", lambda: 1 << 20)
    assert make_plan(experiment).table is not None
    digits = make_plan(Experiment.from_dict({"data": {"source": "digits"}}))
    assert digits.experiment.data.stream is False
    monkeypatch.setattr("leadline.session.streams.memory_available", lambda: 1 << 18)
    assert make_plan(Experiment.from_dict({"data": {"source": "digits"}})).experiment.data.stream is True
    assert make_plan(experiment.replace({"data.stream": False})).table is None


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"training.batch_size": 300_000}, "training.batch_size: a streamed batch has at most"),
        ({"data.corrections": "c.csv"}, "data.corrections needs all examples in memory"),
        ({"data.source": "rows.csv"}, r"rows\.csv cannot be streamed; Parquet, Arrow and image folders can"),
        ({"data.stream": "yes"}, 'data.stream.*: got "yes"'),
    ],
)
def test_what_does_not_go_with_a_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: dict[str, object], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "rows.parquet", 500)
    (tmp_path / "rows.csv").write_text("x,y\n1,2\n")
    with pytest.raises(UsageError, match=message):
        base = Experiment.from_dict({"data": {"source": "rows.parquet", "target": "y", "stream": True}})
        make_plan(base.replace(keys))


# --- images -------------------------------------------------------------------------------------------------


def write_images(folder: Path, n: int, side: int = 64) -> Path:
    random = np.random.default_rng(n)
    for name, level in (("dark", 60), ("light", 160)):
        (folder / name).mkdir(parents=True)
        for k in range(n // 2):
            pixels = random.integers(level - 40, level + 40, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).resize((side, side)).save(folder / name / f"{k}.bmp")
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def image_experiment(folder: Path, stream: bool) -> Experiment:
    training = {"epochs": 2, "batch_size": 16, "early_stopping": False}
    layers = [{"type": "dense", "units": 1}]
    data = {"source": str(folder), "stream": stream}
    return Experiment.from_dict({"data": data, "training": training, "network": {"layers": layers}})


@pytest.mark.usefixtures("cache")
def test_images_stream_in_another_order_each_epoch_and_learn_as_in_memory(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", 120, 8)
    plan = make_plan(image_experiment(folder, stream=True))
    train, dev = plan.training_set(), plan.dev_set()
    assert isinstance(train, ArrayStream) and isinstance(dev, ArrayStream)
    whole = plan.examples("train")
    assert whole is not None
    orders = [np.concatenate([chunk.x for chunk in train.chunks(epoch, 16)]) for epoch in (0, 1)]
    for order in orders:
        assert np.array_equal(np.sort(order.sum(1)), np.sort(np.asarray(whole.x).sum(1)))
    assert not np.array_equal(orders[0], orders[1])
    assert np.array_equal(np.concatenate([chunk.x for chunk in dev.chunks(0, 16)]), plan.inputs("dev"))
    streamed = ll.run_experiment(image_experiment(folder, True), name="streamed", runs=tmp_path / "runs")
    memory = ll.run_experiment(image_experiment(folder, False), name="memory", runs=tmp_path / "runs")
    assert streamed.errors["dev"] == memory.errors["dev"]
    assert abs(streamed.history[-1]["dev_cost"] - memory.history[-1]["dev_cost"]) < 0.1


@pytest.mark.usefixtures("cache")
def test_memory_stays_flat_as_images_become_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadline.session.streams.CHUNK_BYTES", 1 << 20)
    monkeypatch.setattr("leadline.session.plan.BLOCK_VALUES", 1 << 18)
    monkeypatch.setattr("leadline.data.mapped.BLOCK_BYTES", 1 << 18)
    peaks = []
    for n in (20, 300, 900):  # the first one imports what is needed
        plan = make_plan(image_experiment(write_images(tmp_path / f"images{n}", n), stream=True))
        tracemalloc.start()
        found = fit(plan.network, plan.loss, plan.training_set(), plan.dev_set(), plan.training)
        trained = TrainedNetwork(found.network, found.parameters, plan.preparation, plan.loss, plan.data.task)
        assert len(predict_set(trained, plan, "train").outputs) == plan.n_train
        peaks.append(tracemalloc.get_traced_memory()[1] / (1 << 20))
        tracemalloc.stop()
    more_inputs = 360 * 64 * 64 * 3 * 4 / (1 << 20)
    assert peaks[2] - peaks[1] < 0.1 * more_inputs, (peaks, more_inputs)


def test_a_mapped_array_is_visited_in_blocks(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 256, (100, 7), dtype=np.uint8)
    np.save(tmp_path / "array.npy", array)
    mapped = np.load(tmp_path / "array.npy", mmap_mode="r")
    assert np.array_equal(np.concatenate(list(blocks_of_rows(mapped))), array)
    assert np.array_equal(mapped, array)  # pages that were let go of come back from the file


def test_a_streamed_run_is_planned_again_from_what_it_resolved_to(tmp_path):
    """A small table's whole is one batch; segments asked for later need the plan."""
    from leadline.session.segments import measure_segments

    rng = np.random.default_rng(0)
    x, town = rng.normal(size=600), rng.choice(["a", "b"], 600)
    table = pa.table({"x": x, "town": town, "y": np.where(x > 0, "yes", "no")})
    parquet.write_table(table, tmp_path / "t.parquet", row_group_size=100)
    data = {"source": str(tmp_path / "t.parquet"), "target": "y", "exclude": ["town"], "stream": True}
    run = ll.train(
        experiment=ll.Experiment().replace({"data": data, "training.epochs": 2}), runs=tmp_path / "runs", name="a"
    )
    assert run.experiment.training.batch_size == "full"
    assert set(measure_segments(run, ["town"])["dev"].segments["town"]) == {"a", "b"}


@pytest.mark.parametrize("stream", [True, "auto"])
def test_a_table_is_opened_once_to_decide_and_to_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream: bool | str
) -> None:
    opened: list[str] = []
    from leadline.data.streaming import opening

    right = opening.open_grouped
    monkeypatch.setattr(opening, "open_grouped", lambda path: opened.append(str(path)) or right(path))
    monkeypatch.setattr("leadline.session.streams.memory_available", lambda: 1_000)
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({"a": np.arange(2_000) % 97, "y": np.arange(2_000) % 2}), path)
    plan = make_plan(
        Experiment.from_dict({"data": {"source": str(path), "target": "y", "task": "binary", "stream": stream}})
    )
    assert plan.table is not None and plan.experiment.data.stream is True
    assert opened == [str(path)]


def test_a_table_that_is_read_into_memory_after_all_is_opened_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its head, which says how large it is, is not read again."""
    from leadline.data.sources import columnar

    def again(source: str, path: Path) -> None:
        raise AssertionError(f"{path} was opened again")

    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({"a.b": np.arange(200) % 97, "y": np.arange(200) % 2}), path, row_group_size=64)
    monkeypatch.setattr(columnar, "parquet_head", again)
    plan = make_plan(Experiment.from_dict({"data": {"source": str(path), "target": "y", "task": "binary"}}))
    assert plan.table is None and plan.experiment.data.stream is False
    assert plan.data.n == 200 and [feature.name for feature in plan.data.features] == ["a.b"]
