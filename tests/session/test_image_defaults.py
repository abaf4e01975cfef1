"""What is chosen for images where no network is given, and what is put into layers that are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture

from leadline.data import Dataset, read
from leadline.experiment import Experiment
from leadline.network import Convolution, Dense, Flatten, Image, ShapeError
from leadline.session.image_defaults import batch_size_for, epochs_for, residual_network, with_fitted_layers
from leadline.session.plan import Plan, make_plan


def folder_of_images(folder: Path, size: tuple[int, int], mode: str = "RGB", n: int = 20) -> Path:
    random = np.random.default_rng(0)
    for kind in ("cat", "dog"):
        (folder / kind).mkdir(parents=True)
        for k in range(n):
            shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
            Picture.fromarray(random.integers(0, 256, shape, np.uint8), mode).save(folder / kind / f"{k}.png")
    return folder


def plan_of(folder: Path, **sections: Any) -> Plan:
    return make_plan(Experiment.from_dict({"data": {"source": str(folder)}, **sections}))


def test_a_folder_of_images_trains_a_residual_network(tmp_path: Path) -> None:
    plan = plan_of(folder_of_images(tmp_path, (32, 32)))
    assert plan.network == residual_network((32, 32, 3), 1)
    assert plan.experiment.augment.crop == 4 and plan.experiment.augment.flip == "horizontal"
    assert plan.experiment.training.batch_size == 16 and plan.experiment.training.epochs == 200
    assert "small residual network" in plan.notices[-1]
    again = make_plan(plan.experiment)  # the resolved experiment says it all
    assert again.network == plan.network and again.training == plan.training and not again.remarks


def test_grey_images_are_not_mirrored(tmp_path: Path) -> None:
    plan = plan_of(folder_of_images(tmp_path, (28, 28), "L"))
    assert plan.experiment.augment.flip is None and plan.experiment.augment.crop == 3


def test_what_is_given_stays(tmp_path: Path) -> None:
    folder = folder_of_images(tmp_path, (32, 32))
    plan = plan_of(folder, training={"epochs": 3, "batch_size": 8, "optimizer": "momentum"}, augment={"rotation": 5.0})
    section = plan.experiment.training
    assert (section.epochs, section.batch_size, (section.optimizer or {})["type"]) == (3, 8, "momentum")
    assert plan.experiment.augment.crop is None and plan.experiment.augment.flip is None
    dense = plan_of(folder, network={"layers": [{"type": "dense", "units": 1}]})
    assert dense.network.layers == (Dense(1),) and not dense.augmentation.active


def test_large_images_are_read_smaller(tmp_path: Path) -> None:
    plan = plan_of(folder_of_images(tmp_path, (300, 200)))
    assert plan.experiment.data.size == (64, 96) and plan.data.image_shape == (64, 96, 3)
    assert make_plan(plan.experiment).data.fingerprint() == plan.data.fingerprint()
    asked = plan_of(tmp_path, data={"source": str(tmp_path), "size": [100, 150]})
    assert asked.data.image_shape == (100, 150, 3)


def test_digits_of_8_by_8_pixels_keep_dense_layers() -> None:
    assert isinstance(make_plan(Experiment.from_dict({"data": {"source": "digits"}})).network.layers[0], Dense)


@pytest.mark.parametrize(("side", "channels"), [(16, 1), (28, 1), (32, 3), (64, 3), (96, 3)])
def test_the_network_ends_with_small_maps(side: int, channels: int) -> None:
    shapes = residual_network((side, side, channels), 7).shapes((side * side * channels,))
    assert shapes[-1] == (7,) and 6 <= shapes[-3][1] <= 12


def test_steps_follow_the_number_of_images() -> None:
    assert batch_size_for(360) == 32 and batch_size_for(50_000) == 128 and batch_size_for(10) == 10
    for m in range(17, 400):
        assert batch_size_for(m) == m or m % batch_size_for(m) != 1
    assert epochs_for(360, 32, (32, 32, 3)) == 60
    assert epochs_for(50_000, 128, (32, 32, 3)) == 10
    assert epochs_for(60, 16, (32, 32, 3)) * 60 / 16 >= 600


def test_a_well_known_network_makes_as_many_steps(tmp_path: Path) -> None:
    plan = plan_of(folder_of_images(tmp_path, (32, 32)), network={"architecture": "resnet20"})
    assert plan.training.epochs * -(-plan.n_train // plan.batch_size) >= 400
    assert not plan.augmentation.active


def images(side: int = 20) -> Dataset:
    random = np.random.default_rng(0)
    return read((random.integers(0, 256, (40, side, side, 3), np.uint8), np.arange(40) % 2))


def test_the_shape_of_images_and_flatten_are_put_in() -> None:
    experiment = Experiment.from_dict(
        {"network": {"layers": [{"type": "convolution", "filters": 4, "size": 3}, {"type": "dense", "units": 1}]}}
    )
    plan = make_plan(experiment, images())
    assert plan.network.layers == (Image(20, 20, 3), Convolution(4, 3), Flatten(), Dense(1))
    assert plan.notices[-2:] == [
        f"{Image(20, 20, 3)} is put before {Convolution(4, 3)}: that is the images' shape.",
        "Flatten() is put before Dense(1): a dense layer takes rows, not maps.",
    ]


def test_layers_that_do_not_fit_are_refused_before_the_data_are_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadline.session.plan.Preparation.fit", lambda *_: pytest.fail("prepared"))
    experiment = Experiment.from_dict({"network": {"layers": [{"type": "convolution", "filters": 4, "size": 50}]}})
    with pytest.raises(ShapeError, match="a window of 50×50 does not fit into an image of 20×20"):
        make_plan(experiment, images())


def test_tables_and_layers_that_fit_are_left_alone() -> None:
    layers = [
        {"type": "image", "height": 20, "width": 20, "channels": 3},
        {"type": "flatten"},
        {"type": "dense", "units": 1},
    ]
    experiment = Experiment.from_dict({"network": {"layers": layers}})
    assert with_fitted_layers(experiment, images()) == (experiment, ())
    table = read({"x": np.arange(20.0), "y": np.arange(20) % 2}, "y")
    assert with_fitted_layers(experiment, table) == (experiment, ())
