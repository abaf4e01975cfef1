"""Registries: the things of one kind by name, and where each is defined."""

from __future__ import annotations

import re
import sys
from collections.abc import ItemsView, Iterable, Iterator, KeysView, ValuesView
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, cast

from leadline.errors import UsageError, nearest
from leadline.extensions.loading import LOCK, load_installed

if TYPE_CHECKING:
    from leadline.extensions.kinds import Extension

Entry = TypeVar("Entry")

OWN = "leadline"
"""The package whose definitions come along and are loaded when a kind is first asked for."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class Origin(NamedTuple):
    """Where an entry was defined."""

    module: str
    definition: str

    def __str__(self) -> str:
        file = getattr(sys.modules.get(self.module), "__file__", None)
        return f"{self.definition} of {file or self.module}"

    @property
    def place(self) -> str | None:
        """Where a definition of the user's own stands; None for what comes with Leadline."""
        return None if self.is_own else str(self)

    @property
    def is_own(self) -> bool:
        """Whether it comes with Leadline."""
        return self.module.split(".")[0] == OWN


class Registry(dict[str, Entry], Generic[Entry]):
    """The things of one kind by name. A look-up is a plain dictionary's, as fast; what is missing is loaded first.

    ``modules`` define what comes with Leadline; they are imported when a name is first asked for, so that the start of
    a command does not wait for them. ``builtin`` are
    names that are known without that, in the order in which they are listed. ``instances``: entries are
    values, and a class that is defined is entered as the value that it makes. ``label`` is what errors call the kind.
    """

    def __init__(
        self,
        kind: str,
        modules: Iterable[str],
        *,
        label: str | None = None,
        instances: bool = False,
        builtin: Iterable[str] = (),
    ) -> None:
        super().__init__()
        self.kind, self.label, self.instances = kind, label or kind, instances
        self.modules, self.builtin = tuple(modules), tuple(builtin)
        self.origins: dict[str, Origin] = {}
        self._unfinished: dict[str, str] = {}
        self._loaded = False

    # ----- registering

    def add(self, name: str, entry: Entry, origin: Origin) -> None:
        """Enter a thing by name; the same definition, run again, takes the place of its earlier self.

        Raises `UsageError` for a name that cannot be written in an experiment file, or that another definition has.
        """
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise UsageError(f"{origin}: the name of a {self.kind} has letters, digits, _, - and ., got {name!r}")
        if not origin.is_own:
            self.load()
        other = self.origins.get(name)
        if other is not None and other != origin:
            raise UsageError(
                f"{self.label} '{name}' is defined twice: by {other}, and by {origin}. Give one of them another name."
            )
        self._unfinished.pop(name, None)
        self.origins[name] = origin
        self[name] = entry

    def define(self, cls: type[Extension]) -> None:
        """Enter a class under its name; one that leaves out a required method cannot be used, and the error says so."""
        origin = Origin(cls.__module__, cls.__qualname__)
        name = cls.registered_name()
        missing = sorted(method for method in dir(cls) if _is_abstract(getattr(cls, method, None)))
        if missing:
            self._unfinished[name] = f"{self.label} '{name}' needs the method {missing[0]} ({origin})"
            return
        self.add(name, cast(Entry, cls() if self.instances else cls), origin)

    def name_of(self, value: Extension) -> str:
        """The name by which a value's class is registered, as files write it.

        Raises `UsageError` where the name is another's: the file would mean something else than this value.
        """
        cls = type(value)
        name = cls.registered_name()
        if self.get(name) is cls:
            return name
        if name in self and self.origins[name] == Origin(cls.__module__, cls.__qualname__):
            raise UsageError(f"{self.label} '{name}': {cls.__qualname__} was defined again; make this value anew")
        raise UsageError(f"{self.label} '{name}': {cls.__qualname__} is not registered; give it a name of its own")

    # ----- looking up

    def lookup(self, name: object, where: str = "", capital: bool = False) -> Entry:
        """The entry of that name. `UsageError`, beginning with ``where``, with the nearest names: there is none."""
        self.check(name, where, capital)
        return self[str(name)]

    def check(self, name: object, where: str = "", capital: bool = False) -> None:
        """Raise `UsageError` as `lookup` does; nothing is loaded for a name that is known without that."""
        if isinstance(name, str) and name in self:
            return
        if isinstance(name, str) and name in self._unfinished:
            raise UsageError(f"{where}{self._unfinished[name]}")
        word = "Unknown" if capital else "unknown"
        raise UsageError(f"{where}{word} {self.label} '{name}'.{nearest(str(name), self)}")

    def load(self) -> None:
        """Import the modules that define what comes with Leadline."""
        if self._loaded:
            return
        with LOCK:
            for module in self.modules:
                import_module(module)
            for name in self.builtin:  # in this order, whichever module was imported first
                self[name] = self.pop(name)
            self._loaded = True

    def _complete(self) -> None:
        self.load()
        load_installed()

    def __missing__(self, name: str) -> Entry:
        if not self._loaded:
            self.load()
            if dict.__contains__(self, name):
                return self[name]
        load_installed()
        if dict.__contains__(self, name):
            return self[name]
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        if dict.__contains__(self, name) or name in self.builtin:
            return True
        self._complete()
        return dict.__contains__(self, name)

    def get(self, name: str, default: Any = None) -> Any:
        """The entry of that name, or the default."""
        try:
            return self[name]
        except KeyError:
            return default

    def __iter__(self) -> Iterator[str]:
        self._complete()
        return dict.__iter__(self)

    def __len__(self) -> int:
        self._complete()
        return dict.__len__(self)

    def listed(self) -> dict[str, Origin]:
        """All names with where each is defined."""
        return {name: self.origins[name] for name in self}

    def keys(self) -> KeysView[str]:  # type: ignore[override]
        """All names: first those that come with Leadline."""
        self._complete()
        return super().keys()

    def values(self) -> ValuesView[Entry]:  # type: ignore[override]
        """All entries."""
        self._complete()
        return super().values()

    def items(self) -> ItemsView[str, Entry]:  # type: ignore[override]
        """All names with their entries."""
        self._complete()
        return super().items()

    @contextmanager
    def restored(self) -> Iterator[None]:
        """What is registered meanwhile is removed afterwards; what comes with Leadline stays."""
        before, origins = dict(dict.items(self)), dict(self.origins)
        try:
            yield
        finally:
            for name in [name for name, origin in self.origins.items() if not origin.is_own]:
                self.pop(name, None)
                del self.origins[name]
            own = {name: origin for name, origin in origins.items() if not origin.is_own}
            self.update({name: before[name] for name in own})
            self.origins.update(own)


def _is_abstract(member: object) -> bool:
    return bool(getattr(member, "__isabstractmethod__", False))
