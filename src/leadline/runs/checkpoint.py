"""A network's parameters and the state of its training in one safetensors file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from leadline.errors import LeadlineError
from leadline.files import replacing

if TYPE_CHECKING:
    from torch import Tensor


def save_checkpoint(path: str | os.PathLike[str], tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Write named tensors (``layers.0.weight``, ``statistics.layers.1.mean``) and a JSON state."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    # Views into θ share one memory, which the format does not allow: each is written from its own copy.
    copies = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    metadata = {key: json.dumps(value) for key, value in state.items()}
    with replacing(path) as draft:
        try:
            save_file(copies, draft, metadata=metadata)
        except SafetensorError as error:  # which is how the library speaks of what the system refused
            raise OSError(str(error)) from None


def load_checkpoint(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the state of a checkpoint. `leadline.errors.LeadlineError`: missing or damaged."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as opened:
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - not a mapping
            state = {key: json.loads(value) for key, value in (opened.metadata() or {}).items()}
    except FileNotFoundError:
        raise LeadlineError(f"There is no checkpoint at {path}: the run kept no parameters.") from None
    except (OSError, SafetensorError, ValueError) as error:
        raise LeadlineError(f"The checkpoint {path} cannot be read: {error}") from None
    return tensors, state
