"""Outputs over whole sets: in chunks by all that the layers keep."""

from __future__ import annotations

import pytest
import torch

from leadline.network import Convolution, Dense, GlobalAveragePool, Network, Residual
from leadline.training import evaluate
from leadline.training.evaluate import outputs

WIDE = Residual((Convolution(200, 1, activation="relu"), Convolution(2, 1)))
NETWORK = Network([WIDE, WIDE, GlobalAveragePool(), Dense(3)])


def test_wide_layers_inside_of_layers_count() -> None:
    assert WIDE.activation_values((2, 6, 6)) == 36 * (200 + 2 + 2)
    assert Residual((WIDE,)).activation_values((2, 6, 6)) == 36 * (200 + 2 + 2 + 2)


def test_chunks_keep_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = NETWORK.initialize((2, 6, 6), seed=1, dtype=torch.float64)
    x = torch.randn(50, 2, 6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    whole = outputs(NETWORK, parameters, x)
    sizes: list[int] = []
    forward = Network.forward

    def counted(self: Network, parameters: object, part: torch.Tensor, memories: object) -> torch.Tensor:
        sizes.append(len(part))
        return forward(self, parameters, part, memories)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(Network, "forward", counted)
    each = sum(layer.activation_values(shape) for layer, shape in zip(NETWORK, NETWORK.shapes((2, 6, 6)), strict=False))
    monkeypatch.setattr(evaluate, "KEPT_VALUES", 16 * each + 5)
    torch.testing.assert_close(outputs(NETWORK, parameters, x), whole, rtol=1e-12, atol=1e-14)
    assert sizes == [16, 16, 16, 2]
    monkeypatch.setattr(evaluate, "KEPT_VALUES", 1)
    assert outputs(NETWORK, parameters, x[:2]).shape == (2, 3)
