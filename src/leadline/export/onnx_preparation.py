"""Preparation in ONNX: from raw columns to the numbers a network is given, as fitted in training.

Numbers are prepared in float64, as Leadline does, and handed on as float32. A missing number is NaN, a missing text is
empty. Dates are seconds since 1970-01-01 and are taken apart by arithmetic, since ONNX knows no calendar.
"""

from __future__ import annotations

import numpy as np

from leadline.data.encoders import CategoryEncoder, DateEncoder, Encoder, NumberEncoder, QuantileEncoder
from leadline.data.normalization import ArrayEncoder
from leadline.data.preparation import Preparation
from leadline.data.series_encoder import SeriesEncoder
from leadline.data.text.encoders import TextEncoder
from leadline.errors import LeadlineError
from leadline.export.onnx_dates import date_parts
from leadline.export.onnx_graph import DOUBLE, FLOAT, INT64, TEXT, UINT8, OnnxGraph

LISTED = 12
"""Levels of a category that are named in the note of its input."""


def prepared(graph: OnnxGraph, preparation: Preparation) -> str:
    """Inputs of the model for every column or for the array, and the network's input (m, n_inputs), float32."""
    if isinstance(preparation.encoders, SeriesEncoder):
        raise LeadlineError("Series have no ONNX form here. Use `leadline predict` or `leadline serve`.")
    if isinstance(preparation.encoders, ArrayEncoder):
        return _array(graph, preparation.encoders)
    text = next((each.name for each in preparation.encoders if isinstance(each, TextEncoder)), None)
    if text is not None:
        raise LeadlineError(
            f"Column '{text}' is text, which has no ONNX form here: words are found by rules in Python.\n"
            f'Train without it (exclude = ["{text}"]), or use `leadline predict` or `leadline serve`.'
        )
    inputs = [_input(graph, encoder) for encoder in preparation.encoders]
    parts = [_encoded(graph, encoder, value) for encoder, value in zip(preparation.encoders, inputs, strict=True)]
    return graph.columns([part for part in parts if part])


def _input(graph: OnnxGraph, encoder: Encoder) -> str:
    """The column's own input, (m,)."""
    if isinstance(encoder, CategoryEncoder):
        levels = ", ".join(encoder.levels[:LISTED]) + (", …" if len(encoder.levels) > LISTED else "")
        return graph.input(encoder.name, TEXT, (), f"text; empty is missing. Levels: {levels}")
    notes = {"boolean": "1 for true, 0 for false; NaN is missing", "date": "seconds since 1970-01-01; NaN is missing"}
    return graph.input(encoder.name, DOUBLE, (), notes.get(encoder.kind, "a number; NaN is missing"))


def _encoded(graph: OnnxGraph, encoder: Encoder, value: str) -> str:
    """The columns (m, len(encoder.outputs)) that the encoder writes, float32; "" where it writes none."""
    if isinstance(encoder, CategoryEncoder):
        return _category(graph, encoder, value)
    if isinstance(encoder, DateEncoder):
        parts = date_parts(graph, value, encoder.parts)
        numbers = zip(parts, encoder.numbers, strict=True)
        return graph.columns([_number(graph, number, part) for part, number in numbers]) if encoder.parts else ""
    if isinstance(encoder, QuantileEncoder):
        return _quantiles(graph, encoder, value)
    assert isinstance(encoder, NumberEncoder)  # text was refused
    return _number(graph, encoder, value)


def _number(graph: OnnxGraph, encoder: NumberEncoder, value: str) -> str:
    """(x − center) / scale with missing values filled, and the indicator of missing values."""
    missing = graph.add("IsNaN", value)
    filled = graph.add("Where", missing, graph.constant(encoder.fill, "fill", np.float64), value)
    centred = graph.add("Sub", filled, graph.constant(encoder.center, "center", np.float64))
    if encoder.scale == 0:
        scaled = graph.add("Mul", centred, graph.constant(0.0, "constant_in_training"))
    else:
        scaled = graph.add("Div", centred, graph.constant(encoder.scale, "scale", np.float64))
    return _with_indicator(graph, scaled, missing, encoder.indicator)


def _quantiles(graph: OnnxGraph, encoder: QuantileEncoder, value: str) -> str:
    """Φ⁻¹ of the share of training values below, interpolated between the two knots around a value."""
    knots, scores = np.array(encoder.knots), np.array(encoder.scores)
    missing = graph.add("IsNaN", value)
    filled = graph.add("Where", missing, graph.constant(knots[0], "lowest"), value)
    within = graph.add("Clip", filled, graph.constant(knots[0], "lowest"), graph.constant(knots[-1], "highest"))
    passed = graph.add("GreaterOrEqual", graph.column(within), graph.constant(knots[None, 1:-1], "knots"))
    axis = graph.constant([1], "axis", np.int64)
    place = graph.add("ReduceSum", graph.cast(passed, INT64), axis, keepdims=0)  # the inner knots below
    with np.errstate(over="ignore"):
        slopes = np.diff(scores) / np.diff(knots)
    start, score, slope = (
        graph.add("Gather", graph.constant(each, name), place)
        for name, each in (("knots", knots[:-1]), ("scores", scores[:-1]), ("slopes", slopes))
    )
    result = graph.add("Add", score, graph.add("Mul", slope, graph.add("Sub", within, start)))
    known = graph.add("Where", missing, graph.constant(0.0, "middle"), result)
    return _with_indicator(graph, known, missing, encoder.indicator)


def _with_indicator(graph: OnnxGraph, values: str, missing: str, indicator: bool) -> str:
    columns = [graph.column(graph.cast(values, FLOAT))]
    if indicator:
        columns.append(graph.column(graph.cast(missing, FLOAT)))
    return graph.columns(columns)


def _category(graph: OnnxGraph, encoder: CategoryEncoder, value: str) -> str:
    """One-hot columns: each text is looked up, and its place compared with the number of every column."""
    width, nowhere = len(encoder.outputs), -1
    if width == 0:
        return ""
    places = {level: place for place, level in enumerate(encoder.levels)}
    places.setdefault("", len(encoder.levels) + encoder.bucket if encoder.missing else nowhere)
    place = graph.add(
        "LabelEncoder",
        value,
        domain="ai.onnx.ml",
        keys_strings=list(places),
        values_int64s=list(places.values()),
        default_int64=len(encoder.levels) if encoder.bucket else nowhere,
    )
    same = graph.add("Equal", graph.column(place), graph.constant(np.arange(width)[None], "columns"))
    return graph.cast(same, FLOAT)


def _array(graph: OnnxGraph, encoder: ArrayEncoder) -> str:
    """(x − center) / scale of every value of an array, flattened in its order."""
    kind = {"uint8": UINT8, "float64": DOUBLE}.get(encoder.dtype, FLOAT)
    value = graph.input(encoder.name, kind, encoder.shape, f"{encoder.dtype} as in training")
    rows = graph.constant([-1, encoder.width], "rows_and_values", np.int64)
    flat = graph.cast(graph.add("Reshape", value, rows), DOUBLE)
    varying = encoder.scale != 0
    centred = graph.add("Sub", flat, graph.constant(encoder.center, "center", np.float64))
    scaled = graph.add("Div", centred, graph.constant(np.where(varying, encoder.scale, 1.0), "scale"))
    if not varying.all():
        scaled = graph.add("Mul", scaled, graph.constant(varying, "constant_in_training", np.float64))
    return graph.cast(scaled, FLOAT)
