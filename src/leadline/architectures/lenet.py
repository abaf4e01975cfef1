"""LeNet-5 (LeCun et al., 1998; course 4, classic networks)."""

from __future__ import annotations

from leadline.network import AveragePool, Convolution, Dense, Flatten, MaxPool, Network


def lenet5(outputs: int = 10, activation: str = "relu", pooling: str = "max", padding: str = "valid") -> Network:
    """Two convolutions with pooling and three dense layers; 61 706 parameters for (1, 32, 32) and 10 outputs.

    ``padding`` "same" is for images of 28×28, which the first convolution then treats as if they were 32×32.
    The paper has "tanh" and "average", where today "relu" and "max" are usual.
    """
    late = pooling == "max"  # of rising activations, the largest is that of the largest value: less to compute
    pool = MaxPool(2, activation=activation) if late else AveragePool(2)
    early, start = "linear" if late else activation, "he" if activation == "relu" else "auto"
    return Network(
        [
            Convolution(6, 5, padding=padding, activation=early, initializer=start),
            pool,
            Convolution(16, 5, activation=early, initializer=start),
            pool,
            Flatten(),
            Dense(120, activation),
            Dense(84, activation),
            Dense(outputs),
        ]
    )
