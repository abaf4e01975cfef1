"""Labels as people write them in a review: a class name, the labels that an example carries, or values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError, nearest

Array = NDArray[Any]
NONE, JOIN = "none", " | "
# Values are written with ten digits; what comes back is the same up to that.
CLOSE = 1e-8


class LabelText(Protocol):
    """How the labels of a task read, and back."""

    def text(self, value: Any) -> str:
        """The label of one example as text."""
        ...

    def value(self, text: str, row: int) -> Any:
        """The label that a text means. `leadline.errors.LeadlineError`: it means none."""
        ...

    def same(self, first: Any, second: Any) -> bool:
        """Whether two labels are one."""
        ...


def label_text(labels: Array, classes: Sequence[str]) -> LabelText:
    """How these labels read: class indices (m,), labels (m, k) with names, or values (m,) or (m, k) without."""
    if np.asarray(labels).ndim == 1 and classes:
        return ClassNames(tuple(classes))
    return CarriedLabels(tuple(classes)) if classes else Values()


class ClassNames:
    """One class per example, by its name."""

    def __init__(self, classes: tuple[str, ...]) -> None:
        self.classes = classes

    def text(self, value: Any) -> str:
        """As `LabelText.text`."""
        return self.classes[int(value)]

    def value(self, text: str, row: int) -> int:
        """As `LabelText.value`."""
        if text not in self.classes:
            raise LeadlineError(f"Row {row}: unknown class {text!r}.{nearest(text, self.classes)}")
        return self.classes.index(text)

    def same(self, first: Any, second: Any) -> bool:
        """As `LabelText.same`."""
        return int(first) == int(second)


class CarriedLabels:
    """Several labels per example: those that it carries, such as ``rain | wind``, unknown ones with ``?``."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names

    def text(self, value: Any) -> str:
        """As `LabelText.text`."""
        found = [name if v == 1 else f"{name}?" for name, v in zip(self.names, value, strict=True) if v != 0]
        return JOIN.join(found) or NONE

    def value(self, text: str, row: int) -> Array:
        """As `LabelText.value`."""
        found = np.zeros(len(self.names))
        for part in [part.strip() for part in text.split(JOIN.strip())]:
            if part == NONE and NONE not in self.names:
                continue
            name = part if part in self.names else part.removesuffix("?")
            if name not in self.names:
                raise LeadlineError(f"Row {row}: unknown label {part!r}.{nearest(name, self.names)}")
            found[self.names.index(name)] = 1.0 if part == name else np.nan
        return found

    def same(self, first: Any, second: Any) -> bool:
        """As `LabelText.same`."""
        return bool(np.array_equal(np.asarray(first, float), np.asarray(second, float), equal_nan=True))


class Values:
    """The value of a regression, or several with commas between."""

    def text(self, value: Any) -> str:
        """As `LabelText.text`."""
        return ", ".join(f"{v:.10g}" for v in np.atleast_1d(value))

    def value(self, text: str, row: int) -> Array:
        """As `LabelText.value`."""
        try:
            found = np.array([float(part) for part in text.split(",")])
        except ValueError:
            found = np.array([np.nan])
        if not np.isfinite(found).all():
            raise LeadlineError(f"Row {row}: {text!r} is no number.")
        return found

    def same(self, first: Any, second: Any) -> bool:
        """As `LabelText.same`."""
        return np.shape(first) == np.shape(second) and bool(np.allclose(first, second, rtol=CLOSE, atol=1e-300))
