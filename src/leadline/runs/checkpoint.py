"""Checkpoints: named tensors and plain values in one safetensors file, with a checksum of both."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from leadline.errors import LeadlineError
from leadline.files import reason, replacing

CHECKSUM = "sha256"


def save_checkpoint(path: str | os.PathLike[str], tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Write named tensors (``layers.0.weight``, ``statistics.layers.1.mean``) and a JSON state, whole or not at all."""
    # Views into θ share one memory, which the format does not allow: each is written from its own copy.
    copies = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    metadata = {key: json.dumps(value) for key, value in state.items()}
    metadata[CHECKSUM] = _checksum(copies, metadata)
    with replacing(path) as draft:
        try:
            save_file(copies, draft, metadata=metadata)
        except SafetensorError as error:  # which is how the library speaks of what the system refused
            raise OSError(str(error)) from None


def load_checkpoint(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the state of a checkpoint. `leadline.errors.LeadlineError`: missing or damaged."""
    try:
        with safe_open(path, framework="pt") as opened:
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - not a mapping
            metadata = dict(opened.metadata() or {})
        checksum = metadata.pop(CHECKSUM, None)  # those of 0.1 have none
        if checksum is not None and checksum != _checksum(tensors, metadata):
            raise LeadlineError(f"The checkpoint {path} is damaged: its checksum is not that of its content.")
        return tensors, {key: json.loads(value) for key, value in metadata.items()}
    except FileNotFoundError:
        raise LeadlineError(f"There is no checkpoint at {path}: the run kept no parameters.") from None
    except (OSError, SafetensorError, ValueError, RecursionError) as error:
        raise LeadlineError(f"The checkpoint {path} cannot be read: {reason(error)}.") from None


def saved_last(first: Path, second: Path) -> list[Path]:
    """Those of two checkpoints that are there, the one that was written last first."""
    there = [path for path in (first, second) if path.exists()]
    return sorted(there, key=lambda path: path.stat().st_mtime_ns, reverse=True)


def _checksum(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    digest = hashlib.sha256(json.dumps(dict(metadata), sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
