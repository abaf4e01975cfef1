"""T6.08: style transfer, the picture itself descending."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from leadline.architectures import ARCHITECTURES
from leadline.cli.main import run as leadline
from leadline.errors import LeadlineError, UsageError
from leadline.network import Convolution, Dense, Flatten, MaxPool, Network, Parameters
from leadline.optimize import Adam
from leadline.vision import Style, StyleProgress, StyleTransfer, transfer_style
from leadline.vision.photos import as_photo, at_size, read_photo, write_photo
from leadline.vision.style import default_layers

LAYERS = [Convolution(6, 3, activation="relu"), MaxPool(2, 2), Convolution(8, 3, activation="relu")]


def small() -> tuple[Network, Parameters]:
    network = Network([*LAYERS, MaxPool(2, 2), Flatten(), Dense(3)])
    return network, network.initialize((3, 64, 64), 1)


def photo(seed: int, width: int = 90, height: int = 60) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def by_autograd(x: Tensor, content: Tensor, style: Tensor, parameters: Parameters, weights: Style) -> Tensor:
    """J with torch's own functions, an independent form."""
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])

    def filtered(z: Tensor, layer: int) -> Tensor:
        return functional.conv2d(z, parameters.layers[layer]["weight"], parameters.layers[layer]["bias"])

    def seen(image: Tensor) -> list[Tensor]:
        z = ((image.permute(1, 2, 0) - mean) / deviation).permute(2, 0, 1)[None]
        first = functional.relu(filtered(z, 0))
        second = functional.relu(filtered(functional.max_pool2d(first, 2), 2))
        return [first[0].flatten(1), second[0].flatten(1)]

    a, a_content, a_style = seen(x), seen(content), seen(style)
    content_part = (a[0] - a_content[0]).square().mean() / a_content[0].square().mean()
    parts = []
    for own, theirs in zip(a, a_style, strict=True):
        g, s = own @ own.T / own.shape[1], theirs @ theirs.T / theirs.shape[1]
        parts.append((g - s).square().sum() / s.square().sum())
    smooth = (x.diff(dim=1).square().sum() + x.diff(dim=2).square().sum()) / x.numel()
    return weights.content * content_part + weights.style * sum(parts) / 2 + weights.smooth * smooth


def test_t6_08_cost_and_step_are_those_of_autograd() -> None:
    """T6.08: the same cost, derivative and picture after one step, to 1e-4."""
    network, parameters = small()
    weights = Style(content=0.7, style=3.0, smooth=0.4)
    content, style = at_size(photo(0), 72), at_size(photo(1), 90)
    painting = StyleTransfer(
        network, parameters, ARCHITECTURES["vgg16"].publications[0].pixels, content, style, 0, [0, 2], weights
    )
    x = at_size(photo(2), 72).requires_grad_()
    expected = by_autograd(x, content, style, parameters, weights)
    (slope,) = torch.autograd.grad(expected, x)
    cost, d_x = painting.cost(x.detach()[None])
    assert cost == pytest.approx(expected.item(), rel=1e-5)
    torch.testing.assert_close(d_x[0], slope, rtol=1e-3, atol=1e-4 * float(slope.abs().max()))
    theirs = x.detach().clone().requires_grad_()
    optimizer = torch.optim.Adam([theirs], lr=0.02)
    by_autograd(theirs, content, style, parameters, weights).backward()
    optimizer.step()
    ours = x.detach().flatten().clone()
    Adam(0.02).update(ours, d_x.flatten(), Adam(0.02).start(ours))
    torch.testing.assert_close(ours.view(x.shape), theirs.detach(), rtol=0, atol=1e-4)


def test_painting_goes_from_coarse_to_fine_and_lowers_the_cost() -> None:
    steps: list[StyleProgress] = []
    picture = transfer_style(small(), photo(0), photo(1), Style(size=128, scales=3, steps=6), steps.append)
    assert picture.size == (128, 85)
    assert [each.size for each in steps] == [64] * 6 + [128] * 6, "no size below 64"
    assert steps[-1].step == steps[-1].steps == 12
    assert steps[5].cost < steps[0].cost and steps[11].cost < steps[6].cost
    assert steps[3].picture().size == (64, 43)


def test_it_ends_when_asked() -> None:
    steps: list[StyleProgress] = []

    def show(progress: StyleProgress) -> bool:
        steps.append(progress)
        return progress.step == 2

    assert transfer_style(small(), photo(0), photo(1), Style(size=128, scales=2, steps=5), show).size == (64, 43)
    assert len(steps) == 2


def test_layers_are_the_last_before_the_image_shrinks() -> None:
    assert default_layers(ARCHITECTURES["squeezenet"].build(), 256) == (7, [0, 7, 16])
    with pytest.raises(UsageError, match="network of convolutions"):
        default_layers(Network([Flatten(), Dense(2)]), 64)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"size": 10}, "64 to 4096"), ({"steps": 0}, "at least 1"), ({"style": -1.0}, "negative")],
)
def test_settings_that_cannot_be(settings: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Style(**settings)  # type: ignore[arg-type]


def test_photos_are_turned_kept_in_proportion_and_written_whole(tmp_path: Path) -> None:
    turned = photo(0).copy()
    exif = turned.getexif()
    exif[274] = 6  # the camera was held upright
    turned.save(tmp_path / "a.jpg", exif=exif)
    assert read_photo(tmp_path / "a.jpg").size == (60, 90)
    x = at_size(photo(0), 45)
    assert x.shape == (3, 30, 45) and float(x.min()) >= 0 and float(x.max()) <= 1
    write_photo(as_photo(x), tmp_path / "b.png")
    assert Image.open(tmp_path / "b.png").size == (45, 30)
    with pytest.raises(UsageError, match=r"\.png"):
        write_photo(as_photo(x), tmp_path / "b.txt")
    Image.new("RGB", (8, 300)).save(tmp_path / "thin.png")
    with pytest.raises(LeadlineError, match="at least 16"):
        read_photo(tmp_path / "thin.png")
    (tmp_path / "no.png").write_text("no picture")
    with pytest.raises(LeadlineError, match="cannot be read as an image"):
        read_photo(tmp_path / "no.png")


def test_the_command_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo(0).save(tmp_path / "a.png")
    arguments = ["style", str(tmp_path / "a.png"), str(tmp_path / "a.png")]
    assert leadline([*arguments, "-o", str(tmp_path / "o.png")]) == 2
    assert "--weights FILE is needed" in capsys.readouterr().err
    assert leadline([*arguments, "-o", str(tmp_path / "o.bmp"), "--weights", "x"]) == 2
    assert ".png" in capsys.readouterr().err
    assert leadline(["style", "nowhere.jpg", str(tmp_path / "a.png")]) in (1, 2)
    assert "nowhere.jpg" in capsys.readouterr().err


@pytest.mark.needs_data
def test_t6_08_the_command_paints(tmp_path: Path, data_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """T6.08: with the published weights of SqueezeNet."""
    photo(0).save(tmp_path / "a.png")
    photo(1, 60, 90).save(tmp_path / "b.jpg")
    weights = data_folder / "pretrained" / "squeezenet_v1.0_caffe.safetensors"
    output = tmp_path / "painted.png"
    options = ["--weights", str(weights), "--size", "96", "--scales", "1", "--steps", "3", "-o", str(output)]
    assert leadline(["style", str(tmp_path / "a.png"), str(tmp_path / "b.jpg"), *options]) == 0
    assert Image.open(output).size == (96, 64)
    assert "96×64 pixels, 3 steps" in capsys.readouterr().out
