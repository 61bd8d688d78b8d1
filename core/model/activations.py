"""What training holds beside weights and their copies: values kept for the backward pass, and logits. No torch.

Counted part by part as torch keeps them on the processor: the inputs of each linear layer, what each norm,
activation and attention need to be turned back. Numbers are values for one token unless said otherwise.
"""

import msgspec

from core.spec.model import ModelSpec

HALVES_RELU = ("relu", "tanh")  # their result tells their slope, so that nothing else is kept
SCORES_AT_ONCE = 4  # before and behind the softmax, and the gradient of each
LEARNED_BIAS = ("t5", "xl", "deberta")  # scores with a learned term: attention keeps its weights


class Kept(msgspec.Struct, frozen=True):
    """Values kept for one micro-batch: those that bfloat16 halves, those that it does not, scores, and logits."""

    narrow: float = 0.0
    wide: float = 0.0
    scores: float = 0.0  # a query times a key; under bfloat16 in float32 and in bfloat16
    logits: float = 0.0  # tokens times vocabulary

    def __add__(self, other: "Kept") -> "Kept":
        return Kept(*(a + b for a, b in zip(msgspec.structs.astuple(self), msgspec.structs.astuple(other))))

    def __mul__(self, times: float) -> "Kept":
        return Kept(*(value * times for value in msgspec.structs.astuple(self)))

    def n_bytes(self, bf16: bool = False) -> float:
        """Bytes of all but the logits."""
        return self.narrow * (2 if bf16 else 4) + self.wide * 4 + self.scores * (6 if bf16 else 4)


def kept(spec: ModelSpec, rows: int) -> Kept:
    """What one micro-batch of ``rows`` sequences keeps."""
    if spec.family != "transformer":
        return OTHERS[spec.family](spec) * (rows * spec.context) + _dropped_weights(spec)
    source, target = lengths(spec, rows)
    found = _stack(spec, spec.n_layers + spec.query_layer, rows, target, source if spec.encoders else 0)
    found += Kept(logits=rows * target * spec.vocab_size) + _head(spec) * (rows * target)
    if spec.encoders:
        found += _stack(spec, spec.encoders, rows, source, 0)
    if spec.objective.task == "permutation":
        found += _stack(spec, spec.n_layers, rows, target, 0)  # the second stream
    if spec.objective.task == "replaced":
        asked = spec.objective.mask_rate
        generator = kept(spec.generator, rows)
        found += msgspec.structs.replace(generator, logits=0) + Kept(wide=2 * asked * generator.logits)
        found = msgspec.structs.replace(found, logits=found.logits / 2)  # only those asked for are turned back
    return found


def passing(spec: ModelSpec, rows: int) -> float:
    """Values that one layer's attention holds for a moment, either way, where torch has none fused for it."""
    if spec.family != "transformer" or _fused(spec):
        return 0.0
    return SCORES_AT_ONCE * rows * spec.n_heads * max(lengths(spec, rows)) ** 2


def uneven(spec: ModelSpec, rows: int) -> Kept:
    """Of what is kept, blocks whose sizes change from step to step: what experts keep."""
    if spec.family != "transformer" or not spec.experts.count:
        return Kept()
    every = spec.experts.every
    return _experts(spec) * sum(rows * length * (layers // every) for layers, length in zip(
        (spec.encoders, spec.n_layers + spec.query_layer), lengths(spec, rows)))


def lengths(spec: ModelSpec, rows: int) -> tuple[float, float]:
    """Tokens that the encoder reads and that the decoder is shown, the longest of ``rows`` sequences."""
    settings, context = spec.objective, spec.context
    if not spec.encoders:
        return 0, context
    hidden = settings.mask_rate * context
    if settings.task == "span_corruption":
        spans = hidden / settings.span_length
        return context - hidden + spans, hidden + spans + 1
    if settings.task == "infilling":
        return context - hidden * (1 - 1 / settings.span_length), context
    if settings.task == "denoisers":  # the least hidden, and the most with all its sentinels
        return 0.9 * context, (0.5 + 0.5 / 3) * context
    longest = context * rows / (rows + 1)  # cut at a random place
    return longest, longest


def _stack(spec: ModelSpec, layers: int, rows: int, length: float, source: float) -> Kept:
    """A stack of blocks: ``length`` tokens of its own, and ``source`` tokens that it looks at besides."""
    tokens = rows * length
    dense, sparse = _feed(spec), _experts(spec)
    with_experts = layers // spec.experts.every if spec.experts.count else 0
    found = (_attention(spec, length) * layers + dense * (layers - with_experts) + sparse * with_experts
             + _norms(spec, bool(source)) * layers + _way_in(spec)) * tokens  # fmt: skip
    if source:
        queries = Kept(narrow=2 * spec.n_heads * spec.head + spec.n_heads) + _dropped(spec, source) * 1.5
        found += queries * (layers * tokens) + Kept(narrow=2 * spec.kv * spec.head) * (layers * rows * source)
    return found + _masks(spec, rows, length)


def _attention(spec: ModelSpec, length: float) -> Kept:
    """Queries, keys, values and what comes of them; scores too where torch has no fused attention for them."""
    heads, groups = spec.n_heads * spec.head, spec.kv * spec.head
    normed = (heads + groups) * (1 if spec.norm == "layer_norm" else 2) if spec.qk_norm else 0
    if _fused(spec):
        copied = heads if spec.position == "rope" else 0  # the result lies as turned queries do, and is laid anew
        return Kept(narrow=2 * heads + 2 * groups + copied + spec.n_heads, wide=normed)
    scores = length * (1 + bool(spec.attn_softcap)) * spec.n_heads
    more = 0.0
    if spec.position == "xl":
        more = heads + spec.n_heads * (2 * length - 1)
    if spec.position == "deberta":
        more = 2 * heads + spec.n_heads * 4 * spec.relative_buckets
    return Kept(narrow=4 * heads + more, wide=normed, scores=scores) + _dropped(spec, length)


def _fused(spec: ModelSpec) -> bool:
    return spec.position not in LEARNED_BIAS and not spec.dropout and not spec.attn_softcap


def _dropped(spec: ModelSpec, length: float) -> Kept:
    """With dropout attention keeps its weights' mask and what was left of them."""
    return Kept(scores=2 * spec.n_heads * length if spec.dropout else 0)


def _feed(spec: ModelSpec) -> Kept:
    """The feed-forward part: before and behind its bend, and with a gate both factors."""
    if spec.gated:
        return Kept(narrow=(3 if spec.activation == "reglu" else 4) * spec.ff)
    return Kept(narrow=(1 if spec.activation in HALVES_RELU else 2) * spec.ff)


def _experts(spec: ModelSpec) -> Kept:
    """The chosen experts, each with its own copy of the token and its own answer; and the router's shares."""
    return (Kept(narrow=2 * spec.d_model) + _feed(spec)) * spec.experts.top + Kept(wide=3 * spec.experts.count)


def _norms(spec: ModelSpec, cross: bool) -> Kept:
    """Inputs of a block's norms and, once each, what they give to the linear layers behind them."""
    inside = 1 if spec.norm == "layer_norm" else 2  # RMSNorm keeps its input scaled, too
    parts = 2 + cross
    if spec.parallel == "one_norm":
        found = Kept(narrow=1, wide=inside)
    elif spec.parallel == "two_norms":
        found = Kept(narrow=2, wide=2 * inside - 1)
    else:
        found = Kept(narrow=parts, wide=parts * inside * (2 if spec.norm_place == "sandwich" else 1))
    return (found + Kept(wide=parts * bool(spec.dropout))) * spec.d_model


def _way_in(spec: ModelSpec) -> Kept:
    """Embeddings with what is added to them, their norm, and the norm behind the last block."""
    found = Kept(wide=spec.embed * (bool(spec.dropout) + 2 * spec.embed_norm))
    if spec.embed != spec.d_model:
        found += Kept(narrow=spec.embed)
    return found + Kept(narrow=spec.d_model, wide=2 * spec.d_model * spec.final_normed)


def _head(spec: ModelSpec) -> Kept:
    return Kept(narrow=2 * spec.embed, wide=spec.embed) if spec.head_transform else Kept()


def _masks(spec: ModelSpec, rows: int, length: float) -> Kept:
    """Masks that are written out, once for all layers."""
    square = length * length
    if spec.position == "alibi":
        return Kept(wide=spec.n_heads * square)
    each = spec.layout == "prefix" or spec.objective.task in ("unilm", "permutation")
    return Kept(wide=(2 * rows if each else 1) * square)


def _lstm(spec: ModelSpec) -> Kept:
    """Gates and states of every layer, in the library's workspace where it has one (projected layers have none)."""
    cell, found = spec.d_ff or spec.d_model, 0.0
    for layer in range(spec.n_layers):
        read = spec.embed if layer == 0 else spec.d_model if spec.projected else cell
        size = cell if spec.projected or layer < spec.n_layers - 1 else spec.d_model
        if spec.projected and size != spec.d_model:
            found += 7 * size + 3 * spec.d_model
        else:
            found += (17 if spec.weight_drop else 14) * size + 4.5 * read
    directions = 2 if spec.layout == "encoder" else 1
    half = directions * found / 2
    return Kept(narrow=half, wide=half + spec.embed, logits=directions * spec.vocab_size)


def _dropped_weights(spec: ModelSpec) -> Kept:
    """Recurrent weights with some dropped, and which; the same for any number of tokens."""
    if spec.family != "lstm" or not spec.weight_drop:
        return Kept()
    cell = spec.d_ff or spec.d_model
    return Kept(wide=8 * ((spec.n_layers - 1) * cell**2 + spec.d_model**2))


def _window(spec: ModelSpec) -> Kept:
    return Kept(narrow=2 * spec.embed + 2 * spec.d_model, logits=spec.vocab_size)


def _word_vectors(spec: ModelSpec) -> Kept:
    """A product for each neighbour and each negative of it."""
    pairs = 2 * spec.window if spec.objective.task == "skip_gram" else 1
    return Kept(wide=(pairs * (1 + spec.objective.negatives) + 4) * spec.d_model)


OTHERS = {"lstm": _lstm, "window": _window, "word_vectors": _word_vectors, "ngram": lambda spec: Kept()}
