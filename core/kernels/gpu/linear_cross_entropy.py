"""The GPU twin of cpu/cross_entropy.h, in Triton; where Triton is absent, torch's own path."""

from torch import Tensor

from core.kernels import head, reference

try:
    import triton
    import triton.language as tl

    HAS_TRITON = True
except ImportError:  # Triton exists for Linux only, and is no part of a CPU installation
    HAS_TRITON = False

BLOCK = 4096


def linear_cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of ``hidden @ weight.T``; arguments and result as in ops."""
    if not HAS_TRITON:
        return reference.linear_cross_entropy(hidden, weight, targets)
    return head.LinearCrossEntropy.apply(hidden, weight, targets, cross_entropy_in_place)


def cross_entropy_in_place(logits: Tensor, targets: Tensor, losses: Tensor, scale: float) -> None:
    """Write each row's loss; with scale > 0 turn the logits into their gradient, (softmax - onehot) * scale.

    Args:
        logits: (rows, V), any float type; the arithmetic is float32.
        targets: (rows,), int64; a negative target gives loss 0 and gradient 0.
        losses: (rows,), float32.
    """
    rows, vocab = logits.shape
    block = min(BLOCK, triton.next_power_of_2(vocab))
    _cross_entropy_row[(rows,)](logits, logits.stride(0), targets, losses, vocab, scale, scale > 0, block)


if HAS_TRITON:

    @triton.jit
    def _cross_entropy_row(logits, stride, targets, losses, vocab, scale, with_gradient: tl.constexpr,
                           block: tl.constexpr):
        row = tl.program_id(0).to(tl.int64)
        start = logits + row * stride
        target = tl.load(targets + row)
        columns = tl.arange(0, block)
        own = tl.load(start + tl.maximum(target, 0)).to(tl.float32)  # before any thread of this row writes
        # One pass for the largest logit and the sum of exponentials (Milakov & Gimelshein 2018, arXiv:1805.02867).
        most = -float("inf")
        total = 0.0
        for first in range(0, vocab, block):
            x = tl.load(start + first + columns, mask=first + columns < vocab, other=-float("inf")).to(tl.float32)
            higher = tl.maximum(most, tl.max(x, 0))
            total = total * tl.exp(most - higher) + tl.sum(tl.exp(x - higher), 0)
            most = higher
        counts = target >= 0
        tl.store(losses + row, tl.where(counts, most - own + tl.log(total), 0.0))
        if with_gradient:
            factor = tl.where(counts, scale, 0.0)
            for first in range(0, vocab, block):
                inside = first + columns < vocab
                x = tl.load(start + first + columns, mask=inside, other=0.0).to(tl.float32)
                p = tl.exp(x - most) / total - tl.where(first + columns == target, 1.0, 0.0)
                tl.store(start + first + columns, (p * factor).to(logits.dtype.element_ty), mask=inside)
