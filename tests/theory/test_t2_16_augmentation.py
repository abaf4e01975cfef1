"""T2.16: data augmentation changes training images alone, leaves labels as they are, and repeats with its seed."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from leadline.data.augmentation import Augmentation, Augmenter, colour, geometry
from leadline.data.augmentation.augmenter import Pixels

SHAPE = (9, 9, 3)
OFF = ((torch.ones(()), torch.zeros(())), (torch.zeros(()), torch.ones(())))


def images(m: int = 64, shape: tuple[int, int, int] = SHAPE, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.rand(m, math.prod(shape), generator=torch.Generator().manual_seed(3), dtype=dtype)


def augmenter(shape: tuple[int, int, int] = SHAPE, seed: int = 0, pixels: Pixels | None = None, **keys) -> Augmenter:
    return Augmenter(Augmentation(**keys), shape, torch.Generator().manual_seed(seed), pixels)


def resampled(x: Tensor, matrix=OFF, shift: tuple[float, float] = (0.0, 0.0), **mode: str) -> Tensor:
    """One resampling of images (m, h, w, c) by a matrix for all of them and a shift across and down."""
    m, height, width, _ = x.shape
    shifts = tuple(torch.full((m,), value, dtype=x.dtype) for value in shift)
    grid = geometry.sampling_grid((height, width), matrix, (shifts[0], shifts[1]))
    options = {"padding_mode": "zeros"} | mode
    out = torch.nn.functional.grid_sample(x.permute(0, 3, 1, 2), grid, align_corners=True, **options)
    return out.permute(0, 2, 3, 1)


# --- one resampling equals the sequence of exact transforms ------------------------------------------------------


@pytest.mark.parametrize("turns", [1, 2, 3, -1])
def test_t2_16_a_quarter_turn_is_the_exact_one(turns: int):
    x = images().view(-1, *SHAPE)
    matrix = geometry.inverse_linear(torch.tensor(turns * math.pi / 2, dtype=x.dtype), 0.0, 1.0, (1.0, 1.0))
    torch.testing.assert_close(resampled(x, matrix), torch.rot90(x, turns, (1, 2)), rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", [(9, 9, 3), (6, 10, 1)])
@pytest.mark.parametrize(("across", "down"), [(-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)])
def test_t2_16_a_mirrored_grid_is_the_exact_flip(across: float, down: float, shape: tuple[int, int, int]):
    x = images(shape=shape).view(-1, *shape)
    axes = [axis for axis, sign in ((2, across), (1, down)) if sign < 0]
    found = resampled(x, geometry.inverse_linear(0.0, 0.0, 1.0, (across, down)))
    torch.testing.assert_close(found, x.flip(axes), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("across", "down"), [(2, 0), (-3, 1), (0, -4)])
def test_t2_16_a_shifted_grid_is_the_exact_shift(across: int, down: int):
    x = images().view(-1, *SHAPE)
    expected = torch.zeros_like(x)
    h, w = SHAPE[:2]
    to = (slice(max(down, 0), h + min(down, 0)), slice(max(across, 0), w + min(across, 0)))
    of = (slice(max(-down, 0), h + min(-down, 0)), slice(max(-across, 0), w + min(-across, 0)))
    expected[:, *to] = x[:, *of]
    torch.testing.assert_close(resampled(x, shift=(across, down)), expected, rtol=0, atol=1e-12)


def test_t2_16_the_composition_equals_flip_then_turn_then_shift():
    x = images().view(-1, *SHAPE)
    matrix = geometry.inverse_linear(torch.tensor(math.pi / 2, dtype=x.dtype), 0.0, 1.0, (-1.0, 1.0))
    once = resampled(x, matrix, (1.0, -2.0))
    one_by_one = resampled(torch.rot90(x.flip(2), 1, (1, 2)), shift=(1.0, -2.0))
    torch.testing.assert_close(once, one_by_one, rtol=0, atol=1e-12)


def test_t2_16_zoom_and_shear_keep_the_centre_and_move_the_rest():
    """On an image that is linear in its coordinates, bilinear resampling is exact: it shows where pixels come from."""
    h = w = 11
    down, across = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) - 5 for n in (h, w)), indexing="ij")
    x = torch.stack([across, down], -1)[None]
    zoomed = resampled(x, geometry.inverse_linear(0.0, 0.0, 2.0, (1.0, 1.0)), padding_mode="border")
    torch.testing.assert_close(zoomed, x / 2, rtol=0, atol=1e-12)
    slant = torch.tensor(math.atan(0.5), dtype=torch.float64)
    sheared = resampled(x, geometry.inverse_linear(0.0, slant, 1.0, (1.0, 1.0)), padding_mode="border")
    torch.testing.assert_close(sheared[0, :, 5, 0], (-0.5 * down[:, 5]), rtol=0, atol=1e-12)
    torch.testing.assert_close(sheared[..., 1], x[..., 1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("padding", ["edge", "reflect", "zero", "mean"])
@pytest.mark.parametrize("shape", [(9, 9, 3), (6, 10, 1)])
def test_t2_16_crop_and_flip_by_copying_equal_the_resampling(padding: str, shape: tuple[int, int, int]):
    """The fast way without a grid, and the composed grid with a turn of nothing, are the same function."""
    x = images(shape=shape)
    pixels = Pixels(mean=torch.linspace(0.2, 0.6, shape[2], dtype=torch.float64))
    keys = {"crop": 3, "flip": "both", "padding": padding}
    copied = augmenter(shape, pixels=pixels, **keys)(x)
    gridded = augmenter(shape, pixels=pixels, zoom=(1.0, 1.0), **keys)
    assert gridded._resamples
    gridded._n_draws -= 1  # a range of one value
    gridded._active = tuple(name for name in gridded._active if name != "zoom")
    torch.testing.assert_close(copied, gridded(x), rtol=0, atol=1e-12)
    assert not torch.equal(copied, x)


def test_t2_16_crops_are_windows_of_the_padded_image():
    m, crop = 200, 2
    x = images(m)
    out = augmenter(crop=crop, padding="reflect")(x).view(m, *SHAPE)
    padded = torch.nn.functional.pad(x.view(m, *SHAPE).permute(0, 3, 1, 2), (crop,) * 4, mode="reflect")
    windows = padded.unfold(2, 9, 1).unfold(3, 9, 1).permute(0, 2, 3, 4, 5, 1)  # (m, 5, 5, h, w, c)
    same = (windows == out[:, None, None]).all(-1).all(-1).all(-1)
    assert (same.sum((1, 2)) == 1).all()
    assert (same.sum(0) > 0).all(), "every one of the 25 windows is drawn"


# --- seeds, draws, and what is left alone ---------------------------------------------------------------------

EVERYTHING = {
    "crop": 2,
    "flip": "horizontal",
    "rotation": 20,
    "zoom": (0.8, 1.3),
    "shear": 10,
    "translation": 0.1,
    "elastic": {"alpha": 4.0, "sigma": 2.0},
    "brightness": 0.3,
    "contrast": 0.3,
    "saturation": 0.3,
    "hue": 0.1,
    "pca_colour": 0.2,
}
AXES = Pixels(axes=torch.eye(3, dtype=torch.float64) / 10)


def test_t2_16_the_seed_repeats_the_draws_and_each_epoch_has_its_own():
    x = images()
    first, again, other = (augmenter(seed=seed, pixels=AXES, **EVERYTHING) for seed in (1, 1, 2))
    epochs = [first(x).clone() for _ in range(2)]
    assert torch.equal(epochs[0], again(x)) and torch.equal(epochs[1], again(x))
    assert not torch.equal(epochs[0], epochs[1])
    assert not torch.equal(epochs[0], other(x))
    assert epochs[0].min() >= 0 and epochs[0].max() <= 1 and torch.isfinite(epochs[0]).all()


@pytest.mark.parametrize("name", EVERYTHING)
def test_t2_16_each_change_alone_changes_images_and_leaves_what_it_was_given(name: str):
    x = images()
    kept = x.clone()
    out = augmenter(pixels=AXES, **{name: EVERYTHING[name]})(x)
    assert torch.equal(x, kept) and not torch.allclose(out, x)
    assert out.shape == x.shape and out.dtype == x.dtype


def test_t2_16_half_of_the_images_are_flipped():
    m = 4000
    x = images(m, (4, 4, 1))
    out = augmenter((4, 4, 1), flip="horizontal")(x)
    flipped = (out == x.view(m, 4, 4).flip(2).reshape(m, -1)).all(1)
    assert ((out == x).all(1) | flipped).all()
    assert abs(float(flipped.double().mean()) - 0.5) < 4 * 0.5 / math.sqrt(m)


def test_t2_16_shifts_are_drawn_alike_often_and_without_a_preferred_direction():
    m, crop = 9000, 4
    place = torch.zeros(1, 11, 11)
    place[0, 5, 5] = 1.0
    out = augmenter((11, 11, 1), crop=crop, padding="zero")(place.view(1, -1).repeat(m, 1))
    counts = torch.bincount(out.argmax(1), minlength=121).view(11, 11)
    assert (out.sum(1) == 1).all()
    inner = counts[1:10, 1:10].double()
    assert inner.sum() == m
    chi_square = float(((inner - m / 81) ** 2 / (m / 81)).sum())
    assert 45 < chi_square < 125  # 80 degrees of freedom: its 0.1 % and 99.9 % points


def test_t2_16_rotations_fill_their_range_evenly():
    """A bright point right of the centre tells the angle by where it goes: up for a positive one."""
    x = torch.zeros(3000, 41, 41, 1, dtype=torch.float64)
    x[:, 20, 35] = 1.0
    out = augmenter((41, 41, 1), rotation=(0.0, 40.0))(x.view(len(x), -1)).view(-1, 41, 41)
    weight = out.sum((1, 2))
    offsets = torch.arange(41, dtype=torch.float64) - 20
    across = (out * offsets).sum((1, 2)) / weight
    up = -(out * offsets[:, None]).sum((1, 2)) / weight
    angle = torch.rad2deg(torch.atan2(up, across))
    assert angle.min() > -1 and angle.max() < 41 and angle.min() < 2 and angle.max() > 38
    assert abs(float(angle.mean()) - 20) < 4 * 40 / math.sqrt(12 * 3000) + 0.2


def test_t2_16_elastic_distortion_has_the_size_that_smoothed_noise_has():
    """Smoothing uniform noise of variance 1/3 by a Gaussian of σ leaves about 1/(4πσ²) of its variance."""
    sigma, alpha, size = 3.0, 8.0, 24
    band = geometry.gaussian_band(size, sigma, images())
    noise = 2 * torch.rand(400, 2, *(band.shape[1],) * 2, generator=torch.Generator().manual_seed(0)).double() - 1
    found = geometry.elastic_displacement(noise, (band, band), alpha)
    assert found.shape == (400, 2, size, size)
    expected = alpha * math.sqrt(1 / 3 / (4 * math.pi * sigma**2))
    assert float(found.std()) == pytest.approx(expected, rel=0.03)
    steps = float((found[..., 1:] - found[..., :-1]).abs().mean())
    assert steps < 0.4 * expected, "neighbours move together"


def test_t2_16_a_displacement_moves_pixels_by_that_much():
    x = images().view(-1, *SHAPE)
    still = torch.zeros(len(x), dtype=x.dtype)
    moved = torch.zeros(len(x), 2, 9, 9, dtype=x.dtype)
    moved[:, 0] = 2  # each pixel is taken from two places to its right
    grid = geometry.sampling_grid((9, 9), OFF, (still, still), moved)
    out = torch.nn.functional.grid_sample(x.permute(0, 3, 1, 2), grid, align_corners=True).permute(0, 2, 3, 1)
    torch.testing.assert_close(out[:, :, :-2], x[:, :, 2:], rtol=0, atol=1e-12)


# --- colours ----------------------------------------------------------------------------------------------------


def test_t2_16_colour_changes_are_the_products_of_their_definitions():
    x = 0.4 + 0.2 * images().view(-1, 81, 3)
    m = len(x)
    factors = [torch.rand(m, generator=torch.Generator().manual_seed(k), dtype=x.dtype) * 0.4 + 0.8 for k in range(3)]
    b, c, s = (factor[:, None, None] for factor in factors)
    step = b * x
    step = c * step + (1 - c) * colour.grey_of(step).mean(1)[:, None, None]
    step = s * step + (1 - s) * colour.grey_of(step)[..., None]
    found = colour.recoloured(x.clone(), factors[0], factors[1], colour.saturation_matrix(factors[2]))
    torch.testing.assert_close(found, step, rtol=0, atol=1e-12)


def test_t2_16_a_third_of_the_colour_circle_exchanges_the_channels():
    x = images().view(-1, 81, 3)
    third = colour.hue_matrix(torch.full((len(x),), 1 / 3, dtype=x.dtype))
    torch.testing.assert_close(colour.recoloured(x.clone(), matrix=third), x.roll(1, -1), rtol=0, atol=1e-12)
    grey = torch.full((len(x), 81, 3), 0.3, dtype=x.dtype)
    some = colour.hue_matrix(torch.linspace(-0.5, 0.5, len(x), dtype=x.dtype))
    torch.testing.assert_close(colour.recoloured(grey.clone(), matrix=some), grey, rtol=0, atol=1e-12)


def test_t2_16_principal_colours_are_those_of_the_covariance():
    random = np.random.default_rng(0)
    mixing = random.normal(size=(3, 3))
    pixels = random.normal(size=(5000, 3)) @ mixing.T
    axes = colour.principal_colours(torch.as_tensor(pixels)).numpy()
    np.testing.assert_allclose(axes @ axes.T, np.cov(pixels.T, bias=True), rtol=1e-10)
    assert abs(axes.T @ axes - np.diag(np.diag(axes.T @ axes))).max() < 1e-10


def test_t2_16_inputs_that_were_standardized_are_varied_as_pixels():
    """What comes in from outside is black as a pixel, whatever the normalization made of black."""
    random = torch.Generator().manual_seed(0)
    pixels = torch.rand(50, math.prod(SHAPE), generator=random, dtype=torch.float64)
    scale, black = 0.5 + torch.rand(2, math.prod(SHAPE), generator=random, dtype=torch.float64)
    scale[7] = 0.0  # constant in training
    inputs = (pixels - black) / torch.where(scale == 0, torch.inf, scale)
    keys = {"crop": 3, "padding": "zero", "brightness": 0.4}
    found = augmenter(pixels=Pixels(scale, black), **keys)(inputs)
    shown = pixels.clone()
    shown[:, 7] = black[7]
    expected = (augmenter(**keys)(shown) - black) / torch.where(scale == 0, torch.inf, scale)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
