"""Derivatives by the input of a network: the backward pass goes one layer further than training needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from leadline.network.network import Network
from leadline.network.parameters import Parameters


class InputGradient:
    """What depends on the outputs of some layers, as a function of the input: its derivative by the input.

    Bound once to a network with its parameters, of which no derivative is computed; dropout is off, and statistics are
    the running ones. Call `outputs`, take the derivatives of what is of interest by these outputs, and hand them to
    `backward`; buffers are reused from call to call.
    """

    def __init__(self, network: Network, parameters: Parameters, layers: Sequence[int]) -> None:
        self.network, self.parameters, self.layers = network, parameters, sorted(layers)
        self._gradients = parameters.zeros_like()
        self._memories = network.memories(parameters)
        for memory in self._memories:
            memory.needs_input_gradient, memory.needs_gradients = True, False

    def outputs(self, x: Tensor) -> dict[int, Tensor]:
        """The outputs of the layers for a batch ``x`` (m, …); computes no further than the last of them."""
        outputs = {}
        for i in range(self.layers[-1] + 1):
            x = self.network.forward_layer(i, self.parameters, x, self._memories)
            if i in self.layers:
                outputs[i] = x.clone()  # the next layer may overwrite it
        return outputs

    def backward(self, derivatives: Mapping[int, Tensor]) -> Tensor:
        """The derivative by the input of the last `outputs`, from those by the outputs of layers (shaped as these).

        Once for each call of `outputs`.
        """
        d_y: Tensor | None = None
        for i in range(max(derivatives), -1, -1):
            if i in derivatives:
                d_y = derivatives[i].clone() if d_y is None else d_y.add_(derivatives[i])
            assert d_y is not None
            own = self.parameters.layers[i], self._gradients.layers[i], d_y, self._memories[i]
            d_y = self.network.layers[i].backward(*own)
        assert d_y is not None
        return d_y
