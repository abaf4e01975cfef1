"""T4.15: files of published weights, torchvision's names, and what does not fit."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from leadline.architectures import ARCHITECTURES, load_published
from leadline.architectures.files import read_tensors
from leadline.architectures.weights import published_names
from leadline.errors import LeadlineError, UsageError
from leadline.training import outputs

RESNET = ARCHITECTURES["resnet18"]

# SHA-256 of the names and shapes in the state dictionaries of torchvision 0.29, "name 64x3x7x7" a line, sorted.
TORCHVISION = {
    "alexnet": "9b204a0e6319caba",
    "vgg16": "e36b43eb356035da",
    "resnet18": "bd0b28d3209a171d",
    "resnet34": "3527dbbb4ac82262",
    "resnet50": "a506be68cf630f4c",
    "mobilenet_v2": "1f27e3d93ac9d0ff",
    "efficientnet_b0": "ec10027311546760",
    "efficientnet_b1": "cde497c4a131f5c6",
    "efficientnet_b2": "e0f4a825446a068c",
    "efficientnet_b3": "bbbfe3637612f6e6",
    "efficientnet_b4": "060bb73870e33048",
    "efficientnet_b5": "c89743e2da5e7fa1",
    "efficientnet_b6": "44be46de43d84d01",
    "efficientnet_b7": "3a174246c69001b3",
}


def torchvision_shapes(name: str) -> dict[str, tuple[int, ...]]:
    """Every name torchvision gives a tensor of this architecture, and its shape there."""
    architecture = ARCHITECTURES[name]
    publication = next(each for each in architecture.publications if each.publisher == "torchvision")
    network = architecture.build(**publication.options)
    names = published_names(network, publication)
    parameters = {slot.key: slot.parameter.shape for slot in network.layout(architecture.input_shape).slots}
    statistics = {}
    for i, (layer, shape) in enumerate(zip(network, network.shapes(architecture.input_shape), strict=False)):
        statistics |= {f"layers.{i}.{key}": value.shape for key, value in layer.statistics(shape).items()}
    shapes = {
        own: shape if "expand_w" not in own and "reduce_w" not in own else (*shape, 1, 1)
        for own, shape in (parameters | statistics).items()
    }
    return {names[own]: shape for own, shape in shapes.items()}


@pytest.mark.parametrize("name", TORCHVISION)
def test_t4_15_torchvisions_names_and_shapes(name: str) -> None:
    lines = [f"{key} {'x'.join(map(str, shape))}" for key, shape in sorted(torchvision_shapes(name).items())]
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] == TORCHVISION[name]


def test_t4_15_torchvisions_names_as_documented() -> None:
    expected = {
        "resnet50": (
            "conv1.weight",
            "bn1.running_mean",
            "layer1.0.downsample.0.weight",
            "layer4.2.conv3.weight",
            "fc.bias",
        ),
        "vgg16": ("features.28.weight", "classifier.6.bias"),
        "alexnet": ("features.10.bias", "classifier.1.weight"),
        "mobilenet_v2": (
            "features.0.0.weight",
            "features.1.conv.1.weight",
            "features.17.conv.2.weight",
            "classifier.1.bias",
        ),
        "efficientnet_b0": ("features.1.0.block.1.fc1.weight", "features.2.0.block.2.fc2.bias", "features.8.1.weight"),
    }
    for name, keys in expected.items():
        assert set(keys) <= set(torchvision_shapes(name)), name


def resnet_state(outputs: int = 5) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(2)
    state = {key: torch.randn(shape, generator=random).abs() for key, shape in torchvision_shapes("resnet18").items()}
    state["fc.weight"], state["fc.bias"] = state["fc.weight"][:outputs].clone(), state["fc.bias"][:outputs].clone()
    return state | {"bn1.num_batches_tracked": torch.tensor(7)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same weights in both kinds of file."""
    folder = tmp_path_factory.mktemp("weights")
    save_file(resnet_state(), folder / "resnet.safetensors")
    torch.save({"state_dict": {f"module.{k}": t for k, t in resnet_state().items()}}, folder / "resnet.pth")
    return folder


def test_both_kinds_of_file_give_the_same_network(folder: Path) -> None:
    first, second = (load_published(RESNET, folder / f"resnet.{kind}", (3, 64, 64)) for kind in ("safetensors", "pth"))
    assert first.publisher == "torchvision"
    assert first.network == second.network
    assert torch.equal(first.parameters.theta, second.parameters.theta)
    assert outputs(first.network, first.parameters, torch.randn(1, 3, 64, 64)).shape == (1, 5)
    named = first.parameters.named_statistics()
    assert torch.equal(named["layers.3.body.1.running_variance"], resnet_state()["layer1.0.bn1.running_var"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"layer2.0.bn1.weight": None},
            "The file lacks layer2.0.bn1.weight, the torchvision name of layers.5.body.1.gamma",
        ),
        ({"bn1.running_var": None}, "The file lacks bn1.running_var"),
        (
            {"layer1.0.conv1.weight": torch.zeros(64, 64, 5, 5)},
            "layer1.0.conv1.weight does not fit: resnet18 needs shape (64, 64, 3, 3) for layers.3.body.0.weight",
        ),
        ({"extra.weight": torch.zeros(2)}, "The file holds extra.weight, for which resnet18 has no place."),
    ],
)
def test_a_weight_that_does_not_fit_is_named(change: dict[str, Tensor | None], message: str, tmp_path: Path) -> None:
    state = {key: tensor for key, tensor in {**resnet_state(), **change}.items() if tensor is not None}
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(LeadlineError, match=re.escape(message)):
        load_published(RESNET, tmp_path / "w.safetensors", (3, 64, 64))


def test_weights_of_another_architecture_are_told(folder: Path) -> None:
    with pytest.raises(
        LeadlineError, match=r"not hold weights of vgg16 by the names of torchvision: expected 'features.0"
    ):
        load_published(ARCHITECTURES["vgg16"], folder / "resnet.pth")
    with pytest.raises(LeadlineError, match="No published weights of lenet5 are known"):
        load_published(ARCHITECTURES["lenet5"], folder / "resnet.pth")


class Harmful:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "code.pth").write_bytes(pickle.dumps(Harmful(tmp_path / "code ran"), protocol=2))
    (tmp_path / "short.safetensors").write_bytes(b"12")
    torch.save([1, 2], tmp_path / "list.pth")
    for name in ("code.pth", "short.safetensors", "list.pth"):
        with pytest.raises(LeadlineError, match=re.escape(f"{tmp_path / name}")):
            read_tensors(tmp_path / name)
    assert not (tmp_path / "code ran").exists()
    with pytest.raises(LeadlineError, match="There is no file of weights at"):
        read_tensors(tmp_path / "missing.pth")
    with pytest.raises(LeadlineError, match=r"holds no weights: expected model.safetensors or pytorch_model.bin"):
        read_tensors(tmp_path)


class Server:
    """Stands in for the network: serves one file, counts requests."""

    def __init__(self, content: bytes) -> None:
        self.content, self.requests = content, 0

    def __call__(self, url: str, timeout: float) -> io.BytesIO:
        self.requests += 1
        return io.BytesIO(self.content)


@pytest.fixture
def server(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server((folder / "resnet.safetensors").read_bytes())
    monkeypatch.setattr(urllib.request, "urlopen", server)
    monkeypatch.setenv("LEADLINE_CACHE", str(tmp_path / "cache"))
    return server


def test_downloads_are_checked_and_kept(server: Server, tmp_path: Path) -> None:
    digest = hashlib.sha256(server.content).hexdigest()
    named = f"https://example.org/models/resnet18-{digest[:8]}.safetensors?download=1"
    for url, checksum in ((named, None), (named, None), ("https://example.org/w.safetensors", digest.upper())):
        assert set(read_tensors(url, checksum)) == set(resnet_state())
    assert server.requests == 2
    kept = sorted((tmp_path / "cache" / "weights").iterdir())
    assert len(kept) == 2
    for path in kept:
        path.write_bytes(b"damaged")
    read_tensors(named)
    assert server.requests == 3


@pytest.mark.parametrize(
    ("url", "checksum", "message"),
    [
        ("https://example.org/w.safetensors", None, "a download needs a checksum, the SHA-256 of the file"),
        ("http://example.org/w-0123456789.safetensors", None, "over https alone"),
        ("file:///etc/w-0123456789.safetensors", None, "over https alone"),
        ("https://example.org/w-01234567.safetensors", None, "is not the file it should be: its SHA-256 begins"),
        ("https://example.org/w.safetensors", "feedbeef", "is not the file it should be: its SHA-256 begins"),
        ("https://example.org/w.safetensors", "1234", "checksum must be 8 to 64 hexadecimal digits"),
    ],
)
def test_wrong_downloads_are_told(server: Server, url: str, checksum: str | None, message: str, tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match=re.escape(message)):
        read_tensors(url, checksum)
    assert not list(tmp_path.rglob("*.safetensors*"))


def test_a_download_that_fails_is_told(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(url: str, timeout: float) -> None:
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(urllib.request, "urlopen", fail)
    with pytest.raises(LeadlineError, match=r"could not be downloaded: .*no route"):
        read_tensors("https://example.org/w.safetensors", "feedbeef")


def test_checksums_of_local_files(folder: Path) -> None:
    digest = hashlib.sha256((folder / "resnet.pth").read_bytes()).hexdigest()
    assert read_tensors(folder / "resnet.pth", digest)
    with pytest.raises(LeadlineError, match="is not the file it should be"):
        read_tensors(folder / "resnet.pth", "0" * 64)
    with pytest.raises(UsageError):
        read_tensors(folder / "resnet.pth", "xyz")
