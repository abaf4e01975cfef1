"""The report of a run with convolutions shows what it learnt; another run's report does not."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import leadline as ll
from leadline.network.inside import filters
from leadline.runs.run import Run
from leadline.session.inside import activation_strips, filter_strips, patch_strips, run_pictures

NETWORK = ll.Network(
    [
        ll.Convolution(6, 3, padding="same", activation="relu"),
        ll.MaxPool(2),
        ll.Convolution(12, 3, padding="same", activation="relu"),
        ll.GlobalAveragePool(),
        ll.Dense(10),
    ]
)


@pytest.fixture(scope="module")
def data() -> ll.Dataset:
    return ll.read("digits")


@pytest.fixture(scope="module")
def run(data: ll.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Run:
    network = ll.Network([image_layer(), *NETWORK.layers])
    folder = tmp_path_factory.mktemp("runs")
    return ll.train(network, data, epochs=2, augmentation=ll.Augmentation(crop=1), runs=folder, name="seen")


def image_layer() -> ll.Layer:
    from leadline.network import Image

    return Image(8, 8, 1)


def test_the_report_shows_variations_filters_maps_and_patches(run: Run, data: ll.Dataset) -> None:
    sections = {section.slug: section for section in run_pictures(run, data)}
    assert list(sections) == ["augmentation", "filters", "activations", "patches"]
    assert len(sections["augmentation"].strips) == 6 and "crop = 1" in sections["augmentation"].note
    assert [strip.title for strip in sections["filters"].strips] == [
        "layers[1] · 6 filters of 3×3",
        "layers[3] · 12 filters of 3×3×6",
    ]
    assert [strip.title.split(" · ")[1] for strip in sections["patches"].strips] == [
        "a unit sees 3×3 pixels",
        "a unit sees 4×4 pixels",
        "a unit sees the whole image",
    ]
    page = (run.folder / "report.html").read_text()
    assert all(f'id="{slug}"' in page for slug in sections)
    pictures = re.findall(r'src="data:image/png;base64,([^"]*)"', page)
    assert sum(map(len, pictures)) < 400_000


def test_a_run_without_convolutions_or_augmentation_has_no_pictures(data: ll.Dataset, tmp_path: Path) -> None:
    run = ll.train(ll.Network([ll.Dense(10)]), data, epochs=1, runs=tmp_path)
    assert run_pictures(run, data) == []
    assert 'id="filters"' not in (run.folder / "report.html").read_text()


def test_a_network_that_cannot_be_read_any_more_leaves_the_rest(run: Run, data: ll.Dataset, tmp_path: Path) -> None:
    copy = shutil.copytree(run.folder.path, tmp_path / "seen")
    (copy / "checkpoint.safetensors").unlink()
    assert [section.slug for section in run_pictures(ll.load_run("seen", tmp_path), data)] == ["augmentation"]


def test_any_layer_and_any_example_can_be_asked_for(run: Run, data: ll.Dataset) -> None:
    trained = run.trained_network()
    x = torch.as_tensor(run.preparation.inputs(data, np.array([7])))
    strips = [activation_strips(trained.network, trained.parameters, x, [layer])[0] for layer in (1, 2, 3)]
    assert [strip.title for strip in strips] == [
        "layers[1] Convolution · 6 maps of 8×8",
        "layers[2] MaxPool · 6 maps of 4×4",
        "layers[3] Convolution · 12 maps of 4×4",
    ]
    name = list(filters(trained.parameters))[1]
    assert len(filter_strips(trained.parameters, [name])) == 1


def test_patches_are_cut_from_where_the_channel_is_most_active(data: ll.Dataset) -> None:
    """A filter that copies a pixel's right neighbour answers to bright pixels: they lie right of the patch's middle."""
    network = ll.Network([ll.Convolution(1, 3, padding="same", bias=False)])
    parameters = network.initialize((1, 8, 8))
    parameters.theta.zero_()
    parameters.layers[0]["weight"][0, 0, 1, 2] = 1.0
    images = np.zeros((3, 8, 8, 1), np.uint8)
    for k, (row, column) in enumerate([(0, 0), (4, 5), (7, 7)]):
        images[k, row, column] = 250 - k
    x = torch.as_tensor(images.transpose(0, 3, 1, 2) / 255, dtype=torch.float32)
    strip = patch_strips(network, parameters, x, images, [0])[0]
    picture = strip.picture[..., 0]
    assert picture.shape == (3, 3 * 3 + 2)
    tiles = [picture[:, 4 * k : 4 * k + 3] for k in range(2)]
    assert [int(tile[1, 2]) for tile in tiles] == [249, 248], "a pixel in the first column is nobody's right neighbour"
    assert (tiles[1][2] == 128).all(), "outside of the image it is grey"
