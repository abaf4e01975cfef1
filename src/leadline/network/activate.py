"""How layers apply an activation by its name: over their own linear part, keeping what backward will need."""

from __future__ import annotations

from torch import Tensor

from leadline.equations.activations import ACTIVATIONS
from leadline.network.layer import LayerContext


def activate(name: str, z: Tensor, memory: LayerContext) -> Tensor:
    """a = g(z), written over ``z`` unless backward takes ``z``."""
    function = ACTIVATIONS[name]
    if function.by_input:
        memory.kept["activated"] = z
        return function.forward(z, memory.buffer("a", z.shape, z))
    a = memory.kept["activated"] = function.forward(z, z)
    return a


def activate_backward(name: str, d_a: Tensor, memory: LayerContext) -> Tensor:
    """d_z = d_a ∘ g′, written over ``d_a``."""
    return ACTIVATIONS[name].backward(d_a, memory.kept.pop("activated"), d_a)


def check_activation(layer: str, name: str) -> None:
    """Raise `UsageError` with the nearest names when ``name`` is no activation."""
    ACTIVATIONS.lookup(name, f"{layer}: ")
