from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticUndefined

from leadline.data.augmentation.settings import Augmentation, Elastic
from leadline.data.settings import DataSettings, GivenSet, SplitSettings
from leadline.errors import LeadlineError, UsageError
from leadline.experiment import Experiment, sections
from leadline.measure.costs import ErrorCost
from leadline.search.settings import SearchSettings
from leadline.toml_text import toml_text, toml_value
from leadline.training.settings import EarlyStopping, TrainingSettings

FULL: dict[str, Any] = {
    "data": {
        "source": 'a "quoted"\nname.csv',
        "target": "y",
        "task": "binary",
        "features": ["a", "b"],
        "types": {"a b": "category", "c": "number"},
        "dev": {"source": "dev.h5", "inputs": "x"},
    },
    "split": {"train": 0.6, "dev": 100, "test": "auto", "seed": 3},
    "network": {"layers": [{"type": "dense", "units": 4, "activation": "relu"}, {"type": "dense", "units": 1}]},
    "training": {
        "epochs": 7,
        "batch_size": "full",
        "optimizer": {"type": "adam", "beta1": 0.8},
        "learning_rate": 1e-3,
        "early_stopping": {"patience": 5},
    },
    "goal": {"human_error": 0.01},
}


def test_an_experiment_survives_its_file(tmp_path: Path) -> None:
    experiment = Experiment.from_dict(FULL)
    path = tmp_path / "experiment.toml"
    path.write_text(experiment.to_toml(), encoding="utf-8")
    assert Experiment.from_toml(path) == experiment
    assert Experiment.from_toml(path).to_toml() == experiment.to_toml()


def test_an_experiment_is_a_frozen_value() -> None:
    experiment = Experiment.from_dict(FULL)
    with pytest.raises(Exception, match="frozen"):
        experiment.training.epochs = 3  # pyright: ignore[reportAttributeAccessIssue]


def test_replace_changes_dotted_keys_and_validates() -> None:
    experiment = Experiment.from_dict(FULL)
    changed = experiment.replace({"training.epochs": 9, "data.dev": None, "training.l2": 0.1})
    assert (changed.training.epochs, changed.data.dev, changed.training.l2) == (9, None, 0.1)
    assert experiment.training.epochs == 7
    with pytest.raises(UsageError, match=r"training\.epochs"):
        experiment.replace({"training.epochs": 0})


def test_short_forms() -> None:
    experiment = Experiment.from_dict({"training": {"optimizer": "adam", "early_stopping": False}})
    assert experiment.training.optimizer == {"type": "adam"}
    assert experiment.training.early_stopping is not None
    assert experiment.training.early_stopping.patience == 0


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"training": {"epoch": 3}}, "training.epoch: unknown key. Did you mean 'epochs'?"),
        ({"trainin": {}}, "trainin: unknown key. Did you mean 'training'?"),
        ({"training": {"epochs": "ten"}}, 'training.epochs: got "ten", needs a whole number.'),
        ({"training": {"epochs": 1.5}}, "training.epochs: got 1.5, needs a whole number."),
        ({"training": {"epochs": True}}, "training.epochs: got true, needs a whole number."),
        ({"training": {"learning_rate": 0}}, "training.learning_rate: got 0, needs to be greater than 0."),
        (
            {"training": {"learning_rate": float("nan")}},
            "training.learning_rate: got nan, needs a finite number.",
        ),
        (
            {"training": {"batch_size": 0}},
            "training.batch_size: got 0, needs a whole number of at least 1, or",
        ),
        ({"training": {"optimizer": 3}}, "training.optimizer: got 3, needs a name"),
        ({"training": {"early_stopping": {"patince": 1}}}, "patince: unknown key. Did you mean 'patience'?"),
        ({"training": 5}, "training: got 5, needs a table."),
        ({"network": {"layers": [{"type": "dense"}, {"units": 1}]}}, "layer 1 has none"),
        ({"network": {"layers": []}}, "network.layers: got [], needs a list of tables"),
        ({"split": {"dev": 1.5}}, "split.dev: got 1.5, needs a fraction from 0 to 1"),
        ({"split": {"dev": -1}}, "split.dev: got -1, needs a fraction from 0 to 1"),
        (
            {"data": {"task": "regresion"}},
            "'regression'",
        ),
        ({"data": {"dev": {}}}, "data.dev.source: this key is needed here."),
        ({"data": {"dev": {"sorce": "x"}}}, "data.dev.sorce: unknown key. Did you mean 'source'?"),
        ({"data": {"target": 1.5}}, "data.target: got 1.5, needs a name in quotes"),
        ({"data": {"features": "a"}}, 'data.features: got "a", needs a list.'),
        ({"training": {"epoch": 1, "lr": 3}}, "(1 more to fix.)"),
    ],
)
def test_a_wrong_key_or_value_is_one_line(values: dict[str, Any], line: str) -> None:
    with pytest.raises(UsageError) as raised:
        Experiment.from_dict(values, where="try.toml")
    message = str(raised.value)
    assert line in message
    assert message.startswith("try.toml: ")
    assert "\n" not in message


def test_a_file_that_is_missing_or_no_toml(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match="no such file"):
        Experiment.from_toml(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("[training\n")
    with pytest.raises(UsageError, match=r"not a TOML file: .*line 1"):
        Experiment.from_toml(broken)


def test_sources_are_found_beside_the_file_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "here.csv").touch()
    file = tmp_path / "sub" / "experiment.toml"
    file.write_text('[data]\nsource = "here.csv"\n[data.dev]\nsource = "elsewhere.csv"\n')
    monkeypatch.chdir(tmp_path)
    data = Experiment.from_toml(file).data
    assert data.source == str(Path("sub") / "here.csv")
    assert data.dev is not None
    assert data.dev.source == "elsewhere.csv"


_plain = st.one_of(
    st.text(st.characters(codec="utf-8")),
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.floats(allow_nan=False),
)
_values = st.recursive(
    _plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(st.dictionaries(st.text(max_size=8), st.dictionaries(st.text(max_size=8), _values, max_size=4), max_size=4))
def test_what_is_written_reads_back_the_same(values: dict[str, Any]) -> None:
    assert tomllib.loads(toml_text(values)) == values


def test_toml_has_no_form_for_other_values() -> None:
    with pytest.raises(TypeError, match="object"):
        toml_value(object())


@pytest.mark.parametrize(
    ("section", "used", "only_here", "differ"),
    [
        (sections.DataSection, DataSettings, "", "types"),
        (sections.SplitSection, SplitSettings, "", ""),
        (sections.SourceSection, GivenSet, "", ""),
        (sections.EarlyStoppingTable, EarlyStopping, "", "patience"),  # 0 in a file: none
        (sections.AugmentSection, Augmentation, "", ""),
        (sections.ElasticTable, Elastic, "", ""),
        (sections.CostTable, ErrorCost, "", ""),
        (sections.SearchSection, SearchSettings, "space places", "budget"),
        (
            sections.TrainingSection,
            TrainingSettings,
            "learning_rate loss generator calibration final",
            "epochs seed device",
        ),
    ],
)
def test_sections_agree_with_the_settings_that_use_them(section: Any, used: Any, only_here: str, differ: str) -> None:
    """The same keys, of the same types and limits, and no other default."""
    once = only_here.split()
    settings = {each.name: each for each in fields(used) if each.name not in once}
    assert {*section.model_fields} - {*once} == {*settings}
    types, used_types = (get_type_hints(each, include_extras=True) for each in (section, used))
    for name in settings:
        default = section.model_fields[name].default
        if default not in (None, PydanticUndefined) and name not in differ.split():
            assert default == settings[name].default
        if _is_plain(used_types[name]) and name not in differ.split():
            assert _without_none(types[name]) == _without_none(used_types[name]), name


def _is_plain(hint: Any) -> bool:
    """Of numbers, texts and choices, whose limits `leadline.limits` says."""
    return get_origin(hint) in (Annotated, Literal) or hint in (bool, str)


def _without_none(hint: Any) -> set[Any]:
    parts = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return set(parts) - {type(None)}
