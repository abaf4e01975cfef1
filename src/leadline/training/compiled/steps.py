"""When a training's steps run as one compiled call, and how they are handed over to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from leadline.network import Dense, Network
from leadline.optimize import Adam, AdamW
from leadline.optimize.optimizer import State
from leadline.training.batches import Batches
from leadline.training.compiled.codes import ACTIVATIONS, LOSSES
from leadline.training.objective import Objective
from leadline.training.settings import TrainingSettings

Array = NDArray[Any]
MOST_FLOPS = 2e6
"""Of a step. Larger products are quicker in the libraries that torch calls; measured on one core with AVX-512."""
LEAST_STEPS = 20_000
"""Of a training. Before that, loading what is compiled takes longer than it saves."""


@dataclass(frozen=True)
class CompiledSteps:
    """The steps of one training, bound to its θ, gradient and optimizer's averages, which they move in place."""

    objective: Objective
    optimizer: Adam
    state: State
    layout: tuple[Array, Array, Array, Array, Array]
    loss: int
    work: Array

    @classmethod
    def of(
        cls,
        objective: Objective,
        loss: str,
        settings: TrainingSettings,
        state: State,
        input_shape: tuple[int, ...],
        batch_size: int,
        steps: int,
    ) -> CompiledSteps | None:
        """The compiled form of a training of ``steps`` steps in all; None where there is none, or it does not pay."""
        network = objective.network
        if steps < LEAST_STEPS or not compilable(network, loss, settings, input_shape) or not _numba_is_there():
            return None
        shapes = network.shapes(input_shape)
        flops = sum(layer.flops(shape) for layer, shape in zip(network.layers, shapes, strict=False))
        if 3 * flops * batch_size > MOST_FLOPS:
            return None
        theta, optimizer = objective.parameters.theta, settings.optimizer
        assert isinstance(optimizer, Adam)
        layers = [layer for layer in network.layers if isinstance(layer, Dense)]
        starts = {(slot.layer, slot.name): slot.start for slot in objective.parameters.layout.slots}
        widths = [input_shape[0], *(layer.units for layer in layers)]
        layout = (
            np.array(widths),
            np.array([starts[i, "weight"] for i in range(len(layers))]),
            np.array([starts[i, "bias"] for i in range(len(layers))]),
            np.array([code for code, _ in (ACTIVATIONS[layer.activation] for layer in layers)]),
            np.array([leak for _, leak in (ACTIVATIONS[layer.activation] for layer in layers)], theta.numpy().dtype),
        )
        values = sum(widths) + sum(widths[1:])  # activations of a batch, and derivatives by all but the inputs
        work = np.empty(batch_size * values, theta.numpy().dtype)
        return cls(objective, optimizer, state, layout, LOSSES[loss], work)

    def run(
        self,
        batches: Batches,
        examples: Tensor | None,
        y: Tensor,
        rates: Sequence[float],
        smoothing: float,
        out: Tensor,
    ) -> None:
        """A step for each rate; the outputs before each update go to ``out`` (m, k).

        ``examples`` are the rows to visit (None: all as they lie), ``y`` their targets in that order.
        """
        from leadline.training.compiled.kernels import run_steps

        theta, gradient = self.objective.parameters.theta, self.objective.gradients.theta
        order = np.arange(len(batches.x)) if examples is None else examples.numpy()
        optimizer, state = self.optimizer, self.state
        run_steps(
            theta.numpy(),
            gradient.numpy(),
            self.work,
            *self.layout,
            batches.x.numpy(),
            y.reshape(len(y), -1).to(theta.dtype).numpy(),
            order,
            batches.batch_size,
            out.numpy(),
            self.loss,
            theta.numpy().dtype.type(smoothing),
            float(self.objective.l2),
            self.objective.parameters.layout.n_penalized,
            state["velocity"].numpy(),
            state["square"].numpy(),
            np.array(rates, np.float64),
            state.step,
            float(optimizer.beta1),
            float(optimizer.beta2),
            float(optimizer.epsilon),
            float(optimizer.weight_decay) if isinstance(optimizer, AdamW) else 0.0,
        )
        state.step += len(rates)


def compilable(network: Network, loss: str, settings: TrainingSettings, input_shape: tuple[int, ...]) -> bool:
    """Whether the kernels know this training: dense layers with biases, Adam or AdamW, on the processor, no L1."""
    optimizer = settings.optimizer
    return (
        settings.device == "cpu"
        and loss in LOSSES
        and len(input_shape) == 1
        and all(type(layer) is Dense and _compilable(layer) for layer in network.layers)
        and network.layers[-1].needs_output is False
        and type(optimizer) in (Adam, AdamW)
        and not any(isinstance(value, Tensor) for value in vars(optimizer).values())
        and settings.l1 == 0
        and settings.clip_norm is None
    )


def _compilable(layer: Dense) -> bool:
    return layer.bias is not False and layer.activation in ACTIVATIONS


@cache
def _numba_is_there() -> bool:
    return find_spec("numba") is not None
