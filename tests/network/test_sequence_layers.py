"""Layers over sequences (T5.01 to T5.10): differences, torch's modules with the same weights, and padding."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from leadline.errors import LeadlineError, UsageError
from leadline.network import (
    GRU,
    LSTM,
    Activation,
    Attention,
    Concatenate,
    Convolution1D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Last,
    Layer,
    LayerContext,
    LayerNorm,
    Network,
    Parameters,
    PoolOverTime,
    Position,
    Residual,
    Series,
    ShapeError,
    SimpleRecurrent,
    TransformerBlock,
    gradient_check,
    layer_from_config,
)

STEPS = 11
BODIES: dict[str, list[Layer]] = {
    "simple": [SimpleRecurrent(4), Last()],
    "simple both": [SimpleRecurrent(4, bidirectional=True), PoolOverTime("mean")],
    "gru": [GRU(4, last=True)],
    "gru both": [GRU(4, bidirectional=True), GRU(3, bidirectional=True, last=True)],
    "lstm": [LSTM(4, last=True)],
    "lstm both": [LSTM(4, bidirectional=True), LSTM(3, last=True)],
    "same": [Convolution1D(5, 3, activation="tanh"), PoolOverTime()],
    "valid": [Convolution1D(5, 2, padding="valid"), Convolution1D(4, 2, 2, padding="valid"), PoolOverTime("mean")],
    "causal": [Convolution1D(5, 3, padding="causal", dilation=2, activation="tanh"), Last()],
    "margin": [Convolution1D(5, 4, stride=2, padding=1), Last()],
    "norm": [LayerNorm(), Activation("tanh"), PoolOverTime("mean")],
    "attention": [Position(), Attention(2), PoolOverTime("mean")],
    "causal attention": [Position(learnt=True), Attention(3, causal=True), Last()],
    "block": [Position(), TransformerBlock(2, 5, "tanh"), PoolOverTime()],
    "branches": [Concatenate([[Convolution1D(3, 2), PoolOverTime()], [Convolution1D(2, 3), PoolOverTime()]])],
    "residual": [Residual([Convolution1D(6, 3, activation="tanh")]), PoolOverTime("mean")],
}
TORCH_OF = {SimpleRecurrent: nn.RNN, GRU: nn.GRU, LSTM: nn.LSTM}


def tokens(*lengths: int, steps: int = STEPS) -> Tensor:
    """Examples of these lengths, each with tokens of its own from 1 to 8, padded with 0."""
    x = torch.zeros(len(lengths), steps, dtype=torch.float64)
    for i, length in enumerate(lengths):
        x[i, :length] = torch.randint(1, 9, (length,), generator=torch.Generator().manual_seed(length)).double()
    return x


def network(body: list[Layer]) -> Network:
    return Network([Embedding(9, 6, std=0.5), *body, Dense(3)])


def passes(net: Network, parameters: Parameters, x: Tensor, d_y: Tensor) -> tuple[Tensor, Tensor]:
    """The output, and the gradient of Σ d_y ∘ output."""
    gradients, memories = parameters.zeros_like(), net.memories(parameters, training=True)
    output = net.forward(parameters, x, memories).clone()
    net.backward(parameters, gradients, d_y.clone(), memories)
    return output, gradients.theta


@pytest.mark.parametrize("name", BODIES)
def test_gradients(name: str) -> None:
    """T5.01 to T5.10 as layers: every derivative against differences, for sequences of different lengths."""
    check = gradient_check(
        network(BODIES[name]), tokens(11, 3, 7, 5, 6, 2), torch.arange(6) % 3, "softmax_cross_entropy", l2=0.1
    )
    assert check.passed, str(check)


@pytest.mark.parametrize("name", BODIES)
def test_padding_never_leaks(name: str) -> None:
    """An example alone, in a batch of longer ones, and at another place: the same output and gradient."""
    net = network(BODIES[name])
    parameters = net.initialize((STEPS,), seed=1, dtype=torch.float64)
    d_y = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    whole, gradient = passes(net, parameters, tokens(5, 11, 3, 8), d_y)
    alone = [passes(net, parameters, tokens(n, steps=n), d_y[i : i + 1]) for i, n in enumerate((5, 11, 3, 8))]
    torch.testing.assert_close(whole, torch.cat([output for output, _ in alone]), rtol=0, atol=1e-12)
    torch.testing.assert_close(gradient, sum(own for _, own in alone), rtol=0, atol=1e-12)
    moved, same = passes(net, parameters, tokens(8, 3, 5, 11), d_y[[3, 2, 0, 1]])
    torch.testing.assert_close(moved, whole[[3, 2, 0, 1]], rtol=0, atol=1e-12)
    torch.testing.assert_close(same, gradient, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", BODIES)
def test_an_empty_sequence_has_an_output_and_moves_nothing_of_the_others(name: str) -> None:
    net = network(BODIES[name])
    parameters = net.initialize((STEPS,), seed=1, dtype=torch.float64)
    d_y = torch.ones(2, 3, dtype=torch.float64)
    both, gradient = passes(net, parameters, tokens(0, 6), d_y)
    assert torch.isfinite(both).all()
    assert torch.isfinite(gradient).all()
    alone, _ = passes(net, parameters, tokens(6), d_y[1:])
    torch.testing.assert_close(both[1:], alone, rtol=0, atol=1e-12)
    empty, _ = passes(net, parameters, tokens(0, 0), d_y)
    torch.testing.assert_close(empty[0], both[0], rtol=0, atol=1e-12)


def test_a_batch_is_cut_to_its_longest_sequence() -> None:
    """Memory follows the longest of a batch, where the layers take any length."""
    net = network([LSTM(4, last=True)])
    memories = net.memories(net.initialize((100,)))
    net.forward(net.initialize((100,)), tokens(5, 3, steps=100).float(), memories)
    assert memories[1].kept["trace"].x.shape[1] == 8
    fixed = Network([Embedding(9, 2), Flatten(), Dense(3)])
    assert fixed.forward(fixed.initialize((100,)), tokens(5, 3, steps=100).float()).shape == (2, 3)


def test_series_of_different_lengths_as_rows_of_numbers() -> None:
    """The last number of a row says how many of its steps count; what stands behind them changes nothing."""
    net = Network([Series(STEPS, 2, ragged=True), Convolution1D(3, 3, activation="tanh"), LSTM(4, last=True), Dense(3)])
    x = torch.randn(6, STEPS * 2 + 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x[:, -1] = torch.tensor([11, 3, 7, 5, 6, 1])
    check = gradient_check(net, x, torch.arange(6) % 3, "softmax_cross_entropy")
    assert check.passed, str(check)
    parameters = net.initialize((STEPS * 2 + 1,), dtype=torch.float64)
    d_y = torch.ones(6, 3, dtype=torch.float64)
    before, gradient = passes(net, parameters, x, d_y)
    other = x.clone()
    for row, length in zip(other, x[:, -1].int().tolist(), strict=True):
        row[2 * length : -1] = 99
    after, same = passes(net, parameters, other, d_y)
    assert torch.equal(before, after)
    assert torch.equal(gradient, same)
    assert net.lengths(x).tolist() == [11, 3, 7, 5, 6, 1]  # type: ignore[union-attr]
    with pytest.raises(ShapeError, match="expects examples of shape"):
        Network([Series(4, 2)]).shapes((9,))


def test_embedding_adds_up_equal_tokens_and_leaves_padding_alone() -> None:
    """T5.01."""
    net = Network([Embedding(5, 2), PoolOverTime("mean")])
    parameters = net.initialize((4,), dtype=torch.float64)
    x = torch.tensor([[3, 3, 1, 0]], dtype=torch.float64)
    output, gradient = passes(net, parameters, x, torch.ones(1, 2, dtype=torch.float64))
    weight = parameters.layers[0]["weight"]
    torch.testing.assert_close(output[0], (2 * weight[3] + weight[1]) / 3)
    torch.testing.assert_close(gradient.view(5, 2)[:, 0], torch.tensor([0, 1 / 3, 0, 2 / 3, 0], dtype=torch.float64))
    torch.testing.assert_close(output, passes(net, parameters, x.int(), torch.ones(1, 2, dtype=torch.float64))[0])


@pytest.mark.parametrize("kind", TORCH_OF)
@pytest.mark.parametrize("last", [False, True])
def test_torch_recurrent_layers_packed(kind: type[Layer], last: bool) -> None:
    """T5.05: both directions, two layers, last step or every step, equal to torch's own, padded and packed."""
    layers = [kind(4, bidirectional=True), kind(4, bidirectional=True, last=last)]  # type: ignore[call-arg]
    net = Network(layers)
    parameters = net.initialize((STEPS, 3), dtype=torch.float64)
    theirs = TORCH_OF[kind](3, 4, num_layers=2, bidirectional=True, batch_first=True).double()
    names = {"weight": "weight_ih", "recurrent": "weight_hh", "bias": "bias_ih", "recurrent_bias": "bias_hh"}
    with torch.no_grad():
        for tensor in theirs.parameters():
            tensor.zero_()
        for i, layer in enumerate(parameters.layers):
            for name, tensor in layer.items():
                end = "_reverse" if name.startswith("reverse.") else ""
                getattr(theirs, f"{names[name.removeprefix('reverse.')]}_l{i}{end}").copy_(tensor)
    lengths = torch.tensor([11, 4, 7])
    x = torch.randn(3, STEPS, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    memories = net.memories(parameters, training=True)
    memories[0].lengths = lengths
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    outputs, state = theirs(packed)
    padded = nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True)[0]
    h = state[0] if kind is LSTM else state
    expected = torch.cat([h[2], h[3]], 1) if last else padded
    y = net.forward(parameters, x, memories)
    torch.testing.assert_close(y, expected, rtol=0, atol=1e-10)
    d_y = torch.randn(y.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    expected.backward(d_y)
    gradients = parameters.zeros_like()
    net.backward(parameters, gradients, d_y, memories)
    for i, layer in enumerate(gradients.layers):
        for name, tensor in layer.items():
            end = "_reverse" if name.startswith("reverse.") else ""
            grad = getattr(theirs, f"{names[name.removeprefix('reverse.')]}_l{i}{end}").grad
            torch.testing.assert_close(tensor, grad, rtol=0, atol=1e-10)


@pytest.mark.parametrize("causal", [False, True])
def test_torch_transformer_encoder_layer(causal: bool) -> None:
    """T5.10: torch.nn.TransformerEncoderLayer(norm_first=True) with its weights, and a mask for padding."""
    block = TransformerBlock(2, 7, causal=causal)
    net = Network([block])
    theirs = nn.TransformerEncoderLayer(6, 2, 7, dropout=0.0, batch_first=True, norm_first=True).double().train()
    parameters = net.initialize((STEPS, 6), dtype=torch.float64)
    pairs = {
        "attention.body.0.gamma": theirs.norm1.weight,
        "attention.body.0.beta": theirs.norm1.bias,
        "attention.body.1.weight": theirs.self_attn.in_proj_weight,
        "attention.body.1.bias": theirs.self_attn.in_proj_bias,
        "attention.body.1.output_weight": theirs.self_attn.out_proj.weight,
        "attention.body.1.output_bias": theirs.self_attn.out_proj.bias,
        "dense.body.0.gamma": theirs.norm2.weight,
        "dense.body.0.beta": theirs.norm2.bias,
        "dense.body.1.weight": theirs.linear1.weight,
        "dense.body.1.bias": theirs.linear1.bias,
        "dense.body.2.weight": theirs.linear2.weight,
        "dense.body.2.bias": theirs.linear2.bias,
    }
    assert set(parameters.layers[0]) == set(pairs)
    for name, tensor in pairs.items():
        own = parameters.layers[0][name]
        own.copy_(tensor.detach().view(own.shape))
    lengths = torch.tensor([11, 4, 7])
    real = torch.arange(STEPS) < lengths[:, None]
    x = torch.randn(3, STEPS, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * real[:, :, None]
    future = ~torch.ones(STEPS, STEPS, dtype=torch.bool).tril() if causal else None
    expected = theirs(x, src_mask=future, src_key_padding_mask=~real)[real]
    memories = net.memories(parameters, training=True)
    memories[0].lengths = lengths
    y = net.forward(parameters, x, memories)
    torch.testing.assert_close(y[real], expected, rtol=0, atol=1e-10)
    d_y = torch.randn(y.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * real[:, :, None]
    expected.backward(d_y[real])
    gradients = parameters.zeros_like()
    net.backward(parameters, gradients, d_y.clone(), memories)
    for name, tensor in pairs.items():
        own = gradients.layers[0][name]
        assert tensor.grad is not None
        torch.testing.assert_close(own, tensor.grad.view(own.shape), rtol=0, atol=1e-10)


@pytest.mark.parametrize(("size", "stride", "padding", "dilation"), [(3, 1, 1, 1), (4, 2, 0, 1), (2, 1, 3, 2)])
def test_torch_convolution_along_one_axis(size: int, stride: int, padding: int, dilation: int) -> None:
    """T5.06."""
    layer = Convolution1D(5, size, stride, padding or "valid", dilation)
    net = Network([layer])
    parameters = net.initialize((STEPS, 3), dtype=torch.float64)
    x = torch.randn(4, STEPS, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    p = parameters.layers[0]
    expected = nn.functional.conv1d(x.mT, p["weight"], p["bias"], stride, padding, dilation).mT
    y = net.forward(parameters, x)
    torch.testing.assert_close(y, expected, rtol=0, atol=1e-10)
    assert tuple(y.shape[1:]) == layer.output_shape((STEPS, 3))


def test_a_causal_layer_sees_no_later_step() -> None:
    for layer in (
        Convolution1D(6, 3, padding="causal"),
        Attention(2, causal=True),
        TransformerBlock(2, 4, causal=True),
    ):
        net = Network([layer])
        parameters = net.initialize((6, 6), dtype=torch.float64)
        x = torch.randn(1, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        before = net.forward(parameters, x).clone()
        x[:, 4] += 1
        after = net.forward(parameters, x)
        assert torch.equal(before[:, :4], after[:, :4])
        assert not torch.allclose(before[:, 4:], after[:, 4:])


def test_parameters_as_torch_stores_them() -> None:
    """T5.03 and T5.04: 1 920 and 2 560 of torch's parameters; our LSTM has one of torch's two equal biases."""
    assert Network([GRU(20)]).layout((7, 10)).n == 1920
    assert Network([LSTM(20)]).layout((7, 10)).n == 2560 - 80
    start = Network([LSTM(2)]).initialize((7, 10)).layers[0]["bias"]
    assert start.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]


@pytest.mark.parametrize("name", BODIES)
def test_written_read_and_summed_up(name: str) -> None:
    net = network(BODIES[name])
    assert Network.from_config(net.config()) == net
    assert eval(repr(net), {**globals()}) == net  # a network prints as Python takes it
    summary = net.summary((STEPS,))
    assert summary.parameters == net.layout((STEPS,)).n
    assert all(row.flops > 0 for row in summary.layers if row.layer.depth and not isinstance(row.layer, Embedding))
    assert "embedding" in net.graph_svg((STEPS,))


def test_dropout_draws_from_the_trainings_generator() -> None:
    net = Network([Embedding(9, 4), TransformerBlock(2, 4, keep_prob=0.5), PoolOverTime(), Dropout(keep_prob=0.5)])
    parameters = net.initialize((STEPS,))
    x = tokens(4, 9).float()
    outputs = [
        net.forward(parameters, x, net.memories(parameters, True, torch.Generator().manual_seed(s))) for s in (0, 0, 1)
    ]
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Embedding(1, 3), "tokens must be"),
        (lambda: Embedding(5, 0), "units must be"),
        (lambda: Embedding(5, 3, std=0.0), "std must be"),
        (lambda: GRU(0), "units must be"),
        (lambda: LSTM(3, last=1), "last must be"),  # type: ignore[arg-type]
        (lambda: LSTM(3, truncate=0), "truncate must be"),
        (lambda: Convolution1D(3, padding="full"), "unknown padding"),
        (lambda: Convolution1D(3, padding=-1), "padding must be"),
        (lambda: PoolOverTime("sum"), "unknown by 'sum'"),
        (lambda: Series(0), "steps must be"),
        (lambda: Series(3, ragged=1), "ragged must be"),  # type: ignore[arg-type]
        (lambda: Attention(0), "heads must be"),
        (lambda: TransformerBlock(2, 3, keep_prob=0), "keep_prob must be"),
        (lambda: Position(learnt=2), "learnt must be"),  # type: ignore[arg-type]
        (lambda: LayerNorm(0), "epsilon must be"),
    ],
)
def test_wrong_values(make: Callable[[], Layer], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()


@pytest.mark.parametrize(
    ("layers", "shape", "message"),
    [
        ([Embedding(5, 3)], (4, 2), "expects tokens of shape"),
        ([LSTM(3)], (4,), "expects sequences of shape"),
        ([Attention(2)], (4, 3), "cannot be cut into 2 equal heads"),
        ([Convolution1D(3, 5, padding="valid")], (4, 3), "spans 5 steps"),
        ([LayerNorm()], (1, 2, 3), "expects inputs of shape"),
    ],
)
def test_wrong_shapes(layers: list[Layer], shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        Network(layers).shapes(shape)


def test_tokens_that_the_table_does_not_have() -> None:
    net = Network([Embedding(5, 3), Last()])
    parameters = net.initialize((4,))
    for wrong in (5.0, -1.0):
        with pytest.raises(ShapeError, match=f"layers\\[0\\].*from 0 to 4, got {wrong:g}"):
            net.forward(parameters, torch.tensor([[1.0, wrong, 0.0, 0.0]]))
    longer = Network([Embedding(5, 3), Position(learnt=True), Last()])
    with pytest.raises(ShapeError, match="has learnt 2 positions, and a sequence has 4 steps"):
        longer.forward(longer.initialize((2,)), torch.ones(1, 4))


def test_no_onnx_form_in_one_line() -> None:
    class Export:
        place = "layers.1"

    for layer in (Embedding(5, 2), LSTM(3), Attention(), TransformerBlock(1, 2), Last(), Convolution1D(2)):
        with pytest.raises(LeadlineError, match=r"layers.1 .* cannot be exported: layers over sequences"):
            layer.onnx(Export(), "x")


def test_layers_in_experiment_files() -> None:
    assert layer_from_config({"type": "convolution1d", "filters": 3}) == Convolution1D(3)
    assert layer_from_config({"type": "lstm", "units": 3, "last": True}) == LSTM(3, last=True)
    assert layer_from_config({"type": "pool_over_time", "by": "mean"}) == PoolOverTime("mean")
    assert LayerContext().lengths is None
