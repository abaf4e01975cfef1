"""What a network uses: how much worse it predicts held-out examples when one column is shuffled among them.

Shuffling a column keeps its values and breaks what they have to do with the target and the other columns (Breiman,
2001; Fisher, Rudin and Dominici, 2019). The mean increase of the loss is one over pairs of examples, whose values meet:
an example counts by the increase that it has, and by that which its value gives others (Hoeffding, 1948). What several
columns say alike is little missed of each of them alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.measure import Estimate, mean_interval

Array = NDArray[Any]
REPEATS = 5
NEARLY_ALL = 0.9
"""A column that holds so much of what the network knows is worth a look: it may tell the target itself."""


@dataclass(frozen=True)
class ColumnImportance:
    """One column: ``increase`` of the loss when it is shuffled, and ``share``, that of what the network gains in all.

    The gain in all is how much less the loss is than that of the best constant; a share may be above 1.
    """

    column: str
    increase: Estimate
    share: float

    @property
    def useless(self) -> bool:
        """Whether nothing tells that the network does better with the column than without its information."""
        return self.increase.interval[0] <= 0

    @property
    def suspicious(self) -> bool:
        """Whether the network lives from this column nearly alone."""
        return not self.useless and self.share >= NEARLY_ALL

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` reads back."""
        return {"column": self.column, "increase": self.increase.to_json(), "share": self.share}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ColumnImportance:
        """What `to_json` described."""
        return cls(str(values["column"]), Estimate.from_json(values["increase"]), float(values["share"]))


@dataclass(frozen=True)
class Importance:
    """The columns, those first that are missed most; ``loss`` is what was measured, as text."""

    columns: tuple[ColumnImportance, ...]
    loss: str

    @property
    def title(self) -> str:
        """What is shown of a column: by how much the loss grows without what it says."""
        return f"{self.loss} {'falls' if self.loss == 'R²' else 'grows'} by"

    @property
    def lines(self) -> list[str]:
        """Which columns look suspicious, and which useless, a sentence each; empty where none does."""
        lines = []
        # An only column, such as a text, holds all that is known and is no leak for that.
        suspicious = [each for each in self.columns if each.suspicious and len(self.columns) > 1]
        for each in suspicious[:1]:
            lines.append(
                f"Nearly all that the network knows is in '{each.column}' ({100 * min(each.share, 1):.0f} %): "
                "is it known before the target is, or made from it?"
            )
        useless = [each.column for each in self.columns if each.useless]
        if useless:
            shown = ", ".join(useless[:8]) + (f" and {len(useless) - 8} more" if len(useless) > 8 else "")
            lines.append(f"Shuffling one of these columns does not hurt clearly, so it may be left out: {shown}.")
        return lines

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` reads back."""
        return {"loss": self.loss, "columns": [each.to_json() for each in self.columns]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Importance:
        """What `to_json` described."""
        return cls(tuple(ColumnImportance.from_json(each) for each in values["columns"]), str(values["loss"]))


def permutation_importance(
    inputs: Array,
    columns: Mapping[str, Sequence[int]],
    losses: Callable[[Array], Array],
    constant: Array,
    loss: str,
    groups: Array | None = None,
    seed: int = 0,
    repeats: int = REPEATS,
) -> Importance:
    """How much the loss of examples grows when the values of one column are shuffled among them.

    Args:
        inputs: prepared, (m, n).
        columns: by name, the places among the n inputs that a column became; they are shuffled together.
        losses: the loss of each example for such inputs, (m,).
        constant: that of the best constant answer, (m,): what the network gains in all is measured from there.
        loss: what it is called.
        groups: which examples go together, (m,), for the intervals.
        seed: of the shuffles.
        repeats: shuffles of each column.

    """
    random, before = np.random.default_rng(seed), losses(inputs)
    gain = float(constant.mean() - before.mean())
    measured = []
    for name, places in columns.items():
        received, given = np.zeros(len(inputs)), np.zeros(len(inputs))
        for _ in range(repeats):
            order, shuffled = random.permutation(len(inputs)), inputs.copy()
            shuffled[:, places] = inputs[order][:, places]
            grown = (losses(shuffled) - before) / repeats
            received += grown
            given[order] += grown
        increase = mean_interval(received + given - received.mean(), groups=groups)
        share = increase.value / gain if gain > 0 else 0.0
        measured.append(ColumnImportance(name, increase, share))
    return Importance(tuple(sorted(measured, key=lambda each: -each.increase.value)), loss)
