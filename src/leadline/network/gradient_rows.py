"""The result of a gradient check: one row for each tensor, a verdict, and whose error it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from leadline.network.differences import Differences
from leadline.network.parameters import shape_text
from leadline.text import THIN, grouped

BOUND = 1e-7
"""The difference below which a derivative is right (course 2, gradient checking)."""


@dataclass(frozen=True)
class GradientRow:
    """One derivative, compared: ``difference`` is ``‖a − b‖/(‖a‖ + ‖b‖)`` over the ``checked`` entries.

    ``verdict`` is "correct"; "zero", where both derivatives are smaller than the rounding of the differences;
    "rounding", where they agree within it but it is too large to tell to 1e-7; "kinks only", where no entry has a
    derivative; "wrong"; or "follows", where something above is wrong and hands its error
    down. ``expected`` and ``got`` are the values at ``worst_index``; ``factor`` is got/expected where that is one
    number for all entries.
    """

    name: str
    layer: int | None
    owner: str
    shape: tuple[int, ...]
    checked: int
    kinks: int
    difference: float
    worst_index: tuple[int, ...] | None
    expected: float
    got: float
    factor: float | None
    verdict: str
    penalized: bool = False
    because: str = ""

    @property
    def place(self) -> str:
        """Where the derivative is computed: ``layers[1] Dense(…)``, or the loss or penalty."""
        return f"the {'loss ' if self.name == 'loss' else ''}{self.owner}" if self.layer is None else self._layer_text()

    def _layer_text(self) -> str:
        return f"layers[{self.layer}] {self.owner}"

    def explain(self) -> str:
        """One sentence on a wrong derivative."""
        index = ", ".join(map(str, self.worst_index or ()))
        sentence = f"{self.place}: the derivative by {_what(self)} is wrong: "
        sentence += f"[{index}] is {self.got:.6g} and should be {self.expected:.6g}"
        if self.factor is None:
            return sentence + "; no one factor explains it (a missing term, or a transposed product?)"
        if abs(self.factor + 1) < 1e-5:
            return sentence + "; every sign is turned"
        return sentence + f"; every entry is {self.factor:.6g} times what it should be"


def _what(row: GradientRow) -> str:
    if row.layer is None:
        return "the output" if row.name == "loss" else "the weights"
    return "its input" if row.name.endswith(".input") else row.name


def compare(
    name: str, layer: int | None, owner: str, numeric: Differences, analytic: Tensor, penalized: bool = False
) -> GradientRow:
    """The row of one tensor: derivatives by differences against those of backward."""
    shape = tuple(analytic.shape)
    a = numeric.values
    b = analytic.reshape(-1)[numeric.entries.to(analytic.device)].cpu()
    gap, size, rounding = (a - b).norm(), a.norm() + b.norm(), numeric.rounding.norm()
    finite = bool(torch.isfinite(b).all())
    difference = float(gap / size) if finite and size > 0 else (0.0 if finite else torch.inf)
    worst = None if len(a) == 0 else int((a - b).abs().nan_to_num(torch.inf).argmax())
    index = None if worst is None else tuple(int(i) for i in torch.unravel_index(numeric.entries[worst], shape))
    if len(a) == 0:
        verdict = "kinks only"
    elif finite and size <= 2 * rounding:
        verdict, difference = "zero", 0.0
    else:
        verdict = "correct" if difference < BOUND else "rounding" if finite and gap <= rounding else "wrong"
    expected, got = (0.0, 0.0) if worst is None else (float(a[worst]), float(b[worst]))
    factor = _common_factor(a, b) if verdict == "wrong" else None
    args = (len(a), numeric.kinks, difference, index, expected, got, factor, verdict, penalized)
    return GradientRow(name, layer, owner, shape, *args)


def _common_factor(a: Tensor, b: Tensor) -> float | None:
    """c if b = c a, to about six digits."""
    factor = float(a @ b / (a @ a)) if a.any() else torch.nan
    return factor if factor == factor and float((b - factor * a).norm()) <= 1e-6 * float(b.norm()) else None


def blame(rows: list[GradientRow]) -> list[GradientRow]:
    """Tell errors of a layer's own from those handed down by the loss, a penalty or a layer above it."""
    judged: dict[str, GradientRow] = {}
    wrong = {row.name: row for row in rows if row.verdict == "wrong"}
    penalty = next((row.place for row in rows if row.name in ("l2", "l1") and row.name in wrong), "")
    above = wrong["loss"].place if "loss" in wrong else ""
    for i in sorted({row.layer for row in rows if row.layer is not None}, reverse=True):
        own = [row for row in rows if row.layer == i]
        for row in own:
            because = above or (penalty if row.penalized else "")
            if row.verdict == "wrong" and not row.name.endswith(".input") and because:
                row = replace(row, verdict="follows", because=because)
            judged[row.name] = row
        above = next((row.place for row in own if row.name.endswith(".input") and row.verdict == "wrong"), above)
    return [judged.get(row.name, row) for row in rows]


@dataclass(frozen=True)
class GradientCheck:
    """The rows of a gradient check; printing it shows a table and, below, what is wrong."""

    rows: tuple[GradientRow, ...]
    examples: int
    epsilon: float

    @property
    def passed(self) -> bool:
        """Whether no derivative is wrong."""
        return all(row.verdict not in ("wrong", "follows") for row in self.rows)

    @property
    def errors(self) -> tuple[GradientRow, ...]:
        """The wrong derivatives, without those that only follow from another."""
        return tuple(row for row in self.rows if row.verdict == "wrong")

    @property
    def worst(self) -> GradientRow:
        """The correct row with the largest difference; where something is wrong, the worst of the errors."""
        correct = [row for row in self.rows if row.verdict == "correct"]
        return max(self.errors or correct or self.rows, key=lambda row: row.difference)

    def __getitem__(self, name: str) -> GradientRow:
        return next(row for row in self.rows if row.name == name)

    def __str__(self) -> str:
        header = ("derivative by", "shape", "checked", "at kinks", "difference", "verdict")
        table = [header, *(_cells(row) for row in self.rows)]
        widths = [max(len(cells[k]) for cells in table) for k in range(len(header))]
        lines = ["  ".join(_aligned(cells, widths)).rstrip() for cells in table]
        return "\n".join([*lines, "", *self._conclusion()])

    def _conclusion(self) -> Iterable[str]:
        if self.passed:
            yield (
                f"Every derivative is right: the largest difference is {self.worst.difference:.1e} "
                f"({self.worst.name}), less than {BOUND:.0e}, on {self.examples} examples in float64."
            )
        for row in self.errors:
            yield row.explain() + "."


def _cells(row: GradientRow) -> tuple[str, ...]:
    total = int(torch.Size(row.shape).numel())
    tried = row.checked + row.kinks
    share = f"{grouped(row.checked, space=THIN)} of {grouped(total, space=THIN)}"
    checked = f"{row.checked}" if tried == total else share
    verdict = f"follows from {row.because.split(' ')[0]}" if row.layer is not None and row.because else row.verdict
    return (row.name, shape_text(row.shape), checked, str(row.kinks or ""), f"{row.difference:.1e}", verdict)


def _aligned(cells: tuple[str, ...], widths: list[int]) -> list[str]:
    padded = zip(cells, widths, strict=True)
    return [text.rjust(w) if 1 < k < 5 else text.ljust(w) for k, (text, w) in enumerate(padded)]
