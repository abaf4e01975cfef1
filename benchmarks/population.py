"""A population against its members one after another, with Leadline's own loop and with PyTorch's, in float32.

Every member has its own seed, so its own start, order and batches, and its own learning rate. All ways make the same
number of updates of the same networks. One thread unless told otherwise: `python -m benchmarks.population [THREADS]`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import torch

from benchmarks.compare import Comparison, compare
from benchmarks.dense import data, torch_epoch
from leadline.network import Dense, Dropout, Layer, Network
from leadline.optimize import Adam
from leadline.training import Examples, Trainer, TrainingSettings
from leadline.training.population import Member, Population

CASES = (  # layer sizes, members, batch size, examples, keep_prob, repeats, the ratio that is asked for
    ((13, 32, 32, 2), 64, 64, 3_200, None, 9, 5.0),
    ((13, 32, 32, 2), 64, 64, 3_200, 0.8, 7, None),
    ((64, 32, 10), 64, 64, 3_200, None, 7, None),
    ((784, 128, 10), 16, 64, 3_200, None, 5, None),
)


def network_of(sizes: tuple[int, ...], keep_prob: float | None) -> Network:
    """ReLU layers, each followed by dropout when there is any."""
    layers: list[Layer] = []
    for units in sizes[1:-1]:
        layers += [Dense(units, "relu"), *([Dropout(keep_prob=keep_prob)] if keep_prob else [])]
    return Network([*layers, Dense(sizes[-1])])


def population_epoch(network: Network, members: list[Member], train: Examples, settings: TrainingSettings) -> Callable:
    """One epoch of all members at once."""
    return Population(network, members).trainer("softmax_cross_entropy", train, None, settings).run_epoch


def single_epochs(
    network: Network, members: list[Member], train: Examples, settings: TrainingSettings
) -> Callable[[], object]:
    """One epoch of each member with Leadline's loop, one after another."""
    trainers = []
    for single in (member.resolve(network, settings) for member in members):
        parameters = single.network.initialize(tuple(train.x.shape[1:]), single.settings.seed)
        trainers.append(Trainer(single.network, "softmax_cross_entropy", train, None, single.settings, parameters))
    return lambda: [trainer.run_epoch() for trainer in trainers]


def run(threads: int = 1) -> list[str]:
    """Lines of a Markdown table with every case."""
    torch.set_num_threads(threads)
    print(f"{threads} thread(s)")
    lines = [
        "| network (batch), members | way | µs per step of one member | the last way's time over this (quartiles) |",
        "|---|---|---|---|",
    ]
    for sizes, n_members, batch_size, m, keep_prob, repeats, asked in CASES:
        x, y = data(sizes, m)
        network, train = network_of(sizes, keep_prob), Examples(x, y)
        members = [Member(seed=k, learning_rate=1e-3 * 1.05**k) for k in range(n_members)]
        settings = TrainingSettings(epochs=10**6, batch_size=batch_size, optimizer=Adam())
        ways: dict[str, Callable[[], object]] = {
            "population": population_epoch(network, members, train, settings),
            "one after another": single_epochs(network, members, train, settings),
        }
        name = f"{'-'.join(map(str, sizes))} ({batch_size}), {n_members}" + (
            f", keep_prob {keep_prob}" if keep_prob else ""
        )
        comparison: Comparison = compare(name + (f", asked for {asked}×" if asked else ""), ways, repeats)
        lines += comparison.rows(-(-m // batch_size) * n_members)
        print("\n".join(lines[-2:]), flush=True)
        if not keep_prob:
            torch_loop = {
                "population": ways["population"],
                f"PyTorch, {n_members} epochs": _repeated(torch_epoch(sizes, batch_size, x, y, False), n_members),
            }
            lines += compare(name, torch_loop, max(3, repeats // 2), 1).rows(-(-m // batch_size) * n_members)
            print("\n".join(lines[-2:]), flush=True)
    return lines


def _repeated(epoch: Callable[[], object], n: int) -> Callable[[], object]:
    return lambda: [epoch() for _ in range(n)]


if __name__ == "__main__":
    run(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
