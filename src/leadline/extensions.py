"""One way to add a thing of any kind: layers, losses, update rules, metrics and so on are known by name everywhere.

Each kind has a base class, and to define a class of it is to register it: ``class Huber(ll.Loss)`` is the loss "huber"
in experiment files, on the command line, in searches and in Python. A class that says ``name = "…"`` is called so; any
other has its own name in snake case. What is a value of a class that is there already (another depth of a residual
network) is registered by `register`.

Modules that define such things are loaded by `load_module` and by nothing else: an experiment names them in
``[extensions] modules``, and an installed package announces its own by an entry point of the group
``leadline.extensions``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
import warnings
from collections.abc import ItemsView, Iterable, Iterator, KeysView, ValuesView
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from threading import RLock
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar, cast

from leadline.errors import LeadlineError, LeadlineWarning, UsageError, nearest

Entry = TypeVar("Entry")

GROUP = "leadline.extensions"
"""The group of entry points by which installed packages announce modules of theirs."""

OWN = "leadline"
"""The package whose definitions come along and are loaded when a kind is first asked for."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_loading = RLock()


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
        with _loading:
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
        """What is registered meanwhile is let go of afterwards; what comes with Leadline stays."""
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


class Extension:
    """What the bases of all kinds have in common: to define a class of a kind is to register it under its name.

    ``class Loss(Extension, kind="loss")`` is the base of a kind; ``abstract=True`` is for a class in between, which has
    no name of its own.
    """

    registry: ClassVar[Registry[Any]]

    def __init_subclass__(cls, kind: str | None = None, abstract: bool = False, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if kind is not None:
            cls.registry = registry(kind)
        elif not abstract:
            cls.registry.define(cls)

    @classmethod
    def registered_name(cls) -> str:
        """What files and commands call it: the ``name`` that the class itself gives, else its own in snake case."""
        if not isinstance(cls.__dict__.get("name"), str):
            cls.name = snake_case(cls.__name__)  # type: ignore[attr-defined]
        return cls.name  # type: ignore[attr-defined]


def snake_case(name: str) -> str:
    """A class's name as files write it: ``MaxPool`` is "max_pool"."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


Registered = TypeVar("Registered", bound=Extension)


def register(value: Registered) -> Registered:
    """Enter a value, such as a metric or an architecture, under its ``name``; classes need no more than be defined.

    Raises `UsageError` for a value that is of no kind, or whose name another has.
    """
    if not isinstance(value, Extension) or not type(value).registry.instances:
        raise UsageError(f"register: got {value!r}; it takes values that have a name, such as metrics.")
    name = value.name  # type: ignore[attr-defined]  # every kind of value has one
    type(value).registry.add(name, value, Origin(sys._getframe(1).f_globals.get("__name__", "?"), f"'{name}'"))
    return value


# --- modules ------------------------------------------------------------------------------------------------


@dataclass
class _Loaded:
    """The files that were run, each with what it held then, and whether the installed packages' modules were."""

    files: dict[Path, str]
    installed: bool = False


_loaded = _Loaded({})


def load_module(name: str, key: str = "extensions.modules") -> None:
    """Run a Python file, or import a module by its dotted name, once, so that what it defines is known by name.

    A file that has changed since is run again. Either is code and runs with the user's rights, like any script of
    theirs. Raises `LeadlineError` with the file and the line where it fails; ``key`` is where it was named.
    """
    path = Path(name)
    if path.suffix != ".py" and "/" not in name and not path.exists():
        return _import(name, key)
    if not path.is_file():
        raise LeadlineError(f"{name}: there is no such file; {key} names your own Python files.")
    with _loading:
        content = path.read_bytes()
        path = path.resolve()
        digest = hashlib.sha256(content).hexdigest()
        if _loaded.files.get(path) != digest:
            _run_file(path, name)
            _loaded.files[path] = digest
    return None


def _import(name: str, key: str) -> None:
    try:
        import_module(name)
    except ModuleNotFoundError as error:
        raise LeadlineError(
            f"{name}: there is no such file and no such module ({error}); {key} names Python files "
            "(mine.py) and modules that can be imported."
        ) from None
    except LeadlineError:
        raise
    except Exception as error:
        raise LeadlineError(f"{name} cannot be imported: {type(error).__name__}: {error}") from error


def _run_file(path: Path, shown: str) -> None:
    name = "leadline_extension_" + hashlib.sha256(str(path).encode()).hexdigest()[:12]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise LeadlineError(f"{shown}: not a Python file; its name has to end in .py.")
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
        kind = "" if isinstance(error, LeadlineError) else f"{type(error).__name__}: "
        raise LeadlineError(f"{shown}{_line_in(error, path)}: {kind}{error}") from error


def _line_in(error: Exception, path: Path) -> str:
    """The line of the file where it failed, as ``:12``."""
    trace, line = error.__traceback__, ""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = f":{trace.tb_lineno}"
        trace = trace.tb_next
    return line


def load_installed() -> None:
    """Load, once, the modules that installed packages announce; one that fails is left out with a warning."""
    if _loaded.installed:
        return
    with _loading:
        if _loaded.installed:
            return
        _loaded.installed = True
        for entry in metadata.entry_points(group=GROUP):
            try:
                entry.load()
            except Exception as error:
                package = entry.dist.name if entry.dist else entry.value
                reason = str(error) if isinstance(error, LeadlineError) else f"{type(error).__name__}: {error}"
                text = f"The extension '{entry.name}' of {package} cannot be loaded and is left out: {reason}"
                warnings.warn(text, LeadlineWarning, stacklevel=2)


def modules_of(values: Iterable[object]) -> tuple[str, ...]:
    """How ``[extensions] modules`` names the modules in which the classes of these values are defined.

    What comes with Leadline needs none; what a program defines itself, or inside a function, no other can load.
    """
    names: dict[str, None] = {}
    for cls in [type(value) for value in values if isinstance(value, Extension)]:
        if Origin(cls.__module__, "").is_own or cls.__module__ == "__main__" or "<locals>" in cls.__qualname__:
            continue
        module = sys.modules.get(cls.__module__)
        path = Path(getattr(module, "__file__", None) or "")
        names[str(path) if path in _loaded.files else cls.__module__] = None
    return tuple(names)


# --- the kinds ----------------------------------------------------------------------------------------------

_KINDS: dict[str, Registry[Any]] = {
    each.kind: each
    for each in (
        Registry("layer", ["leadline.network"], label="layer type"),
        Registry("activation", ["leadline.equations.activations"], instances=True),
        Registry("loss", ["leadline.equations.losses"], instances=True),
        Registry(
            "optimizer",
            ["leadline.optimize"],
            builtin=("gradient_descent", "momentum", "nesterov", "rmsprop", "adam", "adamw"),
        ),
        Registry("schedule", ["leadline.optimize"]),
        Registry(
            "task",
            ["leadline.measure.tasks"],
            instances=True,
            builtin=("binary", "multiclass", "multilabel", "regression"),
        ),
        Registry("metric", ["leadline.measure.builtin_metrics"], instances=True),
        Registry("architecture", ["leadline.architectures"], instances=True),
        Registry("file format", ["leadline.data.sources.formats"], instances=True),
        Registry(
            "sampler",
            ["leadline.search.samplers"],
            instances=True,
            builtin=("random", "quasi-random", "grid", "coarse-to-fine", "tpe"),
        ),
        Registry(
            "remedy",
            [
                f"leadline.strategy.remedies.{part}"
                for part in ("optimization", "capacity", "regularization", "examples")
            ],
            instances=True,
        ),
    )
}
"""All kinds, in the order in which ``leadline extensions`` lists them."""


def registry(kind: str) -> Registry[Any]:
    """The registry of a kind. `UsageError`: there is no such kind."""
    if kind not in _KINDS:
        raise UsageError(f"unknown kind '{kind}'.{nearest(kind, _KINDS)}")
    return _KINDS[kind]


def kinds() -> tuple[str, ...]:
    """All kinds of things that can be added."""
    return tuple(_KINDS)


@contextmanager
def restored() -> Iterator[None]:
    """What is registered meanwhile, of any kind, is let go of afterwards: for tests, and programs that try things."""
    files, managers = dict(_loaded.files), [each.restored() for each in _KINDS.values()]
    for manager in managers:
        manager.__enter__()
    try:
        yield
    finally:
        for manager in managers:
            manager.__exit__(None, None, None)
        _loaded.files = files
