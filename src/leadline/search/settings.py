"""How to search: the options of a search as one value."""

from __future__ import annotations

from dataclasses import dataclass

from leadline.errors import UsageError
from leadline.extensions import registry


@dataclass(frozen=True)
class SearchSettings:
    """Options of a search; `UsageError` for values that cannot be.

    ``tiers`` is how many tiers the default space has. ``pruning`` stops hopeless trials by successive halving.
    ``budget`` is in seconds for all, None without limit. After the trials the best ``finalists`` are trained again with
    ``seeds`` other seeds each (0: not at all). ``places`` trials train at once in one process.
    """

    trials: int = 64
    sampler: str = "random"
    seed: int = 0
    tiers: int = 3
    pruning: bool = True
    budget: float | None = None
    finalists: int = 3
    seeds: int = 5
    places: int = 64

    def __post_init__(self) -> None:
        registry("sampler").check(self.sampler, "search.sampler: ")
        for name, least in (("trials", 1), ("seed", 0), ("finalists", 0), ("seeds", 2), ("places", 1)):
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise UsageError(f"search.{name}: got {value!r}, needs a whole number of at least {least}.")
        if self.tiers not in (1, 2, 3):
            raise UsageError(f"search.tiers: got {self.tiers}, allowed: 1, 2, 3.")
        if self.budget is not None and not self.budget > 0:
            raise UsageError(f"search.budget: got {self.budget:g} s, needs more than 0.")
