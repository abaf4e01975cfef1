"""Convolutional networks: Leadline's training loop against PyTorch's own, the same work in float32.

The peer is an nn.Module with autograd, channels-last modules and tensors, and the fused Adam. Both have their tensors
on the device, draw a new order each epoch, gather each batch by index, and visit the same batches. Leadline's figure
includes what its loop does besides: the cost and error of every batch, and the guard against divergence.

Each works in a process of its own, taking turns, because Leadline sets how its process allocates memory
(`leadline.training.allocation`), which would serve the peer too: "PyTorch, memory kept" shows what that alone brings.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.compare import compare
from leadline.architectures import cifar_resnet, lenet5
from leadline.network import Network
from leadline.optimize import Adam
from leadline.training import Examples, Trainer, TrainingSettings
from leadline.training.allocation import keep_freed_memory

BATCH = 128


def lenet() -> nn.Module:
    """LeNet-5 for 28×28 images."""
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        nn.Flatten(),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )


class Block(nn.Module):
    """Two convolutions and a shortcut."""

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        self.first, self.first_norm = nn.Conv2d(channels, filters, 3, stride, 1, bias=False), nn.BatchNorm2d(filters)
        self.second, self.second_norm = nn.Conv2d(filters, filters, 3, 1, 1, bias=False), nn.BatchNorm2d(filters)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1:
            projection = nn.Conv2d(channels, filters, 1, stride, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(filters))

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.first_norm(self.first(x)), inplace=True)
        y = self.second_norm(self.second(y))
        y += self.shortcut(x)
        return functional.relu(y, inplace=True)


def resnet20() -> nn.Module:
    """ResNet-20 with projections."""
    layers: list[nn.Module] = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)]
    channels = 16
    for filters in (16, 32, 64):
        for i in range(3):
            layers.append(Block(channels, filters, 2 if filters > 16 and i == 0 else 1))
            channels = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


CASES = (  # name, ours, the peer's, image, examples, repeats, the ratio that is asked for
    ("LeNet-5", lambda: lenet5(padding="same"), lenet, (1, 28, 28), 20 * BATCH, 21, 1.2),
    ("ResNet-20", lambda: cifar_resnet(20), resnet20, (3, 32, 32), 4 * BATCH, 15, 1.15),
)
WAYS = ("Leadline", "PyTorch, memory kept", "PyTorch")


def data(image: tuple[int, int, int], m: int) -> tuple[Tensor, Tensor]:
    """Normal images and random labels, channels last in memory."""
    random = torch.Generator().manual_seed(1)
    x = torch.randn(m, *image, generator=random).contiguous(memory_format=torch.channels_last)
    return x, torch.randint(0, 10, (m,), generator=random)


def leadline_epoch(network: Network, x: Tensor, y: Tensor) -> Callable[[], object]:
    """One epoch of Leadline's trainer."""
    settings = TrainingSettings(batch_size=BATCH, optimizer=Adam(1e-3))
    parameters = network.initialize(tuple(x.shape[1:]))
    return Trainer(network, "softmax_cross_entropy", Examples(x, y), None, settings, parameters).run_epoch


def torch_epoch(model: nn.Module, x: Tensor, y: Tensor) -> Callable[[], object]:
    """One epoch of the loop that PyTorch's tutorials show, with what makes it fast."""
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def epoch() -> None:
        order = torch.randperm(len(x))
        for start in range(0, len(x), BATCH):
            index = order[start : start + BATCH]
            optimizer.zero_grad()
            functional.cross_entropy(model(x[index]), y[index]).backward()
            optimizer.step()

    return epoch


def work(case: int, way: str, requests: Connection) -> None:
    """Run an epoch whenever asked, in a process of its own."""
    _, network, peer, image, m, _, _ = CASES[case]
    x, y = data(image, m)
    if way == "PyTorch, memory kept":
        keep_freed_memory()
    epoch = leadline_epoch(network(), x, y) if way == "Leadline" else torch_epoch(peer(), x, y)
    while requests.recv():
        epoch()
        requests.send(True)


def run() -> list[str]:
    """Lines of a Markdown table with every case."""
    lines = [
        "| network (batch) | loop | µs per step | PyTorch's time over this, median (quartiles) |",
        "|---|---|---|---|",
    ]
    processes = multiprocessing.get_context("spawn")
    for case, (name, _, _, _, m, repeats, asked) in enumerate(CASES):
        ways: dict[str, Callable[[], object]] = {}
        ends = []
        for way in WAYS:
            ours, theirs = processes.Pipe()
            processes.Process(target=work, args=(case, way, theirs), daemon=True).start()
            ends.append(ours)
            ways[way] = lambda end=ours: (end.send(True), end.recv())
        comparison = compare(f"{name} ({BATCH}), asked for {asked}×", ways, repeats)
        for end in ends:
            end.send(False)
        lines += comparison.rows(m // BATCH)
        print("\n".join(lines[-len(WAYS) :]), flush=True)
    return lines


if __name__ == "__main__":
    run()
