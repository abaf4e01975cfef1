"""What layers over sequences have in common: examples (steps, n), of which the first ``lengths`` steps count."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor
from typing_extensions import override

from leadline.errors import LeadlineError
from leadline.network.layer import Layer, OverSteps, Shape, ShapeError

TRIMMED_TO = 8
"""Batches are cut to multiples of so many steps: few different shapes, whose memory is reused."""


class SequenceLayer(Layer, abstract=True):
    """A layer over sequences (steps, n) of any length; what lies past an example's end changes nothing that counts."""

    axes: ClassVar[int | None] = 2

    @property
    @override
    def over_steps(self) -> OverSteps:
        return "any"

    @override
    def onnx(self, export: Any, value: str) -> str:
        raise LeadlineError(
            f"{export.place} {self} cannot be exported: layers over sequences have no ONNX form here. "
            "Use `leadline predict` or `leadline serve`."
        )


def check_sequence(input_shape: Shape) -> tuple[int, int]:
    """(steps, n) of one example; `ShapeError` for another shape."""
    if len(input_shape) != 2:
        raise ShapeError(f"expects sequences of shape (steps, n), got {input_shape}")
    return input_shape[0], input_shape[1]


def trimmed_steps(lengths: Tensor) -> int:
    """How many steps a batch of sequences of these lengths needs, a multiple of `TRIMMED_TO`."""
    return max(-(-int(lengths.max()) // TRIMMED_TO), 1) * TRIMMED_TO


def counts(lengths: Tensor | None, steps: int) -> Tensor | None:
    """Which steps count, bool (m, steps); None where all do."""
    return None if lengths is None else torch.arange(steps, device=lengths.device) < lengths.unsqueeze(1)


def without_padding(x: Tensor, lengths: Tensor | None) -> Tensor:
    """``x`` (m, steps, n) with zeros past each example's end."""
    real = counts(lengths, x.shape[1])
    return x if real is None else x * real.unsqueeze(2)
