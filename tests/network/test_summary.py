from __future__ import annotations

from xml.etree import ElementTree

import pytest
import torch

from leadline.errors import LeadlineError
from leadline.network import Activation, BatchNorm, Dense, Dropout, Flatten, Network
from leadline.text import bytes_text
from leadline.training import Objective

NETWORK = Network(
    [Flatten(), Dense(64, "relu"), Dropout(keep_prob=0.8), Dense(32), BatchNorm(), Activation("relu"), Dense(10)]
)


def test_memory_is_what_training_a_dense_network_allocates() -> None:
    network = Network([Dense(12, "relu"), Dense(7, "tanh"), Dense(3)])
    parameters = network.initialize((5,))
    objective = Objective(network, "softmax_cross_entropy", parameters)
    objective.gradient(objective.output(torch.zeros(16, 5)), torch.zeros(16, dtype=torch.int64))
    buffers = [t for memory in objective.memories for t in memory._buffers.values()]
    buffers += [*objective._d_output.values()]
    rows = network.summary(5, batch_size=16).layers
    assert sum(row.activation_bytes for row in rows) == sum(t.numel() * t.element_size() for t in buffers)
    assert sum(row.parameter_bytes for row in rows) == 4 * parameters.theta.numel() * 4  # θ, ∇J, two averages


def test_rows_and_totals() -> None:
    summary = NETWORK.summary((28, 28), batch_size=32)
    rows = summary.layers
    assert [row.output_shape for row in rows] == [(784,), (64,), (64,), (32,), (32,), (32,), (10,)]
    assert [row.parameters for row in rows] == [0, 64 * 784 + 64, 0, 32 * 64, 64, 0, 330]
    assert rows[1].flops == 2 * 784 * 64
    assert rows[0].memory == 0
    assert summary.parameters == NETWORK.initialize((28, 28)).theta.numel()
    assert summary.flops == sum(row.flops for row in rows)
    assert summary.memory == sum(row.memory for row in rows) + 4 * 32 * 784
    double = NETWORK.summary((28, 28), 32, optimizer_averages=0, precision="float64")
    assert double.layers[1].parameter_bytes == rows[1].parameter_bytes
    assert double.layers[1].activation_bytes == 2 * rows[1].activation_bytes


def test_table() -> None:
    lines = str(NETWORK.summary((28, 28))).splitlines()
    assert lines[0].split() == ["layer", "output", "shape", "parameters", "FLOPs", "memory"]
    assert lines[2].split() == ["input", "28×28"]
    assert "dropout 0.8" in lines[5]
    assert "52\u202f682" in lines[-4]
    assert len({len(line) for line in (lines[0], lines[1], lines[-4])}) == 1


@pytest.mark.parametrize(
    ("n", "text"), [(0, "0 B"), (999, "999 B"), (1_600, "1.6 kB"), (2.5e6, "2.5 MB"), (3e9, "3.0 GB")]
)
def test_bytes(n: int, text: str) -> None:
    assert bytes_text(int(n)) == text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_shape": (28, 28), "batch_size": 0}, "batch_size"),
        ({"input_shape": (28, 28), "precision": "float8"}, "unknown precision 'float8'"),
    ],
)
def test_wrong_use(arguments: dict, message: str) -> None:
    with pytest.raises(LeadlineError, match=message):
        NETWORK.summary(**arguments)
    with pytest.raises(LeadlineError, match=r"layers\[0\] Dense"):
        Network([Dense(3)]).summary((28, 28))


def test_graph_is_a_picture_of_every_layer() -> None:
    text = NETWORK.graph_svg((28, 28))
    root = ElementTree.fromstring(text)
    boxes = root.findall("{http://www.w3.org/2000/svg}rect")
    assert len(boxes) == 1 + len(NETWORK)
    texts = ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"input", "28×28", "784", "dense relu", "50\u202f240 parameters", "batch norm"} <= set(texts)
    assert "prefers-color-scheme: dark" in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
