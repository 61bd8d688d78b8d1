"""Our Triton kernels without a GPU: the interpreter gives what float64 gives, and all of them compile for real GPUs."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from core.kernels import ops, reference

ROOT = Path(__file__).resolve().parents[2]
needs_triton = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed here")

# Processes of their own: the interpreter is chosen when Triton is imported.
COMMON = """
import torch
from torch.nn import functional as F

def check(ours, exact, tensors, tolerance, what):
    '''Compare ours(*tensors) with exact(*tensors in float64), and the gradients of both.'''
    near = [x.detach().clone().requires_grad_(x.requires_grad) for x in tensors]
    far = [x.detach().double().requires_grad_(x.requires_grad) for x in tensors]
    found, truth = ours(*near), exact(*far)
    found, truth = (x if isinstance(x, tuple) else (x,) for x in (found, truth))
    torch.manual_seed(1)
    given = [torch.randn_like(x, dtype=torch.float64) for x in truth]
    torch.autograd.backward(found, [g.to(x.dtype) for g, x in zip(given, found)])
    torch.autograd.backward(truth, [g.to(x.dtype).double() for g, x in zip(given, found)])
    pairs = list(zip(found, truth)) + [(a.grad, b.grad) for a, b in zip(near, far) if a.requires_grad]
    for place, (one, other) in enumerate(pairs):
        assert one.shape == other.shape
        error = ((one.double() - other).norm() / other.norm().clamp(min=1e-12)).item()
        assert error < tolerance, (what, place, error)

TYPES = ((torch.float32, 1e-5), (torch.bfloat16, 1.5e-2))
def draw(*shape, dtype=torch.float32, grad=True):
    return torch.randn(*shape).to(dtype).requires_grad_(grad)
"""

NORMS = COMMON + """
from core.kernels.gpu import norms

norms.PARTS = 4  # several rows a program
for dtype, tolerance in TYPES:
    for shape in ((1, 1, 8), (3, 5, 37), (11, 130)):
        torch.manual_seed(0)
        x, r = draw(*shape, dtype=dtype), draw(*shape, dtype=dtype)
        w, b = draw(shape[-1]), draw(shape[-1])
        width = (shape[-1],)
        for bias in (None, b):
            more = [] if bias is None else [bias]
            check(lambda x, w, *b: norms.norm(x, w, b[0] if b else None, 1e-5, True),
                  lambda x, w, *b: F.layer_norm(x, width, w, b[0] if b else None, 1e-5), [x, w, *more], tolerance, "ln")
        check(lambda x, w: norms.norm(x, w, None, 1e-5, False), lambda x, w: F.rms_norm(x, width, w, 1e-5), [x, w],
              tolerance, "rms")
        check(lambda x, r, w, b: norms.norm(x, w, b, 1e-5, True, r),
              lambda x, r, w, b: (F.layer_norm(x + r, width, w, b, 1e-5), x + r), [x, r, w, b], tolerance, "ln + r")
        check(lambda x, r, w: norms.norm(x, w, None, 1e-5, False, r),
              lambda x, r, w: (F.rms_norm(x + r, width, w, 1e-5), x + r), [x, r, w], tolerance, "rms + r")
x, r, w = draw(3, 37), draw(3, 37, dtype=torch.bfloat16), draw(37)  # as under autocast
check(lambda x, r, w: norms.norm(x, w, None, 1e-5, False, r),
      lambda x, r, w: (F.rms_norm(x + r, (37,), w, 1e-5), x + r), [x, r, w], 1e-2, "mixed")
print("right")
"""

GATES = COMMON + """
from core.kernels import reference
from core.kernels.gpu import gates, rotary

gates.BLOCK = 64
for dtype, tolerance in TYPES:
    for shape in ((1,), (3, 5, 37), (128,)):
        torch.manual_seed(0)
        x, up = (draw(*shape) * 2).detach().to(dtype).requires_grad_(), draw(*shape, dtype=dtype)
        for bend in gates.BENDS:
            check(lambda x, up: gates.gated(x, up, bend), lambda x, up: reference.gated(x, up, bend), [x, up],
                  tolerance, bend)
            check(lambda x: gates.gated(x, None, bend), lambda x: reference.gated(x, None, bend), [x], tolerance, bend)

def turned(x, cosines, sines, interleaved):
    pairs = cosines.shape[-1]
    head, rest = x[..., : 2 * pairs], x[..., 2 * pairs :]
    a, b = (head[..., 0::2], head[..., 1::2]) if interleaved else head.chunk(2, -1)
    one, two = a * cosines - b * sines, b * cosines + a * sines
    out = torch.stack([one, two], -1).flatten(-2) if interleaved else torch.cat([one, two], -1)
    return torch.cat([out, rest], -1)

for dtype, tolerance in TYPES:
    for heads, length, size, pairs in ((1, 1, 2, 1), (3, 5, 12, 6), (6, 7, 20, 3)):
        torch.manual_seed(0)
        x = draw(2, length, heads, size, dtype=dtype).detach().transpose(1, 2).requires_grad_()
        angles = torch.randn(length, pairs)
        for interleaved in (False, True):
            check(lambda x, c, s: rotary.rotate(x, c, s, interleaved), lambda x, c, s: turned(x, c, s, interleaved),
                  [x, angles.cos(), angles.sin()], tolerance, "rope")
print("right")
"""

ROUNDS = COMMON + """
from core.kernels import reference
from core.kernels.gpu import newton_schulz

newton_schulz.TILE, newton_schulz.DEPTH = 16, 16
QUINTIC = (3.4445, -4.7750, 2.0315)
for dtype, tolerance in ((torch.float32, 1e-5), (torch.float16, 1e-2)):  # the interpreter's product knows no bfloat16
    for n, rows, columns in ((1, 1, 3), (2, 16, 32), (3, 37, 45)):
        torch.manual_seed(0)
        x = torch.randn(n, rows, columns)
        x = (x / x.norm(dim=(-2, -1), keepdim=True)).to(dtype)
        before = x.clone()
        for count in (1, 2, 5):
            found = newton_schulz.rounds(x, QUINTIC, count)
            exact = reference.newton_schulz(x.double(), QUINTIC, count)
            error = ((found.double() - exact).norm() / exact.norm()).item()
            assert error < tolerance and torch.equal(x, before), (dtype, rows, count, error)
print("right")
"""

COMPILED = """
import sys
import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from core.kernels.gpu import gates, linear_cross_entropy, newton_schulz, norms, rotary

def compile(kernel, pointers, **rest):
    names = kernel.arg_names
    constants = {n: rest[n] for n, p in zip(names, kernel.params) if p.is_constexpr}
    kinds = {int: "i32", float: "fp32"}
    signature = {n: "constexpr" if n in constants else pointers.get(n) or kinds[type(rest.get(n, 1))] for n in names}
    made = triton.compile(ASTSource(kernel, signature=signature, constexprs=constants),
                          target=GPUTarget("cuda", int(sys.argv[1]), 32))
    assert made.asm["cubin"][:4] == b"\\x7fELF"

narrow, wide = "*bf16", "*fp32"
row = {"x": narrow, "residual": narrow, "summed": narrow, "y": narrow, "weight": wide, "bias": wide, "means": wide,
       "inverses": wide, "d_y": narrow, "d_summed": narrow, "d_x": narrow, "d_weight": wide, "d_bias": wide}
compile(norms._forward, row, epsilon=1e-5, added=True, centred=True, biased=True, block=1024)
compile(norms._backward, row, added=True, centred=True, block=1024)
tensors = {n: narrow for n in ("gate", "up", "y", "d_y", "d_gate", "d_up")}
for bend in range(3):
    compile(gates._backward, tensors, bend=bend, gated=bend == 0, block=1024)
compile(gates._forward, tensors, bend=1, gated=True, block=1024)
compile(rotary._turn, {"x": narrow, "y": narrow, "cosines": wide, "sines": wide}, sign=1.0, head_block=8, pair_block=32)
for dtype, symmetric in ((narrow, True), (wide, False)):
    compile(newton_schulz._product, {n: dtype for n in ("left", "right", "out", "more")}, scale=1.0, share=1.0,
            add=True, symmetric=symmetric, tile=64, depth=32)
compile(linear_cross_entropy._cross_entropy_row, {"logits": narrow, "targets": "*i64", "losses": wide}, scale=1.0,
        with_gradient=True, block=4096)
print("right")
"""


def run(program: str, *arguments: str, interpret: bool = True) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TRITON_INTERPRET": "1" if interpret else "0"}
    done = subprocess.run([sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True,
                          timeout=900, env=environment)  # fmt: skip
    assert done.stdout.strip() == "right", done.stderr[-3000:]


@needs_triton
@pytest.mark.parametrize("program", [NORMS, GATES, ROUNDS], ids=["norms", "gates and rope", "newton-schulz"])
def test_results_and_gradients_are_those_of_float64(program):
    run(program)


@needs_triton
@pytest.mark.skipif(sys.platform != "linux", reason="Triton compiles on Linux only")
@pytest.mark.parametrize("capability", ["80", "90"])
def test_every_kernel_compiles_for_a_gpu_that_is_not_here(capability, tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))  # compiled, not remembered
    run(COMPILED, capability, interpret=False)


@pytest.mark.parametrize("residual", [False, True])
def test_on_a_processor_a_norm_with_a_residual_is_torchs(residual):
    torch.manual_seed(0)
    x, more, weight, bias = torch.randn(3, 5), torch.randn(3, 5), torch.randn(5), torch.randn(5)
    given = {"residual": more} if residual else {}
    summed = x + more if residual else x
    for found, exact in ((ops.layer_norm(x, weight, bias, **given), F.layer_norm(summed, (5,), weight, bias)),
                         (ops.rms_norm(x, weight, **given), F.rms_norm(summed, (5,), weight, 1e-5))):  # fmt: skip
        torch.testing.assert_close(found[0] if residual else found, exact)
        assert not residual or torch.equal(found[1], summed)


def test_a_gate_is_what_its_name_says():
    torch.manual_seed(0)
    x, up = torch.randn(9), torch.randn(9)
    torch.testing.assert_close(ops.gated(x, up, "silu"), x * torch.sigmoid(x) * up)
    torch.testing.assert_close(ops.gated(x, None, "gelu"), x * 0.5 * (1 + torch.erf(x / 2**0.5)))
    with pytest.raises(ValueError, match="differ"):
        ops.gated(x, up[:4])
    assert set(reference.BENDS) == set(ops.BENDS)
