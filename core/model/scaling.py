"""A small model after a large one: the original's ratios kept, width and depth solved for. No torch."""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from core.errors import LabError
from core.model.sizing import flops_per_token, parameters, training_memory
from core.spec.model import ModelSpec

DEPTH_POWER = 0.6  # depth falls more slowly than width: at equal proportions a small model would have half a layer
HEADS = (16, 32, 64, 128)  # head sizes; the smallest model gets the smallest, so that it has several heads
MOST_EXPERTS = 8
NEAR = 1.04  # within this of the budget the original's proportions are left alone
FAR = 16  # times the budget: nothing beyond is looked at
TRIED, SHARES = 12, range(86, 115, 2)  # shapes tried where none is near, each with so many % of its feed-forward width
DRAWN_AT = 768  # the width that the usual spread of initial weights, 0.02, was chosen for. Radford et al. 2018, GPT-1
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
    vocab_size = vocab + original.objective.extra_tokens
    near = _nearest(_candidates(original, vocab_size, context), budget, cost)
    if not near or _off(cost(near[0]), budget) > 3:
        raise LabError(
            "No shape of this design comes near the budget with a vocabulary of {vocab} tokens.", "",
            "Choose a larger budget, or a tokenizer with fewer tokens.", vocab=vocab)
    if _off(cost(near[0]), budget) < NEAR:
        return near[0]
    finer = _nearest(_candidates(original, vocab_size, context, spare=1), budget, cost) + near
    for spec in [spec for spec in finer if spec.d_ff]:
        finer += [msgspec.structs.replace(spec, d_ff=_multiple(spec.d_ff * share / 100, 8)) for share in SHARES]
    return min(finer, key=lambda spec: _off(cost(spec), budget))


def _nearest(specs: Iterable[ModelSpec], budget: float, cost: Callable[[ModelSpec], float]) -> list[ModelSpec]:
    """Those whose cost is nearest to the budget, the nearest first; the search ends far beyond it."""
    found = []
    for spec in specs:
        spent = cost(spec)
        found.append((_off(spent, budget), spec))
        if spent > FAR * budget:
            break
    return [spec for _, spec in sorted(found, key=lambda pair: pair[0])[:TRIED]]


def _off(spent: float, budget: float) -> float:
    """How many times too much or too little, at least 1.

    Raises:
        LabError: nothing is spent: such a design has no cost of this kind.
    """
    if spent <= 0:
        raise LabError("The cost of this design cannot be foretold.", "", "Choose a budget of parameters or memory.")
    return max(spent / budget, budget / spent)


def _candidates(original: ModelSpec, vocab: int, context: int, spare: int = 0) -> Iterator[ModelSpec]:
    """Shapes of growing width, each at the depths just below and above what fits it, and ``spare`` more."""
    width = 16
    while width <= 65536:
        depth = original.n_layers * (width / original.d_model) ** DEPTH_POWER
        layers_tried = {max(1, int(depth) + more) for more in range(-spare, 2 + spare)} | {max(2, round(depth))}
        for layers in sorted(layers_tried):
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
    changes["init_std"] = _spread(original, width)
    return msgspec.structs.replace(original, d_model=width, **changes)


def _spread(original: ModelSpec, width: int) -> float:
    """Initial weights as wide for a narrower model as the original's are for it: what a layer adds keeps its size."""
    drawn_at = min(original.d_model, DRAWN_AT)
    return round(original.init_std * max(1.0, drawn_at / width) ** 0.5, 4)


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
