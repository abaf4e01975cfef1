"""The outputs of an exported model, by the kind of task: what the network computes, in the target's own terms."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch

import numpy as np

from leadline.data import Preparation
from leadline.errors import LeadlineError
from leadline.export.onnx_graph import DOUBLE, FLOAT, INT64, TEXT, OnnxGraph
from leadline.measure.scaling import LEAST, Scaling
from leadline.measure.tasks import ClassTask, MultilabelTask, RegressionTask, Task
from leadline.text import shortened


@singledispatch
def write_outputs(task: Task, graph: OnnxGraph, value: str, preparation: Preparation) -> None:
    """Add the model's outputs to the graph, made of what the loss calls the network's prediction, ``value`` (m, k).

    A new kind of task registers its own way with ``write_outputs.register``. `leadline.errors.LeadlineError`: it has
    none.
    """
    raise LeadlineError(f"A {task} task cannot be exported to ONNX.")


@write_outputs.register
def _(task: ClassTask, graph: OnnxGraph, value: str, preparation: Preparation) -> None:
    write_classes(graph, value, preparation)


def write_classes(
    graph: OnnxGraph,
    value: str,
    preparation: Preparation,
    scaling: Scaling | None = None,
    threshold: float | None = None,
) -> None:
    """The chosen class and the probabilities of all, calibrated by ``scaling``.

    Chosen is the most probable class, or the second of two from the probability ``threshold`` on.
    """
    classes = preparation.classes
    if preparation.n_outputs == 1 and len(classes) == 2:  # the network gives the second's probability
        value = graph.columns([graph.add("Sub", graph.constant(1.0, "one", np.float32), value), value])
    if scaling is not None:
        value = _calibrated(graph, value, scaling)
    names = graph.constant(list(classes), "classes")
    if threshold is None:
        index, note = graph.add("ArgMax", value, axis=1, keepdims=0), "the most probable class"
    else:
        second = graph.add("Gather", value, graph.constant(1, "second_class", np.int64), axis=1)
        reached = graph.add("GreaterOrEqual", second, graph.constant(threshold, "threshold", np.float32))
        index, note = graph.cast(reached, INT64), f"{classes[1]} from the probability {threshold:.3g} on"
    graph.output("prediction", graph.add("Gather", names, index), TEXT, (), note)
    _probabilities(graph, value, classes)


def _calibrated(graph: OnnxGraph, value: str, scaling: Scaling) -> str:
    """softmax(scale ∘ log p + shift)."""
    logits = graph.add("Log", graph.add("Max", value, graph.constant(LEAST, "least", np.float32)))
    scaled = graph.add("Mul", logits, graph.constant(scaling.scale, "scale", np.float32))
    shifted = graph.add("Add", scaled, graph.constant(scaling.shift, "shift", np.float32))
    return graph.add("Softmax", shifted, axis=1)


@write_outputs.register
def _(task: MultilabelTask, graph: OnnxGraph, value: str, preparation: Preparation) -> None:
    labels = preparation.classes
    chosen = graph.cast(graph.add("Greater", value, graph.constant(0.5, "half", np.float32)), INT64)
    graph.output("prediction", chosen, INT64, (len(labels),), f"1 or 0 for {shortened(labels, 20)}")
    _probabilities(graph, value, labels)


@write_outputs.register
def _(task: RegressionTask, graph: OnnxGraph, value: str, preparation: Preparation) -> None:
    scale = graph.constant(preparation.target_scale, "target_scale", np.float64)
    mean = graph.constant(preparation.target_mean, "target_mean", np.float64)
    values = graph.add("Add", graph.add("Mul", graph.cast(value, DOUBLE), scale), mean)
    k, note = len(preparation.target_mean), ", ".join(preparation.target_names)
    if k == 1:
        values = graph.add("Squeeze", values, graph.constant([1], "axis", np.int64))
    graph.output("prediction", values, DOUBLE, () if k == 1 else (k,), note)


def _probabilities(graph: OnnxGraph, value: str, classes: Sequence[str]) -> None:
    graph.output("probabilities", value, FLOAT, (len(classes),), f"of {shortened(classes, 20)}")
