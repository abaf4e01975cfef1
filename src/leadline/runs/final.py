"""The final network of a run: trained once more on train and dev, for new rows, when all has been measured.

The run's errors, diagnosis and pages are of the network that did not see the dev set; this one is beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from leadline.errors import LeadlineError
from leadline.measure import Estimate
from leadline.runs.decision import Decision
from leadline.runs.folder import FINAL, RunFolder
from leadline.text import grouped


@dataclass(frozen=True)
class Final:
    """What is known of a final network.

    Attributes:
        n: examples it was trained on, those of train and dev.
        epoch: the one that it is of.
        folds: how many members left out a fold each; 0 for one training on all.
        error: of the members on the examples that they left out, in the run's metric; None without folds.
        test: of the whole on the test set, once that was opened.
        decision: how its probabilities become answers.

    """

    n: int
    epoch: int
    folds: int = 0
    error: Estimate | None = None
    test: Estimate | None = None
    decision: Decision = field(default_factory=Decision)

    @property
    def lines(self) -> list[str]:
        """What it is and what it is worth, a sentence each."""
        lines = [f"Predicts with a network trained once more on train and dev ({grouped(self.n)} examples)."]
        if self.error is not None:
            left_out = f"the error of one on what it left out is {self.error}"
            lines.append(f"Its {self.folds} members each left out a fold; {left_out}.")
        if self.test is not None:
            lines.append(f"Its test error: {self.test}.")
        return lines

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` reads back."""
        estimates = {name: getattr(self, name) for name in ("error", "test")}
        plain = {name: None if each is None else each.to_json() for name, each in estimates.items()}
        return {"n": self.n, "epoch": self.epoch, "folds": self.folds, **plain, "decision": self.decision.to_json()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Final:
        """What `to_json` described. KeyError, TypeError or ValueError: it is damaged."""
        error, test = (None if values[name] is None else Estimate.from_json(values[name]) for name in ("error", "test"))
        n, epoch, folds = (int(values[name]) for name in ("n", "epoch", "folds"))
        return cls(n, epoch, folds, error, test, Decision.from_json(values["decision"]))


def read_final(folder: RunFolder) -> Final | None:
    """What a run's folder says; None where there is no final network. `LeadlineError`: it is damaged."""
    if not (folder / FINAL).exists():
        return None
    try:
        return Final.from_json(folder.read_json(FINAL))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LeadlineError(f"{folder / FINAL} is damaged ({error!r}); delete it to predict without it.") from None


def write_final(folder: RunFolder, final: Final) -> None:
    """Write it into a run's folder."""
    folder.write_json(FINAL, final.to_json())
