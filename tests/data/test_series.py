"""Series over time: `.ts` files, series of different lengths in one array, and their preparation."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from leadline.data import Preparation, read
from leadline.data.series_encoder import SeriesEncoder
from leadline.data.sources.comparable import comparable
from leadline.data.sources.series import padded, series_lengths
from leadline.errors import LeadlineError

HEAD = "#a comment\n@problemName Steps\n@univariate false\n@classLabel true up down\n@data\n"


def written(folder: Path, *lines: str, name: str = "steps.ts", head: str = HEAD) -> Path:
    path = folder / name
    path.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def ragged(folder: Path, n: int = 24, name: str = "steps.ts") -> Path:
    random = np.random.default_rng(0)
    lines = []
    for i in range(n):
        steps = 3 + i % 4
        channels = [",".join(f"{v:.3f}" for v in random.normal(size=steps) + (i % 2)) for _ in range(2)]
        lines.append(":".join([*channels, ["up", "down"][i % 2]]))
    return written(folder, *lines, name=name)


def test_series_of_different_lengths(tmp_path: Path) -> None:
    path = written(tmp_path, "1,2,3:4,5,6:up", "", "7,8:9,10:down")
    data = read(path)
    assert np.asarray(data.inputs).shape == (2, 3, 2)
    assert np.asarray(data.inputs)[0].tolist() == [[1, 4], [2, 5], [3, 6]]
    assert np.isnan(np.asarray(data.inputs)[1, 2]).all()
    assert data.classes == ("down", "up") and data.target.tolist() == [1, 0]
    assert [(each.kind, each.note) for each in data.features] == [("series", "2 to 3 steps, 2 channels")]
    assert data.is_series and data.image_shape is None
    packed = tmp_path / "steps.ts.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read(packed).fingerprint()["sha256"] == data.fingerprint()["sha256"]


def test_missing_values_lie_between_their_neighbours(tmp_path: Path) -> None:
    data = read(written(tmp_path, "1,?,3,?:0,0,0,1:up", "1,1,1,1:?,2,NaN,4:down"))
    assert np.asarray(data.inputs)[0, :, 0].tolist() == [1, 2, 3, 3]
    assert np.asarray(data.inputs)[1, :, 1].tolist() == [2, 2, 3, 4]


def test_numbers_as_targets(tmp_path: Path) -> None:
    head = "@targetLabel true\n@data\n"
    data = read(written(tmp_path, *(f"1,2,{k}:{k / 7}" for k in range(30)), head=head))
    assert data.task == "regression"
    assert data.target[3, 0] == pytest.approx(3 / 7)


@pytest.mark.parametrize(
    ("lines", "head", "message"),
    [
        (["1,2:3:up"], HEAD, r"steps.ts, line 6: the channels of a series must be equally long, got 2, 1"),
        (["1,2:3,4:up", "1,2:up"], HEAD, r"steps.ts, line 7: 1 channels where the first series has 2"),
        (["1,x:3,4:up"], HEAD, r"steps.ts, line 6: 'x' is not a number"),
        (["1,inf:3,4:up"], HEAD, r"steps.ts, line 6: 'inf' is not finite"),
        (["?,?:3,4:up"], HEAD, r"steps.ts, line 6: a channel has no value"),
        ([], HEAD, r"steps.ts has no series after @data"),
        (["1,2"], "", r"steps.ts has no line @data"),
        (["(0,1),(1,2):up"], "@timestamps true\n@data\n", r"series with time stamps are not read"),
        (["1,2"], "@classLabel false\n@data\n", r"steps.ts: the target is missing"),
        ([":up", ":down"], HEAD, r"steps.ts, line 6"),
    ],
)
def test_what_the_user_can_mend(tmp_path: Path, lines: list[str], head: str, message: str) -> None:
    with pytest.raises(LeadlineError, match=message):
        read(written(tmp_path, *lines, head=head))


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "broken.ts"
    path.write_bytes(b"@data\n\xff\xfe1,2:up\n")
    with pytest.raises(LeadlineError, match=r"broken.ts is no text in UTF-8"):
        read(path)


def test_a_test_set_of_longer_series_and_other_channels(tmp_path: Path) -> None:
    train, test = written(tmp_path, "1,2:3,4:up", "1,1:2,2:down"), written(tmp_path, "1,2,3:4,5,6:up", name="test.ts")
    data = read(train, test=str(test))
    assert np.asarray(data.inputs).shape == (3, 3, 2)
    assert data.sets is not None and data.sets.tolist() == [0, 0, 2]
    other = written(tmp_path, "1,2,3:up", name="other.ts")
    with pytest.raises(LeadlineError, match=r"other.ts: series of 1 channels, but those of steps.ts have 2"):
        read(train, test=str(other))


def test_preparation_normalizes_channels_and_keeps_lengths(tmp_path: Path) -> None:
    data = read(ragged(tmp_path))
    train = np.arange(16)
    preparation = Preparation.fit(data, train)
    encoder = preparation.encoders
    assert isinstance(encoder, SeriesEncoder) and encoder.shape == (6, 2) and encoder.ragged
    assert preparation.n_inputs == len(preparation.feature_names) == 13
    x = preparation.inputs(data, dtype=np.float64)
    lengths = series_lengths(np.asarray(data.inputs))
    assert x[:, -1].tolist() == lengths.tolist()
    series = x[:, :12].reshape(-1, 6, 2)
    real = np.arange(6) < lengths[:, None]
    assert not series[~real].any()
    np.testing.assert_allclose(series[train][real[train]].mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(series[train][real[train]].std(0), 1, atol=1e-6)
    again = Preparation.from_json(json.dumps(preparation.to_json()))
    np.testing.assert_array_equal(again.inputs(data, dtype=np.float64), x)


def test_new_series_alone_longer_and_shorter(tmp_path: Path) -> None:
    path = ragged(tmp_path)
    data = read(path)
    preparation = Preparation.fit(data, np.arange(24))
    whole = preparation.inputs(data)
    np.testing.assert_array_equal(preparation.inputs(str(path)), whole)
    first = np.asarray(data.inputs)[0, :3]
    alone = preparation.inputs([first])
    np.testing.assert_array_equal(alone, whole[:1])
    long = preparation.inputs([np.concatenate([first] * 5)])  # its first steps are read
    assert long[0, -1] == 6
    with pytest.raises(LeadlineError, match="differ in their number of channels"):
        preparation.inputs([first, first[:, :1]])
    with pytest.raises(LeadlineError, match="series 1 has 0 steps"):
        preparation.inputs([first[:0]])


def test_series_of_one_length_have_no_length_beside_them(tmp_path: Path) -> None:
    data = read(written(tmp_path, *(f"{k},2,3:4,5,6:{'up' if k % 2 else 'down'}" for k in range(8))))
    preparation = Preparation.fit(data, np.arange(8))
    assert preparation.n_inputs == 6
    with pytest.raises(LeadlineError, match="series 1 has 2 steps; the network was trained on series of 3"):
        preparation.inputs([np.ones((2, 2))])


def test_sets_are_compared_by_lengths_means_and_deviations(tmp_path: Path) -> None:
    data = read(ragged(tmp_path))
    columns = comparable(data, np.arange(4))
    assert columns["steps"].tolist() == [3, 4, 5, 6]
    assert set(columns) == {"steps", *(f"{what} of channel {c}" for c in (1, 2) for what in ("mean", "deviation"))}
    assert all(np.isfinite(values).all() for values in columns.values())


def test_padding() -> None:
    made = padded([np.ones((2, 1)), np.ones((4, 1))], steps=3)
    assert made.shape == (2, 3, 1)
    assert series_lengths(made).tolist() == [2, 3]
