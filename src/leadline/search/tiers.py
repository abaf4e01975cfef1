"""The default space: what to vary first, second and third (course 2, hyper-parameter tuning)."""

from __future__ import annotations

from leadline.errors import UsageError
from leadline.network.edits import hidden_layers
from leadline.search.spaces import Dimension, Space, choice, integer, log, one_minus_log
from leadline.session.plan import Plan
from leadline.training.population import trains_in_population

TIER_OF = {
    "training.learning_rate": 1,
    "training.optimizer.beta": 2,
    "training.optimizer.beta1": 2,
    "training.batch_size": 2,
    "network.units": 2,
    "network.hidden_layers": 3,
    "network.layers": 3,
    "training.schedule": 3,
    "training.schedule.type": 3,
    "training.schedule.rate": 3,
}
"""First the learning rate; then β, the batch size and the hidden units; then the layers and the decay of the rate."""
ADAPTIVE = ("adam", "adamw", "rmsprop")
BATCH_SIZES = (16, 32, 64, 128, 256, 512)
LEAST_STEPS = 4  # of an epoch, for a batch size to be worth trying


def tier_of(key: str) -> int | None:
    """The tier of a key, None for those that no tier names."""
    return TIER_OF.get(key)


def default_space(plan: Plan, tiers: int = 3) -> Space:
    """The dimensions of the first ``tiers`` tiers, around what the experiment has. `UsageError`: tiers not from 1 to 3.

    Units and batch sizes are powers of two around the experiment's, so that trials share architectures and train as
    populations.
    """
    if tiers not in (1, 2, 3):
        raise UsageError(f"search.tiers: got {tiers}, allowed: 1, 2, 3.")
    dimensions = [_learning_rate(plan)]
    if tiers >= 2:
        dimensions += [*_beta(plan), *_batch_size(plan), *_units(plan)]
    if tiers >= 3:
        dimensions += [*_layers(plan), choice("training.schedule", ["constant", "cosine"], tier=3)]
    return Space(tuple(dimensions))


def _learning_rate(plan: Plan) -> Dimension:
    adaptive = plan.training.optimizer.name in ADAPTIVE
    return log("training.learning_rate", *((1e-4, 1e-1) if adaptive else (1e-3, 1.0)), tier=1)


def _beta(plan: Plan) -> list[Dimension]:
    table = plan.experiment.training.optimizer or {}
    name = next((name for name in ("beta1", "beta") if name in table), None)
    if name is None or table.get("type") == "rmsprop":
        return []
    return [one_minus_log(f"training.optimizer.{name}", 0.8, 0.99, tier=2)]


def _batch_size(plan: Plan) -> list[Dimension]:
    m = len(plan.split.train)
    sizes: list[int | str] = [size for size in BATCH_SIZES if size * LEAST_STEPS <= m]
    size = plan.batch_size
    if size == m:
        return [choice("training.batch_size", ["full", *sizes[-2:]], tier=2)] if sizes else []
    near = [other for other in sizes if isinstance(other, int) and size / 4 <= other <= size * 4]
    return [choice("training.batch_size", sorted({*near, size}), tier=2)]


def _units(plan: Plan) -> list[Dimension]:
    units = _hidden_units(plan)
    if not units:
        return []
    middle = 2 ** round(max(units).bit_length() - 0.5) if max(units) & (max(units) - 1) else max(units)
    return [choice("network.units", [max(2, middle // 2), middle, 2 * middle], tier=2)]


def _layers(plan: Plan) -> list[Dimension]:
    n = len(_hidden_units(plan))
    return [integer("network.hidden_layers", max(1, n - 1), n + 1, tier=3)] if n else []


def _hidden_units(plan: Plan) -> list[int]:
    """Units of the hidden layers, of a member's in an ensemble, where they are dense throughout; else none."""
    layers = plan.network.member.layers
    if not trains_in_population(plan.network.member):
        return []
    return [layers[i].n_outputs or 0 for i in hidden_layers(layers, axes=1)]
