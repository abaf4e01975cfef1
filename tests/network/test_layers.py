from __future__ import annotations

import pytest
import torch

from leadline.network import Activation, BatchNorm, Dense, Dropout, Flatten, Layer, LayerContext, ShapeError


def start(layer: Layer, *shape: int) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Random parameters of a layer, and room for their gradients."""
    shapes = {name: parameter.shape for name, parameter in layer.parameters(shape).items()}
    p = {name: torch.randn(s, dtype=torch.float64) for name, s in shapes.items()}
    return p, {name: torch.empty_like(t) for name, t in p.items()}


def test_the_first_layer_computes_no_input_derivative() -> None:
    layer, x = Dense(3, "tanh"), torch.randn(6, 4, dtype=torch.float64)
    p, g = start(layer, 4)
    memory = LayerContext(training=True, needs_input_gradient=False)
    layer.forward(p, x, memory)
    assert layer.backward(p, g, torch.ones(6, 3, dtype=torch.float64), memory) is None
    assert g["weight"].shape == (3, 4)


def test_buffers_are_used_again_in_the_next_step() -> None:
    layer, memory = Dense(3, "relu"), LayerContext(training=True)
    p, _ = start(layer, 4)
    first = layer.forward(p, torch.randn(6, 4, dtype=torch.float64), memory)
    assert layer.forward(p, torch.randn(6, 4, dtype=torch.float64), memory) is first


def test_dropout_keeps_its_mask_only_when_asked() -> None:
    layer, x = Dropout(keep_prob=0.5), torch.ones(20, 20)
    memory = LayerContext(training=True, generator=torch.Generator().manual_seed(0))
    first, second = layer.forward({}, x, memory).clone(), layer.forward({}, x, memory).clone()
    assert not torch.equal(first, second)
    memory.fixed_noise = True
    assert torch.equal(layer.forward({}, x, memory), second)
    assert torch.equal(layer.backward({}, {}, torch.ones_like(x), memory), second)


@pytest.mark.parametrize(("keep_prob", "training"), [(1, True), (0.5, False)])
def test_dropout_that_does_nothing_hands_its_input_on(keep_prob: float, training: bool) -> None:
    x = torch.randn(4, 3)
    assert Dropout(keep_prob=keep_prob).forward({}, x, LayerContext(training=training)) is x


def running(layer: BatchNorm) -> dict[str, torch.Tensor]:
    return {
        name: torch.full(parameter.shape, parameter.fill, dtype=torch.float64)
        for name, parameter in layer.statistics((3,)).items()
    }


def test_batch_norm_moves_its_running_statistics_unless_noise_is_fixed() -> None:
    layer, x = BatchNorm(decay=0.75), torch.randn(8, 3, dtype=torch.float64) + 4
    p, _ = start(layer, 3)
    memory = LayerContext(training=True, statistics=running(layer))
    layer.forward(p, x, memory)
    torch.testing.assert_close(memory.statistics["running_mean"], 0.25 * x.mean(0))
    torch.testing.assert_close(memory.statistics["running_variance"], 0.75 + 0.25 * x.var(0))
    before = {name: t.clone() for name, t in memory.statistics.items()}
    memory.fixed_noise = True
    layer.forward(p, x, memory)
    assert all(torch.equal(before[name], t) for name, t in memory.statistics.items())


def test_batch_norm_predicts_one_example_and_refuses_to_train_on_it() -> None:
    layer, x = BatchNorm(), torch.randn(1, 3, dtype=torch.float64)
    p, _ = start(layer, 3)
    memory = LayerContext(training=False, statistics=running(layer))
    torch.testing.assert_close(layer.forward(p, x, memory), p["gamma"] * x / (1 + 1e-5) ** 0.5 + p["beta"])
    memory.training = True
    with pytest.raises(ShapeError, match="batch of one example"):
        layer.forward(p, x, memory)


def test_zero_variance_gives_the_shift() -> None:
    layer, memory = BatchNorm(), LayerContext(training=True)
    memory.statistics = running(layer)
    p, g = start(layer, 3)
    y = layer.forward(p, torch.full((5, 3), 7.0, dtype=torch.float64), memory)
    torch.testing.assert_close(y, p["beta"].expand(5, 3))
    assert torch.isfinite(layer.backward(p, g, torch.ones_like(y), memory)).all()


def test_flatten_goes_back_to_the_shape_it_came_from() -> None:
    layer, memory, x = Flatten(), LayerContext(), torch.arange(24.0).reshape(2, 3, 4)
    y = layer.forward({}, x, memory)
    assert y.shape == (2, 12)
    assert layer.output_shape((3, 4)) == (12,)
    assert torch.equal(layer.backward({}, {}, y, memory), x)


def test_shapes() -> None:
    assert Activation("relu").output_shape((2, 3)) == (2, 3)
    assert Activation("relu").flops((2, 3)) == 6
    with pytest.raises(ShapeError, match="put Flatten"):
        Dense(3).output_shape((2, 3))
    with pytest.raises(ShapeError, match="single numbers"):
        BatchNorm().output_shape(())
