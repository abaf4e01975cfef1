"""What can be known to go wrong before training starts."""

from __future__ import annotations

from torch import Tensor

from leadline.network import Network
from leadline.network.targets import check_batches, check_targets


def check_problem(network: Network, loss: str, x: Tensor, y: Tensor, batch_size: int) -> None:
    """Raise one clear error unless ``network`` can be trained with ``loss`` on ``x`` (m, …) and ``y`` in such batches.

    Looks at shapes, at labels outside the classes, and at batches of one example that would reach batch normalization.
    """
    check_targets(network, loss, x, y)
    check_batches(network, tuple(x.shape[1:]), len(x), batch_size)
