"""Types and limits of settings: the same values are refused by an experiment's sections and by what uses them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from leadline.data import DataSettings, SplitSettings
from leadline.data.augmentation import Augmentation
from leadline.errors import UsageError
from leadline.experiment import Experiment
from leadline.limits import SPANS, Span, check_value, is_size
from leadline.training import EarlyStopping, TrainingSettings

WRONG: list[tuple[str, str, Any]] = [
    ("data", "normalization", "standardise"),
    ("data", "broken", "ignore"),
    ("data", "stream", "always"),
    ("data", "types", {"age": "numbr"}),
    ("split", "seed", -1),
    ("split", "seed", 2**32),
    ("split", "precision", 0.5),
    ("split", "expected_error", 0.0),
    ("split", "stratify", "yes"),
    ("split", "duplicates", "drop"),
    ("split", "dev", -0.1),
    ("split", "dev", 1.5),
    ("training", "epochs", 1.5),
    ("training", "l2", -1.0),
    ("training", "l1", float("nan")),
    ("training", "clip_norm", 0.0),
    ("training", "gradient_tolerance", True),
    ("training", "label_smoothing", 1.0),
    ("training", "precision", "float16"),
    ("training", "early_stopping", {"patience": -1}),
    ("training", "early_stopping", {"patience": 5, "monitor": "dev"}),
    ("training", "early_stopping", {"patience": 5, "min_improvement": -0.1}),
    ("augment", "crop", 1.5),
    ("augment", "flip", "sideways"),
    ("augment", "hue", 0.6),
    ("augment", "zoom", 1.0),
    ("augment", "rotation", [20, 10]),
    ("augment", "elastic", {"alpha": 0.0, "sigma": 3.0}),
]


@pytest.mark.parametrize(("section", "key", "value"), WRONG)
def test_a_value_is_refused_in_a_file_and_in_python_alike(section: str, key: str, value: Any) -> None:
    users: dict[str, Any] = {
        "data": DataSettings,
        "split": SplitSettings,
        "training": TrainingSettings,
        "augment": Augmentation,
    }
    with pytest.raises(UsageError, match=f"{section}.{key}"):
        Experiment.from_dict({section: {key: value}})
    with pytest.raises(UsageError, match=key.split(".")[-1]):
        if key == "early_stopping":
            EarlyStopping(**value)
        else:
            users[section](**{key: value})


def test_what_is_allowed_is_said_in_words() -> None:
    for make, message in (
        (lambda: TrainingSettings(epochs=-1), "epochs must be a whole number of at least 0 and at most .*, got -1"),
        (
            lambda: SplitSettings(seed=-1),
            r"split\.seed: got -1, needs to be a whole number of at least 0 and",
        ),
        (lambda: SplitSettings(precision=0.7), r"split\.precision: got 0\.7, needs to be greater than 0 and"),
        (lambda: DataSettings(stream="always"), r"data\.stream: got .always.\. Allowed: auto"),  # type: ignore[arg-type]
        (lambda: check_value("a.b", 3, str), r"a\.b: got 3, needs to be text\."),
    ):
        with pytest.raises(UsageError, match=message):
            make()


def test_numbers_of_numpy_are_numbers() -> None:
    settings = TrainingSettings(epochs=np.int64(3), l2=np.float32(0.5))  # type: ignore[arg-type]
    assert settings.epochs == 3
    with pytest.raises(UsageError, match=r"l2 must be at least 0 and at most .*, got True"):
        TrainingSettings(l2=True)


@pytest.mark.parametrize(
    ("value", "read"),
    [(0.2, 0.2), ([0.5, 2], (0.5, 2.0)), (0.95, None), ([2, 0.5], None), ("much", None), (None, None), (True, None)],
)
def test_a_range_is_a_number_or_two_ends(value: Any, read: Any) -> None:
    assert SPANS["zoom"].read(value) == read
    assert Span(-10, 10).ends(3.0) == (-3.0, 3.0) and SPANS["zoom"].ends((0.5, 2.0)) == (0.5, 2.0)


@pytest.mark.parametrize(("value", "fits"), [("auto", True), (0, True), (0.3, True), (500, True), (1.5, False)])
def test_the_size_of_a_set(value: Any, fits: bool) -> None:
    assert is_size(value) is fits


def test_an_experiment_is_read_without_what_is_slow() -> None:
    code = (
        "import sys; from leadline.experiment import Experiment; Experiment.from_dict({'search': {'sampler': 'tpe'}})\n"
        "assert not {'torch', 'numpy', 'pyarrow', 'optuna'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
