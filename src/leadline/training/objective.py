"""The objective of one mini-batch: cost plus penalties, and its gradient by all of θ."""

from __future__ import annotations

import torch
from torch import Tensor

from leadline.equations.losses import LOSSES
from leadline.equations.penalties import l1_penalty, l1_penalty_backward, l2_penalty, l2_penalty_backward
from leadline.network import Network, Parameters
from leadline.optimize.clipping import clip_by_norm
from leadline.training.allocation import keep_freed_memory
from leadline.training.regularization import Regularization


class Objective:
    """J(θ) for batches of one network: ``cost + λ₂/(2m) Σ w² + λ₁/(2m) Σ |w|``, m the batch.

    Bound once to θ, its gradient and the layers' memories, so that a step does nothing but arithmetic.
    """

    def __init__(
        self,
        network: Network,
        loss: str,
        parameters: Parameters,
        l2: float = 0.0,
        l1: float = 0.0,
        clip_norm: float | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        self.network = network.for_loss(loss)
        self.loss = LOSSES[loss]
        self.parameters = parameters
        self.gradients = parameters.zeros_like()
        self.l2, self.l1, self.clip_norm, self.generator = l2, l1, clip_norm, generator
        self.memories = self.network.memories(parameters, training=True, generator=generator)
        if any(len(slot.parameter.shape) == 4 for slot in parameters.layout.slots):  # filters
            keep_freed_memory()
        n = parameters.layout.n_penalized
        self._weights = parameters.theta[..., :n]
        self._weight_gradients = self.gradients.theta[..., :n]
        self._d_output: dict[torch.Size, Tensor] = {}
        self._smoothing: dict[str, float] = {}

    def regularize(self, regularization: Regularization) -> None:
        """Dropout and label smoothing from now on."""
        for memory in self.memories:
            memory.dropout = regularization.dropout
        self._smoothing = {"smoothing": regularization.smoothing} if regularization.smoothing else {}

    def output(self, x: Tensor) -> Tensor:
        """The network's output in training mode; valid until the next call."""
        return self.network.forward(self.parameters, x, self.memories)

    def gradient(self, z: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
        """∇J by θ for the batch whose output is ``z``, shortened to ``clip_norm``; valid until the next call.

        Once for each `output`: layers let go of what they kept.

        ``weights`` (m,) say how much each example counts.
        """
        buffer = self._d_output.get(z.shape)
        if buffer is None:
            buffer = self._d_output[z.shape] = torch.empty_like(z)
        d_output = self.loss.backward(z, y, weights, out=buffer, **self._smoothing)
        self.network.backward(self.parameters, self.gradients, d_output, self.memories)
        m = z.shape[-2]
        if self.l2:
            l2_penalty_backward(self._weights, self.l2, m, self._weight_gradients)
        if self.l1:
            l1_penalty_backward(self._weights, self.l1, m, self._weight_gradients)
        if self.clip_norm is not None:
            clip_by_norm(self.gradients.theta, self.clip_norm, out=self.gradients.theta)
        return self.gradients.theta

    def penalty(self, m: int) -> Tensor | float:
        """The penalties' part of J for a batch of m examples."""
        value: Tensor | float = 0.0
        if self.l2:
            value = value + l2_penalty(self._weights, self.l2, m)
        if self.l1:
            value = value + l1_penalty(self._weights, self.l1, m)
        return value

    def cost(self, x: Tensor, y: Tensor) -> Tensor:
        """J for one batch."""
        z = self.output(x)
        return self.loss.cost(z, y) + self.penalty(z.shape[-2])
