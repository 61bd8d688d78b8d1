"""What a shape costs, told before anything is built. No torch: the window shows these as one types."""

import msgspec

from core.spec.model import ModelSpec

FLOAT = 4  # bytes


def parameters(spec: ModelSpec) -> dict[str, int]:
    """Exact number of learned values by part, and their ``total``."""
    d, bias = spec.d_model, spec.bias
    q, kv = spec.n_heads * spec.head, spec.kv * spec.head
    attention = d * q + 2 * d * kv + q * d + (q + 2 * kv + d if bias else 0)
    matrices = 3 if spec.gated else 2
    feed_forward = matrices * d * spec.ff + (((matrices - 1) * spec.ff + d) if bias else 0)
    norm = d * (2 if spec.norm == "layer_norm" and bias else 1)
    parts = {
        "embedding": spec.vocab_size * d,
        "positions": spec.context * d if spec.position == "learned" else 0,
        "attention": spec.n_layers * attention,
        "feed_forward": spec.n_layers * feed_forward,
        "norms": (2 * spec.n_layers + 1) * norm,
        "head": 0 if spec.tied_head else spec.vocab_size * d,
    }
    return {**parts, "total": sum(parts.values())}


class Flops(msgspec.Struct, frozen=True):
    """Floating-point operations for one token (a multiply and an add are two), at full context."""

    matrices: int  # forward, all matrix products with weights, the head included
    attention: int  # forward, scores and weighted sums, mean over the places of a causal context

    @property
    def forward(self) -> int:
        return self.matrices + self.attention

    @property
    def training(self) -> int:
        """Forward and backward: the backward pass costs twice the forward. Source: Kaplan et al. 2020."""
        return 3 * self.forward


def flops_per_token(spec: ModelSpec) -> Flops:
    """FLOPs of one token. Source: Kaplan et al. 2020, arXiv:2001.08361, table 1 (with the causal half)."""
    parts = parameters(spec)
    weights = parts["attention"] + parts["feed_forward"] + spec.vocab_size * spec.d_model
    attention = spec.n_layers * 2 * 2 * spec.n_heads * spec.head * (spec.context + 1) // 2
    return Flops(matrices=2 * weights, attention=attention)


def training_memory(spec: ModelSpec, micro_batch: int, bf16: bool = False) -> dict[str, int]:
    """Estimated bytes of training by cause, and their ``total``; activations are the uncertain part.

    Weights, gradients and AdamW's two moments are float32 and exact. Activations count what autograd
    keeps for the backward pass of each part; under bf16 autocast half of that is two bytes wide.
    """
    n = parameters(spec)["total"]
    tokens = micro_batch * spec.context
    width = spec.d_model * 6 + spec.n_heads * spec.head * 3 + spec.kv * spec.head * 3
    width += spec.ff * (4 if spec.gated else 2)
    kept = tokens * (spec.n_layers * width + 4 * spec.d_model) * (FLOAT * 3 // 4 if bf16 else FLOAT)
    if spec.dropout:  # then torch's attention on the processor keeps its weights, their mask and their product
        kept += tokens * spec.n_layers * spec.n_heads * spec.context * FLOAT * 3
    logits = tokens * spec.vocab_size * FLOAT * 2
    parts = {"weights": FLOAT * n, "gradients": FLOAT * n, "optimizer": 2 * FLOAT * n, "activations": kept,
             "logits": logits}  # fmt: skip
    return {**parts, "total": sum(parts.values())}


def inference_memory(spec: ModelSpec, length: int = 0, bytes_per_weight: float = FLOAT) -> dict[str, int]:
    """Bytes of answering: weights, and the cache of keys and values at ``length`` tokens (0 = full context)."""
    cache = 2 * spec.n_layers * spec.kv * spec.head * (length or spec.context) * FLOAT
    weights = round(parameters(spec)["total"] * bytes_per_weight)
    return {"weights": weights, "kv_cache": cache, "total": weights + cache}
