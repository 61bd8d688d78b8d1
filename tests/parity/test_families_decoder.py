"""Every decoder family of the field against its public implementation: the same weights, logits and gradients.

A family is a spec, a configuration of the public model, and a table that says under which names the
public model keeps our tensors. The table is linear, so gradients travel by it too.
"""

import math
import re

import pytest
import torch

from core.model.decoder import Decoder, initialise
from core.spec.experts import Experts
from core.spec.model import ModelSpec

transformers = pytest.importorskip("transformers")

LOGITS, GRADIENTS = 1e-5, 1e-5  # of the largest logit, and of the model's largest gradient, in float64
LAYER_NORM = {"norm": "layer_norm", "norm_bias": "yes"}
SHAPES = [
    {"d_model": 32, "n_layers": 2, "n_heads": 4, "context": 24, "vocab_size": 61},
    {"d_model": 48, "n_layers": 3, "n_heads": 2, "context": 17, "vocab_size": 97, "d_ff": 80},
    {"d_model": 80, "n_layers": 1, "n_heads": 5, "context": 33, "vocab_size": 50, "d_ff": 36},
]


def perturbed(spec: ModelSpec) -> Decoder:
    """A model whose every parameter matters: norms and biases are moved off their initial values."""
    model = Decoder(spec).double()
    initialise(model, 3)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
    return model.eval()


def renamed(tensors: dict, table: list[tuple[str, str]]) -> dict:
    """Tensors under the public model's names; ``table`` holds (our pattern, their name), first match wins.

    A name that begins with "T:" is transposed.
    """
    found = {}
    for name, value in tensors.items():
        for pattern, target in table:
            if match := re.fullmatch(pattern, name):
                target = match.expand(target)
                if target.startswith("T:"):
                    target, value = target[2:], value.T if value.ndim == 2 else value
                found[target] = value
                break
        else:
            raise AssertionError(f"nothing says where {name} goes")
    return found


def fused(tensors: dict, heads: int, interleaved: bool) -> dict:
    """Queries, keys and values of each layer as one tensor, head by head when interleaved."""
    out, parts = {}, {}
    for name, value in tensors.items():
        if match := re.fullmatch(r"(blocks\.\d+\.attn)\.([qkv])\.(weight|bias)", name):
            parts.setdefault((match[1], match[3]), {})[match[2]] = value
        else:
            out[name] = value
    for (prefix, kind), qkv in parts.items():
        three = [qkv[letter] for letter in "qkv"]
        if interleaved:
            three = [part.view(heads, -1, *part.shape[1:]) for part in three]
            out[f"{prefix}.qkv.{kind}"] = torch.cat(three, dim=1).flatten(0, 1)
        else:
            out[f"{prefix}.qkv.{kind}"] = torch.cat(three)
    return out


BLOCK = r"blocks\.(\d+)\."


def gpt1(spec):
    config = transformers.OpenAIGPTConfig(
        n_embd=spec.d_model, n_layer=spec.n_layers, n_head=spec.n_heads, n_positions=spec.context,
        vocab_size=spec.vocab_size, afn="gelu", layer_norm_epsilon=spec.norm_eps)
    t = r"transformer.h.\1."
    return transformers.OpenAIGPTLMHeadModel(config), lambda w: renamed(fused(w, spec.n_heads, False), [
        (r"embed\.weight", "transformer.tokens_embed.weight"),
        (r"positions\.weight", "transformer.positions_embed.weight"),
        (BLOCK + r"attn\.qkv\.(.*)", "T:" + t + r"attn.c_attn.\2"),
        (BLOCK + r"attn\.o\.(.*)", "T:" + t + r"attn.c_proj.\2"),
        (BLOCK + r"ff\.up\.(.*)", "T:" + t + r"mlp.c_fc.\2"), (BLOCK + r"ff\.down\.(.*)", "T:" + t + r"mlp.c_proj.\2"),
        (BLOCK + r"attn_norm\.(.*)", t + r"ln_1.\2"), (BLOCK + r"ff_norm\.(.*)", t + r"ln_2.\2")])


def gpt2(spec):
    config = transformers.GPT2Config(
        n_embd=spec.d_model, n_layer=spec.n_layers, n_head=spec.n_heads, n_positions=spec.position_rows,
        vocab_size=spec.vocab_size, layer_norm_epsilon=spec.norm_eps, activation_function="gelu_new", n_inner=spec.ff,
        attn_implementation="eager")
    t = r"transformer.h.\1."
    return transformers.GPT2LMHeadModel(config), lambda w: renamed(fused(w, spec.n_heads, False), [
        (r"embed\.weight", "transformer.wte.weight"), (r"positions\.weight", "transformer.wpe.weight"),
        (r"final_norm\.(.*)", r"transformer.ln_f.\1"),
        (BLOCK + r"attn\.qkv\.(.*)", "T:" + t + r"attn.c_attn.\2"),
        (BLOCK + r"attn\.o\.(.*)", "T:" + t + r"attn.c_proj.\2"),
        (BLOCK + r"ff\.up\.(.*)", "T:" + t + r"mlp.c_fc.\2"), (BLOCK + r"ff\.down\.(.*)", "T:" + t + r"mlp.c_proj.\2"),
        (BLOCK + r"attn_norm\.(.*)", t + r"ln_1.\2"), (BLOCK + r"ff_norm\.(.*)", t + r"ln_2.\2")])


def opt(spec):
    config = transformers.OPTConfig(
        hidden_size=spec.d_model, num_hidden_layers=spec.n_layers, num_attention_heads=spec.n_heads, ffn_dim=spec.ff,
        max_position_embeddings=spec.context, vocab_size=spec.vocab_size, word_embed_proj_dim=spec.d_model,
        activation_function={"relu": "relu", "gelu": "gelu"}[spec.activation], enable_bias=spec.bias,
        attn_implementation="eager", pad_token_id=None)
    t = r"model.decoder.layers.\1."
    rename = [
        (r"embed\.weight", "model.decoder.embed_tokens.weight"),
        (r"positions\.weight", "model.decoder.embed_positions.weight"),
        (r"final_norm\.(.*)", r"model.decoder.final_layer_norm.\1"),
        (BLOCK + r"attn\.([qkv])\.(.*)", t + r"self_attn.\2_proj.\3"),
        (BLOCK + r"attn\.o\.(.*)", t + r"self_attn.out_proj.\2"),
        (BLOCK + r"ff\.up\.(.*)", t + r"fc1.\2"), (BLOCK + r"ff\.down\.(.*)", t + r"fc2.\2"),
        (BLOCK + r"attn_norm\.(.*)", t + r"self_attn_layer_norm.\2"),
        (BLOCK + r"ff_norm\.(.*)", t + r"final_layer_norm.\2")]

    def convert(w):
        found = renamed(w, rename)
        places = found["model.decoder.embed_positions.weight"]  # theirs begin two rows later
        found["model.decoder.embed_positions.weight"] = torch.cat([torch.zeros_like(places[:2]), places])
        return found

    return transformers.OPTForCausalLM(config), convert


def bloom(spec):
    config = transformers.BloomConfig(
        hidden_size=spec.d_model, n_layer=spec.n_layers, n_head=spec.n_heads, vocab_size=spec.vocab_size,
        layer_norm_epsilon=spec.norm_eps)
    t = r"transformer.h.\1."

    def convert(w):
        merged = {}
        for name, value in fused(w, spec.n_heads, False).items():
            if ".qkv." in name:  # theirs: for each head its query, key and value
                value = value.view(3, spec.n_heads, spec.head, *value.shape[1:]).transpose(0, 1).flatten(0, 2)
            merged[name] = value
        return renamed(merged, [
            (r"embed\.weight", "transformer.word_embeddings.weight"),
            (r"embed_norm\.(.*)", r"transformer.word_embeddings_layernorm.\1"),
            (r"final_norm\.(.*)", r"transformer.ln_f.\1"),
            (BLOCK + r"attn\.qkv\.(.*)", t + r"self_attention.query_key_value.\2"),
            (BLOCK + r"attn\.o\.(.*)", t + r"self_attention.dense.\2"),
            (BLOCK + r"ff\.up\.(.*)", t + r"mlp.dense_h_to_4h.\2"),
            (BLOCK + r"ff\.down\.(.*)", t + r"mlp.dense_4h_to_h.\2"),
            (BLOCK + r"attn_norm\.(.*)", t + r"input_layernorm.\2"),
            (BLOCK + r"ff_norm\.(.*)", t + r"post_attention_layernorm.\2")])

    return transformers.BloomForCausalLM(config), convert


def gpt_neox(spec):
    config = transformers.GPTNeoXConfig(
        hidden_size=spec.d_model, num_hidden_layers=spec.n_layers, num_attention_heads=spec.n_heads,
        intermediate_size=spec.ff, vocab_size=spec.vocab_size, max_position_embeddings=spec.context,
        layer_norm_eps=spec.norm_eps, hidden_act="gelu", use_parallel_residual=True, tie_word_embeddings=False,
        rope_parameters={"rope_type": "default", "rope_theta": spec.rope_theta,
                         "partial_rotary_factor": spec.rope_share}, attn_implementation="eager")
    t = r"gpt_neox.layers.\1."

    def convert(w):
        merged = {}
        for name, value in fused(w, spec.n_heads, False).items():
            if ".qkv." in name:
                value = value.view(3, spec.n_heads, spec.head, *value.shape[1:]).transpose(0, 1).flatten(0, 2)
            merged[name] = value
        return renamed(merged, [
            (r"embed\.weight", "gpt_neox.embed_in.weight"), (r"head\.weight", "lm_head.weight"),
            (r"final_norm\.(.*)", r"gpt_neox.final_layer_norm.\1"),
            (BLOCK + r"attn\.qkv\.(.*)", t + r"attention.query_key_value.\2"),
            (BLOCK + r"attn\.o\.(.*)", t + r"attention.dense.\2"),
            (BLOCK + r"ff\.up\.(.*)", t + r"mlp.dense_h_to_4h.\2"),
            (BLOCK + r"ff\.down\.(.*)", t + r"mlp.dense_4h_to_h.\2"),
            (BLOCK + r"attn_norm\.(.*)", t + r"input_layernorm.\2"),
            (BLOCK + r"ff_norm\.(.*)", t + r"post_attention_layernorm.\2")])

    return transformers.GPTNeoXForCausalLM(config), convert


def gpt_j(spec):
    config = transformers.GPTJConfig(
        n_embd=spec.d_model, n_layer=spec.n_layers, n_head=spec.n_heads, n_inner=spec.ff, vocab_size=spec.vocab_size,
        n_positions=spec.context, rotary_dim=spec.rotated, layer_norm_epsilon=spec.norm_eps,
        tie_word_embeddings=False, attn_implementation="eager")
    t = r"transformer.h.\1."
    return transformers.GPTJForCausalLM(config), lambda w: renamed(w, [
        (r"embed\.weight", "transformer.wte.weight"), (r"head\.weight", "lm_head.weight"),
        (r"head_bias", "lm_head.bias"), (r"final_norm\.(.*)", r"transformer.ln_f.\1"),
        (BLOCK + r"attn\.([qkv])\.(.*)", t + r"attn.\2_proj.\3"), (BLOCK + r"attn\.o\.(.*)", t + r"attn.out_proj.\2"),
        (BLOCK + r"ff\.up\.(.*)", t + r"mlp.fc_in.\2"), (BLOCK + r"ff\.down\.(.*)", t + r"mlp.fc_out.\2"),
        (BLOCK + r"attn_norm\.(.*)", t + r"ln_1.\2")])


LLAMA_NAMES = [
    (r"embed\.weight", "model.embed_tokens.weight"), (r"head\.weight", "lm_head.weight"),
    (r"final_norm\.(.*)", r"model.norm.\1"), (BLOCK + r"attn_norm\.(.*)", r"model.layers.\1.input_layernorm.\2"),
    (BLOCK + r"ff_norm\.(.*)", r"model.layers.\1.post_attention_layernorm.\2"),
    (BLOCK + r"attn\.([qkvo])\.(.*)", r"model.layers.\1.self_attn.\2_proj.\3"),
    (BLOCK + r"ff\.(up|gate|down)\.(.*)", r"model.layers.\1.mlp.\2_proj.\3")]  # fmt: skip


def llama_config(spec, kind, **more):
    return kind(
        hidden_size=spec.d_model, num_hidden_layers=spec.n_layers, num_attention_heads=spec.n_heads,
        num_key_value_heads=spec.kv, intermediate_size=spec.ff, vocab_size=spec.vocab_size,
        max_position_embeddings=spec.context, tie_word_embeddings=spec.tied_head, attn_implementation="eager",
        rope_parameters={"rope_type": "default", "rope_theta": spec.rope_theta}, **more)


def llama(spec):
    config = llama_config(spec, transformers.LlamaConfig, rms_norm_eps=spec.norm_eps, head_dim=spec.head)
    return transformers.LlamaForCausalLM(config), lambda w: renamed(w, LLAMA_NAMES)


def mixtral(spec):
    config = llama_config(
        spec, transformers.MixtralConfig, rms_norm_eps=spec.norm_eps, num_local_experts=spec.experts.count,
        num_experts_per_tok=spec.experts.top, head_dim=spec.head)
    config._experts_implementation = "eager"  # theirs in float64 needs the plain loop

    def convert(w):
        found, experts = {}, {}
        for name, value in w.items():
            if match := re.fullmatch(BLOCK + r"ff\.experts\.(\d+)\.(up|gate|down)\.weight", name):
                experts.setdefault((match[1], match[3]), []).append(value)
            elif match := re.fullmatch(BLOCK + r"ff\.router\.weight", name):
                found[f"model.layers.{match[1]}.mlp.gate.weight"] = value
            else:
                found |= renamed({name: value}, LLAMA_NAMES)
        for layer in {layer for layer, _ in experts}:
            gate, up, down = (torch.stack(experts[layer, part]) for part in ("gate", "up", "down"))
            found[f"model.layers.{layer}.mlp.experts.gate_up_proj"] = torch.cat([gate, up], dim=1)
            found[f"model.layers.{layer}.mlp.experts.down_proj"] = down
        return found

    return transformers.MixtralForCausalLM(config), convert


def cohere(spec):
    config = llama_config(spec, transformers.CohereConfig, pad_token_id=None, layer_norm_eps=spec.norm_eps,
                          logit_scale=spec.logit_scale)
    return transformers.CohereForCausalLM(config), lambda w: renamed(w, LLAMA_NAMES)


FAMILIES = {
    "GPT-1": (gpt1, {**LAYER_NORM, "norm_place": "post", "position": "learned", "activation": "gelu_tanh",
                     "bias": True, "d_ff": 0}),
    "GPT-2": (gpt2, {**LAYER_NORM, "position": "learned", "activation": "gelu_tanh", "bias": True, "n_positions": 40}),
    "OPT": (opt, {**LAYER_NORM, "position": "learned", "activation": "relu", "bias": True}),
    "Galactica": (opt, {**LAYER_NORM, "position": "learned", "activation": "gelu", "bias": False}),
    "BLOOM": (bloom, {**LAYER_NORM, "position": "alibi", "activation": "gelu_tanh", "bias": True,
                      "embed_norm": True, "d_ff": 0}),
    "GPT-NeoX": (gpt_neox, {**LAYER_NORM, "rope_share": 0.5, "activation": "gelu", "bias": True,
                            "parallel": "two_norms", "tied_head": False}),
    "GPT-J": (gpt_j, {**LAYER_NORM, "rope_share": 0.5, "rope_pairs": "interleaved", "activation": "gelu_tanh",
                      "bias": True, "attn_bias": "no", "parallel": "one_norm", "tied_head": False,
                      "head_bias": True}),
    "LLaMA": (llama, {"tied_head": False}),
    "Mixtral": (mixtral, {"tied_head": False, "kv_heads": 1, "experts": Experts(count=4, top=2)}),
    "PaLM's shape": (cohere, {"norm": "layer_norm", "rope_pairs": "interleaved", "parallel": "one_norm",
                              "kv_heads": 1, "logit_scale": 0.5}),
}  # fmt: skip


@pytest.mark.parametrize("shape", range(3))
@pytest.mark.parametrize("family", FAMILIES)
def test_logits_and_gradients_equal_the_public_implementation(family, shape):
    make, parts = FAMILIES[family]
    spec = ModelSpec(**{**SHAPES[shape], **parts})
    ours = perturbed(spec)
    theirs, convert = make(spec)
    theirs = theirs.double().eval()
    missing, unexpected = theirs.load_state_dict(
        {k: v.clone() for k, v in convert(ours.state_dict()).items()}, strict=False)
    assert not unexpected and all(re.search(r"lm_head|inv_freq|\.attn\.bias|masked_bias", m) for m in missing)
    theirs.tie_weights()
    generator = torch.Generator().manual_seed(5)
    ids = torch.randint(0, spec.vocab_size, (2, spec.context), generator=generator)
    targets = torch.randint(0, spec.vocab_size, (2, spec.context), generator=generator)
    mine, reference = ours(ids), theirs(ids).logits
    assert mine.dtype == reference.dtype == torch.float64
    assert (mine - reference).abs().max() <= LOGITS * reference.abs().max()
    for logits in (mine, reference):
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten()).backward()
    gradients = convert({name: p.grad for name, p in ours.named_parameters()})
    public = {name: p.grad for name, p in theirs.named_parameters() if p.grad is not None}
    largest = max(g.abs().max() for g in public.values())
    assert set(public) <= set(gradients) and math.isfinite(largest)
    for name, gradient in public.items():
        assert (gradients[name] - gradient).abs().max() <= GRADIENTS * largest, name
