"""What a remedy is: a change of an experiment, the gaps it moves, and when the evidence speaks for it.

To add one of your own, subclass `Remedy`: diagnoses then advise it where its evidence speaks for it, and soundings
measure its options, both under its ``name``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

from leadline.extensions import Extension, Registry, registry
from leadline.strategy.evidence import Evidence

Changes = Mapping[str, Any]
Tables = list[dict[str, Any]] | None


@dataclass(frozen=True)
class Option:
    """One way to apply a remedy: its name among others, and keys of the experiment with their new values."""

    label: str
    changes: Changes


@dataclass(frozen=True)
class Advice:
    """A remedy that the evidence of a run speaks for.

    Attributes:
        title: what to do, in a few words.
        gap: the gap it narrows.
        reason: the evidence for it.
        change: keys of the experiment with their new values; empty where something must be done outside of
            it.
        side_effect: what else it moves, or an empty text.
        moves: all gaps it moves, the one it is for first.
        key: the remedy's key in the catalogue; empty in records from before it had one.

    """

    title: str
    gap: str
    reason: str
    change: dict[str, Any] = field(default_factory=dict)
    side_effect: str = ""
    moves: tuple[str, ...] = ()
    key: str = ""

    def __post_init__(self) -> None:
        if not self.moves:
            object.__setattr__(self, "moves", (self.gap,))

    @property
    def orthogonal(self) -> bool:
        """Whether it moves its own gap only."""
        return len(self.moves) == 1

    def to_json(self) -> dict[str, Any]:
        """Plain values that ``from_json`` reads back."""
        return {**vars(self), "moves": list(self.moves), "change": dict(self.change)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Advice:
        """The inverse of ``to_json``."""
        return cls(**{**data, "moves": tuple(data["moves"])})

    def __str__(self) -> str:
        side = f" {self.side_effect}" if self.side_effect else ""
        return f"{self.title}: {self.reason}{side}"


class Remedy(Extension, kind="remedy"):
    """Something to do about a gap; subclasses are the catalogue.

    An orthogonal remedy moves one gap only. ``moves`` names the gaps, the one it is for first; advice for another gap
    turns it round (a weaker penalty is for bias). ``worth`` is the share of the error that it usually takes off, by
    the gap that is to be worked on: it only says what is measured first.
    """

    name: ClassVar[str]
    """Its key in records: the same in a diagnosis and in soundings."""
    title: ClassVar[str]
    """What people read, such as ``L2 penalty``."""
    moves: ClassVar[tuple[str, ...]]
    worth: ClassVar[Mapping[str, float]] = MappingProxyType({})
    rank: ClassVar[int] = 1000
    """Its place in the order in which to try remedies; those of the user's own come last."""
    always: ClassVar[bool] = False
    """Whether it is sounded even without an option: by another way of measuring."""

    def advice(self, gap: str, e: Evidence) -> Iterable[Advice]:
        """What the evidence says to do about a gap; nothing where it does not speak for this remedy."""
        return ()

    def options(self, e: Evidence) -> Iterable[Option]:
        """The ways to apply it that this experiment has room for, to be measured."""
        return ()

    def worth_here(self, e: Evidence) -> Mapping[str, float]:
        """`worth`, where the experiment says more about it."""
        return self.worth

    def advise(
        self, title: str, gap: str, reason: str, change: Changes | None = None, side_effect: str = "", *also: str
    ) -> Advice:
        """Advice for a gap; ``also`` are the other gaps that it moves."""
        return Advice(title, gap, reason, dict(change or {}), side_effect, (gap, *also), self.name)


@dataclass(frozen=True)
class RemedyOptions:
    """A remedy with the options that one experiment has room for: what soundings measure."""

    key: str
    title: str
    moves: tuple[str, ...]
    options: tuple[Option, ...]
    worth: Mapping[str, float]

    @property
    def gap(self) -> str:
        """The gap it is for."""
        return self.moves[0]

    def worth_for(self, gaps: Sequence[str]) -> float:
        """What it may bring where these are the gaps to work on; the mean where none is known."""
        known = [self.worth[gap] for gap in gaps if gap in self.worth]
        if not self.worth:
            return 0.0
        return max(known) if known else sum(self.worth.values()) / len(self.worth)


REMEDIES: Registry[Remedy] = registry("remedy")
"""The catalogue by name."""


def catalogue() -> list[Remedy]:
    """Every remedy, in the order in which to try them."""
    return sorted(REMEDIES.values(), key=lambda remedy: remedy.rank)


def remedies(gap: str, evidence: Evidence) -> tuple[Advice, ...]:
    """What the evidence says to do about a gap, in the order to try; empty where nothing speaks for any of it."""
    return tuple(advice for remedy in catalogue() for advice in remedy.advice(gap, evidence))


def remedies_for(gaps: Sequence[str], evidence: Evidence) -> tuple[Advice, ...]:
    """Remedies for several gaps: those of the first gap first."""
    return tuple(remedy for gap in gaps for part in gap.split(" and ") for remedy in remedies(part, evidence))


def candidates(evidence: Evidence) -> list[RemedyOptions]:
    """Every remedy that an experiment has room for, with its options: what can be measured."""
    made = []
    for remedy in catalogue():
        options = tuple(option for option in remedy.options(evidence) if option.changes)
        if options or remedy.always:
            made.append(RemedyOptions(remedy.name, remedy.title, remedy.moves, options, remedy.worth_here(evidence)))
    return made


def layers_change(tables: Tables) -> dict[str, Any]:
    """The change to these layers; empty where the network has no room for one."""
    return {} if tables is None else {"network.layers": tables}


def digits(value: float, significant: int = 2) -> float:
    """Two significant digits, or one: the finest step that a starting value deserves."""
    return float(f"{value:.{significant - 1}e}")


def percent(share: float) -> str:
    """A share in whole percent."""
    return f"{100 * share:.0f} %"
