"""Everything that does not fit is said before anything is computed (also tests `leadline.training.checks`)."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from leadline.errors import LeadlineError
from leadline.network import BatchNorm, Dense, Network
from leadline.training import Examples, TrainingSettings, fit
from leadline.training.checks import check_problem

X = torch.randn(9, 4)
THREE, ONE = Network([Dense(5, "relu"), Dense(3)]), Network([Dense(5, "relu"), Dense(1)])
CLASSES = torch.tensor([0, 1, 2] * 3)
NAN = float("nan")

CASES = [
    (
        THREE,
        "softmax_cross_entropy",
        CLASSES + 7,
        r"layers\[1\] Dense.*3 units, so the classes are 0 … 2; got 7 at example 0 \(9",
    ),
    (THREE, "softmax_cross_entropy", CLASSES - 1, r"layers\[1\].*got -1 at example 0 \(3 such values\)"),
    (THREE, "softmax_cross_entropy", CLASSES.float(), r"layers\[1\].*whole numbers, got targets of type float32"),
    (THREE, "softmax_cross_entropy", torch.zeros(9, 3), r"layers\[1\].*shape \(m,\), got \(9, 3\)"),
    (ONE, "softmax_cross_entropy", CLASSES, r"layers\[1\].*softmax over 1 unit"),
    (ONE, "binary_cross_entropy", torch.full((9, 1), 2.0), r"layers\[1\].*from 0 to 1; got 2 at example 0"),
    (ONE, "binary_cross_entropy", torch.full((9, 1), NAN), r"layers\[1\].*from 0 to 1; got nan"),
    (ONE, "binary_cross_entropy", torch.zeros(9), r"layers\[1\].*shape \(9, 1\), got \(9,\)"),
    (THREE, "binary_cross_entropy", torch.zeros(9, 3), r"layers\[1\].*takes 1 unit, got 3"),
    (THREE, "multi_label_cross_entropy", torch.full((9, 3), -0.5), r"layers\[1\].*NaN where one is missing; got -0.5"),
    (THREE, "multi_label_cross_entropy", torch.zeros(9, 2), r"layers\[1\].*shape \(9, 3\), got \(9, 2\)"),
    (ONE, "squared_error", torch.zeros(9), r"layers\[1\].*shape \(9, 1\), got \(9,\)"),
    (ONE, "squared_error", torch.full((9, 1), float("inf")), r"layers\[1\].*finite numbers; got inf"),
    (THREE, "softmax_cross_entropy", CLASSES[:8], "9 examples need as many targets"),
    (THREE, "softmax_cross_entropy", torch.tensor(3), "9 examples need as many targets"),
    (THREE, "softmax_crossentropy", CLASSES, "unknown loss.*Did you mean 'softmax_cross_entropy'"),
]


@pytest.mark.parametrize(("network", "loss", "y", "message"), CASES)
def test_wrong_targets_are_one_clear_error(network: Network, loss: str, y: Tensor, message: str) -> None:
    with pytest.raises(LeadlineError, match=message) as caught:
        check_problem(network, loss, X, y, 4)
    assert len(str(caught.value).splitlines()) == 1


def test_training_refuses_them_before_it_starts() -> None:
    with pytest.raises(LeadlineError, match=r"layers\[1\].*classes are 0 … 2; got 7"):
        fit(THREE, "softmax_cross_entropy", Examples(X, CLASSES + 7), settings=TrainingSettings(epochs=1))


@pytest.mark.parametrize(
    ("loss", "y"),
    [
        ("softmax_cross_entropy", CLASSES * 0),  # some classes may have no example
        ("multi_label_cross_entropy", torch.full((9, 3), NAN)),
        ("squared_error", torch.zeros(9, 3)),
    ],
)
def test_unusual_targets_that_fit_are_taken(loss: str, y: Tensor) -> None:
    check_problem(THREE, loss, X, y, 4)


def test_inputs_that_do_not_fit_name_the_layer() -> None:
    with pytest.raises(LeadlineError, match=r"layers\[0\] Dense.*expects inputs of shape \(n_in,\), got \(2, 2\)"):
        check_problem(THREE, "softmax_cross_entropy", torch.zeros(9, 2, 2), CLASSES, 4)
    with pytest.raises(LeadlineError, match="one axis for the examples"):
        check_problem(THREE, "softmax_cross_entropy", torch.zeros(9), CLASSES, 4)
    with pytest.raises(LeadlineError, match="no examples"):
        check_problem(THREE, "softmax_cross_entropy", torch.zeros(0, 4), CLASSES[:0], 4)


@pytest.mark.parametrize(
    ("m", "batch_size", "advice"),
    [(9, 4, "batch_size of 3"), (9, 1, "batch_size of 3"), (65, 64, "batch_size of 63"), (1, 8, "more")],
)
def test_a_batch_of_one_for_batch_norm(m: int, batch_size: int, advice: str) -> None:
    network = Network([Dense(5), BatchNorm(), Dense(3)])
    x, y = torch.randn(m, 4), torch.zeros(m, dtype=torch.int64)
    with pytest.raises(LeadlineError, match=rf"layers\[1\] BatchNorm.*batch of one example.*Use .*{advice}"):
        check_problem(network, "softmax_cross_entropy", x, y, batch_size)
    check_problem(THREE, "softmax_cross_entropy", x, y, batch_size)
    check_problem(network, "softmax_cross_entropy", torch.randn(8, 4), CLASSES[:8], 4)
