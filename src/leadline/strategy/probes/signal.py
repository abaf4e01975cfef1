"""Is there any signal: do inputs have to do with targets at all, against targets that were shuffled?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leadline.measure.intervals import Estimate
from leadline.strategy.findings import MODERATE, STRONG, WEAK, Finding, Quantity
from leadline.strategy.probes.examined import Array, Examined
from leadline.strategy.probes.references import Reference
from leadline.strategy.probes.significance import association, mean_difference

CLEAR = 0.05
"""Any reference below this p-value, divided by how many there are, has seen a signal."""
CLEAR_OF_NETWORK = 0.001
"""The network's dev answers were chosen on the dev set as its best epoch, so they must do better than that."""
SMALL_GAIN = 0.15
"""A signal that could take off less than this share of the constant prediction's error is as good as none."""
LEAST = 100


@dataclass(frozen=True)
class Signal:
    """How closely the closest model follows targets it did not learn from: its name, association and p-value."""

    name: str
    association: float
    p_value: float
    n: int

    @property
    def seen(self) -> bool:
        """Whether there is a signal."""
        return self.p_value <= CLEAR


def signal(examined: Examined, found: Sequence[Reference]) -> Signal:
    """The clearest signal that any reference, or the network, has seen; p-values are corrected for how many looked."""
    dev, looks = examined.dev, max(1, len(found))
    tried = []
    for each in found:
        y, outputs = _held_out(examined, each)
        value, p = association(examined, y, outputs, examined.seed)
        tried.append(Signal(each.name, value, min(1.0, p * looks), len(y)))
    value, p = association(examined, dev.y, dev.outputs, examined.seed)
    scaled = min(1.0, p * CLEAR / CLEAR_OF_NETWORK)
    tried.append(Signal("the network", value, scaled, len(dev)))
    return min(tried, key=lambda each: each.p_value)


def signal_findings(examined: Examined, found: Sequence[Reference], seen: Signal) -> list[Finding]:
    """That there is nothing to learn, where no model has seen a signal and a large one would have been seen."""
    if seen.seen or not found:
        return []
    gains = [_gain(examined, each) for each in found]
    highest = max(gains, key=lambda gain: gain.interval[1])
    share = Estimate(highest.value, *highest.interval, highest.n, highest.level, "%")
    n = len(examined.train) + len(examined.dev)
    strength = STRONG if highest.interval[1] <= SMALL_GAIN else MODERATE
    names = ", ".join(each.name for each in found)
    limit = f"{max(0.0, 100 * highest.interval[1]):.0f} %"
    statement = (
        f"There is nothing to learn here that was found: neither the network nor {names} follows the targets "
        f"of examples it did not learn from better than shuffled targets would ({seen.name}: p = {seen.p_value:.2g}). "
        f"At most {limit} of the constant prediction's error could be taken off."
    )
    evidence = (
        Quantity("association with unseen targets", Estimate(seen.association, None, None, seen.n, unit="")),
        Quantity("share of the constant prediction's error taken off", share),
    )
    return [
        Finding(
            "no-signal",
            statement,
            evidence,
            strength if n >= LEAST else WEAK,
            "Do not tune this network: find inputs that have to do with the target, or check that rows and targets "
            "belong together.",
            settle="Other inputs, or many more examples, in which a small signal would show.",
        )
    ]


def _held_out(examined: Examined, reference: Reference) -> tuple[Array, Array]:
    """Targets and the reference's outputs for all examples that it did not learn from."""
    train, dev = examined.train, examined.dev
    if reference.out_of_fold is None:
        return dev.y, reference.dev
    return np.concatenate([train.y, dev.y]), np.concatenate([reference.out_of_fold, reference.dev])


def _gain(examined: Examined, reference: Reference) -> Estimate:
    """The share of the constant prediction's loss that a reference takes off, with its interval."""
    y, outputs = _held_out(examined, reference)
    constant = examined.losses(y, examined.constant(examined.train.y, len(y)))
    level = float(constant.mean()) or 1.0
    gain, _ = mean_difference((constant - examined.losses(y, outputs)) / level)
    return gain
