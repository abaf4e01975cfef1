"""What to tell the user when a pass fails: which layer, what it got and what it expects, not a tensor error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from leadline.errors import LeadlineError
from leadline.network.layer import Shape, ShapeError
from leadline.network.parameters import Parameters

if TYPE_CHECKING:
    from leadline.network.network import Network


def explain(network: Network, i: int, parameters: Parameters, x: Tensor, error: Exception) -> LeadlineError | None:
    """The reason why ``layers[i]`` failed in a pass over ``x`` with ``parameters``; None if it is none of these."""
    place = f"layers[{i}] {network.layers[i]}"
    if isinstance(error, ShapeError):
        return ShapeError(f"{place}: {error}")
    theta = parameters.theta
    if x.dtype != theta.dtype:
        names = [str(tensor.dtype).removeprefix("torch.") for tensor in (x, theta)]
        return LeadlineError(f"{place}: the inputs are {names[0]} and the parameters {names[1]}; give both one type")
    if x.device != theta.device:
        return LeadlineError(f"{place}: the inputs are on {x.device} and the parameters on {theta.device}")
    example = tuple(x.shape[2:] if parameters.members() is not None else x.shape[1:])
    try:
        return _misfit(network, parameters, example)
    except ShapeError as shape_error:
        return shape_error


def _misfit(network: Network, parameters: Parameters, example: Shape) -> ShapeError | None:
    """The first parameter whose shape is not what examples of this shape need."""
    network.shapes(example)
    needed = {slot.key: slot for slot in network.layout(example).in_layer_order()}
    given = {slot.key: slot for slot in parameters.layout.in_layer_order()}
    for key, slot in needed.items():
        got = given[key].parameter.shape if key in given else None
        if got != slot.parameter.shape:
            layer = f"layers[{slot.layer}] {network.layers[slot.layer]}"
            had = "there is none" if got is None else f"it has shape {got}"
            return ShapeError(
                f"{layer}: for inputs of shape {example}, {slot.name} must have shape {slot.parameter.shape}; {had}"
            )
    return None
