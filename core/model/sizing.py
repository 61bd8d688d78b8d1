"""What a shape costs, told before anything is built. No torch: the window shows these as one types."""

import msgspec

from core.model.activations import kept, passing, uneven
from core.spec.model import ModelSpec

FLOAT = 4  # bytes
LOGITS_AT_ONCE = 3  # when the backward pass begins: log-probabilities, their gradient, and the logits' gradient
HOLES = 1.25  # the C library seldom fits a block into the hole of an equal one: memory held for each byte kept
UNEVEN = 0.5  # so much more where the sizes change from step to step
ENGINE = 20_000_000  # bytes that torch takes to compute anything at all with a Transformer
ASSUMED_WATTS = 30  # of a desktop's processor at work, where no meter can be read
SUBWORD_BUCKETS = 1 << 14  # into which word vectors hash character n-grams


def parameters(spec: ModelSpec) -> dict[str, int]:
    """Exact number of learned values by part, and their ``total``."""
    if spec.family != "transformer":
        parts = OTHERS[spec.family](spec)
        return {**parts, "total": sum(parts.values())}
    stacks = spec.n_layers + spec.encoders
    built = stacks if not spec.shared_layers else 1 + (spec.encoders > 0)
    cross = spec.n_layers if spec.encoders else 0
    if spec.shared_layers:
        cross = min(cross, 1)
    query = int(spec.query_layer)
    sparse = _sparse_blocks(spec)
    expert, dense = spec.experts.count * feed_forward(spec), feed_forward(spec)
    router = spec.experts.count * spec.d_model if spec.experts.router == "learned" else 0
    parts = {
        "embedding": spec.vocab_size * spec.embed,
        "positions": _positions(spec),
        "attention": (built + cross + query) * attention(spec) + (built + query) * relative(spec),
        "feed_forward": (built + query - sparse) * dense + sparse * (expert + router),
        "norms": _norms(spec, built, cross, query),
        "head": _head(spec),
    }
    if spec.objective.task == "permutation":
        parts["positions"] += spec.d_model  # what the query stream begins with
    if spec.objective.task == "replaced":
        parts["head"] = spec.d_model**2 + 2 * spec.d_model + 1  # the detector
        parts["generator"] = _generator(spec)
    return {**parts, "total": sum(parts.values())}


def _lstm(spec: ModelSpec) -> dict[str, int]:
    cell, projects = spec.d_ff or spec.d_model, spec.projected and (spec.d_ff or spec.d_model) != spec.d_model
    inside, layers = spec.d_model if spec.projected else cell, 0
    for layer in range(spec.n_layers):
        read = spec.embed if layer == 0 else inside
        size = cell if spec.projected or layer < spec.n_layers - 1 else spec.d_model
        out = spec.d_model if projects else size
        layers += 4 * size * (read + out + 2) + (spec.d_model * size if projects else 0)
    directions = 2 if spec.layout == "encoder" else 1
    return {"embedding": spec.vocab_size * spec.embed, "recurrent": directions * layers, "head": _head(spec)}


def _window(spec: ModelSpec) -> dict[str, int]:
    mix = spec.window * spec.embed * spec.d_model + spec.d_model
    return {"embedding": spec.vocab_size * spec.embed, "feed_forward": mix, "head": _head(spec)}


def _word_vectors(spec: ModelSpec) -> dict[str, int]:
    found = {"embedding": spec.vocab_size * spec.d_model, "head": spec.vocab_size * spec.d_model}
    return found | ({"subwords": SUBWORD_BUCKETS * spec.d_model} if spec.objective.subwords else {})


OTHERS = {"lstm": _lstm, "window": _window, "word_vectors": _word_vectors, "ngram": lambda spec: {}}


def _generator(spec: ModelSpec) -> int:
    """ELECTRA's small masked model, the shared embedding apart, with the layers to and from that embedding's width."""
    small = spec.generator
    found = parameters(small)
    between = 2 * spec.embed * small.d_model + small.d_model if spec.embed != small.d_model else 0
    return found["total"] - found["embedding"] + between


def active_parameters(spec: ModelSpec) -> int:
    """Learned values that one token meets: of the experts only those it is sent to."""
    idle = max(0, spec.experts.count - spec.experts.top)
    return parameters(spec)["total"] - _sparse_blocks(spec) * idle * feed_forward(spec)


def attention(spec: ModelSpec) -> int:
    """Values of one attention: four matrices, their biases, norms of queries and keys."""
    d, q, kv = spec.d_model, spec.n_heads * spec.head, spec.kv * spec.head
    biases = (q + 2 * kv if spec.qkv_biased else 0) + (d if spec.out_biased else 0)
    return d * q + 2 * d * kv + q * d + biases + (2 * spec.head if spec.qk_norm else 0)


def relative(spec: ModelSpec) -> int:
    """Values of the relative positions that each attention learns for itself."""
    heads = spec.n_heads * spec.head
    return spec.d_model * heads + 2 * heads if spec.position == "xl" else 0


def feed_forward(spec: ModelSpec) -> int:
    """Values of one dense feed-forward part, or of one expert."""
    matrices = 3 if spec.gated else 2
    return matrices * spec.d_model * spec.ff + (((matrices - 1) * spec.ff + spec.d_model) if spec.bias else 0)


def _sparse_blocks(spec: ModelSpec) -> int:
    if not spec.experts.count:
        return 0
    every = spec.experts.every
    query = int(spec.query_layer and (spec.n_layers + 1) % every == 0)
    if spec.shared_layers:  # then every block has experts
        return 1 + (spec.encoders > 0) + query
    return spec.n_layers // every + spec.encoders // every + query


def _norm(spec: ModelSpec, width: int) -> int:
    return width * (2 if spec.norm_biased else 1)


def _positions(spec: ModelSpec) -> int:
    """Position and segment vectors of every stack, and tables of relative positions shared by its layers."""
    stacks = 1 + (spec.encoders > 0)
    each = spec.segments * spec.embed
    if spec.position == "learned":
        each += spec.position_rows * spec.embed
    elif spec.position == "t5":
        each += spec.relative_buckets * spec.n_heads
    elif spec.position == "deberta":
        each += 2 * spec.relative_buckets * spec.d_model + _norm(spec, spec.d_model)
    if spec.embed != spec.d_model:
        each += spec.embed * spec.d_model + spec.d_model  # widened
    return stacks * each + (spec.context * spec.d_model if spec.query_layer else 0)


def _norms(spec: ModelSpec, built: int, cross: int, query: int) -> int:
    stacks = 1 + (spec.encoders > 0)
    a_block = 1 if spec.parallel == "one_norm" else 2
    a_block *= 2 if spec.norm_place == "sandwich" else 1
    a_cross = 2 if spec.norm_place == "sandwich" else 1
    count = a_block * (built + query) + a_cross * cross + (stacks if spec.final_normed else 0)
    return count * _norm(spec, spec.d_model) + (stacks * _norm(spec, spec.embed) if spec.embed_norm else 0)


def _head(spec: ModelSpec) -> int:
    narrow = spec.embed if spec.head_transform else spec.d_model
    found = 0 if spec.tied_head else spec.vocab_size * narrow
    if spec.head_transform:
        found += spec.d_model * spec.embed + spec.embed + _norm(spec, spec.embed)
    elif spec.tied_head and spec.embed != spec.d_model:
        found += spec.d_model * spec.embed
    return found + (spec.vocab_size if spec.head_bias else 0)


class Flops(msgspec.Struct, frozen=True):
    """Floating-point operations for one token (a multiply and an add are two), at full context."""

    matrices: int  # forward, all matrix products with weights, the head included
    attention: int  # forward, scores and weighted sums, mean over the places of a context

    @property
    def forward(self) -> int:
        return self.matrices + self.attention

    @property
    def training(self) -> int:
        """Forward and backward: the backward pass costs twice the forward. Source: Kaplan et al. 2020."""
        return 3 * self.forward


def flops_per_token(spec: ModelSpec) -> Flops:
    """FLOPs of one token. Source: Kaplan et al. 2020, arXiv:2001.08361, table 1 (with the causal half)."""
    if spec.family != "transformer":
        parts = parameters(spec)
        head = spec.vocab_size * spec.d_model if spec.family in ("lstm", "window") else 0
        if spec.family == "word_vectors":  # a product of two vectors for each neighbour and each negative of it
            pairs = 2 * spec.window if spec.objective.task == "skip_gram" else 1
            head = pairs * (1 + spec.objective.negatives) * spec.d_model
        return Flops(matrices=2 * (parts.get("recurrent", 0) + parts.get("feed_forward", 0) + head), attention=0)
    layers = spec.n_layers + spec.encoders + int(spec.query_layer)
    sparse = _sparse_blocks(spec) if not spec.shared_layers else layers * (_sparse_blocks(spec) > 0)
    router = spec.experts.count * spec.d_model if spec.experts.router == "learned" else 0
    weights = (layers + (spec.n_layers if spec.encoders else 0)) * attention(spec) + layers * relative(spec)
    weights += (layers - sparse) * feed_forward(spec) + sparse * (spec.experts.top * feed_forward(spec) + router)
    weights += spec.vocab_size * (spec.embed if spec.head_transform or spec.tied_head else spec.d_model)
    weights += spec.d_model * spec.embed * ((spec.embed != spec.d_model) + spec.head_transform)
    causal = spec.layout == "decoder"
    seen = (spec.context + 1) / 2 if causal else spec.context
    scores = layers * 2 * 2 * spec.n_heads * spec.head * seen
    if spec.encoders:
        scores += spec.n_layers * 2 * 2 * spec.n_heads * spec.head * spec.context
    if spec.objective.task == "permutation":  # two streams through the same blocks
        head = spec.vocab_size * spec.embed
        return Flops(matrices=2 * (2 * (weights - head) + head), attention=int(2 * scores))
    if spec.objective.task == "replaced":  # the head over the vocabulary is the generator's
        small = flops_per_token(spec.generator)
        return Flops(matrices=2 * (weights - spec.vocab_size * spec.embed) + small.matrices,
                     attention=int(scores) + small.attention)  # fmt: skip
    return Flops(matrices=2 * weights, attention=int(scores))


def training_memory(
    spec: ModelSpec, micro_batch: int, bf16: bool = False, accumulated: bool = False
) -> dict[str, int]:  # fmt: skip
    """Estimated bytes that training takes at most, by cause, and their ``total``.

    Weights, gradients and AdamW's two moments are float32 and exact. Activations and logits are what autograd keeps
    on the processor, with what the allocator loses between them and what torch itself takes. Gradients come while
    activations go, so the total is less than the sum of its causes, unless gradients of an earlier micro-batch are
    there already.

    Args:
        micro_batch: sequences computed at once.
        bf16: products under bfloat16 autocast, which keeps some values in half the size and a copy of the weights.
        accumulated: whether several micro-batches make a step.
    """
    n = FLOAT * parameters(spec)["total"]
    found, copies = kept(spec, micro_batch), n // 2 if bf16 else 0
    # Others keep few and large blocks, and were measured to hold one copy of the logits less.
    lost, engine, copies_of_logits = (HOLES, ENGINE, LOGITS_AT_ONCE) if spec.family == "transformer" else (1, 0, 2)
    more = UNEVEN * uneven(spec, micro_batch).n_bytes(bf16) + FLOAT * passing(spec, micro_batch)
    parts = {
        "weights": n, "gradients": n, "optimizer": 2 * n,
        "activations": int(lost * found.n_bytes(bf16) + more + engine + copies),
        "logits": int(copies_of_logits * FLOAT * found.logits)}  # fmt: skip
    shared = 0 if accumulated else min(n, parts["activations"] + parts["logits"])
    return {**parts, "total": sum(parts.values()) - shared}


def inference_memory(spec: ModelSpec, length: int = 0, bytes_per_weight: float = FLOAT) -> dict[str, int]:
    """Bytes of answering: weights, and the cache of keys and values at ``length`` tokens (0 = full context)."""
    layers = spec.n_layers + int(spec.query_layer)
    cache = 2 * layers * spec.kv * spec.head * (length or spec.context) * FLOAT
    weights = round(parameters(spec)["total"] * bytes_per_weight)
    return {"weights": weights, "kv_cache": cache, "total": weights + cache}
