"""What each figure of the gallery shows is true: the properties that its caption claims."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from leadline.network import Dense, Network
from leadline.report.gallery import batch_normalization, boundaries, input_normalization, mini_batches, regularization
from leadline.report.gallery.activation_functions import activations, derivatives
from leadline.report.gallery.averages import exponentially_weighted_averages
from leadline.report.gallery.computing import cost_grid, error
from leadline.report.gallery.cost_surface import LOSS, logistic_cost_surface
from leadline.report.gallery.learning_rates import schedules
from leadline.report.gallery.optimizer_paths import RULES, START, bowl, optimizer_paths, steps_of
from leadline.report.gallery.signals import reports
from leadline.report.gallery.toy import overlapping


def traces(figure) -> dict[str, dict]:
    return {trace["name"]: trace for trace in figure.data}


def test_activations_and_their_derivatives():
    values, slopes = traces(activations()), traces(derivatives())
    z = values["sigmoid"]["x"]
    zero = int(np.argmin(np.abs(z)))
    assert values["sigmoid"]["y"][zero] == pytest.approx(0.5)
    assert slopes["sigmoid"]["y"].max() == pytest.approx(0.25)
    assert slopes["tanh"]["y"].max() == pytest.approx(1.0)
    assert set(slopes["ReLU"]["y"]) == {0.0, 1.0}
    assert slopes["leaky ReLU"]["y"].min() == pytest.approx(0.01)
    for name in values:
        step = np.gradient(values[name]["y"], z)
        away = np.abs(z) > 0.2
        assert np.allclose(step[away], slopes[name]["y"][away], atol=2e-3)


def test_the_cost_surface_is_the_cost():
    examples = overlapping(60, seed=4)
    grid = cost_grid(Network([Dense(1)]), LOSS, examples, np.array([0.0, 1.5]), np.array([-1.0, 0.0, 2.0]))
    assert grid.shape == (3, 2)
    assert grid[1, 0] == pytest.approx(math.log(2))
    x, y = examples.x.numpy(), examples.y.numpy()
    a = 1 / (1 + np.exp(-(1.5 * x + 2.0)))
    assert grid[2, 1] == pytest.approx(float(-(y * np.log(a) + (1 - y) * np.log(1 - a)).mean()))


def test_descent_on_the_surface_needs_the_right_rate():
    figure = logistic_cost_surface()
    surface, minimum = figure.data
    distance = {
        frame.label: math.dist((frame.data[0]["x"][-1], frame.data[0]["y"][-1]), (minimum["x"][0], minimum["y"][0]))
        for frame in figure.frames
    }
    assert distance["α = 2"] < 0.05 < distance["α = 0.1"]
    assert distance["α = 2"] < distance["α = 20"]
    assert surface["customdata"].min() > 0


def test_normalized_inputs_make_the_valley_round_and_descent_short():
    ends, shapes = {}, {}
    for name, examples, rate in (
        ("raw", input_normalization.raw(), input_normalization.RAW_RATE),
        ("normalized", input_normalization.normalized(), input_normalization.NORMALIZED_RATE),
    ):
        path = input_normalization.descent(examples, rate)
        best = torch.linalg.lstsq(examples.x, examples.y).solution.flatten().numpy()
        ends[name] = np.linalg.norm(path[-1] - best)
        curvature = np.linalg.eigvalsh((examples.x.T @ examples.x / len(examples)).numpy())
        shapes[name] = curvature[1] / curvature[0]
    assert shapes["raw"] > 15 and shapes["normalized"] < 2
    assert ends["normalized"] < 0.01 < 0.2 < ends["raw"]


def test_correction_matters_at_the_start_and_a_larger_beta_is_smoother():
    figure = exponentially_weighted_averages()
    roughness = []
    for frame in figure.frames:
        plain, corrected = (trace["y"] for trace in frame.data)
        assert corrected[0] == pytest.approx(figure.data[0]["y"][0])
        assert abs(plain[0]) < abs(corrected[0])
        roughness.append(np.abs(np.diff(corrected[20:])).mean())
    assert roughness[0] > roughness[1] > roughness[2]


def test_paths_start_together_and_end_nearer_with_averages():
    ends = {name: bowl(steps_of(rule)[-1]) for name, rule in RULES.items()}
    assert ends["Adam"] < ends["descent"]
    assert ends["momentum"] < ends["descent"]
    assert all(np.allclose(steps_of(rule, 1)[0], START) for rule in RULES.values())
    figure = optimizer_paths()
    assert [len(trace["x"]) for trace in figure.frames[-1].data] == [61] * 4


def test_descent_swings_where_rmsprop_does_not():
    def turns(name: str) -> int:
        steep = steps_of(RULES[name], 20)[:, 1]
        return int((np.sign(steep[1:]) != np.sign(steep[:-1])).sum())

    assert turns("descent") >= 15
    assert turns("RMSprop") <= 1


def test_a_full_batch_falls_smoothly_and_mini_batches_get_further():
    examples = mini_batches.moons(512, noise=0.2, seed=3)
    full, small = (mini_batches.step_costs(examples, size) for size in (512, 16))
    assert len(full) == 10 and len(small) == 320
    assert (np.diff(full) < 0).all()
    assert (np.diff(small) > 0).any()
    assert small[-32:].mean() < full[-1]


def test_schedules_start_as_they_should():
    found = {name: trace["y"] for name, trace in traces(schedules()).items()}
    assert all(len(rates) == 41 for rates in found.values())
    assert found["α₀/(1 + d·epoch), d = 0.1"][10] == pytest.approx(0.1)
    assert found["halved every 10"][9:21:11] == [0.2, 0.05]
    assert found["cosine"][40] == pytest.approx(0.0, abs=1e-12)
    assert found["cosine after 5 of warm-up"][0] == pytest.approx(0.04)


def test_signals_explode_hold_and_vanish():
    found = reports()
    assert found["He × 1.5"].verdict == "grows"
    assert found["He"].verdict == "holds"
    assert found["He × 0.5"].verdict == "dies"


def test_batch_norm_keeps_deep_units_off_saturation():
    def saturated(batch_norm: bool) -> float:
        return float((batch_normalization.hidden_activations(batch_norm)[-1].abs() > 0.95).double().mean())

    assert saturated(False) > 0.3
    assert saturated(True) < 0.1


def test_a_penalty_trades_training_error_for_dev_error():
    free, held, crushed = (regularization.fit_with_penalty(strength) for strength in (0.0, 0.3, 10.0))
    train, dev = regularization.TRAIN, regularization.DEV
    loss = regularization.LOSS
    assert error(free, loss, train) == 0
    assert error(free, loss, train) < error(held, loss, train) < error(crushed, loss, train)
    assert error(held, loss, dev) < min(error(free, loss, dev), error(crushed, loss, dev))


def test_dropout_narrows_the_gap():
    gaps = []
    for keep_prob in (1.0, 0.5):
        found = regularization.fit_with_dropout(keep_prob)
        train, dev = (error(found, regularization.LOSS, sets) for sets in (regularization.TRAIN, regularization.DEV))
        gaps.append(dev - train)
    assert gaps[1] < gaps[0]


def convex(regions: np.ndarray) -> bool:
    """Whether each class holds the middle between any two of its points (sampled on the grid)."""
    random = np.random.default_rng(0)
    for label in np.unique(regions):
        places = np.argwhere(regions == label)
        pairs = random.integers(0, len(places), (2, 4_000))
        one, other = places[pairs[0]], places[pairs[1]]
        even = ((one + other) % 2 == 0).all(axis=1)
        middle = ((one + other) // 2)[even]
        if (regions[middle[:, 0], middle[:, 1]] != label).any():
            return False
    return True


def test_t2_18_boundaries_are_linear_without_a_hidden_layer_and_curved_with_one():
    """T2.18: softmax regression cuts the plane into convex regions; one hidden layer encloses the inner rings."""
    straight, curved = boundaries.fit_rings(0), boundaries.fit_rings(12)
    assert convex(boundaries.regions(straight))
    assert not convex(boundaries.regions(curved))
    assert error(straight, boundaries.LOSS, boundaries.EXAMPLES) > 0.4
    assert error(curved, boundaries.LOSS, boundaries.EXAMPLES) < 0.02
