"""T6.10: SqueezeNet 1.0 with the published weights of ImageNet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from torch import Tensor

from leadline.architectures import ARCHITECTURES, load_published
from leadline.architectures.weights import Published

SQUEEZENET = ARCHITECTURES["squeezenet"]


def test_t6_10_shapes_and_parameters():
    """T6.10."""
    network = SQUEEZENET.build()
    shapes = network.shapes((3, 227, 227))
    assert network.layout((3, 227, 227)).n == 1_248_424
    assert (96, 55, 55) in shapes
    assert (512, 13, 13) in shapes
    assert shapes[-2:] == [(1000, 15, 15), (1000,)]


def china(published: Published) -> Tensor:
    """The centre square of scikit-learn's photo at 227×227, as the publisher normalizes it."""
    photo = Image.fromarray(load_sample_images().images[0])
    left = (photo.width - photo.height) // 2
    square = photo.crop((left, 0, left + photo.height, photo.height)).resize((227, 227), Image.Resampling.BICUBIC)
    x = torch.from_numpy(np.asarray(square) / 255.0).float()
    normalized = (x - torch.tensor(published.pixels.mean)) / torch.tensor(published.pixels.deviation)
    return normalized.permute(2, 0, 1)[None]


@pytest.mark.needs_data
def test_t6_10_published_weights_know_the_photo(data_folder: Path):
    """T6.10: bell cote, 628, monastery, 694, dome first, at about 0.14, 0.12, 0.09, 0.08, 0.06."""
    published = load_published(SQUEEZENET, data_folder / "pretrained" / "squeezenet_v1.0_caffe.safetensors")
    scores = torch.softmax(published.network.forward(published.parameters, china(published)), 1)[0]
    values, classes = scores.topk(5)
    assert classes.tolist() == [442, 628, 663, 694, 538]
    torch.testing.assert_close(values, torch.tensor([0.14, 0.12, 0.09, 0.08, 0.06]), rtol=0, atol=0.006)
