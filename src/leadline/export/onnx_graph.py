"""An ONNX graph while it is put together: values by name, constants, and nodes that compute one value from others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

FLOAT, DOUBLE, INT64 = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64
TEXT, UINT8 = TensorProto.STRING, TensorProto.UINT8
ROWS = "rows"
"""The name of the first axis of every input and output: any number of examples."""


class OnnxGraph:
    """Nodes in the order of computation. Every method that computes returns the name of what it computes."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self.inputs: list[ValueInfoProto] = []
        self.outputs: list[ValueInfoProto] = []
        self._taken: set[str] = set()

    def input(self, name: str, kind: int, shape: Sequence[int], note: str) -> str:
        """An input of the model: ``shape`` of one example, and what it holds."""
        self.inputs.append(helper.make_tensor_value_info(self._own(name), kind, [ROWS, *shape], note))
        return name

    def output(self, name: str, value: str, kind: int, shape: Sequence[int], note: str) -> str:
        """Call ``value`` an output of the model; its name differs where an input has that one."""
        name = self.add("Identity", value, name=name)
        self.outputs.append(helper.make_tensor_value_info(name, kind, [ROWS, *shape], note))
        return name

    def constant(self, values: Any, name: str, dtype: Any = None) -> str:
        """A fixed tensor; texts become a tensor of texts."""
        array = np.asarray(values, dtype=dtype)
        if array.dtype.kind == "U":
            array = array.astype(object)
        name = self._own(name)
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name))
        return name

    def add(self, operator: str, *inputs: str, name: str | None = None, domain: str = "", **attributes: Any) -> str:
        """The first output of an operator on values; "" is an input that is left out."""
        result = self._own(name or f"{operator.lower()}_{len(self.nodes)}")
        node = helper.make_node(operator, list(inputs), [result], name=result, domain=domain, **attributes)
        self.nodes.append(node)
        return result

    def cast(self, value: str, kind: int) -> str:
        """The values as another type."""
        return self.add("Cast", value, to=kind)

    def column(self, value: str) -> str:
        """(m,) as (m, 1)."""
        return self.add("Unsqueeze", value, self.constant([1], "axis", np.int64))

    def columns(self, values: Sequence[str]) -> str:
        """Values (m, k) side by side."""
        return values[0] if len(values) == 1 else self.add("Concat", *values, axis=1)

    def proto(self, name: str, note: str) -> GraphProto:
        """The finished graph."""
        return helper.make_graph(self.nodes, name, self.inputs, self.outputs, self.constants, doc_string=note)

    def _own(self, name: str) -> str:
        """``name``, or where it is taken, one like it."""
        free, number = name, 2
        while free in self._taken:
            free, number = f"{name}_{number}", number + 1
        self._taken.add(free)
        return free
