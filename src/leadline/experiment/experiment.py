"""The experiment itself: reading, writing and changing it."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ValidationError

from leadline import trust
from leadline.errors import LeadlineError, UsageError, nearest
from leadline.experiment import checks
from leadline.experiment.complaints import one_line
from leadline.experiment.sections import (
    AugmentSection,
    DataSection,
    EvaluationSection,
    ExtensionsSection,
    GoalSection,
    NetworkSection,
    SearchSection,
    Section,
    SplitSection,
    TrainingSection,
)
from leadline.extensions import load_module, registry
from leadline.files import from_here
from leadline.toml_text import toml_text

DEEP_KEY = re.compile(r"""^[ \t]*\[{0,2}[\w \t"'-]*(?:\.[\w \t"'-]*){100}""", re.MULTILINE)
"""A dotted key of a hundred parts: no experiment has one, and `tomllib` takes time with the square of their number."""


class Experiment(Section):
    """One experiment; compare, print, `replace` and save it.

    `from_dict`, `from_toml` and `replace` raise `leadline.errors.UsageError`: one line with the key, what was
    got and what is allowed.
    """

    extensions: ExtensionsSection = ExtensionsSection()
    data: DataSection = DataSection()
    split: SplitSection = SplitSection()
    network: NetworkSection = NetworkSection()
    training: TrainingSection = TrainingSection()
    augment: AugmentSection = AugmentSection()
    goal: GoalSection = GoalSection()
    evaluation: EvaluationSection = EvaluationSection()
    search: SearchSection = SearchSection()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str = "") -> Self:
        """Validate nested dictionaries with the keys of a file; `where` begins the line of an error."""
        beginning = f"{where}: " if where else ""
        try:
            experiment = cls.model_validate(dict(values))
        except ValidationError as error:
            raise UsageError(beginning + one_line(error, cls)) from None
        if not experiment.modules:  # else they may be of the user's own: known once the modules are loaded
            checks.check_task(experiment.data.task, f"{beginning}data.task")
            if experiment.search.sampler is not None:
                registry("sampler").check(experiment.search.sampler, f"{beginning}search.sampler: ")
        return experiment

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str]) -> Self:
        """Read an experiment file. A relative source is looked for beside the file, then where you are."""
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8")
            if DEEP_KEY.search(text):
                raise RecursionError  # before tomllib takes a minute for it
            values = tomllib.loads(text)
        except FileNotFoundError:
            raise LeadlineError(f"{path}: no such file.{_near(path)}") from None
        except OSError as error:
            raise LeadlineError(f"{path} cannot be read: {error.strerror}.") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"{path}: not a TOML file: {error}") from None
        except RecursionError:
            raise UsageError(f"{path}: its values are nested far too deep.") from None
        return cls.from_dict(values, where=path.name)._beside(path.parent)

    def to_dict(self) -> dict[str, Any]:
        """The keys that are set, nested as in a file; `from_dict` gives the same experiment back."""
        sections = {name: _set_keys(section) for name, section in self}
        return {name: keys for name, keys in sections.items() if keys}

    def to_toml(self) -> str:
        """The text of an experiment file; `from_toml` gives the same experiment back."""
        return toml_text(self.to_dict())

    def replace(self, changes: Mapping[str, Any]) -> Self:
        """A copy with some keys changed; names are dotted: ``{"training.epochs": 50}``. ``None`` unsets."""
        values: dict[str, Any] = dict(self)  # sections that stay as they are need no second validation
        for dotted, value in changes.items():
            *parents, last = dotted.split(".")
            table = values
            for parent in parents:
                if isinstance(section := table.setdefault(parent, {}), BaseModel):
                    table[parent] = _set_keys(section)
                table = table[parent]
            table[last] = value
        return self.from_dict(values)

    @property
    def modules(self) -> tuple[str, ...]:
        """The files and modules with things of the user's own: of ``[extensions]`` and of ``[network]``."""
        return tuple(dict.fromkeys((*self.extensions.modules, *self.network.modules)))

    def load_modules(self) -> None:
        """Run the modules that are named, so that what they define is known by name.

        Raises:
            LeadlineError: one of them fails, or nobody has agreed to its code (`leadline.trust`).

        """
        trust.check(map(trust.code_of, self.modules))
        trust.check(trust.named_functions([self.network.layers, self.network.head]))
        for key, names in (("extensions", self.extensions.modules), ("network", self.network.modules)):
            for name in names:
                load_module(name, f"{key}.modules")

    def with_paths(self, moved: Callable[[str, bool], str]) -> Self:
        """A copy in which every key that may name a file or folder holds what ``moved(given, folders)`` says.

        ``folders`` tells whether the key may name a folder, too. What is no path (a column's name, a bundled data
        set, an address) is to be given back as it is.
        """
        changes: dict[str, Any] = {}
        sections = {"data": self.data, "data.dev": self.data.dev, "data.test": self.data.test}
        for name, section in sections.items():
            for key in ("source", "target", "corrections"):  # a target may be a file of labels
                if isinstance(given := getattr(section, key, None), str):
                    changes[f"{name}.{key}"] = moved(given, key == "source")
        for key in ("source", "extra"):
            given = getattr(self.data, key)
            if isinstance(given, tuple) and given:
                changes[f"data.{key}"] = [_moved_source(entry, moved) for entry in given]
        if self.split.file is not None:
            changes["split.file"] = moved(self.split.file, False)
        if self.network.from_ is not None and "://" not in self.network.from_:
            changes["network.from"] = moved(self.network.from_, True)
        for key, names in (("network", self.network.modules), ("extensions", self.extensions.modules)):
            if names:
                changes[f"{key}.modules"] = [moved(name, False) for name in names]
        changed = self.replace(changes) if changes else self
        return self if changed == self else changed

    def _beside(self, folder: Path) -> Self:
        """Files that lie beside the experiment file become paths from where you are."""

        def moved(given: str, folders: bool) -> str:
            path = folder / given
            return from_here(path) if path.is_file() or (folders and path.is_dir()) else given

        return self.with_paths(moved)


def _set_keys(section: BaseModel) -> dict[str, Any]:
    """The keys of a section that are set, nested as in a file."""
    keys = section.model_dump(exclude_none=True, by_alias=True)
    return {key: value for key, value in keys.items() if value not in ((), {})}


def _moved_source(entry: str | dict[str, Any], moved: Callable[[str, bool], str]) -> str | dict[str, Any]:
    if isinstance(entry, dict):
        return entry | {"source": moved(entry["source"], True)}
    return moved(entry, True)


def _near(path: Path) -> str:
    """A hint at experiment files of a similar name in the same folder."""
    if not path.parent.is_dir():
        return f" The folder {path.parent} does not exist."
    hint = nearest(path.name, [file.name for file in path.parent.glob("*.toml")])
    return hint if "Did you mean" in hint else ""
