"""Our decoder against the public implementations, with the same weights copied over."""

import pytest
import torch

from core.model.attention import KVCache
from core.model.decoder import Decoder, initialise
from core.spec.model import ModelSpec

transformers = pytest.importorskip("transformers")
SHAPE = {"d_model": 48, "n_layers": 3, "n_heads": 4, "context": 40, "vocab_size": 101}


def perturbed(spec: ModelSpec) -> Decoder:
    """A decoder whose every parameter matters: norms and biases are moved off their initial values."""
    model = Decoder(spec).double()
    initialise(model, 3)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
    return model.eval()


def llama(spec: ModelSpec, ours: Decoder):
    config = transformers.LlamaConfig(
        hidden_size=spec.d_model, num_hidden_layers=spec.n_layers, num_attention_heads=spec.n_heads,
        num_key_value_heads=spec.kv, head_dim=spec.head, intermediate_size=spec.ff, vocab_size=spec.vocab_size,
        max_position_embeddings=spec.context, rms_norm_eps=spec.norm_eps, tie_word_embeddings=spec.tied_head,
        rope_parameters={"rope_type": "default", "rope_theta": spec.rope_theta}, attention_bias=spec.bias,
        mlp_bias=spec.bias, attn_implementation="eager",
    )  # fmt: skip
    theirs = transformers.LlamaForCausalLM(config).double().eval()
    names = {
        "embed.weight": "model.embed_tokens.weight", "final_norm.weight": "model.norm.weight",
        "head.weight": "lm_head.weight",
    }  # fmt: skip
    parts = {
        "attn_norm": "input_layernorm", "ff_norm": "post_attention_layernorm", "attn.q": "self_attn.q_proj",
        "attn.k": "self_attn.k_proj", "attn.v": "self_attn.v_proj", "attn.o": "self_attn.o_proj",
        "ff.up": "mlp.up_proj", "ff.gate": "mlp.gate_proj", "ff.down": "mlp.down_proj",
    }  # fmt: skip
    state = {}
    for name, value in ours.state_dict().items():
        if name.startswith("blocks."):
            _, layer, rest = name.split(".", 2)
            part, _, kind = rest.rpartition(".")
            name = f"model.layers.{layer}.{parts[part]}.{kind}"
        else:
            name = names[name]
        state[name] = value
    missing, unexpected = theirs.load_state_dict(state, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}
    theirs.tie_weights()
    return theirs


def gpt2(spec: ModelSpec, ours: Decoder):
    activation = {"gelu_tanh": "gelu_new", "gelu": "gelu", "relu": "relu"}[spec.activation]
    config = transformers.GPT2Config(
        n_embd=spec.d_model, n_layer=spec.n_layers, n_head=spec.n_heads, n_positions=spec.context,
        vocab_size=spec.vocab_size, layer_norm_epsilon=spec.norm_eps, activation_function=activation,
        n_inner=spec.ff, attn_implementation="eager", tie_word_embeddings=spec.tied_head,
    )  # fmt: skip
    theirs = transformers.GPT2LMHeadModel(config).double().eval()
    w = ours.state_dict()
    state = {
        "transformer.wte.weight": w["embed.weight"], "transformer.wpe.weight": w["positions.weight"],
        "transformer.ln_f.weight": w["final_norm.weight"], "transformer.ln_f.bias": w["final_norm.bias"],
    }  # fmt: skip
    for i in range(spec.n_layers):
        o, t = f"blocks.{i}.", f"transformer.h.{i}."
        for kind in ("weight", "bias"):
            turn = (lambda x: x.T) if kind == "weight" else (lambda x: x)  # Conv1D keeps its matrix transposed
            qkv = torch.cat([w[f"{o}attn.{p}.{kind}"] for p in "qkv"])
            state[f"{t}attn.c_attn.{kind}"] = turn(qkv)
            state[f"{t}attn.c_proj.{kind}"] = turn(w[f"{o}attn.o.{kind}"])
            state[f"{t}mlp.c_fc.{kind}"] = turn(w[f"{o}ff.up.{kind}"])
            state[f"{t}mlp.c_proj.{kind}"] = turn(w[f"{o}ff.down.{kind}"])
            state[f"{t}ln_1.{kind}"] = w[f"{o}attn_norm.{kind}"]
            state[f"{t}ln_2.{kind}"] = w[f"{o}ff_norm.{kind}"]
    missing, unexpected = theirs.load_state_dict(state, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}
    theirs.tie_weights()
    return theirs


CASES = [
    (llama, {"kv_heads": 2}),
    (llama, {"kv_heads": 1, "head_size": 20, "tied_head": False, "rope_theta": 500.0}),
    (llama, {"bias": True, "d_ff": 77, "norm_eps": 1e-6}),
    (gpt2, {"norm": "layer_norm", "position": "learned", "activation": "gelu_tanh", "bias": True}),
    (gpt2, {"norm": "layer_norm", "position": "learned", "activation": "gelu", "bias": True}),
    (gpt2, {"norm": "layer_norm", "position": "learned", "activation": "relu", "bias": True, "d_ff": 100}),
]


@pytest.mark.parametrize(("family", "parts"), CASES)
def test_logits_and_gradients_equal_the_public_implementation(family, parts):
    spec = ModelSpec(**SHAPE, **parts)
    ours = perturbed(spec)
    theirs = family(spec, ours)
    ids = torch.randint(0, spec.vocab_size, (2, spec.context), generator=torch.Generator().manual_seed(5))
    mine = torch.nn.functional.linear(ours.hidden(ids), ours.head_weight)
    reference = theirs(ids).logits
    # transformers computes norms in float32 even in a float64 model, hence not 1e-12
    assert (mine - reference).abs().max() < 2e-5 * reference.abs().max()
    mine.square().mean().backward()
    reference.square().mean().backward()
    embedding = theirs.get_input_embeddings().weight.grad
    assert (ours.embed.weight.grad - embedding).abs().max() < 1e-4 * embedding.abs().max()


@pytest.mark.parametrize("parts", [
    {"kv_heads": 2}, {"position": "sinusoidal", "norm": "layer_norm"}, {"position": "none", "activation": "geglu"},
    {"position": "learned", "activation": "silu", "bias": True, "kv_heads": 1},
])  # fmt: skip
def test_token_by_token_with_a_cache_equals_one_pass(parts):
    spec = ModelSpec(**SHAPE, **parts)
    model = perturbed(spec).float()
    ids = torch.randint(0, spec.vocab_size, (1, 24))
    whole = model(ids).detach()
    cache = KVCache(spec)
    pieces = [model(part, cache) for part in ids.split([7, 1, 1, 9, 6], dim=1)]  # several new tokens at once, too
    assert torch.allclose(torch.cat(pieces, dim=1), whole, atol=2e-4 * whole.abs().max().item())
