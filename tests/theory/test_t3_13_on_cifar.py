"""T3.13, T4.16 on real data: from eight classes of CIFAR-10 to the two others with 50 images each.

`benchmarks/transfer.py` measures it at full length.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import leadline as ll
from leadline.experiment import Experiment
from leadline.network import Image
from leadline.session import guidelines
from leadline.session.plan import make_plan

SHIP, TRUCK = 8, 9
LAYERS = [
    Image(32, 32, 3),
    ll.Convolution(32, 3, padding="same"),
    ll.BatchNorm(activation="relu"),
    ll.MaxPool(2),
    ll.Convolution(64, 3, padding="same"),
    ll.BatchNorm(activation="relu"),
    ll.MaxPool(2),
    ll.Convolution(128, 3, padding="same"),
    ll.BatchNorm(activation="relu"),
    ll.GlobalAveragePool(),
]


@pytest.mark.verify
@pytest.mark.needs_data
def test_t3_13_two_classes_of_cifar_learn_from_the_eight_others(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T3.13, T4.16: the source's features help beyond luck, and transfer costs a fraction of training from scratch."""
    sets = [ll.read(data_folder / "cifar10" / f"{name}.parquet", target="label") for name in ("train", "test")]
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(guidelines, "MOST_EXAMPLES", 2_000)
    (x, y), (x_test, y_test) = ((np.asarray(data.inputs), data.target) for data in sets)
    source_rows = np.concatenate([np.flatnonzero(y == k)[:2500] for k in range(8)])
    few = np.concatenate([np.flatnonzero(y == k)[:50] for k in (SHIP, TRUCK)])
    dev = np.flatnonzero(y_test >= SHIP)
    data = ll.read((x[few], y[few] - SHIP), dev=(x_test[dev], y_test[dev] - SHIP))

    source = ll.train(
        ll.Network([*LAYERS, ll.Dense(8)]),
        ll.read((x[source_rows], y[source_rows])),
        epochs=8,
        batch_size=128,
        split={"dev": 0.05, "test": 0},
        name="eight",
        runs=tmp_path,
    )
    wanted = Experiment.from_dict({"network": {"from": "eight", "freeze": "all"}, "split": {"test": 0}})
    plan = make_plan(wanted, data, runs=tmp_path)
    assert plan.transfer is not None
    trained, untrained = guidelines.feature_errors(plan, plan.transfer)
    gain = untrained.astype(float) - trained
    assert gain.mean() > 2 * gain.std() / np.sqrt(len(gain))

    settings = {"batch_size": 20, "runs": tmp_path, "split": {"test": 0}, "early_stopping": False}
    scratch = ll.train(ll.Network([*LAYERS, ll.Dense(1)]), data, epochs=40, **settings)
    transferred = ll.transfer(source, data, freeze="all", epochs=200, **settings)  # still a fraction of the time
    errors = [run.errors["dev"].value for run in (scratch, transferred)]
    assert errors[1] < errors[0] + 0.03 and errors[1] < 0.25
    seconds = [np.median([epoch["seconds"] for epoch in run.history]) for run in (scratch, transferred)]
    assert seconds[0] / seconds[1] > 3
    before, after = source.trained_network().parameters, transferred.trained_network().parameters
    for ours, theirs in ((after.named(), before.named()), (after.named_statistics(), before.named_statistics())):
        for name, tensor in ours.items():
            if not name.startswith("layers.10"):
                assert tensor.numpy().tobytes() == theirs[name].numpy().tobytes(), name
