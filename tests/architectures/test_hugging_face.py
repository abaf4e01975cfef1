"""T4.15: networks of the transformers package, with random weights and statistics, give the same outputs here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from leadline.architectures import ARCHITECTURES, Architecture, load_published
from leadline.architectures.efficientnet import SCALES
from leadline.architectures.weights import published_names
from leadline.training import outputs

transformers = pytest.importorskip("transformers")

RESNETS = {
    "resnet18": {"layer_type": "basic", "hidden_sizes": [64, 128, 256, 512], "depths": [2, 2, 2, 2]},
    "resnet34": {"layer_type": "basic", "hidden_sizes": [64, 128, 256, 512], "depths": [3, 4, 6, 3]},
    "resnet50": {},
}
# Where B1 meets an odd image, its configuration names the block, which then pads on all sides.
ALL_SIDES = {1: [16]}


def model(name: str, num_labels: int = 7) -> nn.Module:
    if name in RESNETS:
        config = transformers.ResNetConfig(num_labels=num_labels, **RESNETS[name])
        return transformers.ResNetForImageClassification(config)
    if name == "mobilenet_v1":
        config = transformers.MobileNetV1Config(num_labels=num_labels)
        return transformers.MobileNetV1ForImageClassification(config)
    if name == "mobilenet_v2":
        config = transformers.MobileNetV2Config(num_labels=num_labels)
        return transformers.MobileNetV2ForImageClassification(config)
    size = int(name[-1])
    scale = SCALES[size]
    config = transformers.EfficientNetConfig(
        num_labels=num_labels,
        width_coefficient=scale.width,
        depth_coefficient=scale.depth,
        image_size=scale.resolution,
        hidden_dim=ARCHITECTURES[name].build(1).shapes(ARCHITECTURES[name].input_shape)[-2][0],
        depthwise_padding=ALL_SIDES.get(size, []),
    )
    return transformers.EfficientNetForImageClassification(config)


def randomized(name: str) -> nn.Module:
    """The publisher's model with random weights, and random statistics and scales in batch norm."""
    torch.manual_seed(11)
    made = model(name)
    for part in made.modules():
        if isinstance(part, nn.BatchNorm2d):
            for tensor in (part.weight.data, part.running_var):
                assert isinstance(tensor, Tensor)
                tensor.uniform_(0.5, 1.5)
            for tensor in (part.bias.data, part.running_mean):
                assert isinstance(tensor, Tensor)
                tensor.normal_(0, 0.1)
    return made.eval()


def images(architecture: Architecture, m: int = 2) -> Tensor:
    return torch.randn(m, *architecture.input_shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "mobilenet_v1", "mobilenet_v2", "efficientnet_b0"])
def test_t4_15_same_outputs(name: str, tmp_path: Path) -> None:
    publisher: Any = randomized(name)
    publisher.save_pretrained(tmp_path)
    published = load_published(ARCHITECTURES[name], tmp_path)
    assert published.publisher == "Hugging Face"
    x = images(ARCHITECTURES[name])
    with torch.no_grad():
        expected = publisher(x).logits
    z = outputs(published.network, published.parameters, x)
    assert z.shape == (2, 7)
    scale = max(1.0, expected.abs().max().item())
    torch.testing.assert_close(z, expected, rtol=0, atol=1e-4 * scale)
    assert expected.std() > 1e-3  # the images tell the outputs apart


def test_t4_15_odd_images_and_torch_files(tmp_path: Path) -> None:
    """EfficientNet-B1 halves 240 pixels to 15, and the next stride pads on all sides; weights from a torch file."""
    publisher = randomized("efficientnet_b1")
    torch.save({"state_dict": publisher.state_dict()}, tmp_path / "weights.pth")
    published = load_published(ARCHITECTURES["efficientnet_b1"], tmp_path / "weights.pth")
    x = images(ARCHITECTURES["efficientnet_b1"], 1)
    with torch.no_grad():
        expected = publisher(x).logits
    z = outputs(published.network, published.parameters, x)
    torch.testing.assert_close(z, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["resnet34", *(f"efficientnet_b{size}" for size in range(2, 8))])
def test_t4_15_names_and_shapes_of_the_larger_ones(name: str) -> None:
    with torch.device("meta"):
        state = {key: t for key, t in model(name, 1000).state_dict().items() if not key.endswith("tracked")}
    architecture = ARCHITECTURES[name]
    publication = next(each for each in architecture.publications if each.publisher == "Hugging Face")
    network = architecture.build(1000, **publication.options)
    layout, names = network.layout(architecture.input_shape), published_names(network, publication)
    shapes = {slot.key: slot.parameter.shape for slot in layout.slots}
    assert set(state) == {theirs for own, theirs in names.items() if own in shapes or "running" in own}
    for own, shape in shapes.items():
        assert state[names[own]].shape in (shape, (*shape, 1, 1)), own
