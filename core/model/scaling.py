"""A small model after a large one: the original's ratios kept, width and depth solved for. No torch."""

from collections.abc import Callable, Iterator

import msgspec

from core.errors import LabError
from core.model.sizing import flops_per_token, parameters, training_memory
from core.spec.model import ModelSpec

DEPTH_POWER = 0.6  # depth falls more slowly than width: at equal proportions a small model would have half a layer
HEADS = (16, 32, 64, 128)  # head sizes; the smallest model gets the smallest, so that it has several heads
MOST_EXPERTS = 8
NEAR = 1.04  # within this of the budget the original's proportions are left alone
TOKENS_A_PARAMETER = 20  # compute-optimal. Hoffmann et al. 2022, arXiv:2203.15556


def scale_to_parameters(original: ModelSpec, budget: float, vocab: int, context: int = 256) -> ModelSpec:
    """The shape of ``original`` with about ``budget`` parameters.

    Args:
        original: the shape whose ratios are kept.
        budget: learned values, embedding and head included.
        vocab: tokens of the tokenizer; what the objective needs beside them is added.
        context: tokens seen at once.
    Raises:
        LabError: the vocabulary alone is larger than the budget.
    """
    return _closest(original, vocab, context, budget, lambda spec: parameters(spec)["total"])


def scale_to_memory(original: ModelSpec, budget: float, vocab: int, context: int = 256, batch: int = 16) -> ModelSpec:
    """The largest shape of ``original`` whose training needs about ``budget`` bytes at ``batch`` sequences."""
    return _closest(original, vocab, context, budget, lambda spec: training_memory(spec, batch)["total"])


def scale_to_compute(original: ModelSpec, budget: float, vocab: int, context: int = 256) -> ModelSpec:
    """The shape of ``original`` for which ``budget`` FLOPs are 20 tokens a parameter.

    A time budget is this with the FLOP/s measured on the machine times the seconds.
    """
    return _closest(original, vocab, context, budget, lambda spec: (
        flops_per_token(spec).training * TOKENS_A_PARAMETER * parameters(spec)["total"]))


def _closest(
    original: ModelSpec, vocab: int, context: int, budget: float, cost: Callable[[ModelSpec], float]
) -> ModelSpec:
    if original.family == "ngram":
        return msgspec.structs.replace(original, vocab_size=0, context=context, n_positions=0)
    best, best_off = None, float("inf")
    for spec in _candidates(original, vocab + original.objective.extra_tokens, context):
        spent = cost(spec)
        off = max(spent / budget, budget / spent)
        if off < best_off:
            best, best_off = spec, off
        if spent > 4 * budget:
            break
    if best is None or best_off > 3:
        raise LabError(
            "No shape of this design comes near the budget with a vocabulary of {vocab} tokens.", "",
            "Choose a larger budget, or a tokenizer with fewer tokens.", vocab=vocab)
    if best_off < NEAR:
        return best
    finer = [msgspec.structs.replace(best, d_ff=_multiple(best.d_ff * share / 100, 8)) for share in range(88, 113, 2)]
    return min([best, *finer] if best.d_ff else [best], key=lambda s: max(cost(s) / budget, budget / cost(s)))


def _candidates(original: ModelSpec, vocab: int, context: int) -> Iterator[ModelSpec]:
    """Shapes of growing width, each at the depth that fits it, one shallower and one deeper."""
    width = 16
    while width <= 65536:
        depth = original.n_layers * (width / original.d_model) ** DEPTH_POWER
        for layers in sorted({max(1, int(depth)), max(1, int(depth) + 1), max(2, round(depth))}):
            yield _shape(original, width, layers, vocab, context)
        width += 8 if width < 128 else 16 if width < 512 else 64 if width < 2048 else 256


def _shape(original: ModelSpec, width: int, layers: int, vocab: int, context: int) -> ModelSpec:
    """The original's ratios at a width and a depth."""
    changes: dict = {"vocab_size": vocab, "context": context, "n_positions": 0, "n_layers": layers}
    ratio = width / original.d_model
    if original.family == "transformer":
        changes |= _heads(original, width)
        changes["relative_distance"] = min(original.relative_distance, max(2, context))
        changes["relative_buckets"] = min(original.relative_buckets, 32)
    if original.encoder_layers:
        changes["encoder_layers"] = max(1, round(layers * original.encoder_layers / original.n_layers))
    if original.family in ("transformer", "lstm") and original.d_ff:
        changes["d_ff"] = max(8, _multiple(original.d_ff * ratio, 8))
    if original.embed_size and original.embed_size != original.d_model:
        changes["embed_size"] = min(width, max(16, _multiple(original.embed_size * ratio, 8)))
    if original.family == "transformer" and original.attention != "full":
        changes["window"] = max(4, min(original.window, context // 4))
    if original.experts.count:
        count = max(original.experts.top + 1, min(original.experts.count, MOST_EXPERTS))
        changes["experts"] = msgspec.structs.replace(
            original.experts, count=count, every=min(original.experts.every, layers))
    return msgspec.structs.replace(original, d_model=width, **changes)


def _heads(original: ModelSpec, width: int) -> dict[str, int]:
    """Heads whose widths together stand to the model's width as in the original, and share keys as there."""
    together = original.n_heads * original.head / original.d_model * width
    size = next((size for size in reversed(HEADS) if together >= 4 * size and size <= original.head), 8)
    heads = max(1, round(together / size))
    wanted = max(1, round(heads * original.kv / original.n_heads))
    kv = max(n for n in range(1, wanted + 1) if heads % n == 0)
    fits = heads * size == width
    return {"n_heads": heads, "kv_heads": 0 if kv == heads else kv, "head_size": 0 if fits else size}


def _multiple(value: float, of: int) -> int:
    return max(of, round(value / of) * of)
