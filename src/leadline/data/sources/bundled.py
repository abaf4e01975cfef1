"""Data sets that come with the package's own requirements, so that a first run needs no download."""

from __future__ import annotations

from typing import Any

import numpy as np

from leadline.data.sources.raw import RawArrays
from leadline.errors import UsageError

BUNDLED = ("digits",)


def read_bundled(name: str, target: Any = None) -> RawArrays:
    """``"digits"``: 1 797 scanned digits of 8×8 pixels with values 0 to 16, ten classes (scikit-learn).

    `leadline.errors.UsageError`: another ``target`` is asked for than its own.
    """
    if target not in (None, "digit"):
        raise UsageError(f"{name} has no target {target!r}: it is the digit that is predicted; leave data.target out.")
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    return RawArrays(
        name,
        name,
        np.asarray(pixels, np.float32).reshape(-1, 8, 8, 1),
        np.asarray(labels, np.int64),
        inputs_name="pixels",
        target_name="digit",
    )
