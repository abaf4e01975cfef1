from __future__ import annotations

import os
import subprocess
import sys

import pytest

# A fixed threshold, or the C library would sometimes learn by itself to keep such memory.
FROM_THE_SYSTEM = {"MALLOC_MMAP_THRESHOLD_": "131072"}
FAULTS = """
import resource, sys, torch
from leadline.training.allocation import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
def step():
    kept = [torch.ones(2 << 20) for _ in range(8)]
for _ in range(6): step()  # until the heap has taken its size
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the GNU C library alone knows how")
def test_memory_that_was_freed_is_used_again() -> None:
    """Eight tensors of 8 MB: asked of the system anew, they cost a page fault for each 4 kB (fewer with huge pages)."""
    faults = {}
    for way in ("keep", "default"):
        command = [sys.executable, "-c", FAULTS, way]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | FROM_THE_SYSTEM)
        faults[way] = int(done.stdout)
    assert faults["keep"] < 100
    assert faults["default"] > faults["keep"]
