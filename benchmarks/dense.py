"""Dense networks: Leadline's training loop against PyTorch's own (nn.Module, autograd, Adam), the same work in float32.

Each network is trained with the number of threads that Leadline gives it (one for small networks), on both sides.
Both have their tensors on the device, draw a new order each epoch, gather each batch by index, and visit the same
batches. Leadline's figure includes what its loop does besides: the cost and error of every batch, and the guard
against divergence. Small networks train in compiled steps where numba is installed, as a training of 1 000 epochs does;
the readable steps stand beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import nn

from benchmarks.compare import compare
from leadline.network import Dense, Network
from leadline.optimize import Adam
from leadline.training import Examples, Trainer, TrainingSettings
from leadline.training.threads import limited_threads, threads_for

CASES = (  # layer sizes, batch size, examples, repeats, the ratio that is asked for
    ((2, 4, 1), 64, 6_400, 21, 4.0),
    ((13, 32, 32, 2), 64, 6_400, 21, 4.0),
    ((784, 128, 10), 64, 12_800, 21, 1.5),
    ((784, 512, 512, 10), 128, 12_800, 15, 1.15),
    ((784, 2048, 2048, 10), 512, 5_120, 9, 1.0),
)


def data(sizes: tuple[int, ...], m: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Normal inputs and random labels: the time of a step does not depend on what the numbers are."""
    random = torch.Generator().manual_seed(1)
    x = torch.randn(m, sizes[0], generator=random)
    if sizes[-1] == 1:
        return x, torch.randint(0, 2, (m, 1), generator=random).float()
    return x, torch.randint(0, sizes[-1], (m,), generator=random)


def network_of(sizes: tuple[int, ...]) -> Network:
    """ReLU layers of these sizes, and a linear output layer."""
    return Network([*(Dense(n, "relu") for n in sizes[1:-1]), Dense(sizes[-1])])


def leadline_epoch(
    sizes: tuple[int, ...], batch_size: int, x: torch.Tensor, y: torch.Tensor, compiled: bool = True
) -> Callable[[], object]:
    """One epoch of Leadline's trainer."""
    network = network_of(sizes)
    loss = "binary_cross_entropy" if sizes[-1] == 1 else "softmax_cross_entropy"
    settings = TrainingSettings(epochs=1_000, batch_size=batch_size, optimizer=Adam(1e-3))
    parameters = network.initialize((sizes[0],))
    trainer = Trainer(network, loss, Examples(x, y), None, settings, parameters)
    if not compiled:
        trainer.compiled = None
    return trainer.run_epoch


def torch_epoch(
    sizes: tuple[int, ...], batch_size: int, x: torch.Tensor, y: torch.Tensor, fused: bool
) -> Callable[[], object]:
    """One epoch of the loop that PyTorch's tutorials show."""
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=fused)
    criterion = nn.BCEWithLogitsLoss() if sizes[-1] == 1 else nn.CrossEntropyLoss()

    def epoch() -> None:
        order = torch.randperm(len(x))
        for start in range(0, len(x), batch_size):
            index = order[start : start + batch_size]
            optimizer.zero_grad()
            criterion(model(x[index]), y[index]).backward()
            optimizer.step()

    return epoch


def run() -> list[str]:
    """Lines of a Markdown table with every case."""
    lines = [
        "| network (batch) | loop | µs per step | PyTorch fused Adam's time over this, median (quartiles) |",
        "|---|---|---|---|",
    ]
    for sizes, batch_size, m, repeats, asked in CASES:
        x, y = data(sizes, m)
        ways = {
            "Leadline": leadline_epoch(sizes, batch_size, x, y),
            "Leadline, readable steps": leadline_epoch(sizes, batch_size, x, y, compiled=False),
            "PyTorch, default Adam": torch_epoch(sizes, batch_size, x, y, fused=False),
            "PyTorch, fused Adam": torch_epoch(sizes, batch_size, x, y, fused=True),
        }
        with limited_threads(threads_for(network_of(sizes), sizes[:1], batch_size)):
            name = f"{'-'.join(map(str, sizes))} ({batch_size}), {torch.get_num_threads()} threads, asked {asked}×"
            comparison = compare(name, ways, repeats)
        lines += comparison.rows(-(-m // batch_size))
        print("\n".join(lines[-4:]), flush=True)
    return lines


if __name__ == "__main__":
    run()
