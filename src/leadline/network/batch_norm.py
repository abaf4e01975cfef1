"""The batch normalization layer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from typing_extensions import override

from leadline.equations.batch_norm import (
    batch_norm,
    batch_norm_at_test,
    batch_norm_at_test_backward,
    batch_norm_backward,
    update_running_statistics,
)
from leadline.errors import UsageError
from leadline.network.activate import activate, activate_backward, check_activation
from leadline.network.layer import Layer, LayerContext, ParameterSpec, Shape, ShapeError, Tensors, is_number
from leadline.network.windows import channels_last


@dataclass(frozen=True)
class BatchNorm(Layer):
    """Normalizes each unit (or channel) over the batch, then scales by γ and shifts by β, both learnt, of shape (c,).

    Goes between a linear part and its activation, which it can apply itself: ``BatchNorm(activation="relu")``
    is ``BatchNorm(), Activation("relu")`` in less memory. The bias before it is dropped. ``decay`` is the
    weight of the past in the running mean and variance, which prediction uses.
    """

    decay: float = 0.9
    epsilon: float = 1e-5
    activation: str = "linear"

    def __post_init__(self) -> None:
        if not is_number(self.decay) or not 0 <= self.decay < 1:
            raise UsageError(f"batch_norm: decay must be at least 0 and less than 1, got {self.decay!r}")
        if not is_number(self.epsilon) or not 0 < self.epsilon < math.inf:
            raise UsageError(f"batch_norm: epsilon must be greater than 0, got {self.epsilon!r}")
        check_activation("batch_norm", self.activation)

    @override
    def output_shape(self, input_shape: Shape) -> Shape:
        if not input_shape:
            raise ShapeError("expects inputs of shape (n,) or (channels, height, width), got single numbers")
        return input_shape

    def parameters(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """``gamma`` (c,), starting at 1, and ``beta`` (c,), at 0."""
        return {"gamma": ParameterSpec(input_shape[:1], fill=1.0), "beta": ParameterSpec(input_shape[:1])}

    def statistics(self, input_shape: Shape) -> dict[str, ParameterSpec]:
        """``running_mean`` and ``running_variance`` (c,)."""
        return {
            "running_mean": ParameterSpec(input_shape[:1]),
            "running_variance": ParameterSpec(input_shape[:1], fill=1.0),
        }

    def forward(self, p: Tensors, x: Tensor, memory: LayerContext) -> Tensor:
        """By the batch's own mean and variance in training, by the running ones otherwise."""
        x = channels_last(x, memory) if x.dim() == 4 else x
        y, running = memory.buffer("y", x.shape, x), memory.statistics
        if not memory.training:
            mean, variance = running["running_mean"], running["running_variance"]
            y = batch_norm_at_test(x, p["gamma"], p["beta"], mean, variance, self.epsilon, out=y)
            return activate(self.activation, y, memory)
        self._check_batch(x, p["gamma"], memory)
        y, batch = batch_norm(x, p["gamma"], p["beta"], self.epsilon, memory.weights, out=y)
        if not memory.fixed_noise:
            # Every member has at least two real examples (checked before training), so all averages move alike.
            measured = batch if memory.weights is None else batch._replace(n_values=x.shape[-2])
            update_running_statistics(running["running_mean"], running["running_variance"], measured, self.decay)
        memory.kept["x"], memory.kept["batch"] = x, batch
        return activate(self.activation, y, memory)

    def backward(self, p: Tensors, g: Tensors, d_y: Tensor, memory: LayerContext) -> Tensor:
        """The hand-derived form of `leadline.equations.batch_norm`; by x alone where the statistics are running."""
        d_y = activate_backward(self.activation, d_y, memory)
        if not memory.training:
            return batch_norm_at_test_backward(d_y, p["gamma"], memory.statistics["running_variance"], self.epsilon)
        x, batch = memory.kept.pop("x"), memory.kept["batch"]
        d_x, d_gamma, d_beta = batch_norm_backward(d_y, x, p["gamma"], batch, self.epsilon, memory.weights)
        g["gamma"].copy_(d_gamma)
        g["beta"].copy_(d_beta)
        return d_x

    @property
    @override
    def adds_bias(self) -> bool:
        return True

    @property
    @override
    def in_population(self) -> Layer:
        return self

    @override
    def least_batch(self, input_shape: Shape) -> int:
        return 2 if math.prod(input_shape[1:]) == 1 else 1  # one value of a unit has no variance

    @property
    @override
    def needs_output(self) -> bool:
        return self.activation != "linear"

    def _check_batch(self, x: Tensor, gamma: Tensor, memory: LayerContext) -> None:
        """One value per unit has no variance: normalizing it would erase it."""
        if memory.weights is None and x.numel() == gamma.numel():
            raise ShapeError(
                "batch normalization cannot train on a batch of one example, which has no variance; "
                "use a batch_size that leaves at least 2 examples in every batch"
            )

    def flops(self, input_shape: Shape) -> int:
        """A multiply-add for each value at prediction time."""
        return 2 * math.prod(input_shape)

    @override
    def onnx(self, export: Any, value: str) -> str:
        tensors = [export.tensor(name) for name in ("gamma", "beta", "running_mean", "running_variance")]
        normalized = export.graph.add("BatchNormalization", value, *tensors, epsilon=self.epsilon)
        return export.activated(self.activation, normalized)
