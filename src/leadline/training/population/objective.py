"""The objective of every member at once, and its gradient."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from leadline.equations.averages import Number
from leadline.equations.penalties import l1_penalty, l1_penalty_backward, l2_penalty, l2_penalty_backward
from leadline.network import Network, Parameters
from leadline.optimize.clipping import clip_by_norm
from leadline.training.population.losses import population_loss
from leadline.training.population.member_state import MemberState, number
from leadline.training.population.noise import PopulationContext
from leadline.training.population.updates import LARGE, zeros_with_margin
from leadline.training.regularization import Regularization

Pools = list[dict[str, Tensor]]


@dataclass
class PopulationGradients(Parameters):
    """∇J (P, n), for small members written by way of one contiguous tensor for each parameter.

    A batched product that writes into a part of each row is done by torch one member after another; for large members
    that costs nothing, and there are no ``parts``. They lie in ``work`` (P, n), which is free again after `collect`.
    """

    parts: list[Tensor] = field(default_factory=list)
    work: Tensor | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for slot, part in zip(self.layout.slots, self.parts, strict=False):
            self.layers[slot.layer][slot.name] = part.view(-1, *slot.parameter.shape)

    @classmethod
    def over(cls, parameters: Parameters, theta: Tensor) -> PopulationGradients:
        """Gradients for ``parameters`` that end up in ``theta``."""
        if parameters.layout.n >= LARGE:
            return cls(parameters.layout, theta)
        work = zeros_with_margin(theta)
        sizes = [slot.stop - slot.start for slot in parameters.layout.slots]
        parts = work.flatten().split([len(theta) * size for size in sizes])
        return cls(parameters.layout, theta, [], [part.view(len(theta), -1) for part in parts], work)

    def first(self, p: int) -> PopulationGradients:
        """Those of the first p members, in the same memory."""
        return PopulationGradients(self.layout, self.theta[:p], [], [part[:p] for part in self.parts])

    def collect(self) -> Tensor:
        """Bring the parts into the rows (P, n)."""
        return torch.cat(self.parts, 1, out=self.theta) if self.parts else self.theta


class PopulationObjective:
    """J(θ) of P members for their batches, each with its own λ, limit of the norm, and number of examples.

    The counterpart of `leadline.training.Objective`. The output layer computes z transposed, because products with few
    columns are slow, and leaves it as `leadline.training.population.losses` wants it.
    """

    def __init__(
        self,
        network: Network,
        loss: str,
        rows: list[MemberState],
        parameters: Parameters,
        gradients: PopulationGradients,
        pools: Pools,
    ) -> None:
        self.network, self.loss = network, population_loss(loss)
        self.parameters, self.gradients = parameters, gradients
        settings = [row.resolved.settings for row in rows]
        device = parameters.theta.device
        self.independent = rows[0].independent
        self.l2, self.l1 = (
            number([getattr(own, name) for own in settings], device, self.independent) for name in ("l2", "l1")
        )
        limits = [float("inf") if own.clip_norm is None else own.clip_norm for own in settings]
        self.clip_norm = None if min(limits) == float("inf") else number(limits, device, self.independent)
        self.memories = self._memories(rows, pools)
        n = parameters.layout.n_penalized
        self._weights, self._weight_gradients = parameters.theta[:, :n], gradients.theta[:, :n]
        self._d_output: dict[torch.Size, Tensor] = {}
        self._smoothing: dict[str, Number] = {}

    def regularize(self, members: list[Regularization]) -> None:
        """Each member's dropout and label smoothing from now on."""
        device = self.parameters.theta.device
        parts = [own.dropout for own in members]
        dropout = 1.0 if set(parts) == {1.0} else number(parts, device, self.independent)
        if isinstance(dropout, Tensor):
            dropout = dropout.to(self.parameters.theta).unsqueeze(2)
        for memory in self.memories:
            memory.dropout = dropout
        smoothing = number([own.smoothing for own in members], device, self.independent)
        self._smoothing = {"smoothing": smoothing} if _present(smoothing) else {}

    def _memories(self, rows: list[MemberState], pools: Pools) -> list[PopulationContext]:
        memories = []
        for i, plain in enumerate(self.network.memories(self.parameters, training=True)):
            memory = PopulationContext(True, plain.needs_input_gradient, None, plain.statistics, pool=pools[i])
            for name in self.network.layers[i].member_fields:
                memory.settings[name] = self._values(name, i, rows)
            memory.streams = _streams(i, rows)
            memories.append(memory)
        return memories

    def _values(self, name: str, layer: int, rows: list[MemberState]) -> Number:
        """A field of the layer for each row, (P, 1, 1), or one number for all."""
        theta = self.parameters.theta
        given = [getattr(row.resolved.network.layers[layer], name) for row in rows]
        values = number(given, theta.device, self.independent)
        return values.to(theta).unsqueeze(2) if isinstance(values, Tensor) else values

    def pad(self, weights: Tensor | None, sizes: list[int] | None) -> None:
        """From now on the batches have these weights (P, b), 0 for padding, and real sizes; None: all are full."""
        for memory in self.memories:
            memory.weights, memory.sizes = weights, sizes

    def output(self, x: Tensor, out: Tensor) -> Tensor:
        """The members' outputs in training mode, written into ``out``: a view (P, b, k) of memory (P, k, b)."""
        layers = self.network.layers
        for i in range(len(layers) - 1):
            x = layers[i].forward(self.parameters.layers[i], x, self.memories[i])
        return layers[-1].forward_transposed(self.parameters.layers[-1], x, self.memories[-1], out)

    def gradient(self, z: Tensor, y: Tensor, m: Number, weights: Tensor | None = None) -> Tensor:
        """∇J (P, n) for the batches whose outputs are ``z``, of m examples each; valid until the next call.

        ``weights`` (P, b) say how much each example counts, 0 for padding.
        """
        buffer = self._d_output.get(z.shape)
        if buffer is None:
            buffer = self._d_output[z.shape] = torch.empty_like(z)
        d_z = self.loss.backward(z, y, weights, out=buffer, **self._smoothing)
        self.network.backward(self.parameters, self.gradients, d_z, self.memories)
        gradient = self.gradients.collect()
        if _present(self.l2):
            l2_penalty_backward(self._weights, self.l2, m, self._weight_gradients)
        if _present(self.l1):
            l1_penalty_backward(self._weights, self.l1, m, self._weight_gradients)
        if self.clip_norm is not None:
            clip_by_norm(gradient, self.clip_norm, out=gradient)
        return gradient

    def penalty(self, m: Number) -> Tensor:
        """The penalties' part of each member's J, (P,), for batches of m examples."""
        value = self.parameters.theta.new_zeros(len(self.parameters.theta))
        if _present(self.l2):
            value += l2_penalty(self._weights, self.l2, m)
        if _present(self.l1):
            value += l1_penalty(self._weights, self.l1, m)
        return value


def _streams(layer: int, rows: list[MemberState]) -> list[tuple[torch.Generator, list[int]]]:
    """Each generator with the rows that draw from it in this layer."""
    members: dict[int, tuple[torch.Generator, list[int]]] = {}
    for i, row in enumerate(rows):
        if row.draws(layer):
            members.setdefault(id(row.noise), (row.noise, []))[1].append(i)
    return list(members.values())


def _present(strength: Number) -> bool:
    return isinstance(strength, Tensor) or strength != 0
