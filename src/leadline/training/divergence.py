"""The guard against values that are no longer numbers: stop, go back to the last good state, say where it began."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from leadline.errors import LeadlineError
from leadline.optimize.optimizer import Optimizer, State
from leadline.training.batches import Batches
from leadline.training.objective import Objective
from leadline.training.regularization import Regularization

STEPS_BETWEEN_SNAPSHOTS = 64
NONE_FALLS = Regularization()


@dataclass(frozen=True)
class Steps:
    """Some steps of training: the examples they visit, in order (None: the whole set), and a learning rate for each."""

    examples: Tensor | None
    rates: list[float]
    regularization: Regularization = NONE_FALLS


class DivergenceError(LeadlineError):
    """Training left the finite numbers; the parameters are back at the last good state."""


class DivergenceGuard:
    """Keeps a snapshot of θ and the optimizer, and the steps since, so that a divergence can be replayed.

    ``generators`` are what the batches draw from, besides the objective's own noise.
    """

    def __init__(
        self, objective: Objective, optimizer: Optimizer, state: State, generators: Sequence[torch.Generator] = ()
    ) -> None:
        self.objective, self.optimizer, self.state = objective, optimizer, state
        own = () if objective.generator is None else (objective.generator,)
        self._generators = (*own, *generators)
        self._good = objective.parameters.clone()
        self._good_state = {name: tensor.clone() for name, tensor in state.tensors().items()}
        self._good_noise = self._noise_state()
        self._since: list[Steps] = []

    def watch(self, steps: Steps) -> None:
        """Called while all is finite, before some steps: takes a snapshot when enough have passed since the last."""
        if sum(len(earlier.rates) for earlier in self._since) >= STEPS_BETWEEN_SNAPSHOTS:
            self.forget()
        self._since.append(steps)

    def forget(self) -> None:
        """Take a snapshot now: the examples of the steps before are needed no longer."""
        if self._since:
            self.restart()

    def restart(self) -> None:
        """Take a snapshot now, for θ was set to a state from elsewhere."""
        self._good.copy_(self.objective.parameters)
        for name, tensor in self.state.tensors().items():
            self._good_state[name].copy_(tensor)
        self._good_noise = self._noise_state()
        self._since = []

    def explain(self, batches: Batches, epoch: int) -> DivergenceError:
        """Replay from the snapshot until the first value that is not finite, and say whose it is.

        θ is left at the last step whose cost was finite.
        """
        self._restore()
        parameters = self.objective.parameters
        good, place, rate = parameters.clone(), None, self._since[-1].rates[-1]
        for steps in self._since:
            self.objective.regularize(steps.regularization)
            targets, weights = batches.targets(steps.examples), batches.weights_of(steps.examples)
            for (x, y, w), rate in zip(batches.of(steps.examples, targets, weights), steps.rates, strict=True):
                start = parameters.clone()
                place = self._replay(x, y, w, rate)
                if place:
                    break
                good = start
            if place:
                break
        self.objective.parameters.copy_(good)
        return DivergenceError(
            f"training diverged in epoch {epoch + 1}: {place or 'the cost'} is no longer finite. "
            "The last good parameters are kept.\n"
            f"Try a lower learning rate (now {rate:g}) or clip_norm = 1, and look for extreme values in the inputs."
        )

    def _replay(self, x: Tensor, y: Tensor, weights: Tensor | None, rate: float) -> str | None:
        """One step with a look at every intermediate result; returns what was not finite first."""
        objective, parameters = self.objective, self.objective.parameters
        z = x
        for i, layer in enumerate(objective.network.layers):
            z = objective.network.forward_layer(i, parameters, z, objective.memories)
            if not torch.isfinite(z).all():
                return f"the output of layers[{i}] {layer}"
        if not torch.isfinite(objective.loss.cost(z, y, weights)):
            return "the cost"
        gradient = objective.gradient(z, y, weights)
        if not torch.isfinite(gradient).all():
            return f"the gradient of {_first_bad(objective.gradients.named())}"
        self.optimizer.update(parameters.theta, gradient, self.state, rate)
        if not torch.isfinite(parameters.theta).all():
            return f"the parameter {_first_bad(parameters.named())}"
        return None

    def _restore(self) -> None:
        self.objective.parameters.copy_(self._good)
        self.state.load(self._good_state)
        for generator, state in zip(self._generators, self._good_noise, strict=True):
            generator.set_state(state)

    def _noise_state(self) -> list[Tensor]:
        return [generator.get_state() for generator in self._generators]


def _first_bad(named: dict[str, Tensor]) -> str:
    return next(name for name, tensor in named.items() if not torch.isfinite(tensor).all())
