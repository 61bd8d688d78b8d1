"""Muon's rounds for many matrices of one shape at once, in Triton: what is symmetric is computed by half.

A round is x <- a x + (b G + c G G) x with G = x x^T. G and the bracket are symmetric, so the tiles below the diagonal
are written from those above it; the sums are taken where the product still lies in registers.

Source: Jordan et al. 2024, Muon (kellerjordan.github.io/posts/muon).
"""

import torch
from torch import Tensor

try:
    import triton
    import triton.language as tl

    HAS_TRITON = True
except ImportError:
    HAS_TRITON = False

TILE, DEPTH = 64, 32


def rounds(x: Tensor, quintic: tuple[float, float, float], count: int) -> Tensor:
    """``count`` rounds for wide matrices (n, rows, columns) of norm at most 1; bfloat16 or float32, as x."""
    a, b, c = quintic
    x = x.contiguous()
    gram, bracket = (x.new_empty(len(x), x.shape[1], x.shape[1]) for _ in range(2))
    given, target = x, torch.empty_like(x)
    for _ in range(count):
        _multiply(x, x.mT, gram, symmetric=True)
        _multiply(gram, gram, bracket, c, gram, b, symmetric=True)
        _multiply(bracket, x, target, 1.0, x, a)
        x, target = target, torch.empty_like(x) if x is given else x  # what was given stays as it is
    return x


def _multiply(left: Tensor, right: Tensor, out: Tensor, scale: float = 1.0, more: Tensor | None = None,
              share: float = 0.0, symmetric: bool = False) -> None:  # fmt: skip
    """out = scale left @ right + share more, for each of n matrices."""
    n, rows, inner = left.shape
    columns = right.shape[2]
    more = out if more is None else more
    grid = (triton.cdiv(rows, TILE), triton.cdiv(columns, TILE), n)
    _product[grid](left, right, out, more, rows, columns, inner, *left.stride(), *right.stride(), scale, share,
                   share != 0.0, symmetric, TILE, DEPTH)  # fmt: skip


if HAS_TRITON:

    @triton.jit
    def _product(left, right, out, more, rows, columns, inner, left_n, left_row, left_column, right_n, right_row,
                 right_column, scale, share, add: tl.constexpr, symmetric: tl.constexpr, tile: tl.constexpr,
                 depth: tl.constexpr):
        """One tile; out and more are contiguous."""
        i, j, n = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
        if symmetric:
            inner = tl.where(i > j, 0, inner)  # below the diagonal nothing is left to do
        row, column = i * tile + tl.arange(0, tile), j * tile + tl.arange(0, tile)
        k = tl.arange(0, depth)
        total = tl.zeros((tile, tile), tl.float32)
        for first in range(0, inner, depth):
            a = tl.load(left + n * left_n + row[:, None] * left_row + (first + k)[None, :] * left_column,
                        mask=(row[:, None] < rows) & ((first + k)[None, :] < inner), other=0.0)
            b = tl.load(right + n * right_n + (first + k)[:, None] * right_row + column[None, :] * right_column,
                        mask=((first + k)[:, None] < inner) & (column[None, :] < columns), other=0.0)
            total += tl.dot(a, b, input_precision="ieee")
        total *= scale
        inside = (row[:, None] < rows) & (column[None, :] < columns)
        if symmetric:
            inside = inside & (i <= j)
        at = n * rows * columns + row[:, None].to(tl.int64) * columns + column[None, :]
        if add:
            total += share * tl.load(more + at, mask=inside, other=0.0).to(tl.float32)
        found = total.to(out.dtype.element_ty)
        tl.store(out + at, found, mask=inside)
        if symmetric:  # the mirrored tile; on the diagonal it is the same one
            mirrored = n * rows * columns + column[None, :].to(tl.int64) * columns + row[:, None]
            tl.store(out + mirrored, found, mask=inside & (i < j))
