"""Class weights: how much an example counts in the cost, by its class.

With the weight w(c) of each class, J = Σᵢ w(yᵢ) Lᵢ / Σᵢ w(yᵢ) over the batch, as for weights of single examples, with
which they are multiplied. "Balanced" weights m / (k m_c), with m_c of the m examples in class c, let k classes count
alike whatever their sizes (King and Zeng, 2001).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from leadline.equations.losses import LOSSES
from leadline.errors import UsageError
from leadline.training.settings import TrainingSettings


def balanced_weights(labels: np.ndarray, n_classes: int) -> list[float]:
    """m / (k m_c) for each class from class indices (m,); 1 for a class without examples, which k does not count."""
    counts = np.bincount(labels.astype(np.int64).reshape(-1), minlength=n_classes)
    present = int((counts > 0).sum())
    return [float(len(labels) / (present * count)) if count else 1.0 for count in counts]


def weights_by_label(y: Tensor, class_weights: Tensor) -> Tensor:
    """The weight of each example, (…, m), from its label and the weights (…, k) of the classes.

    Class indices (…, m), or labels (…, m, 1) from 0 to 1, which lie between the weights of two classes.
    """
    if y.is_floating_point():
        first, second = class_weights[..., :1], class_weights[..., 1:]
        return first + (second - first) * y.squeeze(-1)
    return class_weights.expand(*y.shape[:-1], class_weights.shape[-1]).gather(-1, y)


def example_weights(settings: TrainingSettings, y: Tensor, given: Tensor | None = None) -> Tensor | None:
    """How much each example of a set counts, (m,): by its class times what is ``given``; None where all count alike."""
    if settings.class_weights is None:
        return given
    by_class = weights_by_label(y, torch.tensor(settings.class_weights, dtype=settings.dtype, device=y.device))
    return by_class if given is None else by_class * given


def member_weights(members: Sequence[TrainingSettings], k: int, device: torch.device | str) -> Tensor | None:
    """The class weights of each member of a population, (P, k); None where no member has any."""
    if all(settings.class_weights is None for settings in members):
        return None
    rows = [settings.class_weights or (1.0,) * k for settings in members]
    return torch.tensor(rows, dtype=members[0].dtype, device=device)


def n_weighted_classes(loss: str, n_outputs: int) -> int:
    """How many classes the targets of a loss have whose network gives so many outputs."""
    return 2 if LOSSES[loss].task == "binary" else n_outputs


def check_class_weights(settings: TrainingSettings, loss: str, n_outputs: int) -> None:
    """Raise `UsageError` where class weights do not go with the targets."""
    weights = settings.class_weights
    if weights is None:
        return
    if LOSSES[loss].task not in ("binary", "multiclass"):
        raise UsageError(f"class_weights are for examples of one class each, which '{loss}' is not for; leave them out")
    n_classes = n_weighted_classes(loss, n_outputs)
    if len(weights) != n_classes:
        raise UsageError(f"class_weights needs a weight for each of {n_classes} classes, got {len(weights)}")
    if not all(0 < weight < float("inf") for weight in weights):
        raise UsageError(f"class_weights must be greater than 0, got {list(weights)}")
