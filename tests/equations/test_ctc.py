from __future__ import annotations

import itertools

import pytest
import torch
from proof import distance, finite_differences
from torch import Tensor

from leadline.equations.ctc import beam, ctc, greedy


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def case() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Four examples of up to six steps and four classes; labels with repeats, a single one, and none at all."""
    labels = torch.tensor([[1, 2, 2], [3, 0, 0], [1, 1, 0], [0, 0, 0]])
    return draw(4, 6, 4), torch.tensor([6, 4, 5, 3]), labels, torch.tensor([3, 1, 2, 0])


def test_costs_and_derivative_equal_torchs():
    logits, steps, labels, lengths = case()
    costs, d = ctc(logits, steps, labels, lengths)
    logits.requires_grad_(True)
    log_y = torch.log_softmax(logits, 2).transpose(0, 1)
    expected = torch.nn.functional.ctc_loss(log_y, labels, steps, lengths, reduction="none")
    torch.testing.assert_close(costs, expected, rtol=0, atol=1e-10)
    (other,) = torch.autograd.grad(expected.sum(), logits)
    assert distance(d, other) < 1e-10


def test_derivative_against_finite_differences():
    logits, steps, labels, lengths = case()
    d = ctc(logits, steps, labels, lengths)[1]
    assert distance(d, finite_differences(lambda: ctc(logits, steps, labels, lengths)[0].sum(), logits)) < 1e-7


def test_cost_is_the_sum_over_all_paths():
    logits = draw(1, 4, 3)
    y = torch.softmax(logits[0], 1)
    total = 0.0
    for path in itertools.product(range(3), repeat=4):
        spelt = [c for t, c in enumerate(path) if c and (t == 0 or c != path[t - 1])]
        total += torch.stack([y[t, c] for t, c in enumerate(path)]).prod().item() if spelt == [1, 2] else 0.0
    cost, _ = ctc(logits, torch.tensor([4]), torch.tensor([[1, 2]]), torch.tensor([2]))
    assert cost.item() == pytest.approx(-torch.tensor(total).log().item(), abs=1e-6)


def test_padding_never_leaks():
    logits, steps, labels, lengths = case()
    costs, d = ctc(logits, steps, labels, lengths)
    alone, d_alone = ctc(logits[1:2, :4], steps[1:2], labels[1:2, :1], lengths[1:2])
    torch.testing.assert_close(costs[1:2], alone, rtol=0, atol=1e-12)
    torch.testing.assert_close(d[1, :4], d_alone[0], rtol=0, atol=1e-12)
    assert (d[1, 4:] == 0).all()


def test_labels_that_no_path_of_so_few_steps_can_spell():
    cost, d = ctc(draw(1, 2, 3), torch.tensor([2]), torch.tensor([[1, 1]]), torch.tensor([2]))
    assert cost.item() == torch.inf
    assert (d == 0).all()


def test_greedy_and_beam_decoding():
    y = torch.tensor([[0.2, 0.6, 0.2], [0.3, 0.3, 0.4], [0.2, 0.2, 0.6]], dtype=torch.float64).log()
    assert greedy(y[None], torch.tensor([3])) == [[1, 2]]
    # The likeliest single path is all blanks (0.36), yet "a" is likelier (0.64): the sum over its three paths.
    flat = torch.tensor([[0.6, 0.4], [0.6, 0.4]], dtype=torch.float64).log()
    assert greedy(flat[None], torch.tensor([2])) == [[]]
    labels, log_p = beam(flat, width=4)
    assert labels == [1]
    assert log_p == pytest.approx(torch.tensor(0.64).log().item(), abs=1e-6)


def test_a_wide_beam_finds_the_best_of_all_sequences():
    logits = draw(4, 3, seed=5)
    every: list[list[int]] = [list(s) for n in range(5) for s in itertools.product([1, 2], repeat=n)]

    def log_p(labels: list[int]) -> float:
        padded = torch.tensor([labels or [0]])
        return -ctc(logits[None], torch.tensor([4]), padded, torch.tensor([len(labels)]))[0].item()

    best = max(every, key=log_p)
    labels, found = beam(logits, width=64)
    assert labels == best
    assert found == pytest.approx(log_p(best), abs=1e-9)
