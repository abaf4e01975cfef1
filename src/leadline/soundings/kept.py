"""What soundings have trained so far, in the run's folder, so that they can go on after whatever ended them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from leadline.errors import LeadlineError
from leadline.files import append_line, json_text, read_json_lines, writing
from leadline.runs.folder import RunFolder
from leadline.runs.soundings import UNFINISHED_SOUNDINGS
from leadline.search import Variant
from leadline.soundings.measurement import Fidelity
from leadline.soundings.scores import Score
from leadline.soundings.training import Trained


@dataclass(frozen=True)
class SoundingSettings:
    """What soundings that go on have in common with those that were ended.

    ``alone`` and ``at_once`` are the seconds of an operation that `SoundingSchedule` has measured.
    """

    budget: float
    target: float | None
    fidelity: Fidelity
    alone: float
    at_once: float


@dataclass
class KeptTrainings:
    """One line for the settings and one for each training that is done; `Trained` is found again by its variant."""

    path: Path
    settings: SoundingSettings | None = None
    spent: float = 0.0
    _lines: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: RunFolder) -> KeptTrainings:
        """What soundings of the run have left that did not come to their end; nothing where there are none.

        A file that cannot be understood is of no use: the soundings begin again.
        """
        kept = cls(folder / UNFINISHED_SOUNDINGS)
        with suppress(LeadlineError, KeyError, TypeError, ValueError):
            lines = list(read_json_lines(kept.path)) if kept.path.exists() else []
            if lines:
                fidelity = Fidelity(**lines[0].pop("fidelity"))
                kept.settings = SoundingSettings(fidelity=fidelity, **lines[0])
                kept._lines = {str(line["variant"]): line for line in lines[1:]}
                kept.spent = max((float(line["spent"]) for line in lines[1:]), default=0.0)
        return kept

    def begin(self, settings: SoundingSettings) -> None:
        """Forget what there is, and write down what is the same when these soundings go on.

        `LeadlineError`: the folder cannot be written, so that nothing that is measured could be kept.
        """
        self.settings, self.spent, self._lines = settings, 0.0, {}
        self.remove()
        append_line(self.path, json_text(asdict(settings)))

    def add(self, trained: Trained, spent: float) -> None:
        """Keep a training; ``spent`` are the seconds of the budget so far. A full disk only loses the line."""
        train_dev = None if trained.train_dev is None else _plain(trained.train_dev)
        line = {
            "variant": _digest(trained.variant),
            "spent": spent,
            "n": trained.n,
            "dev": _plain(trained.dev),
            "train": _plain(trained.train),
            "train_dev": train_dev,
            "dev_errors": [float(error).hex() for error in trained.dev_errors],
            "seconds": trained.seconds,
            "stopped": trained.stopped,
        }
        with suppress(LeadlineError):
            append_line(self.path, json_text(line))

    def trained(self, variant: Variant) -> Trained | None:
        """What became of this variant; None where it has not been trained to its end."""
        line = self._lines.get(_digest(variant)) if self._lines else None
        if line is None:
            return None
        train_dev = None if line["train_dev"] is None else _score(line["train_dev"])
        errors = tuple(float.fromhex(error) for error in line["dev_errors"])
        dev, train = _score(line["dev"]), _score(line["train"])
        return Trained(variant, line["n"], dev, train, train_dev, errors, line["seconds"], line["stopped"])

    def remove(self) -> None:
        """They have come to their end."""
        with writing(self.path):
            self.path.unlink(missing_ok=True)


def _digest(variant: Variant) -> str:
    """Equal for the same training of the same examples."""
    subset = variant.resolved.subset
    examples = b"" if subset is None else subset.numpy().tobytes()
    return hashlib.sha256(variant.experiment.to_toml().encode() + b"\0" + examples).hexdigest()


def _plain(score: Score) -> list[str]:
    """A score as text that loses no bit, infinities included."""
    return [float(score.error).hex(), base64.b64encode(score.draws.astype("<f8").tobytes()).decode()]


def _score(plain: list[str]) -> Score:
    return Score(float.fromhex(plain[0]), np.frombuffer(base64.b64decode(plain[1]), "<f8").astype(float))
