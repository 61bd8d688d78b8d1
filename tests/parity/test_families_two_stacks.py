"""Encoder-decoders against their public implementations: the same weights, logits and gradients."""

import re

import pytest
import torch

from core.model.build import build_model
from core.model.decoder import initialise
from core.spec.experts import Experts
from core.spec.model import ModelSpec
from core.spec.objective import Objective

transformers = pytest.importorskip("transformers")

FLOAT64, FLOAT32 = 1e-5, 2e-4  # of the largest logit, and of the model's largest gradient
SHAPES = [
    {"d_model": 32, "n_layers": 2, "n_heads": 4, "context": 24, "vocab_size": 61, "d_ff": 56},
    {"d_model": 48, "n_layers": 2, "encoder_layers": 3, "n_heads": 2, "context": 17, "vocab_size": 97, "d_ff": 80},
    {"d_model": 40, "n_layers": 1, "encoder_layers": 2, "n_heads": 5, "context": 33, "vocab_size": 50, "d_ff": 36},
]
STACK = r"(encoder|decoder)\."
BLOCK = STACK + r"blocks\.(\d+)\."


def perturbed(spec: ModelSpec, dtype):
    """A model whose every parameter matters: norms and biases are moved off their initial values."""
    model = build_model(spec).to(dtype)
    initialise(model, 3)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
    return model.eval()


def renamed(tensors: dict, rules) -> dict:
    """Tensors under the public model's names; ``rules`` are (our pattern, their name or a function of the match)."""
    found = {}
    for name, value in tensors.items():
        for pattern, target in rules:
            if match := re.fullmatch(pattern, name):
                found[match.expand(target) if isinstance(target, str) else target(match)] = value
                break
        else:
            raise AssertionError(f"nothing says where {name} goes")
    return found


def t5_names(match_part):
    """Layer numbers of T5: attention 0, cross-attention 1, feed-forward last."""
    def last(m):
        return 2 if m[1] == "decoder" else 1

    linear = {"up": "wi", "down": "wo"} if match_part == "v1.0" else {"gate": "wi_0", "up": "wi_1", "down": "wo"}
    expert = {"up": "wi", "down": "wo"}
    return [
        (r"embed\.weight", "shared.weight"), (r"head\.weight", "lm_head.weight"),
        (STACK + r"distance_bias\.weight", r"\1.block.0.layer.0.SelfAttention.relative_attention_bias.weight"),
        (STACK + r"final_norm\.weight", r"\1.final_layer_norm.weight"),
        (BLOCK + r"attn\.([qkvo])\.weight", r"\1.block.\2.layer.0.SelfAttention.\3.weight"),
        (BLOCK + r"cross\.([qkvo])\.weight", r"\1.block.\2.layer.1.EncDecAttention.\3.weight"),
        (BLOCK + r"attn_norm\.weight", r"\1.block.\2.layer.0.layer_norm.weight"),
        (BLOCK + r"cross_norm\.weight", r"\1.block.\2.layer.1.layer_norm.weight"),
        (BLOCK + r"ff_norm\.weight", lambda m: f"{m[1]}.block.{m[2]}.layer.{last(m)}.layer_norm.weight"),
        (BLOCK + r"ff\.router\.weight",
         lambda m: f"{m[1]}.block.{m[2]}.layer.{last(m)}.mlp.router.classifier.weight"),
        (BLOCK + r"ff\.experts\.(\d+)\.(\w+)\.weight",
         lambda m: f"{m[1]}.block.{m[2]}.layer.{last(m)}.mlp.experts.expert_{m[3]}.{expert[m[4]]}.weight"),
        (BLOCK + r"ff\.(\w+)\.weight",
         lambda m: f"{m[1]}.block.{m[2]}.layer.{last(m)}.{'mlp' if match_part == 'switch' else 'DenseReluDense'}."
                   f"{linear[m[3]] if match_part != 'switch' else expert[m[3]]}.weight"),
    ]  # fmt: skip


def t5_settings(spec):
    return {
        "d_model": spec.d_model, "d_kv": spec.head, "d_ff": spec.ff, "num_layers": spec.encoders,
        "num_decoder_layers": spec.n_layers, "num_heads": spec.n_heads, "vocab_size": spec.vocab_size,
        "relative_attention_num_buckets": spec.relative_buckets, "dropout_rate": 0.0,
        "relative_attention_max_distance": spec.relative_distance, "layer_norm_epsilon": spec.norm_eps,
        "tie_word_embeddings": spec.tied_head, "pad_token_id": 0, "decoder_start_token_id": 0}  # fmt: skip


def t5(spec):
    kind = "v1.1" if spec.gated else "v1.0"
    config = transformers.T5Config(
        **t5_settings(spec), feed_forward_proj="gated-gelu" if spec.gated else "relu")
    theirs = transformers.T5ForConditionalGeneration(config)
    if not spec.tied_head:  # this version of theirs always ties, whatever it is told
        theirs.config.tie_word_embeddings = False
        theirs.lm_head.weight = torch.nn.Parameter(theirs.lm_head.weight.detach().clone())
    return theirs, lambda w: renamed(w, t5_names(kind))


def switch(spec):
    config = transformers.SwitchTransformersConfig(
        **t5_settings(spec), num_experts=spec.experts.count, expert_capacity=10_000, feed_forward_proj="relu",
        num_sparse_encoder_layers=spec.encoders // 2, num_sparse_decoder_layers=spec.n_layers // 2,
        router_jitter_noise=0.0, router_z_loss_coef=0.0, router_aux_loss_coef=0.0)
    for side in ("encoder_sparse_step", "decoder_sparse_step"):
        setattr(config, side, 2)
    return transformers.SwitchTransformersForConditionalGeneration(config), lambda w: renamed(w, t5_names("switch"))


def bart(spec):
    config = transformers.BartConfig(
        d_model=spec.d_model, encoder_layers=spec.encoders, decoder_layers=spec.n_layers,
        encoder_attention_heads=spec.n_heads, decoder_attention_heads=spec.n_heads, encoder_ffn_dim=spec.ff,
        decoder_ffn_dim=spec.ff, vocab_size=spec.vocab_size, max_position_embeddings=spec.context, dropout=0.0,
        activation_function="gelu", attn_implementation="eager", pad_token_id=None, scale_embedding=False)
    linear = {"up": "fc1", "down": "fc2"}
    projection = {"q": "q_proj", "k": "k_proj", "v": "v_proj", "o": "out_proj"}
    rules = [
        (r"embed\.weight", "model.shared.weight"),
        (STACK + r"positions\.weight", r"model.\1.embed_positions.weight"),
        (STACK + r"embed_norm\.(.*)", r"model.\1.layernorm_embedding.\2"),
        (BLOCK + r"attn\.([qkvo])\.(.*)",
         lambda m: f"model.{m[1]}.layers.{m[2]}.self_attn.{projection[m[3]]}.{m[4]}"),
        (BLOCK + r"cross\.([qkvo])\.(.*)",
         lambda m: f"model.{m[1]}.layers.{m[2]}.encoder_attn.{projection[m[3]]}.{m[4]}"),
        (BLOCK + r"attn_norm\.(.*)", r"model.\1.layers.\2.self_attn_layer_norm.\3"),
        (BLOCK + r"cross_norm\.(.*)", r"model.\1.layers.\2.encoder_attn_layer_norm.\3"),
        (BLOCK + r"ff_norm\.(.*)", r"model.\1.layers.\2.final_layer_norm.\3"),
        (BLOCK + r"ff\.(\w+)\.(.*)", lambda m: f"model.{m[1]}.layers.{m[2]}.{linear[m[3]]}.{m[4]}"),
    ]  # fmt: skip

    def convert(w):
        found = renamed(w, rules)
        for side in ("encoder", "decoder"):  # their positions begin two rows later
            name = f"model.{side}.embed_positions.weight"
            found[name] = torch.cat([torch.zeros_like(found[name][:2]), found[name]])
        return found

    return transformers.BartForConditionalGeneration(config), convert


TWO_STACKS = {"layout": "encoder_decoder", "objective": Objective(task="span_corruption")}
T5 = {**TWO_STACKS, "position": "t5", "norm_eps": 1e-6, "attn_scaled": False, "relative_distance": 20,
      "relative_buckets": 16}  # fmt: skip
FAMILIES = {
    "T5 v1.0": (t5, {**T5, "activation": "relu", "logit_scale": 0.0}, torch.float64),
    "T5 v1.1": (t5, {**T5, "activation": "geglu_tanh", "tied_head": False, "head_size": 12}, torch.float64),
    "BART": (bart, {**TWO_STACKS, "norm": "layer_norm", "norm_place": "post", "position": "learned", "bias": True,
                    "activation": "gelu", "embed_norm": True}, torch.float64),
    "Switch": (switch, {**T5, "activation": "relu", "logit_scale": 0.0,
                        "experts": Experts(count=4, top=1, every=2, normalised=False, balance_loss=0.0)},
               torch.float32),  # theirs refuses float64
}  # fmt: skip


@pytest.fixture(autouse=True)
def their_norm_in_full_precision(monkeypatch):
    """Theirs takes the variance in float32 even in a float64 model; here it keeps the model's type."""
    from transformers.models.t5.modeling_t5 import T5LayerNorm

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon))

    monkeypatch.setattr(T5LayerNorm, "forward", forward)


@pytest.mark.parametrize("shape", range(3))
@pytest.mark.parametrize("family", FAMILIES)
def test_logits_and_gradients_equal_the_public_implementation(family, shape):
    make, parts, dtype = FAMILIES[family]
    sizes = dict(SHAPES[shape])
    if family == "Switch":
        sizes |= {"n_layers": 2, "encoder_layers": 2}  # theirs counts sparse blocks from another end otherwise
    spec = ModelSpec(**{**sizes, **parts})
    bound = FLOAT64 if dtype == torch.float64 else FLOAT32
    ours = perturbed(spec, dtype)
    theirs, convert = make(spec)
    theirs = theirs.to(dtype).eval()
    state = {name: value.clone() for name, value in convert(ours.state_dict()).items()}
    missing, unexpected = theirs.load_state_dict(state, strict=False)
    assert not unexpected
    assert all(re.search(r"embed_tokens|lm_head|final_logits_bias", name) for name in missing), missing
    theirs.tie_weights()
    generator = torch.Generator().manual_seed(5)
    source = torch.randint(1, spec.vocab_size, (2, spec.context), generator=generator)
    target = torch.randint(1, spec.vocab_size, (2, 11), generator=generator)
    wanted = torch.randint(1, spec.vocab_size, (2, 11), generator=generator)
    padding = torch.zeros(2, spec.context, dtype=torch.bool)
    padding[1, spec.context // 2 :] = True  # the second source is shorter
    mine = ours.logits(ours.hidden(target, memory=ours.read(source, padding), memory_padding=padding))
    reference = theirs(
        input_ids=source, attention_mask=(~padding).long(), decoder_input_ids=target, use_cache=False).logits
    assert mine.dtype == reference.dtype == dtype
    assert (mine - reference).abs().max() <= bound * reference.abs().max()
    for logits in (mine, reference):
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), wanted.flatten()).backward()
    gradients = convert({n: torch.zeros_like(p) if p.grad is None else p.grad for n, p in ours.named_parameters()})
    public = {n: p.grad for n, p in theirs.named_parameters() if p.grad is not None}
    largest = max(gradient.abs().max() for gradient in public.values())
    assert largest > 0 and set(public) <= set(gradients)
    for name, gradient in public.items():
        assert (gradients[name] - gradient).abs().max() <= bound * largest, name
