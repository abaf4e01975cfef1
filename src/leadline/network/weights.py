"""How the weights of dense and convolutional layers start."""

from __future__ import annotations

import math

from leadline.equations.activations import ACTIVATIONS
from leadline.equations.initialization import STANDARD_DEVIATIONS
from leadline.errors import UsageError, nearest
from leadline.network.layer import ParameterSpec, Shape, is_number


def weight_parameter(shape: Shape, activation: str, initializer: str, gain: float) -> ParameterSpec:
    """The weight of a linear part followed by ``activation``; "auto" is He for rectifiers, Xavier for the others."""
    initializer = resolved_start(initializer, activation)
    start = "xavier" if initializer == "auto" else initializer
    return ParameterSpec(shape, std=gain * STANDARD_DEVIATIONS[start](shape), penalized=True)


def resolved_start(initializer: str, activation: str) -> str:
    """The initializer that "auto" is before a rectifier, which keeps meaning the same where the activation goes.

    Before any other activation "auto" stays: it is Xavier's, as it is for a linear part.
    """
    return "he" if initializer == "auto" and ACTIVATIONS[activation].rectifies else initializer


def check_start(layer: str, initializer: object, gain: object, bias: object) -> None:
    """Raise `UsageError` for the first of these fields of a layer that is not what it can be."""
    if initializer not in ("auto", *STANDARD_DEVIATIONS):
        hint = nearest(str(initializer), ["auto", *STANDARD_DEVIATIONS])
        raise UsageError(f"{layer}: unknown initializer '{initializer}'.{hint}")
    if not is_number(gain) or not 0 < gain < math.inf:  # type: ignore[operator]
        raise UsageError(f"{layer}: gain must be greater than 0, got {gain!r}")
    if not isinstance(bias, bool | None):
        raise UsageError(f"{layer}: bias must be true or false, got {bias!r}")
