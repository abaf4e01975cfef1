from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
import pytest

from leadline.errors import UsageError
from leadline.search.coarse_to_fine import CoarseToFine, zoomed
from leadline.search.distributions import suggest, values_of
from leadline.search.samplers import GRID_POINT, SAMPLERS, Grid, Strategy, grid_levels, strategy
from leadline.search.spaces import Space, choice, integer, linear, log, one_minus_log
from leadline.search.storage import open_storage, open_study

SPACE = Space(
    (
        log("rate", 1e-4, 1),
        one_minus_log("beta", 0.9, 0.999),
        integer("layers", 1, 3),
        choice("kind", ["a", "b"]),
        linear("only_a", 0, 1, when={"kind": "a"}),
    )
)
NUMBERS = Space((linear("x", 0, 1), log("y", 1e-3, 1)))


def drawn(chosen: Strategy, space: Space, n: int, objective: Callable[[Any], float] | None = None) -> list[Any]:
    study = open_study(open_storage(None), "s", chosen.sampler)
    found = []
    for _ in range(n):
        trial = study.ask()
        values = suggest(trial, space)
        if isinstance(chosen.sampler, Grid):
            trial.set_user_attr(GRID_POINT, chosen.sampler.point_of(trial.number))
        found.append(values)
        study.tell(trial, objective(values) if objective else 0.5)
    return found


@pytest.mark.parametrize("name", SAMPLERS)
def test_draws_lie_in_the_space_and_repeat_by_the_seed(name: str) -> None:
    first = drawn(strategy(name, SPACE, 20, 3), SPACE, 20)
    assert first == drawn(strategy(name, SPACE, 20, 3), SPACE, 20)
    assert first != drawn(strategy(name, SPACE, 20, 4), SPACE, 20)
    for values in first:
        assert 1e-4 <= values["rate"] <= 1
        assert 0.9 <= values["beta"] <= 0.999
        assert values["layers"] in (1, 2, 3)
        assert ("only_a" in values) == (values["kind"] == "a")
    assert {values["kind"] for values in first} == {"a", "b"}


def test_several_workers_draw_what_one_would() -> None:
    one = drawn(strategy("random", SPACE, 12, 0), SPACE, 12)
    storage = open_storage(None)
    workers = [open_study(storage, "s", strategy("random", SPACE, 12, 0).sampler) for _ in range(3)]
    together = [suggest(workers[k % 3].ask(), SPACE) for k in range(12)]
    assert together == one


def test_a_grid_visits_each_point_once() -> None:
    chosen = strategy("grid", SPACE, 40, 0)
    assert chosen.most is not None
    assert chosen.most <= 40
    found = drawn(chosen, SPACE, chosen.most)
    assert len({tuple(values.items()) for values in found}) == chosen.most
    assert grid_levels(NUMBERS, 26) == 5


def test_quasi_random_points_fill_the_space_more_evenly() -> None:
    values = drawn(strategy("quasi-random", NUMBERS, 32, 0), NUMBERS, 32)
    for key in ("x", "y"):
        places = [NUMBERS[key].place_of(v[key]) for v in values]
        assert np.bincount((np.array(places) * 8).astype(int), minlength=8).tolist() == [4] * 8


def test_there_is_no_such_sampler() -> None:
    with pytest.raises(UsageError, match=r"unknown sampler 'tpee'\. Did you mean 'tpe'"):
        strategy("tpee", SPACE, 4, 0)


def bowl(values: dict[str, float]) -> float:
    """Least at x = 0.7, y = 0.01."""
    return (values["x"] - 0.7) ** 2 + (NUMBERS["y"].place_of(values["y"]) - 1 / 3) ** 2


def test_coarse_to_fine_zooms_in() -> None:
    """Covers T2.17: coarse-to-fine."""
    values = drawn(strategy("coarse-to-fine", NUMBERS, 60, 0), NUMBERS, 60, bowl)
    sampler = strategy("coarse-to-fine", NUMBERS, 60, 0).sampler
    assert isinstance(sampler, CoarseToFine)
    size = sampler.round_size
    first, last = (np.percentile([v["x"] for v in part], [25, 75]) for part in (values[:size], values[-size:]))
    assert last[1] - last[0] < (first[1] - first[0]) / 2
    assert min(map(bowl, values[-size:])) < 0.2 * min(map(bowl, values[:size]))
    random = [min(map(bowl, drawn(strategy("random", NUMBERS, 60, s), NUMBERS, 60))) for s in range(5)]
    assert min(map(bowl, values)) < np.median(random)


def test_coarse_to_fine_leaves_a_wrong_region() -> None:
    """Early trials lie: the first two rounds say that x = 0 is best."""
    n = 0
    sampler = strategy("coarse-to-fine", NUMBERS, 120, 0).sampler
    assert isinstance(sampler, CoarseToFine)
    liars = 2 * sampler.round_size

    def misleading(values: dict[str, float]) -> float:
        nonlocal n
        n += 1
        return 0.5 + values["x"] if n <= liars else 0.5 * bowl(values)

    values = drawn(strategy("coarse-to-fine", NUMBERS, 120, 0), NUMBERS, 120, misleading)
    assert np.median([v["x"] for v in values[-sampler.round_size :]]) > 0.5


def test_the_region_keeps_a_margin_and_weighs_choices() -> None:
    space = Space((linear("x", 0, 10), choice("c", ["a", "b"])))
    tried = [{"x": 4.0, "c": "a"}, {"x": 5.0, "c": "a"}, {"x": 6.0, "c": "a"}, *[{"x": 9.0, "c": "b"}] * 10]
    region = zoomed(space, tried)
    low, high = region.intervals["x"]
    assert low < 0.4 < 0.6 < high < 0.9
    assert region.weights["c"][0] > 0.8 > 0.05 < region.weights["c"][1]


def test_pruned_trials_tell_the_region_less_than_complete_ones() -> None:
    storage = open_storage(None)
    sampler = CoarseToFine(NUMBERS, 12, 0)
    study = open_study(storage, "s", sampler)
    for _ in range(sampler.round_size):
        trial = study.ask()
        values = suggest(trial, NUMBERS)
        assert isinstance(values["x"], float)
        if values["x"] < 0.5:
            trial.report(0.0, 0)
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            study.tell(trial, values["x"])
    low, high = sampler.region(study, sampler.round_size).intervals["x"]
    done = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
    complete = [float(str(values_of(NUMBERS, trial.params)["x"])) for trial in done]
    assert low < min(complete) <= high
    assert low > 0.2
