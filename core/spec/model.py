"""What a language model can be: the shape of one decoder, chosen part by part."""

from typing import Annotated, Literal

from core.errors import LabError
from core.spec.base import Spec, about

Norm = Literal["layer_norm", "rms_norm"]
Position = Literal["learned", "sinusoidal", "rope", "none"]
Activation = Literal["gelu", "gelu_tanh", "relu", "silu", "swiglu", "geglu"]


class ModelSpec(Spec):
    """The shape of a decoder-only Transformer; zero means "derive it from the rest"."""

    d_model: Annotated[int, about(
        "Width", "Features in the vector that stands for one token as it passes through the model.",
        low=8, high=65536, unit="features")] = 128
    n_layers: Annotated[int, about(
        "Layers", "How many blocks of attention and feed-forward are stacked.", low=1, high=512)] = 4
    n_heads: Annotated[int, about(
        "Query heads", "How many places each token can look at, at once, in every layer.",
        low=1, high=1024, source="Vaswani et al. 2017, arXiv:1706.03762")] = 4
    kv_heads: Annotated[int, about(
        "Key/value heads", "Heads that are looked at; fewer than query heads makes the cache smaller. "
        "0 = as many as query heads.", low=0, high=1024, expert=True,
        source="Ainslie et al. 2023, GQA, arXiv:2305.13245")] = 0
    head_size: Annotated[int, about(
        "Head size", "Features of one head. 0 = width divided by query heads.",
        low=0, high=4096, unit="features", expert=True)] = 0
    d_ff: Annotated[int, about(
        "Feed-forward width", "Hidden features of the feed-forward part. 0 = four times the width, or 8/3 of it "
        "when the activation is gated (rounded up to a multiple of 32).",
        low=0, high=262144, unit="features", expert=True)] = 0
    context: Annotated[int, about(
        "Context", "The most tokens the model can see at once.", low=8, high=1048576, unit="tokens")] = 256
    vocab_size: Annotated[int, about(
        "Vocabulary", "Different tokens the model knows. 0 = as many as the tokenizer has.",
        low=0, high=1048576, unit="tokens", expert=True)] = 0
    norm: Annotated[Norm, about(
        "Normalisation", "How vectors are rescaled before each part: LayerNorm centres and scales, RMSNorm only "
        "scales.", source="Ba et al. 2016, arXiv:1607.06450; Zhang & Sennrich 2019, arXiv:1910.07467")] = "rms_norm"
    norm_eps: Annotated[float, about(
        "Normalisation epsilon", "A small number that keeps the division safe.",
        low=1e-12, high=0.1, expert=True)] = 1e-5
    position: Annotated[Position, about(
        "Positions", "How the model knows the order of tokens: a learned or fixed vector added to each place, or "
        "rotations of queries and keys (RoPE).", source="Su et al. 2021, RoFormer, arXiv:2104.09864")] = "rope"
    rope_theta: Annotated[float, about(
        "RoPE base", "The slowest rotation's base; larger suits longer contexts.",
        low=1.0, high=1e9, expert=True, source="Su et al. 2021, arXiv:2104.09864")] = 10000.0
    activation: Annotated[Activation, about(
        "Activation", "The bend in the feed-forward part; SwiGLU and GeGLU gate one half with the other.",
        source="Shazeer 2020, GLU variants, arXiv:2002.05202")] = "swiglu"
    bias: Annotated[bool, about(
        "Biases", "Add a learned constant to every linear layer (and to LayerNorm).", expert=True)] = False
    tied_head: Annotated[bool, about(
        "Tied head", "Use the token embedding again as the output layer, which saves parameters.",
        source="Press & Wolf 2017, arXiv:1608.05859")] = True
    dropout: Annotated[float, about(
        "Dropout", "Share of activations zeroed at random while training.", low=0.0, high=0.9, expert=True,
        source="Srivastava et al. 2014, JMLR 15")] = 0.0

    def __post_init__(self) -> None:
        if self.head_size == 0 and self.d_model % self.n_heads:
            raise LabError(
                "The width {d_model} cannot be divided evenly among {n_heads} query heads.", "",
                "Choose a width that is a multiple of {n_heads}, or give a head size.",
                d_model=self.d_model, n_heads=self.n_heads)
        if self.n_heads % self.kv:
            raise LabError(
                "{n_heads} query heads cannot share {kv_heads} key/value heads evenly.", "",
                "Choose a number of key/value heads that divides {n_heads}.",
                n_heads=self.n_heads, kv_heads=self.kv)
        if self.position == "rope" and self.head % 2:
            raise LabError(
                "RoPE turns pairs of features, so the head size {head} must be even.", "",
                "Choose an even head size.", head=self.head)
        if self.position == "sinusoidal" and self.d_model % 2:
            raise LabError(
                "Sinusoidal positions come in pairs, so the width {d_model} must be even.", "",
                "Choose an even width.", d_model=self.d_model)

    @property
    def kv(self) -> int:
        """Key/value heads, resolved."""
        return self.kv_heads or self.n_heads

    @property
    def head(self) -> int:
        """Features of one head, resolved."""
        return self.head_size or self.d_model // self.n_heads

    @property
    def gated(self) -> bool:
        """Whether the feed-forward part has a gate (three matrices instead of two)."""
        return self.activation in ("swiglu", "geglu")

    @property
    def ff(self) -> int:
        """Hidden features of the feed-forward part, resolved."""
        if self.d_ff:
            return self.d_ff
        return -(-8 * self.d_model // 3 // 32) * 32 if self.gated else 4 * self.d_model
