"""Mistakes of image runs gather in clusters of the network's own features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import leadline as ll
from leadline.review.mistakes import find_mistakes, hidden_features, import_causes, keep_findings


def rotated_digits() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The digits as images; half of the sevens lie on their side."""
    data = ll.read("digits")
    images, labels = data.images()[..., 0], data.target
    turned = (np.random.default_rng(0).random(len(labels)) < 0.5) & (labels == 7)
    images = images.copy()
    images[turned] = images[turned].swapaxes(1, 2)[:, ::-1]
    return images, labels, turned


def test_features_are_what_the_output_layer_is_given(tmp_path: Path) -> None:
    layers = [ll.Dense(12, "relu"), ll.Dropout(keep_prob=0.8), ll.Dense(10)]
    run = ll.train(ll.Network(layers), ll.read("digits"), epochs=2, runs=tmp_path, name="a")
    trained = run.trained_network()
    x = trained.preparation.inputs(ll.read("digits"), np.arange(40))
    features = hidden_features(trained, x)
    assert features.shape == (40, 12) and (features >= 0).all()
    named = trained.parameters.named()
    logits = torch.as_tensor(features) @ named["layers.2.weight"].T + named["layers.2.bias"]
    calibrated = trained.decision.outputs(logits.softmax(1).numpy())
    assert np.allclose(calibrated, trained.outputs(x), atol=1e-5)


def test_a_network_without_hidden_layers_is_clustered_by_its_inputs(tmp_path: Path) -> None:
    run = ll.train(ll.Network([ll.Dense(10)]), ll.read("digits"), epochs=1, runs=tmp_path, name="a")
    x = run.trained_network().preparation.inputs(ll.read("digits"), np.arange(5))
    assert np.array_equal(hidden_features(run.trained_network(), x), x.reshape(5, -1))


def test_planted_rotated_digits_are_found_first(tmp_path: Path) -> None:
    """The network has seen upright digits alone."""
    images, labels, turned = rotated_digits()
    named = labels.astype(str).astype(object)
    plain = ll.read(images[~turned], named[~turned])
    data = ll.read(images, named)
    assert plain.classes == data.classes
    trained = ll.train(None, plain, epochs=15, runs=tmp_path, name="plain").trained_network()
    x = trained.preparation.inputs(images, np.arange(len(images)))
    wrong = np.asarray(trained.classes)[trained.outputs(x).argmax(1)] != named
    assert wrong[turned].mean() > 0.5 > wrong[~turned].mean()
    from leadline.strategy import find_clusters

    (first, *_) = find_clusters(hidden_features(trained, x), wrong)
    assert turned[first.rows].mean() > 0.5
    assert turned[first.representatives].mean() > 0.8


def test_data_that_are_gone_leave_the_mistakes_without_suggestions(tmp_path: Path) -> None:
    images, labels, _ = rotated_digits()
    run = ll.train(ll.Network([ll.Dense(10)]), (images, labels), epochs=2, runs=tmp_path, name="a")
    found = find_mistakes(run)
    assert found.wrong.any() and found.slices == found.clusters == ()
    assert find_mistakes(run, ll.read(images, labels)).rows.tolist() == found.rows.tolist()


def noisy_districts(tmp_path: Path) -> ll.Run:
    """A regression whose target is 20 times as noisy in one district."""
    rng = np.random.default_rng(0)
    district, x = rng.choice(["North", "South", "East"], 900, p=[0.15, 0.5, 0.35]), rng.normal(size=900)
    y = 3 * x + rng.normal(0, np.where(district == "North", 2.0, 0.1), 900)
    lines = ["x,district,y", *(f"{a:.4f},{d},{b:.4f}" for a, d, b in zip(x, district, y, strict=True))]
    (tmp_path / "d.csv").write_text("\n".join(lines))
    data = {"source": str(tmp_path / "d.csv"), "target": "y", "exclude": ["district"]}
    changes = {"data": data, "training.epochs": 40, "split": {"train": 400, "dev": 400, "test": 100}}
    return ll.train(experiment=ll.Experiment().replace(changes), runs=tmp_path / "runs", name="a")


def test_a_regression_is_looked_through_from_its_largest_residuals(tmp_path: Path) -> None:
    run = noisy_districts(tmp_path)
    found = find_mistakes(run)
    assert found.weights is not None and found.slices[0].description == "district = North"
    assert found.slices[0].metric == "RMSE" and found.slices[0].error.value > 1.5
    assert found.weights[found.wrong].sum() == pytest.approx(0.5 * found.weights.sum(), rel=0.1)
    assert found.weights[found.wrong].min() >= found.weights[~found.wrong].max()
    table = found.to_look_through(30, ["broken scale"])
    largest = found.rows[np.argsort(-found.weights)[:30]]
    assert list(table.rows) == largest.tolist()
    district = ll.read(tmp_path / "d.csv", "y").column("district")
    filled = table.with_cause("broken scale", [row for row in table.rows if district[row] == "North"])
    filled.to_csv(tmp_path / "m.csv")
    import_causes(run, tmp_path / "m.csv")
    analysis = find_mistakes(run, suggest=False).analysis
    assert analysis is not None and analysis.rest is not None
    (cause,) = analysis.causes
    kept = ~np.isin(found.rows, [row for row in table.rows if district[row] == "North"])
    assert cause.ceiling.value == pytest.approx(np.sqrt(np.sum(found.weights * kept) / len(kept)))
    assert cause.share.value == pytest.approx(1 - np.sum(found.weights * kept) / found.weights.sum())
    assert cause.gain.value == pytest.approx(found.error.value - cause.ceiling.value)
    assert cause.gain.interval[0] < cause.gain.value < cause.gain.interval[1]
    assert analysis.rest.count == 370


def test_examples_of_several_labels_are_mistakes_by_their_wrong_labels(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    camera, x = rng.choice(["old", "new"], 900, p=[0.25, 0.75]), rng.normal(size=(900, 2))
    y = (x > 0).astype(int)
    y[:, 0] ^= (rng.random(900) < np.where(camera == "old", 0.5, 0.0)).astype(int)
    lines = ["a,b,camera,sun,rain"]
    lines += [f"{a:.3f},{b:.3f},{c},{s},{r}" for (a, b), c, (s, r) in zip(x, camera, y, strict=True)]
    (tmp_path / "w.csv").write_text("\n".join(lines))
    data = {"source": str(tmp_path / "w.csv"), "target": ["sun", "rain"], "exclude": ["camera"]}
    changes = {"data": data, "training.epochs": 60, "split": {"train": 400, "dev": 400, "test": 100}}
    run = ll.train(experiment=ll.Experiment().replace(changes), runs=tmp_path / "runs", name="a")
    found = find_mistakes(run)
    assert found.slices[0].description == "camera = old" and found.slices[0].error.value > 0.15
    assert found.error.value == run.metrics["dev"].overall["error"].value
    assert found.wrong.mean() == pytest.approx(1 - run.metrics["dev"].overall["exact_match"].value)
    table = found.to_look_through(20, ["old camera"])
    assert set(table.labels) <= {"sun | rain", "sun", "rain", "none"}
    html = (run.folder / "report.html").read_text()
    assert "The worst mistakes" in html and "sun | rain" in html
    read = ll.read(tmp_path / "w.csv", ["sun", "rain"])
    ticked = [row for row in table.rows if read.column("camera")[row] == "old"]
    table.with_cause("old camera", ticked).to_csv(tmp_path / "m.csv")
    import_causes(run, tmp_path / "m.csv")
    analysis = find_mistakes(run, suggest=False).analysis
    assert analysis is not None and analysis.of == "wrong labels"
    cause = analysis.causes[0]
    assert cause.ceiling.value == pytest.approx(found.error.value * (1 - cause.share.value))


def test_what_was_found_is_in_the_report(tmp_path: Path) -> None:
    run = noisy_districts(tmp_path)
    assert "Error analysis" not in (run.folder / "report.html").read_text()
    found = find_mistakes(run)
    keep_findings(run, found)
    html = (run.folder / "report.html").read_text()
    assert "Error slices" in html and "district = North" in html and "Causes of" not in html
    table = found.to_look_through(10, ["broken <scale>"])
    table.with_cause("broken <scale>", table.rows[:4]).to_csv(tmp_path / "m.csv")
    import_causes(run, tmp_path / "m.csv")
    keep_findings(run, find_mistakes(run))
    html = (run.folder / "report.html").read_text()
    assert "Causes of 10 mistakes" in html and "broken &lt;scale&gt;" in html and "error at best" in html
