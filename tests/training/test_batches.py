from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from leadline.network import Dense, Embedding, Network, Parameters, PoolOverTime
from leadline.training import Examples, TrainingSettings, fit
from leadline.training.batches import Batches, batch_slices, default_batch_size, epoch_order, order_by_length
from leadline.training.evaluate import outputs


@settings(max_examples=50, deadline=None, derandomize=True)
@given(m=st.integers(1, 500), batch_size=st.integers(1, 70), width=st.sampled_from([1, 3, 30_000]))
def test_every_example_exactly_once_per_epoch(m: int, batch_size: int, width: int) -> None:
    """T2.08: batches of the order's examples, the last short one kept, inputs beside their targets."""
    y = torch.arange(m)
    x = y.float().unsqueeze(1).expand(m, width)
    order = epoch_order(m, torch.Generator().manual_seed(m))
    batches = Batches(x, y, batch_size)
    seen = [(a[:, 0].clone(), b.clone()) for a, b, _ in batches.of(order, batches.targets(order))]
    assert [len(b) for _, b in seen] == [s.stop - s.start for s in batch_slices(m, batch_size)]
    assert all(torch.equal(a.long(), b) for a, b in seen)
    assert sorted(torch.cat([b for _, b in seen]).tolist()) == list(range(m))


def test_order_is_new_each_epoch_and_repeats_with_the_seed() -> None:
    """T2.08: shuffled each epoch."""
    random = torch.Generator().manual_seed(3)
    first, second = epoch_order(100, random), epoch_order(100, random)
    assert not torch.equal(first, second)
    assert torch.equal(first, epoch_order(100, torch.Generator().manual_seed(3)))


@pytest.mark.parametrize(
    ("m", "size"), [(10, 10), (1_999, 1_999), (2_000, 64), (3_009, 128), (60_000, 64), (300_000, 256), (10**7, 512)]
)
def test_default_batch_size(m: int, size: int) -> None:
    """T2.08: the whole set below 2 000 examples, powers of two above."""
    assert default_batch_size(m) == size


def test_an_example_of_weight_two_counts_like_two_examples() -> None:
    random = torch.Generator().manual_seed(0)
    x, y = torch.randn(6, 3, generator=random), torch.randn(6, 1, generator=random)
    twice = torch.tensor([0, 1, 2, 3, 4, 4, 5, 5])
    weights = torch.tensor([1.0, 1, 1, 1, 2, 2])
    found = []
    for train in (Examples(x, y, weights), Examples(x[twice], y[twice])):
        trained = fit(
            Network([Dense(1)]), "squared_error", train, None, TrainingSettings(epochs=3, batch_size=len(train))
        )
        found.append((trained.parameters.theta, trained.history[-1].cost))
    assert torch.allclose(found[0][0], found[1][0], atol=1e-6)
    assert abs(found[0][1] - found[1][1]) < 1e-6


def test_weights_follow_their_examples_through_the_order() -> None:
    x = torch.arange(10.0)[:, None]
    batches = Batches(x, x, 3, x[:, 0] / 10)
    order = torch.randperm(10)
    for inputs, targets, weights in batches.of(order, batches.targets(order), batches.weights_of(order)):
        assert torch.equal(inputs, targets) and weights is not None and torch.equal(weights * 10, inputs[:, 0])


@settings(max_examples=30, deadline=None, derandomize=True)
@given(m=st.integers(1, 900), batch_size=st.integers(1, 40))
def test_sequences_of_about_the_same_length_share_a_batch(m: int, batch_size: int) -> None:
    """Every example once, also then; the short batch last; new batches in each epoch."""
    random = torch.Generator().manual_seed(m)
    lengths = torch.randint(1, 100, (m,), generator=random)
    first, second = (order_by_length(epoch_order(m, random), lengths, batch_size, random) for _ in range(2))
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(m))
    spans = [int(lengths[rows].max() - lengths[rows].min()) for rows in first.split(batch_size)]
    if m >= 300 and 5 <= batch_size <= 10:
        assert sum(spans) / len(spans) < 20  # batches at random span about 75
        assert not torch.equal(first, second)


def test_training_orders_sequences_by_length() -> None:
    network = Network([Embedding(5, 2), PoolOverTime("mean"), Dense(1)])
    x = torch.zeros(96, 40)
    for i in range(96):
        x[i, : 1 + i % 40] = 1 + i % 4
    seen: list[int] = []
    forward = Network.forward

    def watched(self: Network, parameters: Parameters, batch: Tensor, memories: object = None) -> Tensor:
        seen.append(int(self.lengths(batch).max() - self.lengths(batch).min()))  # type: ignore[union-attr]
        return forward(self, parameters, batch, memories)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Network, "forward", watched)
        chosen = TrainingSettings(epochs=1, batch_size=8)
        fit(network, "squared_error", Examples(x, torch.zeros(96, 1)), settings=chosen)
    assert len(seen) == 12 and max(seen) < 15


def test_outputs_of_sequences_stay_in_the_order_of_the_examples() -> None:
    network = Network([Embedding(5, 2), PoolOverTime("mean"), Dense(1)])
    parameters = network.initialize((6,))
    x = torch.tensor([[1, 2, 3, 4, 1, 2], [3, 0, 0, 0, 0, 0], [0] * 6, [2, 1, 0, 0, 0, 0]]).float()
    single = torch.cat([network.forward(parameters, row[None]).clone() for row in x])
    torch.testing.assert_close(outputs(network, parameters, x), single)
