from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.network import Dense, Network
from leadline.training import Examples, TrainingSettings, fit
from leadline.training.batches import Batches, batch_slices, default_batch_size, epoch_order


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
