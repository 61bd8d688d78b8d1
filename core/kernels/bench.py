"""Our kernels against torch's, measured side by side: ``python main.py bench kernels``.

The two are run in turn, so that whatever else the machine does slows both alike; medians are compared.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from core.kernels import adamw, ops, reference
from core.kernels.heads import Seen

Step = Callable[[], None]

# The language-model head: (tokens in a step, width, vocabulary). The first three are models of about 1 M parameters.
HEADS = [(4096, 128, 2048), (4096, 128, 4096), (4096, 128, 8192), (4096, 384, 8192)]
# Attention: (batch, query heads, key/value heads, time, head size).
ATTENTIONS = [(16, 4, 4, 256, 32), (16, 4, 2, 256, 32), (16, 6, 6, 256, 64)]
# Masks besides causal, at the last of these shapes.
MASKS = ("prefix", "window of 64", "ALiBi", "relative bias")
# Norms: (rows, width). The gate of SwiGLU, and GELU: (rows, feed-forward width).
NORMS = [(4096, 128), (4096, 384)]
GATES = [(4096, 352), (4096, 1024)]
# AdamW with clipping: parameters in millions -> (layers, width, vocabulary) of a model of GPT-2's shape.
MODELS = {0.8: (4, 128, 65), 10.0: (6, 320, 8192), 30.0: (8, 512, 8192)}


def bench_kernels(threads: tuple[int, ...] = (1, 2), seconds: float = 60.0,
                  say: Callable[[str], None] = lambda said: None) -> list[dict]:  # fmt: skip
    """Time every kernel, forward and backward together, in float32 and under bfloat16 autocast.

    Args:
        threads: thread counts to measure; each kernel and its rival get the same.
        seconds: about how long all of it may take; every case takes three rounds at least.
        say: is told what is measured now.
    Returns:
        rows {name, unit, ours, rival, rival_name, ratio, spread}: medians in ms; ratio = rival / ours, so more than
        1 means that ours is faster; spread = the ratio's own quartiles [low, high] over the rounds.
    """
    before = torch.get_num_threads()
    cases, rows = _cases(), []
    try:
        for count in threads:
            torch.set_num_threads(count)
            for name, pair in cases:
                label = f"{name}, {count} thread{'s' if count > 1 else ''}"
                say(label)
                rows.append({"name": label, **_duel(*pair(), seconds / len(cases) / len(threads))})
    finally:
        torch.set_num_threads(before)
    return rows


def _cases() -> list[tuple[str, Callable[[], tuple[Step, Step]]]]:
    """(name, what makes the pair of steps, ours first)."""
    cases = []
    for bf16 in (False, True):
        kind = "bf16" if bf16 else "fp32"
        cases += [(f"linear + cross-entropy N{n} D{d} V{v}, {kind}", partial(_head, (n, d, v), bf16))
                  for n, d, v in HEADS]
        cases += [(f"rotary causal attention B{b} H{h}/{kv} T{t} d{d}, {kind}",
                   partial(_attention, (b, h, kv, t, d), bf16)) for b, h, kv, t, d in ATTENTIONS]
        b, h, kv, t, d = ATTENTIONS[-1]
        cases += [(f"attention, {mask}, B{b} H{h}/{kv} T{t} d{d}, {kind}", partial(_masked, ATTENTIONS[-1], mask, bf16))
                  for mask in MASKS]
        cases += [(f"swiglu gate N{n} F{f}, {kind}", partial(_gate, (n, f), bf16)) for n, f in GATES]
        cases += [(f"bias + gelu ({form}) N{n} F{f}, {kind}", partial(_gelu, (n, f), form == "erf", bf16))
                  for n, f in GATES for form in ("erf", "tanh")]
        cases += [(f"residual + layer norm N{n} D{d}, {kind}", partial(_residual, (n, d), bf16)) for n, d in NORMS]
    # Autocast leaves the residual stream, which RMSNorm reads, in float32: one precision tells all.
    cases += [(f"rms norm N{n} D{d}, fp32", partial(_norm, (n, d))) for n, d in NORMS]
    return cases + [(f"clipping and AdamW, {m:g} M parameters, fp32", partial(_adamw, *MODELS[m])) for m in MODELS]


def _head(shape: tuple[int, int, int], bf16: bool) -> tuple[Step, Step]:
    n, width, vocab = shape
    hidden = torch.randn(n, width, requires_grad=True)
    weight = (torch.randn(vocab, width) * 0.02).requires_grad_()
    targets = torch.randint(0, vocab, (n,))

    def rival() -> Tensor:
        return F.cross_entropy(F.linear(hidden, weight).float(), targets)

    return _step(lambda: ops.linear_cross_entropy(hidden, weight, targets, path="ours"), (hidden, weight), bf16), \
        _step(rival, (hidden, weight), bf16)


def _attention(shape: tuple[int, int, int, int, int], bf16: bool) -> tuple[Step, Step]:
    batch, heads, kv_heads, length, size = shape
    dtype = torch.bfloat16 if bf16 else torch.float32  # what the projections before it hand over

    def tensor(h: int) -> Tensor:  # as the projections lay it out: (B, T, H, size), seen as (B, H, T, size)
        return torch.randn(batch, length, h, size, dtype=dtype).transpose(1, 2).requires_grad_()

    q, k, v = tensor(heads), tensor(kv_heads), tensor(kv_heads)
    angles = torch.arange(length)[:, None] * 10000.0 ** (-torch.arange(0, size, 2) / size)
    rope = angles.cos(), angles.sin()
    d_out = torch.randn(batch, length, heads, size, dtype=dtype).transpose(1, 2)

    def run(path: ops.Path) -> Step:
        return _step(lambda: ops.attention(q, k, v, rope=rope, path=path), (q, k, v), bf16, d_out)

    return run("ours"), run("torch")


def _masked(shape: tuple[int, int, int, int, int], mask: str, bf16: bool) -> tuple[Step, Step]:
    """torch is handed its mask ready made; the relative bias is learned, so both give its gradient."""
    batch, heads, kv_heads, length, size = shape
    dtype = torch.bfloat16 if bf16 else torch.float32
    q, k, v, d_out = (torch.randn(batch, length, h, size, dtype=dtype).transpose(1, 2)
                      for h in (heads, kv_heads, kv_heads, heads))  # fmt: skip
    seen = {"prefix": Seen(prefix=torch.full((batch,), length // 2)), "window of 64": Seen(window=64),
            "ALiBi": Seen(slopes=2.0 ** -torch.arange(1, heads + 1))}.get(mask, Seen())  # fmt: skip
    bias = torch.zeros(heads, length, length, requires_grad=True) if mask == "relative bias" else None
    ready = reference.added_to_scores(length, seen, None, q.device).to(dtype)
    leaves = [x.requires_grad_() for x in (q, k, v)] + ([] if bias is None else [bias])

    def rival() -> Tensor:
        added = ready if bias is None else ready + bias.to(dtype)
        return F.scaled_dot_product_attention(q, k, v, added, enable_gqa=heads != kv_heads)

    ours = _step(lambda: ops.attention(q, k, v, seen=seen, bias=bias, path="ours"), tuple(leaves), bf16, d_out)
    return ours, _step(rival, tuple(leaves), bf16, d_out)


def _norm(shape: tuple[int, int]) -> tuple[Step, Step]:
    x, weight = torch.randn(shape, requires_grad=True), torch.ones(shape[1], requires_grad=True)
    d_y = torch.randn(shape)

    def run(path: ops.Path) -> Step:
        return _step(lambda: ops.rms_norm(x, weight, path=path), (x, weight), False, d_y)

    return run("ours"), run("torch")


def _residual(shape: tuple[int, int], bf16: bool) -> tuple[Step, Step]:
    """The stream is float32; under autocast what is added and the norm's result are bfloat16, as ours gives it."""
    dtype = torch.bfloat16 if bf16 else torch.float32
    x, weight, bias = (t.requires_grad_() for t in (torch.randn(shape), torch.ones(shape[1]), torch.zeros(shape[1])))
    added = torch.randn(shape, dtype=dtype).requires_grad_()
    gradients = [torch.randn(shape), torch.randn(shape).to(dtype)]
    leaves = (x, added, weight, bias)

    def run(path: ops.Path) -> Step:
        def step() -> None:
            for leaf in leaves:
                leaf.grad = None
            results = ops.norm(x, weight, bias, centred=True, added=added, dtype=dtype, path=path)
            torch.autograd.backward(results, gradients)

        return step

    return run("ours"), run("torch")


def _gelu(shape: tuple[int, int], exact: bool, bf16: bool) -> tuple[Step, Step]:
    x = torch.randn(shape, dtype=torch.bfloat16 if bf16 else torch.float32).requires_grad_()
    bias, d_y = torch.zeros(shape[1], requires_grad=True), torch.randn(shape).to(x.dtype)

    def run(path: ops.Path) -> Step:
        return _step(lambda: ops.gelu(x, bias, exact=exact, path=path), (x, bias), bf16, d_y)

    return run("ours"), run("torch")


def _gate(shape: tuple[int, int], bf16: bool) -> tuple[Step, Step]:
    dtype = torch.bfloat16 if bf16 else torch.float32
    gate, up = (torch.randn(shape, dtype=dtype).requires_grad_() for _ in range(2))
    d_y = torch.randn(shape, dtype=dtype)

    def run(path: ops.Path) -> Step:
        return _step(lambda: ops.swiglu(gate, up, path=path), (gate, up), bf16, d_y)

    return run("ours"), run("torch")


def _adamw(layers: int, width: int, vocab: int) -> tuple[Step, Step]:
    """Gradients that stay the same, clipped to a norm of 1 and taken; torch's rival is fused."""
    block = [(3 * width, width), (width, width), (4 * width, width), (width, 4 * width), (width,), (width,)]
    weights = [torch.nn.Parameter(torch.randn(shape) * 0.02) for shape in [(vocab, width), *block * layers]]
    for weight in weights:
        weight.grad = torch.randn_like(weight)
    moments = [(torch.zeros_like(weight), torch.zeros_like(weight)) for weight in weights]
    rival = torch.optim.AdamW(weights, lr=0.0, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    gradients = [weight.grad for weight in weights]
    step = 0

    def ours() -> None:
        nonlocal step
        step += 1
        scale = min(1.0, 1.0 / adamw.norm(gradients))
        adamw.adamw_step([
            adamw.Segment(weight, weight.grad, *kept, step, 0.0, 0.1, (0.9, 0.95), 1e-8)
            for weight, kept in zip(weights, moments, strict=True)], scale)

    def torchs() -> None:
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        rival.step()

    return ours, torchs


def _step(forward: Callable[[], Tensor], leaves: tuple[Tensor, ...], bf16: bool,
          gradient: Tensor | None = None) -> Step:
    def step() -> None:
        for leaf in leaves:
            leaf.grad = None
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            result = forward()
        result.backward(gradient)

    return step


def _duel(ours: Step, rival: Step, seconds: float) -> dict:
    """Run the two in turn for about ``seconds`` (at least three rounds each) and compare their medians."""
    times: list[tuple[float, float]] = []
    for step in (ours, rival, ours, rival):
        step()
    end = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        times.append((_time(ours), _time(rival)))
    ours_ms, rival_ms = (statistics.median(column) * 1e3 for column in zip(*times, strict=True))
    low, _, high = statistics.quantiles([b / a for a, b in times], n=4)
    return {"unit": "ms", "ours": round(ours_ms, 3), "rival": round(rival_ms, 3), "rival_name": "torch",
            "ratio": round(rival_ms / ours_ms, 3), "spread": [round(low, 3), round(high, 3)]}


def _time(step: Step) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start
