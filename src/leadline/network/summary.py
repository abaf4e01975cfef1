"""What a network is made of: output shapes, parameters, operations and memory, layer by layer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leadline.errors import UsageError
from leadline.network.layer import Layer, Shape
from leadline.network.parameters import shape_text
from leadline.text import THIN, bytes_text, grouped

if TYPE_CHECKING:
    from leadline.network.network import Network

BYTES = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True)
class LayerSummary:
    """One layer: the shape of one example after it, its trained values, FLOPs and bytes.

    ``flops`` are of the forward pass for one example. ``activation_bytes`` are the layer's output for a batch and the
    cost's derivative by it; ``parameter_bytes`` the parameters, their gradient and what the update rule remembers.
    """

    name: str
    layer: Layer
    output_shape: Shape
    parameters: int
    flops: int
    activation_bytes: int
    parameter_bytes: int

    @property
    def memory(self) -> int:
        """All bytes that training a batch needs for this layer."""
        return self.activation_bytes + self.parameter_bytes


@dataclass(frozen=True)
class Summary:
    """A network for inputs of one shape, in training with batches of one size; printing it shows a table.

    Of an ensemble the layers are those of a member; parameters, FLOPs and memory count all ``members``.
    """

    input_shape: Shape
    batch_size: int
    precision: str
    layers: tuple[LayerSummary, ...]
    members: int = 1

    @property
    def parameters(self) -> int:
        """The number of trained values."""
        return sum(row.parameters for row in self.layers)

    @property
    def flops(self) -> int:
        """Floating-point operations to predict one example; a multiply-add counts as two."""
        return sum(row.flops for row in self.layers)

    @property
    def memory(self) -> int:
        """Bytes to train one batch, its inputs included."""
        inputs = self.batch_size * math.prod(self.input_shape) * BYTES[self.precision]
        return inputs + sum(row.memory for row in self.layers)

    def __str__(self) -> str:
        header = ("layer", "", "output shape", "parameters", "FLOPs", "memory")
        cells = [header, ("input", "", shape_text(self.input_shape), "", "", "")]
        cells += [
            (
                row.name,
                describe(row.layer),
                shape_text(row.output_shape),
                *_counts(row.parameters, row.flops, row.memory),
            )
            for row in self.layers
        ]
        cells.append(("total", "", "", *_counts(self.parameters, self.flops, self.memory)))
        widths = [max(len(row[k]) for row in cells) for k in range(len(header))]
        lines = ["  ".join(_aligned(row, widths)).rstrip() for row in cells]
        rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
        note = (
            "FLOPs: to predict one example. Memory: to train on a batch of "
            f"{grouped(self.batch_size, space=THIN)} in {self.precision}:\n"
            "outputs, parameters, their derivatives, and what the update rule remembers; the total includes the inputs."
        )
        if self.members > 1:
            note = f"An ensemble of {self.members} networks; all numbers but the shapes are of all together.\n{note}"
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1], "", note])


def summarize(
    network: Network,
    input_shape: Shape | int,
    batch_size: int = 64,
    optimizer_averages: int = 2,
    precision: str = "float32",
) -> Summary:
    """Sum up ``network`` for examples of ``input_shape``; nothing is computed or allocated.

    ``optimizer_averages`` is how many vectors of θ's size the update rule remembers: 2 for Adam, 1 for momentum and
    RMSprop, 0 for descent. Raises `ShapeError` where a layer does not fit.
    """
    if not isinstance(batch_size, int) or batch_size < 1:
        raise UsageError(f"batch_size must be a whole number of at least 1, got {batch_size!r}")
    if precision not in BYTES:
        raise UsageError(f"unknown precision '{precision}'. Allowed: {', '.join(BYTES)}.")
    shape = (input_shape,) if isinstance(input_shape, int) else tuple(input_shape)
    size, rows, p = BYTES[precision], [], network.members
    shapes = network.member.shapes(shape)
    for i, layer in enumerate(network.member.layers):
        n = p * sum(math.prod(parameter.shape) for parameter in layer.parameters(shapes[i]).values())
        values = 2 * p * batch_size * layer.activation_values(shapes[i])
        sizes = (size * values, size * n * (2 + optimizer_averages))
        rows.append(LayerSummary(f"layers.{i}", layer, shapes[i + 1], n, p * layer.flops(shapes[i]), *sizes))
    return Summary(shape, batch_size, precision, tuple(rows), p)


def describe(layer: Layer) -> str:
    """A layer in a few words: its kind and what it does: ``dense relu``, ``dropout 0.8``."""
    table = layer.config()
    kind = table.pop("type").replace("_", " ")
    if kind == "activation":
        return str(table["activation"])
    activation, keep_prob = table.get("activation", "linear"), table.get("keep_prob")
    words = [kind, "" if activation == "linear" else activation, "" if keep_prob is None else f"{keep_prob:g}"]
    return " ".join(str(word) for word in words if word)


def _counts(parameters: int, flops: int, memory: int) -> tuple[str, str, str]:
    return grouped(parameters, space=THIN), grouped(flops, space=THIN), bytes_text(memory)


def _aligned(cells: tuple[str, ...], widths: list[int]) -> list[str]:
    padded = zip(cells, widths, strict=True)
    return [text.ljust(w) if k < 3 else text.rjust(w) for k, (text, w) in enumerate(padded)]
