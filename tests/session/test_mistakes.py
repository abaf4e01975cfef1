"""Mistakes of image runs gather in clusters of the network's own features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import leadline as ll
from leadline.errors import LeadlineError
from leadline.session.mistakes import find_mistakes, hidden_features


def rotated_digits() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The digits as images; half of the sevens lie on their side."""
    data = ll.read("digits")
    images, labels = data.images()[..., 0], data.target
    turned = (np.random.default_rng(0).random(len(labels)) < 0.5) & (labels == 7)
    images = images.copy()
    images[turned] = images[turned].swapaxes(1, 2)[:, ::-1]
    return images, labels, turned


def test_features_are_what_the_output_layer_is_given(tmp_path: Path) -> None:
    layers = [ll.Dense(12, "relu"), ll.Dropout(0.8), ll.Dense(10)]
    run = ll.train(ll.Network(layers), ll.read("digits"), epochs=2, runs=tmp_path, name="a")
    trained = run.trained_network()
    x = trained.preparation.inputs(ll.read("digits"), np.arange(40))
    features = hidden_features(trained, x)
    assert features.shape == (40, 12) and (features >= 0).all()
    named = trained.parameters.named()
    logits = torch.as_tensor(features) @ named["layers.2.weight"].T + named["layers.2.bias"]
    assert np.allclose(logits.softmax(1).numpy(), trained.outputs(x), atol=1e-5)


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


def test_a_regression_has_no_mistakes(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(200, 3))
    run = ll.train(ll.Network([ll.Dense(1)]), (x, x[:, 0] + 0.5), epochs=1, runs=tmp_path, name="a")
    with pytest.raises(LeadlineError, match="one class each"):
        find_mistakes(run)
