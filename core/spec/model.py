"""What a language model can be: its shape, chosen part by part.

A system of the field is a preset of these fields; only a new idea is a new field. Every field has a
default with which it changes nothing, so that a request says only what makes a design itself.
"""

from typing import Annotated, Literal

import msgspec

from core.spec.base import Spec, about
from core.spec.experts import Experts
from core.spec.objective import Objective

Family = Literal["transformer", "lstm", "window", "word_vectors", "ngram"]
Layout = Literal["decoder", "prefix", "encoder", "encoder_decoder"]
Norm = Literal["layer_norm", "rms_norm"]
Position = Literal["learned", "sinusoidal", "rope", "alibi", "t5", "xl", "deberta", "none"]
Activation = Literal[
    "gelu", "gelu_tanh", "relu", "relu_squared", "silu", "tanh", "swiglu", "geglu", "geglu_tanh", "reglu"]
GATED = ("swiglu", "geglu", "geglu_tanh", "reglu")
TRANSFORMER = "family=transformer"
NEURAL = "family=transformer|lstm|window"  # what has a layer of logits

VASWANI = "Vaswani et al. 2017, arXiv:1706.03762"


class ModelSpec(Spec):
    """The shape of a language model; zero means "derive it from the rest"."""

    family: Annotated[Family, about(
        "Family", "Transformer, LSTM, a feed-forward net over a window of tokens, word vectors, or counted n-grams.",
        expert=True)] = "transformer"
    layout: Annotated[Layout, about(
        "Arrangement", "Decoder: each token sees those before it. Prefix: the prompt is read both ways. Encoder: every "
        "token sees all; of LSTMs, one reads forwards and one backwards. Encoder-decoder: one stack reads, another "
        "writes.", expert=True, when="family=transformer|lstm",
        source="Raffel et al. 2020, arXiv:1910.10683, section 3.2")] = "decoder"
    d_model: Annotated[int, about(
        "Width", "Features in the vector that stands for one token as it passes through the model.",
        low=8, high=65536, unit="features", when="family=transformer|lstm|window|word_vectors")] = 128
    n_layers: Annotated[int, about(
        "Layers", "How many blocks of attention and feed-forward are stacked.", low=1, high=512,
        when="family=transformer|lstm")] = 4
    encoder_layers: Annotated[int, about(
        "Encoder layers", "Blocks of the stack that reads. 0 = as many as layers.", low=0, high=512, expert=True,
        when="layout=encoder_decoder")] = 0
    n_heads: Annotated[int, about(
        "Query heads", "How many places each token can look at, at once, in every layer.",
        low=1, high=1024, source=VASWANI, when=TRANSFORMER)] = 4
    kv_heads: Annotated[int, about(
        "Key/value heads", "Heads that are looked at; fewer than query heads makes the cache smaller. "
        "0 = as many as query heads.", low=0, high=1024, expert=True, when=TRANSFORMER,
        source="Ainslie et al. 2023, GQA, arXiv:2305.13245")] = 0
    head_size: Annotated[int, about(
        "Head size", "Features of one head. 0 = width divided by query heads.",
        low=0, high=4096, unit="features", expert=True, when=TRANSFORMER)] = 0
    d_ff: Annotated[int, about(
        "Feed-forward width", "Hidden features of the feed-forward part. 0 = four times the width, or 8/3 of it "
        "when the activation is gated (rounded up to a multiple of 32).",
        low=0, high=262144, unit="features", expert=True, when="family=transformer|lstm")] = 0
    context: Annotated[int, about(
        "Context", "The most tokens the model can see at once.", low=8, high=1048576, unit="tokens")] = 256
    vocab_size: Annotated[int, about(
        "Vocabulary", "Different tokens the model knows. 0 = as many as the tokenizer has.",
        low=0, high=1048576, unit="tokens", expert=True)] = 0

    norm: Annotated[Norm, about(
        "Normalisation", "How vectors are rescaled before each part: LayerNorm centres and scales, RMSNorm only "
        "scales.", source="Ba et al. 2016, arXiv:1607.06450; Zhang & Sennrich 2019, arXiv:1910.07467",
        when=TRANSFORMER)] = "rms_norm"
    norm_eps: Annotated[float, about(
        "Normalisation epsilon", "A small number that keeps the division safe.",
        low=1e-12, high=0.1, expert=True, when=TRANSFORMER)] = 1e-5
    norm_place: Annotated[Literal["pre", "post", "sandwich"], about(
        "Norm's place", "Before each part, after its sum with the residual, or before and after the part.",
        source="Xiong et al. 2020, arXiv:2002.04745; Ding et al. 2021, arXiv:2105.13290", expert=True,
        when=TRANSFORMER)] = "pre"
    norm_bias: Annotated[Literal["as_bias", "yes", "no"], about(
        "Bias of LayerNorm", "Whether LayerNorm adds a learned constant; by default when the linear layers do.",
        expert=True, when="norm=layer_norm")] = "as_bias"
    deep_norm: Annotated[bool, about(
        "DeepNorm", "Scale the residual up and the initial weights down, so that very deep post-norm models train.",
        expert=True, source="Wang et al. 2022, arXiv:2203.00555", when="norm_place=post")] = False
    embed_norm: Annotated[bool, about(
        "Norm after the embedding", "Rescale the embedded tokens before the first block.", expert=True,
        source="Le Scao et al. 2022, BLOOM, arXiv:2211.05100", when=TRANSFORMER)] = False
    parallel: Annotated[Literal["no", "one_norm", "two_norms"], about(
        "Parallel block", "Attention and feed-forward read the same input at once instead of one after the other.",
        expert=True, source="Wang & Komatsuzaki 2021, GPT-J; Chowdhery et al. 2022, PaLM, arXiv:2204.02311",
        when=TRANSFORMER)] = "no"

    position: Annotated[Position, about(
        "Positions", "How the model knows the order of tokens: a vector added to each place, rotations of queries "
        "and keys (RoPE), a penalty on distance (ALiBi), or learned relative terms.",
        source="Su et al. 2021, RoFormer, arXiv:2104.09864; Press et al. 2022, ALiBi, arXiv:2108.12409",
        when=TRANSFORMER)] = "rope"
    n_positions: Annotated[int, about(
        "Learned positions", "How many places have a learned vector of their own; the context cannot be longer. "
        "0 = as many as the context.", low=0, high=1048576, unit="tokens", expert=True,
        source="Radford et al. 2019, GPT-2", when="position=learned")] = 0
    rope_theta: Annotated[float, about(
        "RoPE base", "The slowest rotation's base; larger suits longer contexts.",
        low=1.0, high=1e9, expert=True, source="Su et al. 2021, arXiv:2104.09864", when="position=rope")] = 10000.0
    rope_share: Annotated[float, about(
        "Rotated share", "Share of each head's features that RoPE turns.", low=0.0, high=1.0, expert=True,
        source="Black et al. 2022, GPT-NeoX-20B, arXiv:2204.06745", when="position=rope")] = 1.0
    rope_pairs: Annotated[Literal["half", "interleaved"], about(
        "Rotated pairs", "Feature i turns with i + half (as LLaMA on Hugging Face) or with its neighbour (as GPT-J).",
        expert=True, when="position=rope")] = "half"
    rope_scaling: Annotated[Literal["none", "linear", "ntk", "yarn"], about(
        "RoPE scaling", "How rotations are slowed so that a longer context than trained on can be read.",
        expert=True, source="Chen et al. 2023, arXiv:2306.15595; Peng et al. 2023, YaRN, arXiv:2309.00071",
        when="position=rope")] = "none"
    rope_factor: Annotated[float, about(
        "Scaling factor", "By how much the context is stretched.", low=1.0, high=1024.0, expert=True,
        when="position=rope")] = 1.0
    relative_buckets: Annotated[int, about(
        "Distance buckets", "Into how many classes distances fall; far ones share a class.", low=2, high=4096,
        expert=True, source="Raffel et al. 2020, arXiv:1910.10683", when="position=t5|deberta")] = 32
    relative_distance: Annotated[int, about(
        "Farthest distance", "Distances beyond this share the last class.", low=2, high=1048576, unit="tokens",
        expert=True, when="position=t5|deberta")] = 128

    activation: Annotated[Activation, about(
        "Activation", "The bend in the feed-forward part; SwiGLU and GeGLU gate one half with the other.",
        source="Shazeer 2020, GLU variants, arXiv:2002.05202", when="family=transformer|window")] = "swiglu"
    bias: Annotated[bool, about(
        "Biases", "Add a learned constant to every linear layer (and to LayerNorm).", expert=True,
        when=TRANSFORMER)] = False
    attn_bias: Annotated[Literal["as_bias", "yes", "qkv", "no"], about(
        "Biases of attention", "Whether the linear layers of attention have biases: as the others, all, only "
        "those of queries, keys and values, or none.", expert=True, when=TRANSFORMER)] = "as_bias"
    attention: Annotated[Literal["full", "window", "banded"], about(
        "Attention pattern", "Full, only the nearest tokens, or full and banded layers in turn.", expert=True,
        source="Child et al. 2019, arXiv:1904.10509; Brown et al. 2020, arXiv:2005.14165", when=TRANSFORMER)] = "full"
    window: Annotated[int, about(
        "Window", "How many tokens back attention, or a window model, looks.", low=1, high=1048576, unit="tokens",
        expert=True, when="attention=window|banded,family=window|word_vectors|ngram")] = 128
    attn_scaled: Annotated[bool, about(
        "Scaled scores", "Divide attention scores by the root of the head size; T5 does not.", expert=True,
        when=TRANSFORMER)] = True
    attn_softcap: Annotated[float, about(
        "Cap on scores", "Squash attention scores softly below this; 0 = no cap.", low=0.0, high=1e4, expert=True,
        source="Gemma Team 2024, arXiv:2408.00118", when=TRANSFORMER)] = 0.0
    qk_norm: Annotated[bool, about(
        "Norm of queries and keys", "Rescale every head's queries and keys, which keeps scores small.", expert=True,
        source="Henry et al. 2020, arXiv:2010.04245; Dehghani et al. 2023, arXiv:2302.05442",
        when=TRANSFORMER)] = False
    query_layer: Annotated[bool, about(
        "Query layer", "One more attention layer on top whose queries are learned position vectors.", expert=True,
        source="Zeng et al. 2021, PanGu-α, arXiv:2104.12369", when="layout=decoder&family=transformer")] = False

    embed_size: Annotated[int, about(
        "Embedding size", "Features of the token embedding when they are fewer than the width, projected up. "
        "0 = the width.", low=0, high=65536, unit="features", expert=True,
        source="Lan et al. 2020, ALBERT, arXiv:1909.11942", when=NEURAL)] = 0
    embed_scaled: Annotated[bool, about(
        "Scaled embedding", "Multiply embedded tokens by the root of the width.", expert=True, source=VASWANI,
        when=TRANSFORMER)] = False
    segments: Annotated[int, about(
        "Segments", "Kinds of segment that have a learned vector of their own, as BERT's two sentences. 0 = none.",
        low=0, high=64, expert=True, source="Devlin et al. 2019, arXiv:1810.04805", when=TRANSFORMER)] = 0
    shared_layers: Annotated[bool, about(
        "Shared layers", "All blocks use the same weights.", expert=True,
        source="Lan et al. 2020, ALBERT, arXiv:1909.11942", when=TRANSFORMER)] = False
    tied_head: Annotated[bool, about(
        "Tied head", "Use the token embedding again as the output layer, which saves parameters.",
        source="Press & Wolf 2017, arXiv:1608.05859", when=NEURAL)] = True
    head_bias: Annotated[bool, about(
        "Bias of the head", "Add a learned constant to every logit.", expert=True, when=NEURAL)] = False
    head_transform: Annotated[bool, about(
        "Head transform", "A linear layer, the activation and a norm before the head, as in BERT.", expert=True,
        source="Devlin et al. 2019, arXiv:1810.04805", when=TRANSFORMER)] = False
    logit_scale: Annotated[float, about(
        "Scale of logits", "Logits are multiplied by this; 0 = one over the root of the width (T5's tied head).",
        low=0.0, high=1e3, expert=True, when=NEURAL)] = 1.0
    logit_softcap: Annotated[float, about(
        "Cap on logits", "Squash logits softly below this; 0 = no cap.", low=0.0, high=1e4, expert=True,
        source="Gemma Team 2024, arXiv:2408.00118", when=NEURAL)] = 0.0
    init_std: Annotated[float, about(
        "Initial spread", "Standard deviation of the normal distribution that the first weights are drawn from. A "
        "narrow model wants a wider draw, most of all where norms come after each part: 0.02 was chosen for a width "
        "of 768.", low=1e-5, high=1.0, expert=True, source="Radford et al. 2018, GPT-1; Radford et al. 2019, GPT-2",
        when="family=transformer|lstm|window|word_vectors")] = 0.02
    dropout: Annotated[float, about(
        "Dropout", "Share of activations zeroed at random while training.", low=0.0, high=0.9, expert=True,
        source="Srivastava et al. 2014, JMLR 15", when=NEURAL)] = 0.0
    weight_drop: Annotated[float, about(
        "Weight drop", "Share of an LSTM's recurrent weights zeroed at random while training.", low=0.0, high=0.9,
        expert=True, source="Merity et al. 2018, AWD-LSTM, arXiv:1708.02182", when="family=lstm")] = 0.0
    projected: Annotated[bool, about(
        "Projected layers", "Each LSTM layer's output is projected to the width, as in ELMo; otherwise the last "
        "layer has the width.", expert=True, source="Peters et al. 2018, arXiv:1802.05365", when="family=lstm")] = False
    experts: Annotated[Experts, about(
        "Experts", "Feed-forward parts among which a router chooses for every token.", expert=True,
        when=TRANSFORMER)] = Experts()
    objective: Annotated[Objective, about(
        "Objective", "What the model learns to predict.", expert=True)] = Objective()

    def __post_init__(self) -> None:
        from core.spec.model_checks import check  # it reads this class

        check(self)

    @property
    def kv(self) -> int:
        """Key/value heads, resolved."""
        return self.kv_heads or self.n_heads

    @property
    def head(self) -> int:
        """Features of one head, resolved."""
        return self.head_size or self.d_model // self.n_heads

    @property
    def embed(self) -> int:
        """Features of the token embedding, resolved."""
        return self.embed_size or self.d_model

    @property
    def gated(self) -> bool:
        """Whether the feed-forward part has a gate (three matrices instead of two)."""
        return self.activation in GATED

    @property
    def ff(self) -> int:
        """Hidden features of the feed-forward part, resolved."""
        if self.d_ff:
            return self.d_ff
        return -(-8 * self.d_model // 3 // 32) * 32 if self.gated else 4 * self.d_model

    @property
    def position_rows(self) -> int:
        """Places that have a learned vector, resolved."""
        return self.n_positions or self.context

    @property
    def rotated(self) -> int:
        """Features of each head that RoPE turns, an even number."""
        return int(self.head * self.rope_share) // 2 * 2

    @property
    def qkv_biased(self) -> bool:
        """Whether queries, keys and values have biases."""
        return self.bias if self.attn_bias == "as_bias" else self.attn_bias in ("yes", "qkv")

    @property
    def out_biased(self) -> bool:
        """Whether attention's output layer has a bias."""
        return self.bias if self.attn_bias == "as_bias" else self.attn_bias == "yes"

    @property
    def norm_biased(self) -> bool:
        """Whether norms add a learned constant."""
        return self.norm == "layer_norm" and (self.bias if self.norm_bias == "as_bias" else self.norm_bias == "yes")

    @property
    def encoders(self) -> int:
        """Blocks of the encoder of an encoder-decoder, resolved; 0 where there is none."""
        return (self.encoder_layers or self.n_layers) if self.layout == "encoder_decoder" else 0

    @property
    def generator(self) -> "ModelSpec":
        """ELECTRA's small masked model that proposes the replacements; it shares the token embedding."""
        share = self.objective.generator_share
        heads = max(1, round(self.n_heads * share))
        return msgspec.structs.replace(
            self, d_model=heads * self.head, n_heads=heads, kv_heads=0, head_size=self.head, embed_size=0,
            d_ff=max(8, round(self.ff * share)), tied_head=True, head_transform=True, head_bias=True,
            objective=msgspec.structs.replace(self.objective, task="masked"))

    @property
    def final_normed(self) -> bool:
        """Whether a norm follows the last block: where blocks end with one (post), none is needed."""
        return self.norm_place != "post"

    @property
    def writes(self) -> bool:
        """Whether text can be drawn from it token by token."""
        return self.family in ("lstm", "window", "ngram") or (
            self.family == "transformer" and self.layout != "encoder")
