"""The most memory that a training step takes with our loss is far below that of all logits (Linux tells the peak)."""

import importlib.util
import sys
from pathlib import Path

import pytest

from core.kernels import ops

BENCHMARK = Path(__file__).resolve().parents[1] / "benchmarks" / "loss_memory.py"
CLEAR = Path("/proc/self/clear_refs")


@pytest.mark.skipif(sys.platform != "linux" or not CLEAR.exists(), reason="the peak of a process is Linux's to tell")
@pytest.mark.skipif(not ops.available()["built"], reason="the C++ kernels are not built here")
def test_a_step_with_our_loss_takes_a_fraction_of_the_memory():
    spec = importlib.util.spec_from_file_location("loss_memory", BENCHMARK)
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    small = ["--vocabulary", "8192", "--batch", "32", "--context", "128", "--width", "64", "--layers", "1"]
    plain, ours = (benchmark.peak_bytes(path, small) for path in ("plain torch", "our loss, the rest torch"))
    logits = 32 * 128 * 8192 * 4
    assert plain > 2 * logits > 3 * ours, (plain, ours)  # all of them and their gradient, against chunks
