"""How to search: the options of a search as one value."""

from __future__ import annotations

from dataclasses import dataclass

from leadline.extensions import registry
from leadline.limits import Count, CountOrNone, Positive, Repeats, Seed, Tiers, check_fields


@dataclass(frozen=True)
class SearchSettings:
    """Options of a search; `UsageError` for values that cannot be.

    ``tiers`` is how many tiers the default space has. ``pruning`` stops hopeless trials by successive halving.
    ``budget`` is in seconds for all, None without limit. After the trials the best ``finalists`` are trained again with
    ``seeds`` other seeds each (0: not at all). ``places`` trials train at once in one process.
    """

    trials: Count = 64
    sampler: str = "random"
    seed: Seed = 0
    tiers: Tiers = 3
    pruning: bool = True
    budget: Positive | None = None
    finalists: CountOrNone = 3
    seeds: Repeats = 5
    places: Count = 64

    def __post_init__(self) -> None:
        registry("sampler").check(self.sampler, "search.sampler: ")
        check_fields(self, "search")
