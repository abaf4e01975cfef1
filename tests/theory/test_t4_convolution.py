"""T4.01 to T4.07 and T4.09: convolution, edge filters and pooling against worked matrices."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
import torch
from torch import Tensor

from leadline.equations.convolution import Window, convolution, output_size, same_padding, true_convolution
from leadline.equations.edges import at_angle, edges, horizontal, magnitude, vertical
from leadline.equations.pooling import average_pool, global_average_pool, max_pool

SIX = [
    [3, 0, 1, 2, 7, 4],
    [1, 5, 8, 9, 3, 1],
    [2, 7, 2, 5, 1, 3],
    [0, 1, 3, 1, 7, 8],
    [4, 2, 1, 6, 2, 8],
    [2, 4, 5, 2, 3, 9],
]
SEVEN = [
    [2, 3, 7, 4, 6, 2, 9],
    [6, 6, 9, 8, 7, 4, 3],
    [3, 4, 8, 3, 8, 9, 7],
    [7, 8, 3, 6, 6, 3, 4],
    [4, 2, 1, 8, 3, 4, 6],
    [3, 2, 4, 1, 9, 8, 3],
    [0, 1, 3, 9, 2, 1, 4],
]
COLUMNS = [[1, 0, -1]] * 3


def image(rows: list[list[int]] | Tensor) -> Tensor:
    return torch.as_tensor(rows, dtype=torch.float64)[None, None]


def numbers(z: Tensor) -> list[list[float]]:
    return z.squeeze(0).squeeze(0).tolist()


def test_t4_01_vertical_filter() -> None:
    """T4.01."""
    expected = [[-5, -4, 0, 8], [-10, -2, 2, 3], [0, -2, -4, -7], [-3, -2, -3, -16]]
    assert numbers(convolution(image(SIX), image(COLUMNS))) == expected
    assert torch.equal(vertical(), image(COLUMNS)[0, 0])


def test_t4_01_transposed_filter() -> None:
    """T4.01."""
    expected = [[-7, -11, 2, 4], [10, 17, 9, -3], [4, 5, -1, -7], [-7, -6, 1, 2]]
    assert numbers(convolution(image(SIX), horizontal()[None, None])) == expected


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ([[3, 4, 4], [1, 0, 2], [-1, 0, 3]], [[91, 100, 88], [69, 91, 117], [44, 72, 74]]),
        (COLUMNS, [[-13, 3, 2], [2, -5, 0], [-1, -6, 1]]),
    ],
)
def test_t4_01_stride_2(kernel: list[list[int]], expected: list[list[int]]) -> None:
    """T4.01."""
    assert numbers(convolution(image(SEVEN), image(kernel), window=Window((2, 2)))) == expected


@pytest.mark.parametrize("mode", ["valid", "same", "full"])
def test_t4_02_true_convolution_is_scipys(mode: str) -> None:
    """T4.02."""
    random = np.random.RandomState(0)
    photo, kernel = random.randn(9, 11), random.randn(3, 5)
    up, left = {"valid": (0, 0), "same": (1, 2), "full": (2, 4)}[mode]
    window = Window(padding=(up, up, left, left))
    z = true_convolution(torch.tensor(photo)[None, None], torch.tensor(kernel)[None, None], window=window)
    np.testing.assert_allclose(z[0, 0].numpy(), scipy.signal.convolve2d(photo, kernel, mode), rtol=0, atol=1e-12)


def halves() -> Tensor:
    """6×6, the left half 10, the right half 0."""
    picture = torch.zeros(1, 6, 6)
    picture[:, :, :3] = 10
    return picture


def test_t4_03_bright_half_and_dark_half() -> None:
    """T4.03."""
    assert edges(halves(), vertical()).tolist() == [[[0, 30, 30, 0]] * 4]
    assert edges(halves().flip(-1), vertical()).tolist() == [[[0, -30, -30, 0]] * 4]
    assert not edges(halves(), horizontal()).any()
    assert edges(halves().mT, horizontal()).squeeze(0).T.tolist() == [[0, 30, 30, 0]] * 4


def test_t4_03_sobel_scharr_and_any_angle() -> None:
    """T4.03."""
    assert vertical("sobel").tolist() == [[1, 0, -1], [2, 0, -2], [1, 0, -1]]
    assert vertical("scharr").tolist() == [[3, 0, -3], [10, 0, -10], [3, 0, -3]]
    assert torch.equal(horizontal("scharr"), vertical("scharr").T)
    torch.testing.assert_close(at_angle(90), vertical("sobel"), rtol=0, atol=1e-15)
    torch.testing.assert_close(at_angle(0, "scharr"), horizontal("scharr"), rtol=0, atol=1e-15)
    torch.testing.assert_close(at_angle(90 + 180), -at_angle(90), rtol=0, atol=1e-14)


@pytest.mark.parametrize("degrees", [0, 30, 45, 70, 90, 120, 160])
def test_t4_03_a_filter_answers_most_to_edges_of_its_angle(degrees: int) -> None:
    """T4.03: On a plane that falls away from an edge at the angle, the filter of that angle gives the most: 8."""
    angle = np.deg2rad(degrees)
    down, across = torch.meshgrid(torch.arange(5.0), torch.arange(5.0), indexing="ij")
    plane = (-np.sin(angle) * across - np.cos(angle) * down)[None]
    answers = {other: edges(plane, at_angle(other))[0, 1, 1].item() for other in range(0, 180, 10)}
    answers[degrees] = edges(plane, at_angle(degrees))[0, 1, 1].item()
    assert max(answers, key=lambda other: answers[other]) == degrees
    assert answers[degrees] == pytest.approx(8)
    assert magnitude(plane)[0, 2, 2].item() == pytest.approx(8)


def test_t4_03_a_margin_is_no_edge() -> None:
    """T4.03."""
    flat = torch.full((3, 4, 5), 7.0)
    assert edges(flat, vertical("sobel"), padded=True).shape == (3, 4, 5)
    assert edges(flat, at_angle(70), padded=True).abs().max() < 1e-14
    assert edges(flat, vertical("sobel")).shape == (3, 2, 3)


def test_t4_05_padding() -> None:
    """T4.05."""
    x, kernel = image(SIX), image(COLUMNS)
    assert convolution(x, kernel).shape[2:] == (4, 4)
    assert same_padding(3) == (1, 1)
    assert same_padding(5) == (2, 2)
    assert same_padding(4) == (1, 2)  # of an even filter, the odd pixel goes after
    same = convolution(x, kernel, window=Window(padding=(*same_padding(3), *same_padding(3))))
    assert same.shape[2:] == (6, 6)
    assert torch.equal(same[:, :, 1:-1, 1:-1], convolution(x, kernel))


def test_t4_06_output_size() -> None:
    """T4.06."""
    assert output_size(7, 3, 2) == 3
    assert output_size(6, 3) == 4
    assert output_size(6, 3, 1, 2) == 6
    assert output_size(8, 3, 2) == 3  # rounded down: the last column is left out
    assert convolution(image(SEVEN), image(COLUMNS), window=Window((2, 2))).shape[2:] == (3, 3)


def test_t4_07_volumes_and_several_filters() -> None:
    """T4.07: 6×6×3 with two filters 3×3×3 is 4×4×2, and each filter sums over the channels."""
    x = torch.randn(1, 3, 6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    filters = torch.stack([vertical().expand(3, 3, 3), horizontal().expand(3, 3, 3)])
    z = convolution(x, filters)
    assert z.shape == (1, 2, 4, 4)
    torch.testing.assert_close(z[0, 1], edges(x[0], horizontal()).sum(0), rtol=0, atol=1e-12)


def test_t4_09_pooling() -> None:
    """T4.09."""
    x = image([[1, 3, 2, 1], [2, 9, 1, 1], [1, 3, 2, 3], [5, 6, 1, 2]])
    halved = Window((2, 2))
    assert numbers(max_pool(x, (2, 2), halved)[0]) == [[9, 2], [6, 3]]
    assert numbers(average_pool(x, (2, 2), halved)) == [[3.75, 1.25], [3.75, 2]]
    assert global_average_pool(x).item() == 43 / 16
    five = torch.nn.functional.pad(x, (0, 1, 0, 1), value=99.0)  # floor: the fifth row and column are left out
    assert numbers(max_pool(five, (2, 2), halved)[0]) == [[9, 2], [6, 3]]
