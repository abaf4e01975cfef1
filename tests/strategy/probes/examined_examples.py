"""Constructed examples with a network's answers, as the probes of the data take them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from leadline.data import Column
from leadline.measure import Estimate, evaluate
from leadline.strategy.probes.examined import Examined, Part
from leadline.strategy.probes.reduction import reduced


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def error(y: Any, outputs: Any) -> Estimate:
    return evaluate("error", y, outputs.argmax(1))


def rmse(y: Any, outputs: Any) -> Estimate:
    return evaluate("rmse", y, outputs)


def examined(
    x: np.ndarray,
    y: np.ndarray,
    answer: Any = None,
    names: tuple[str, ...] = (),
    dev: np.ndarray | None = None,
    seed: int = 0,
    **more: Any,
) -> Examined:
    """Examples (n, d) with targets (n,), a quarter of them dev; ``answer`` makes the network's outputs of (x, rows)."""
    n = len(x)
    classes = y.dtype.kind in "iu"
    if dev is None:
        dev = rng(seed + 1).permutation(n) < n // 4
    targets = y if classes else y[:, None]

    def constant(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
        learnt = targets[~dev]
        one = np.bincount(learnt, minlength=int(y.max()) + 1) / len(learnt) if classes else learnt.mean(0)
        return np.tile(one, (len(rows), 1))

    parts = {}
    for name, rows in (("train", np.flatnonzero(~dev)), ("dev", np.flatnonzero(dev))):
        outputs = (answer or constant)(x[rows], rows)
        parts[name] = Part(rows, np.nan_to_num(x[rows]), targets[rows], outputs)
    parts = reduced(parts, is_array=False)
    columns = tuple(Column(name, "number", x[:, j].astype(float)) for j, name in enumerate(names))
    hashes = np.unique(x, axis=0, return_inverse=True, equal_nan=True)[1].reshape(-1).astype(np.uint64)
    known = max(2, int(y.max()) + 1) if classes else 0
    made = Examined(
        task=("binary" if known == 2 else "multiclass") if classes else "regression",
        classes=tuple("abcdefghij"[:known]),
        train=parts["train"],
        dev=parts["dev"],
        error=error if classes else rmse,
        metric="error" if classes else "RMSE",
        columns=columns,
        hashes=hashes,
        matters=0.02,
    )
    return replace(made, **more)


def certain(classes: np.ndarray, k: int = 2) -> np.ndarray:
    """Probabilities (m, k) of someone who is sure of these classes."""
    return np.eye(k)[classes] * 0.98 + 0.01
