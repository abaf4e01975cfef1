"""A trained network as one ONNX model: raw columns in, predictions in the target's own terms out.

Preparation, network and what makes predictions of its output are all in the file, so that other programs need nothing
of Leadline. The model is of opset 18, which runtimes know since 2023.
"""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, ValueInfoProto, helper

from leadline.data import Preparation
from leadline.equations.activations import ACTIVATIONS
from leadline.equations.losses import LOSSES
from leadline.errors import LeadlineError
from leadline.export.onnx_graph import OnnxGraph
from leadline.export.onnx_layers import LayerExport
from leadline.export.onnx_outputs import write_classes, write_outputs
from leadline.export.onnx_preparation import prepared
from leadline.files import write_bytes
from leadline.measure.scaling import Scaling
from leadline.network import Network, Parameters
from leadline.text import grouped

OPSETS = {"": 18, "ai.onnx.ml": 3}
IR_VERSION = 8
LARGEST = 2**31 - 2**20
"""Bytes that one file of this format holds."""


def onnx_model(
    network: Network,
    parameters: Parameters,
    preparation: Preparation,
    loss: str,
    name: str = "leadline",
    scaling: Scaling | None = None,
    threshold: float | None = None,
) -> ModelProto:
    """The model, checked. Inputs are the columns by name, (m,), or the array, (m, …); see `onnx_inputs`.

    Outputs: ``prediction``, class names (m,), labels 0 or 1 (m, k), or values in the target's units, (m,) or (m, k);
    and for classes and labels ``probabilities`` (m, k). Raises LeadlineError, naming it, for a layer that cannot be
    exported. ``scaling`` calibrates the probabilities, and from ``threshold`` on an example is of the second class.
    """
    if parameters.theta.numel() * 4 > LARGEST:
        raise LeadlineError(
            f"A network of {grouped(parameters.theta.numel())} parameters is too large for one ONNX file."
        )
    graph = OnnxGraph()
    value, shape = prepared(graph, preparation), (preparation.n_inputs,)
    statistics = parameters.statistics or [{} for _ in network.layers]
    for i, (layer, own, averages) in enumerate(zip(network.layers, parameters.layers, statistics, strict=True)):
        export = LayerExport(graph, f"layers.{i}", {**own, **averages}, shape)
        value, shape = export.exported(layer, value), layer.output_shape(shape)
    value = ACTIVATIONS[LOSSES[loss].activation].onnx(graph, value)
    if shape == (2,) and preparation.n_outputs == 1:  # of the two probabilities of a binary target, the second says all
        value = graph.add("Gather", value, graph.constant([1], "second", np.int64), axis=1)
    if scaling is not None or threshold is not None:
        write_classes(graph, value, preparation, scaling, threshold)
    else:
        write_outputs(preparation.task, graph, value, preparation)
    note = f"Predicts {', '.join(preparation.target_names)} ({preparation.task})."
    model = helper.make_model(
        graph.proto(name, note),
        opset_imports=[helper.make_opsetid(domain, number) for domain, number in OPSETS.items()],
        producer_name="leadline",
        producer_version=version("leadline"),
        doc_string=note,
    )
    model.ir_version = IR_VERSION
    facts = {"task": str(preparation.task), "target": ", ".join(preparation.target_names)}
    if preparation.classes:
        facts["classes"] = "\n".join(preparation.classes)
    helper.set_model_props(model, facts)
    onnx.checker.check_model(model, full_check=True)
    return model


def write_onnx(model: ModelProto, path: str | os.PathLike[str]) -> Path:
    """Write the model, whole or not at all. `LeadlineError` where that is not possible."""
    return write_bytes(path, model.SerializeToString())


def described_onnx(path: str | os.PathLike[str]) -> dict[str, list[dict[str, Any]]]:
    """The ``inputs`` and ``outputs`` of a written model: each its name, type, shape and note."""
    graph = onnx.load(path).graph
    return {
        "inputs": [_described(each) for each in graph.input],
        "outputs": [_described(each) for each in graph.output],
    }


def _described(value: ValueInfoProto) -> dict[str, Any]:
    tensor = value.type.tensor_type
    shape = [size.dim_param or size.dim_value for size in tensor.shape.dim]
    kind = helper.tensor_dtype_to_string(tensor.elem_type).removeprefix("TensorProto.").lower()
    return {"name": value.name, "type": kind, "shape": shape, "note": value.doc_string}
