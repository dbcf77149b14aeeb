from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import resource, torch
from pow_kernels.allocator import keep_freed_memory

def count_faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        tensors = [torch.ones(1 << 20) for _ in range(6)]
        del tensors
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

left = count_faults()
keep_freed_memory()
count_faults()
print(left, count_faults())
"""


def test_keep_freed_memory__tensors_made_and_dropped__fault_no_pages_again() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60)
    left, kept = map(int, done.stdout.split())
    assert kept * 10 < left
