"""Data sets that come with the package's own requirements, so that a first run needs no download."""

from __future__ import annotations

import numpy as np

from leadline.data.sources.raw import RawArrays

BUNDLED = ("digits",)


def read_bundled(name: str) -> RawArrays:
    """``"digits"``: 1 797 scanned digits of 8×8 pixels with values 0 to 16, ten classes (scikit-learn)."""
    from sklearn.datasets import load_digits  # here, because importing scikit-learn takes a second

    pixels, labels = load_digits(return_X_y=True)
    return RawArrays(
        name,
        name,
        np.asarray(pixels, np.float32).reshape(-1, 8, 8, 1),
        np.asarray(labels, np.int64),
        inputs_name="pixels",
        target_name="digit",
    )
