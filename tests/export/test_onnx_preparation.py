"""Exported models prepare raw columns as training did: run in onnxruntime and compared with `Preparation.inputs`."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from onnx import helper

from leadline.data import Preparation, read
from leadline.export import onnx_inputs
from leadline.export.onnx_dates import date_parts
from leadline.export.onnx_graph import DOUBLE, FLOAT, OnnxGraph
from leadline.export.onnx_preparation import prepared


def run_graph(graph: OnnxGraph, feed: dict[str, Any]) -> list[Any]:
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph.proto("test", ""), opset_imports=opsets)
    model.ir_version = 8
    session: Any = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, feed)


def prepared_by_onnx(preparation: Preparation, rows: Any) -> np.ndarray:
    graph = OnnxGraph()
    graph.output("out", prepared(graph, preparation), FLOAT, (preparation.n_inputs,), "")
    return run_graph(graph, onnx_inputs(preparation, rows))[0]


def frame(n: int = 400, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    made = pd.DataFrame(
        {
            "plain": random.normal(1e6, 3, n),
            "with gaps": np.where(random.random(n) < 0.2, np.nan, random.exponential(5, n)),
            "flag": random.random(n) < 0.3,
            "answer": random.choice(np.array(["yes", "no", None]), n),
            "many": [f"level {k}" for k in np.minimum(random.geometric(0.05, n), 60)],
            "few": random.choice(np.array(["a", "b", None]), n),
            "when": pd.Timestamp("1961-03-01") + pd.to_timedelta(random.integers(0, 4 * 10**9, n), unit="s"),
            "y": np.arange(n) % 2,
        }
    )
    made.loc[::17, "when"] = pd.NaT
    return made


@pytest.mark.parametrize("normalization", ["standardize", "robust", "quantile", "unit", "none"])
def test_columns_are_prepared_alike(normalization: str) -> None:
    rows = frame()
    data = read(rows, "y", normalization=normalization, types={"answer": "boolean"})
    preparation = Preparation.fit(data, np.arange(300))
    new = pd.concat(
        [
            rows.assign(many=rows["many"].mask(rows.index >= 390)),
            frame(50, seed=1).assign(few="unseen", many="unseen", plain=-1e7),
        ]
    )
    assert isinstance(preparation.encoders, tuple)
    assert {encoder.kind for encoder in preparation.encoders} == {"number", "boolean", "category", "date"}
    expected = preparation.inputs(new)
    found = prepared_by_onnx(preparation, new)
    assert np.array_equal(found, expected) or np.allclose(found, expected, rtol=1e-6, atol=1e-6)
    assert (expected[:, preparation.feature_names.index("many other")][-50:] == 1).all()


def test_a_column_that_was_constant_in_training_is_0() -> None:
    rows = frame().assign(same=np.where(np.arange(400) < 300, 7.0, np.nan))
    preparation = Preparation.fit(read(rows, "y"), np.arange(300))
    place = preparation.feature_names.index("same")
    assert (prepared_by_onnx(preparation, rows)[:, place] == 0).all()


@pytest.mark.parametrize("normalization", ["standardize", "unit", "none"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_arrays_are_prepared_alike(normalization: str, dtype: type) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 5, 4, 3)).astype(dtype)
    images[:, 0, 0] = 9
    data = read(images, np.arange(40) % 2, normalization=normalization)
    preparation = Preparation.fit(data, np.arange(30))
    again = Preparation.from_json(preparation.to_json())
    assert onnx_inputs(again, images)["inputs"].dtype == dtype
    assert np.allclose(prepared_by_onnx(again, images), preparation.inputs(images), rtol=1e-6, atol=1e-7)


@settings(deadline=None, max_examples=60)
@example([int(np.datetime64(day, "s").astype(int)) for day in ("2000-02-29", "1900-03-01", "1899-12-31T23:59:59")])
@given(st.lists(st.integers(-60_000_000_000, 250_000_000_000), min_size=1, max_size=20))
def test_dates_are_taken_apart_as_the_calendar_has_them(seconds: list[int]) -> None:
    graph, names = OnnxGraph(), ("year", "month", "day", "weekday", "hour")
    graph.input("seconds", DOUBLE, (), "")
    for name, value in zip(names, date_parts(graph, "seconds", names), strict=True):
        graph.output(name, value, DOUBLE, (), "")
    found = run_graph(graph, {"seconds": np.array([*seconds, np.nan])})
    dates = np.array(seconds, "datetime64[s]").astype(object)
    expected = [[date.year, date.month, date.day, date.weekday(), date.hour] for date in dates]
    assert np.array_equal(np.stack(found, axis=1)[:-1], np.array(expected, float))
    assert np.isnan(np.stack(found)[:, -1]).all()
