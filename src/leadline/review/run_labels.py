"""The labels of all rows that a run uses, audited and reviewed; for each task there is a kind of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from leadline.measure import Estimate, Task, proportion
from leadline.strategy import Corrections, LabelAudit, LabelPattern, LabelShare, ValueAudit
from leadline.strategy.labels import half_and_half


class AuditedLabels(ABC):
    """What the labels of every task have in common.

    Attributes:
        rows: numbers in the data of all rows that the run uses, int (m,).
        sets: the set of each: ``"train"``, ``"dev"``, ``"test"``, ``"train_dev"``, (m,).
        contents: hash of each example's inputs.
        reviews: what people have said so far and is in force.
        waiting: what they have said since; it is not applied yet.
        share: of the dev error that wrong labels explain; None where that cannot be said.
        task: of the run.

    ``audit`` holds the suspects by their position among ``rows``, ``pattern`` whether wrong labels are random or
    systematic, and ``confirmed`` whether ``share`` counts confirmed wrong labels.

    """

    rows: np.ndarray
    sets: np.ndarray
    contents: tuple[str, ...]
    reviews: Corrections
    waiting: Corrections
    share: LabelShare | None
    task: Task

    @abstractmethod
    def _parts(self) -> tuple[LabelAudit | ValueAudit, LabelPattern, bool]:
        """The audit, the pattern, and whether ``share`` counts confirmed wrong labels."""

    @property
    def contradicted(self) -> Estimate:
        """How often the out-of-fold networks contradict the label: by wrong labels, and by their own mistakes.

        For values, how few examples hold half of the error.
        """
        return proportion(int(self._parts()[0].contradicted.sum()), len(self.rows))

    def table(self, positions: Sequence[int] | np.ndarray) -> pa.Table:
        """A review queue: one line per example, with empty columns ``verdict`` and ``correction`` to be filled."""
        audit, chosen = self._parts()[0], np.asarray(positions, np.int64)
        empty = [""] * len(chosen)
        return pa.table(
            {
                "row": self.rows[chosen],
                "set": self.sets[chosen].tolist(),
                "label": [audit.label(k) for k in chosen],
                "suggestion": [audit.suggestion(k) for k in chosen],
                "quality": audit.quality[chosen].round(4),
                "verdict": empty,
                "correction": empty,
                "content": [self.contents[k] for k in chosen],
            }
        )

    def queue(self, size: int = 100, seed: int = 0) -> pa.Table:
        """Examples to review that nobody has reviewed yet; half are predicted well (`leadline.strategy.review_queue`).

        Well and badly is by the out-of-fold network, so that the closed test set is treated as the others are.
        """
        audit = self._parts()[0]
        seen = {review.row for review in (*self.reviews, *self.waiting)}
        order = half_and_half(audit.suspects, audit.contradicted, size + len(seen), seed)
        return self.table([k for k in order if self.rows[k] not in seen][:size])

    def to_json(self, most: int = 20) -> dict[str, Any]:
        """Plain values, with the clearest suspects."""
        audit, pattern, confirmed = self._parts()
        suspects = self.table(audit.suspects[:most]).drop_columns(["verdict", "correction"]).to_pylist()
        return {
            "n": len(self.rows),
            "suspects": suspects,
            "n_suspects": len(audit.suspects),
            "rate": audit.rate.to_json(),
            "contradicted": self.contradicted.to_json(),
            "pattern": pattern.to_json(),
            "share": None if self.share is None else self.share.to_json(),
            "confirmed": confirmed,
            "reviewed": len(self.reviews),
            "changed": len(self.reviews.changed),
            "waiting": len(self.waiting),
        }
