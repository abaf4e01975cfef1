"""Whether inputs and targets go with a network and a loss: asked before anything is computed."""

from __future__ import annotations

import torch
from torch import Tensor

from leadline.equations.losses import LOSSES
from leadline.errors import LeadlineError
from leadline.network.layer import Shape, ShapeError
from leadline.network.network import Network


class TargetError(LeadlineError):
    """Targets that the output layer cannot be trained towards; the message names the layer and the values."""


def check_targets(network: Network, loss: str, x: Tensor, y: Tensor) -> None:
    """Raise one clear error unless the loss can compare the network's output for ``x`` (m, …) with ``y``.

    By the loss's task, targets are int64 (m,) for "multiclass"; float (m, 1) in [0, 1] for "binary"; float (m, k) in
    [0, 1] or NaN for "multilabel"; finite float (m, k) for "regression". Raises `ShapeError`,
    `TargetError`, or `UsageError` for an unknown loss.
    """
    task = LOSSES.lookup(loss).task
    network = network.for_loss(loss)
    if x.dim() < 2:
        raise ShapeError(f"the inputs need one axis for the examples and one for the features, got {tuple(x.shape)}")
    output_shape = network.shapes(tuple(x.shape[1:]))[-1]
    if len(x) == 0:
        raise ShapeError("there are no examples")
    if y.dim() == 0 or len(x) != len(y):
        raise ShapeError(f"{len(x)} examples need as many targets, got targets of shape {tuple(y.shape)}")
    last = f"layers[{len(network) - 1}] {network.layers[-1]}"
    if len(output_shape) != 1:
        raise ShapeError(
            f"{last}: '{loss}' takes outputs of shape (k,), got {output_shape}; end with Flatten and Dense"
        )
    if task == "multiclass":
        _check_classes(last, loss, output_shape[0], y)
    else:
        _check_values(last, loss, output_shape[0], y)


def check_batches(network: Network, input_shape: Shape, m: int, batch_size: int) -> None:
    """Raise `ShapeError` if batches of ``batch_size`` from ``m`` examples leave one alone for batch normalization."""
    batch_size = min(batch_size, m)
    if batch_size > 1 and m % batch_size != 1:
        return
    for i, (layer, shape) in enumerate(zip(network.layers, network.shapes(input_shape), strict=False)):
        if layer.least_batch(shape) > 1:
            raise ShapeError(
                f"layers[{i}] {layer}: cannot train on a batch of one example, which has no variance; "
                f"{m} examples in batches of {batch_size} give one.{_advice(m, batch_size)}"
            )


def _advice(m: int, batch_size: int) -> str:
    """The nearest batch size that leaves no example alone."""
    fitting = [size for size in range(2, m + 1) if m % size != 1]
    if not fitting:
        return " Use more examples."
    return f" Use a batch_size of {min(fitting, key=lambda size: abs(size - batch_size))}."


def _check_classes(last: str, loss: str, k: int, y: Tensor) -> None:
    """Class indices 0 … k − 1, one per example."""
    if k < 2:
        raise ShapeError(f"{last}: softmax over {k} unit is always 1; give it one unit for each class")
    if y.dim() != 1:
        raise ShapeError(f"{last}: '{loss}' takes class indices of shape (m,), got {tuple(y.shape)}")
    if y.dtype.is_floating_point or y.dtype == torch.bool:
        raise TargetError(f"{last}: class indices must be whole numbers, got targets of type {_type_name(y)}")
    _reject(last, y, (y < 0) | (y >= k), f"has {k} units, so the classes are 0 … {k - 1}")


def _check_values(last: str, loss: str, k: int, y: Tensor) -> None:
    """Numbers, one for each unit of the output layer."""
    task = LOSSES[loss].task
    if task == "binary" and k != 1:
        raise ShapeError(
            f"{last}: '{loss}' takes 1 unit, got {k}; for classes use 'softmax_cross_entropy', "
            "for several labels 'multi_label_cross_entropy'"
        )
    if y.shape != (len(y), k):
        raise ShapeError(f"{last}: '{loss}' takes targets of shape ({len(y)}, {k}), got {tuple(y.shape)}")
    if task == "regression":
        _reject(last, y, ~torch.isfinite(y), "is trained towards finite numbers")
    elif task == "binary":
        _reject(last, y, ~((y >= 0) & (y <= 1)), "is trained towards labels from 0 to 1")
    else:
        _reject(last, y, (y < 0) | (y > 1), "is trained towards labels from 0 to 1, or NaN where one is missing")


def _reject(last: str, y: Tensor, wrong: Tensor, expected: str) -> None:
    """Raise if any target is wrong, with the first of them."""
    if not wrong.any():
        return
    first = int(wrong.reshape(len(y), -1).any(1).nonzero()[0])
    value = y[wrong][0].item()
    raise TargetError(f"{last}: {expected}; got {value:g} at example {first} ({int(wrong.sum())} such values)")


def _type_name(y: Tensor) -> str:
    return str(y.dtype).removeprefix("torch.")
