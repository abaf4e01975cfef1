"""What may be said under ``[augment]``, and what is answered where it is wrong."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from leadline.data.augmentation import Augmentation
from leadline.data.augmentation.settings import Elastic
from leadline.errors import UsageError
from leadline.experiment import AugmentSection, Experiment

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"crop": -1}, "augment.crop: got -1"),
    ({"crop": 1.5}, "augment.crop: got 1.5"),
    ({"flip": "sideways"}, 'augment.flip: got .?.sideways.*"?horizontal'),
    ({"flip": True}, "augment.flip: got"),
    ({"rotation": 200}, "augment.rotation: got 200"),
    ({"rotation": [20, 10]}, r"augment.rotation: got \[20, 10\]"),
    ({"rotation": "much"}, "augment.rotation: got .much."),
    ({"rotation": float("nan")}, "augment.rotation: got nan"),
    ({"zoom": 1.0}, "augment.zoom: got 1.0.* from 0 to 0.9"),
    ({"zoom": [0.0, 2.0]}, r"augment.zoom: got \[0.0, 2.0\]"),
    ({"zoom": [0.9, 1.0, 1.1]}, "augment.zoom: got"),
    ({"shear": 80}, "augment.shear: got 80"),
    ({"translation": 2}, "augment.translation: got 2"),
    ({"elastic": {"alpha": 3.0}}, "augment.elastic.sigma: this key is needed here"),
    ({"elastic": {"alpha": 3.0, "sigma": 0}}, "augment.elastic.sigma: got 0"),
    ({"elastic": {"alpha": 3.0, "sigma": 2.0, "stigma": 1}}, "augment.elastic.stigma: unknown key.*sigma"),
    ({"brightness": 1.2}, "augment.brightness: got 1.2"),
    ({"hue": 0.7}, "augment.hue: got 0.7"),
    ({"pca_colour": -0.1}, "augment.pca_colour: got -0.1"),
    ({"padding": "mirror"}, "augment.padding: got .mirror."),
    ({"rotatoin": 10}, "augment.rotatoin: unknown key.*rotation"),
]


@pytest.mark.parametrize(("table", "message"), WRONG, ids=lambda each: str(each)[:40])
def test_a_wrong_value_is_one_line_from_the_file_and_from_python(table: dict[str, Any], message: str):
    for build in (lambda: Experiment.from_dict({"augment": table}), lambda: Augmentation.from_config(table)):
        with pytest.raises(UsageError, match=message) as caught:
            build()
        assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "table",
    [
        {"crop": 4, "flip": "horizontal"},
        {"rotation": 15, "zoom": [0.9, 1.1], "shear": [-5, 10], "translation": 0.1, "padding": "reflect"},
        {"elastic": {"alpha": 8.0, "sigma": 3.0}, "brightness": 0.2, "contrast": [0.5, 1.5]},
        {"saturation": 0.2, "hue": 0.05, "pca_colour": 0.1},
    ],
)
def test_a_table_comes_back_from_the_experiment_and_from_the_value(table: dict[str, Any]):
    experiment = Experiment.from_dict({"augment": table})
    assert Experiment.from_dict(experiment.to_dict()) == experiment
    value = Augmentation.from_config(experiment.to_dict()["augment"])
    assert Augmentation.from_config(value.to_config()) == value
    assert set(value.active) == set(table) - {"padding"}
    assert Experiment.from_dict({"augment": value.to_config()}) == experiment


def test_the_section_has_the_keys_of_the_value():
    """They are written down twice, because the value's package would slow the start of every command."""
    assert list(AugmentSection.model_fields) == [field.name for field in fields(Augmentation)]


def test_bounds_are_to_both_sides_of_what_changes_nothing():
    value = Augmentation(rotation=15, zoom=0.25, brightness=(0.5, 2.0))
    assert value.bounds("rotation") == (-15, 15)
    assert value.bounds("zoom") == (0.75, 1.25)
    assert value.bounds("brightness") == (0.5, 2.0)
    assert value.bounds("contrast") == (1, 1) and value.bounds("shear") == (0, 0)
    assert Augmentation(elastic={"alpha": 2.0, "sigma": 1.0}).elastic == Elastic(2.0, 1.0)


def test_an_empty_value_does_nothing_and_fits_everything():
    assert Augmentation().active == () and Augmentation(padding="mean").active == ()
    Augmentation().check_images(None, "a table")


@pytest.mark.parametrize(
    ("keys", "shape", "message"),
    [
        ({"flip": "horizontal"}, None, "augment.flip: takes images, and houses has none"),
        ({"hue": 0.1}, (8, 8, 1), r"augment.hue: takes colour images \(3 channels\); those of houses have 1"),
        ({"crop": 8}, (8, 16, 1), "augment.crop: got 8, but the images of houses have 8×16 pixels"),
    ],
)
def test_what_does_not_fit_the_data_is_refused(keys: dict[str, Any], shape: Any, message: str):
    with pytest.raises(UsageError, match=message):
        Augmentation(**keys).check_images(shape, "houses")
