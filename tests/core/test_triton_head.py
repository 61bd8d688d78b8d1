"""The GPU twin of linear + cross-entropy, run by Triton's interpreter: correctness needs no GPU."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

ROOT = Path(__file__).resolve().parents[2]

# In a process of its own: the interpreter is chosen when Triton is imported.
INTERPRETED = """
import torch
from torch.nn import functional as F
from core.kernels.gpu import linear_cross_entropy as gpu

gpu.BLOCK = 64  # several blocks a row, the last one partly filled
ways = (gpu.head.loss_and_gradients, gpu.head.unasked)  # the second is that of a GPU, where no number is asked for
for dtype, tolerance, way in ((d, t, w) for d, t in ((torch.float32, 1e-5), (torch.bfloat16, 2e-2)) for w in ways):
    gpu.head.loss_and_gradients = way
    torch.manual_seed(0)
    hidden = (torch.randn(21, 24) * 0.5).to(dtype).requires_grad_()
    weight = torch.randn(257, 24).to(dtype).requires_grad_()
    targets = torch.randint(0, 257, (21,))
    targets[4] = -1
    loss = gpu.linear_cross_entropy(hidden, weight, targets)
    (loss * 0.5).backward()
    exact_hidden, exact_weight = (x.detach().double().requires_grad_() for x in (hidden, weight))
    exact = F.cross_entropy(exact_hidden @ exact_weight.T, targets, ignore_index=-1)
    (exact * 0.5).backward()
    for ours, truth in ((loss, exact), (hidden.grad, exact_hidden.grad), (weight.grad, exact_weight.grad)):
        error = ((ours.double() - truth).norm() / truth.norm()).item()
        assert error < tolerance, (dtype, error)
print("right")
"""


@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed here")
def test_loss_and_gradients_are_those_of_float64():
    done = subprocess.run([sys.executable, "-c", INTERPRETED], cwd=ROOT, capture_output=True, text=True, timeout=180,
                          env={**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"})
    assert done.stdout.strip() == "right", done.stderr


def test_without_triton_torch_does_the_work(monkeypatch):
    from core.kernels.gpu import linear_cross_entropy as gpu

    monkeypatch.setattr(gpu, "HAS_TRITON", False)
    hidden, weight, targets = torch.randn(7, 8), torch.randn(11, 8), torch.arange(7)
    expected = F.cross_entropy(hidden @ weight.T, targets)
    torch.testing.assert_close(gpu.linear_cross_entropy(hidden, weight, targets), expected)
