"""Transfer in experiments: repetition, sources of every kind, and mistakes in one line."""

from __future__ import annotations

import hashlib
import io
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as Picture
from safetensors.torch import save_file

import leadline as ll
from leadline.architectures import ARCHITECTURES, load_published
from leadline.architectures.weights import published_names
from leadline.cli.main import run as command
from leadline.errors import LeadlineError, UsageError
from leadline.experiment import Experiment
from leadline.review.label_audit import audit_labels
from leadline.runs.store import RunStore
from leadline.search import PreparedExperiment
from leadline.session.features import frozen_features
from leadline.session.plan import make_plan
from leadline.session.test_set import same_plan
from leadline.session.transfer_fit import fit_transferred
from leadline.training import outputs


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tables of the same columns, and runs of the larger one."""
    folder = tmp_path_factory.mktemp("sources")
    random = np.random.default_rng(1)
    rows = random.normal(size=(900, 3)).round(4)
    kind = np.where(rows[:, 0] * rows[:, 1] > 0, "x", "y")
    value = (rows[:, 0] * rows[:, 1] + rows[:, 2]).round(4)
    for name, part in (("big", slice(0, 700)), ("small", slice(700, 900))):
        lines = [f"{a},{b},{c},{k},{v}" for (a, b, c), k, v in zip(rows[part], kind[part], value[part], strict=True)]
        (folder / f"{name}.csv").write_text("\n".join(["a,b,c,kind,value", *lines]), encoding="utf-8")
    big = {"source": str(folder / "big.csv"), "target": "kind", "exclude": ["value"]}
    units = ({"units": 64, "activation": "relu"}, {"units": 32, "activation": "relu"}, {"units": 1})
    experiment = {
        "data": big,
        "network": {"layers": [{"type": "dense"} | each for each in units]},
        "training": {"epochs": 30},
    }
    ll.run_experiment(Experiment.from_dict(experiment), name="big", runs=folder / "runs")
    return folder


def small(folder: Path, **network: Any) -> Experiment:
    data = {"source": str(folder / "small.csv"), "target": "value", "exclude": ["kind"]}
    return Experiment.from_dict({"data": data, "network": {"from": "big"} | network, "training": {"epochs": 20}})


def test_a_resolved_experiment_repeats_the_run(folder: Path, tmp_path: Path) -> None:
    first = ll.run_experiment(small(folder, freeze=1), name="first", runs=folder / "runs")
    section = first.experiment.network
    assert (section.freeze, section.head) == (1, None) and section.checksum is not None
    assert Experiment.from_toml(first.folder / "experiment.toml") == first.experiment
    again = ll.run_experiment(first.experiment, runs=tmp_path)
    assert all(torch.equal(tensor, again.parameters[name]) for name, tensor in first.parameters.items())
    assert again.experiment == first.experiment


def test_a_run_lives_on_without_its_source(folder: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    big = Experiment.from_toml(folder / "runs" / "big" / "experiment.toml").replace({"training.epochs": 2})
    source = ll.run_experiment(big, name="big", runs=runs)
    run = ll.run_experiment(small(folder), name="new", runs=runs)
    RunStore(runs).discard(source.folder)
    new = {"a": [0.1, -0.2], "b": [1.0, 2.0], "c": [0.0, 0.5]}
    assert run.trained_network().predict(new).shape == (2,)
    before = run.errors
    ll.open_test_set(run)
    assert set(run.errors) == {*before, "test"} and run.errors["dev"] == before["dev"]
    with pytest.raises(LeadlineError, match=r"network\.from: There is no run"):
        ll.run_experiment(run.experiment, runs=runs)


def test_a_source_that_was_trained_anew_is_another_one(folder: Path, tmp_path: Path) -> None:
    resolved = make_plan(small(folder), runs=folder / "runs").experiment
    changed = resolved.replace({"network.checksum": "0" * 64})
    with pytest.raises(LeadlineError, match=r"network\.checksum: the weights of big have changed"):
        make_plan(changed, runs=folder / "runs")


def test_the_sources_preparation_is_applied(folder: Path) -> None:
    plan = make_plan(small(folder), runs=folder / "runs")
    source = ll.load_run("big", folder / "runs")
    assert plan.preparation.encoders == source.preparation.encoders
    assert plan.data.normalization == "standardize"
    assert plan.preparation.task == "regression" and plan.preparation.target_mean != 0
    rows = plan.split.sets["dev"]
    np.testing.assert_array_equal(plan.inputs("dev"), source.preparation.inputs(plan.data, rows))


@pytest.mark.parametrize(
    ("network", "kind", "message"),
    [
        ({"from": "bgi"}, LeadlineError, r"network\.from: There is no run 'bgi' .* Did you mean 'big'\?"),
        ({"freeze": 3}, UsageError, r"network\.freeze: got 3, but 2 layers are taken over from big; at most 2"),
        ({"freeze": "most"}, UsageError, r'network\.freeze: got "most", needs "all", "none", "auto"'),
        ({"from": None, "freeze": "all"}, UsageError, r"network\.freeze: goes with network\.from"),
        ({"architecture": "resnet18"}, UsageError, r"network\.architecture: big has its own layers"),
        ({"head": [{"type": "dense", "units": 2}]}, UsageError, r"the target has 1; make the last layer Dense\(1\)"),
        ({"head": [{"type": "dens", "units": 1}]}, UsageError, r"network\.head\[0\]: unknown layer type 'dens'"),
        ({"layers": [{"type": "dense", "units": 1}]}, UsageError, r"big begins with Dense\(64, activation='relu'\)"),
        ({"from": "nothing.safetensors"}, UsageError, r"say which network they are of"),
        (
            {"from": "nothing.pt", "architecture": "resnet18"},
            LeadlineError,
            r"network\.from: There is no file of weights at nothing\.pt",
        ),
        ({"form": "big"}, UsageError, r"network\.form: unknown key. Did you mean 'from'"),
    ],
)
def test_a_mistake_is_one_line(folder: Path, network: dict[str, Any], kind: type, message: str) -> None:
    with pytest.raises(kind, match=message) as error:
        make_plan(small(folder, **network), runs=folder / "runs")
    assert "\n" not in str(error.value)


def test_data_that_the_source_cannot_take_are_told(folder: Path) -> None:
    wanted = Experiment.from_dict({"network": {"from": "big"}})
    for data, message in (
        (ll.read({"a": [1.0, 2, 3, 4] * 9, "k": list("xyxy") * 9}, "k"), "lacks the column 'b', which big takes"),
        (ll.read({"a": ["u", "v"] * 9, "b": [1, 2] * 9, "c": [2, 1] * 9, "k": list("xy") * 9}, "k"), "for a number"),
        (ll.read("digits"), "was trained on columns of a table"),
    ):
        with pytest.raises(LeadlineError, match=message):
            make_plan(wanted, data, runs=folder / "runs")


def test_images_in_a_folder_are_brought_to_the_sources_size(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    images = random.integers(0, 255, (60, 6, 8, 3), np.uint8)
    source = ll.train(
        ll.Network([ll.Dense(4, "relu"), ll.Dense(3)]),
        ll.read((images, np.arange(60) % 3)),
        epochs=1,
        name="source",
        runs=tmp_path / "runs",
    )
    assert source.preparation.image_shape == (6, 8, 3)
    for k, name in enumerate(("cat", "dog")):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for i in range(12):
            pixels = random.integers(0, 100 + 80 * k, (20, 20, 3), np.uint8)
            Picture.fromarray(pixels).save(tmp_path / "pets" / name / f"{i}.png")
    wanted = Experiment.from_dict({"data": {"source": str(tmp_path / "pets")}, "network": {"from": "source"}})
    plan = make_plan(wanted, runs=tmp_path / "runs")
    assert plan.data.image_shape == (6, 8, 3) and plan.experiment.data.size == (6, 8)
    with pytest.raises(LeadlineError, match=r"trained on examples of shape 6×8×3, those of .* have 9×9×3"):
        make_plan(wanted.replace({"data.size": [9, 9]}), runs=tmp_path / "runs")


def weights_of(name: str, path: Path) -> Path:
    """Random weights as torchvision names them."""
    found = ARCHITECTURES[name]
    publication = found.publications[0]
    network = found.build(5, **publication.options)
    parameters = network.initialize(found.input_shape, seed=4)
    ours = parameters.named() | parameters.named_statistics()
    names = published_names(network, publication)
    save_file({names[key]: tensor.clone() for key, tensor in ours.items()}, path)
    return path


def test_published_weights_with_their_pixels(tmp_path: Path) -> None:
    path = weights_of("mobilenet_v2", tmp_path / "mobile.safetensors")
    random = np.random.default_rng(0)
    data = ll.read((random.integers(0, 255, (40, 32, 32, 3), np.uint8), np.arange(40) % 2))
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    network = {"from": str(path), "architecture": "mobilenet_v2", "checksum": checksum[:12]}
    wanted = Experiment.from_dict({"network": network, "training": {"epochs": 2}})
    plan = make_plan(wanted, data)
    section = plan.experiment.network
    assert (section.checksum, section.architecture) == (checksum, "mobilenet_v2")
    assert make_plan(plan.experiment, data).network == plan.network

    pixels = np.asarray(data.inputs)[plan.split.dev] / 255
    normalized = (pixels - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    np.testing.assert_allclose(plan.inputs("dev").reshape(pixels.shape), normalized, rtol=1e-5, atol=1e-6)

    published = load_published(ARCHITECTURES["mobilenet_v2"], path, (3, 32, 32))
    x = torch.as_tensor(normalized, dtype=torch.float32).permute(0, 3, 1, 2)
    assert plan.transfer is not None and plan.transfer.kept == len(published.network)
    done = fit_transferred(plan, plan.transfer, plan.training)
    whole = outputs(done.network, done.parameters, torch.as_tensor(plan.inputs("dev")))
    body = ll.Network(published.network.layers[:-1])
    head = done.parameters.named()
    last = len(plan.network) - 1
    features = outputs(body, _first(published.parameters, body, (3, 32, 32)), x)
    expected = features @ head[f"layers.{last}.weight"].T + head[f"layers.{last}.bias"]
    torch.testing.assert_close(whole, expected, rtol=1e-3, atol=1e-4)


def _first(parameters: Any, network: ll.Network, shape: tuple[int, ...]) -> Any:
    made = network.initialize(shape)
    for i in range(len(network)):
        for ours, theirs in ((made.layers, parameters.layers), (made.statistics, parameters.statistics)):
            for name, tensor in ours[i].items():
                tensor.copy_(theirs[i][name])
    return made


def test_published_weights_from_an_address_are_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = weights_of("mobilenet_v2", tmp_path / "mobile.safetensors").read_bytes()
    asked: list[str] = []

    def serve(url: str, timeout: float) -> io.BytesIO:
        asked.append(url)
        return io.BytesIO(content)

    monkeypatch.setattr(urllib.request, "urlopen", serve)
    data = ll.read(
        (np.zeros((40, 32, 32, 3), np.uint8) + np.arange(40, dtype=np.uint8)[:, None, None, None], np.arange(40) % 2)
    )
    digest = hashlib.sha256(content).hexdigest()
    for name, checksum in ((f"mobile-{digest[:8]}.safetensors", None), ("mobile.safetensors", digest)):
        asked.clear()
        network = {"from": f"https://example.org/{name}", "architecture": "mobilenet_v2", "checksum": checksum}
        plan = make_plan(Experiment.from_dict({"network": network}), data)
        again = make_plan(plan.experiment, data)
        assert again.experiment == plan.experiment and len(asked) == 1
    with pytest.raises(UsageError, match=r"network\.from: .* a download needs a checksum"):
        make_plan(plan.experiment.replace({"network.checksum": None}), data)


def test_published_weights_take_colour_images(tmp_path: Path) -> None:
    path = weights_of("mobilenet_v2", tmp_path / "mobile.safetensors")
    wanted = Experiment.from_dict({"network": {"from": str(path), "architecture": "mobilenet_v2"}})
    with pytest.raises(LeadlineError, match=r"takes colour images; those of digits have 1 channel"):
        make_plan(wanted, ll.read("digits"))
    with pytest.raises(LeadlineError, match=r"network\.from: .* another|network\.from: .* should be"):
        make_plan(wanted.replace({"network.checksum": "0" * 16}), ll.read("digits"))


def test_wrong_labels_are_looked_for_with_the_frozen_layers(folder: Path) -> None:
    run = ll.run_experiment(
        small(folder, freeze="all").replace({"data.target": "kind", "data.exclude": ["value"]}), runs=folder / "runs"
    )
    plan = same_plan(run)
    x = plan.inputs("dev")
    rest, features = frozen_features(run, x)
    trained = run.trained_network()
    assert rest is not None and rest.layers == trained.network.layers[2:]
    head = trained.parameters.layers[2]
    z = torch.as_tensor(features) @ head["weight"].T + head["bias"]
    torch.testing.assert_close(torch.sigmoid(z)[:, 0].double().numpy(), trained.outputs(x)[:, 1], rtol=1e-5, atol=1e-6)
    assert audit_labels(run).audit.classes == ("x", "y")
    whole = ll.load_run("big", folder / "runs")
    assert frozen_features(whole, x) == (None, x)


def test_variants_of_a_transferred_network_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(LeadlineError, match=r"network\.from goes on from other parameters"):
        PreparedExperiment(small(folder))


def test_the_command_line_starts_from_a_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["train", str(folder / "small.csv"), "--target", "kind", "--from", "big", "--freeze", "1", "-q"]
    arguments += ["--epochs", "3", "--name", "told", "--runs", str(folder / "runs"), "--set", 'data.exclude=["value"]']
    assert command(arguments) == 0
    assert ll.load_run("told", folder / "runs").experiment.network.freeze == 1
    assert command([*arguments[:5], "nobody", *arguments[6:]]) == 1
    assert "--from: There is no run 'nobody'" in capsys.readouterr().err
