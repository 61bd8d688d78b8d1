"""Encoders against their public implementations: the same weights, logits and gradients."""

import re

import pytest
import torch

from core.model.build import build_model
from core.model.decoder import initialise
from core.spec.model import ModelSpec
from core.spec.objective import Objective

transformers = pytest.importorskip("transformers")

FLOAT64, FLOAT32 = 1e-5, 2e-4  # of the largest logit, and of the model's largest gradient
SHAPES = [
    {"d_model": 32, "n_layers": 2, "n_heads": 4, "context": 24, "vocab_size": 61, "d_ff": 56},
    {"d_model": 48, "n_layers": 3, "n_heads": 2, "context": 17, "vocab_size": 97, "d_ff": 80},
    {"d_model": 40, "n_layers": 1, "n_heads": 5, "context": 33, "vocab_size": 50, "d_ff": 36},
]
BLOCK = r"blocks\.(\d+)\."


def perturbed(spec: ModelSpec):
    """A model whose every parameter matters: norms and biases are moved off their initial values."""
    model = build_model(spec).double()
    initialise(model, 3)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
    return model.eval()


def renamed(tensors: dict, rules) -> dict:
    """Tensors under the public model's names; ``rules`` are (our pattern, their name); "" = theirs has none."""
    found = {}
    for name, value in tensors.items():
        for pattern, target in rules:
            if match := re.fullmatch(pattern, name):
                if target:
                    found[match.expand(target) if isinstance(target, str) else target(match)] = value
                break
        else:
            raise AssertionError(f"nothing says where {name} goes")
    return found


def sizes(spec):
    return {
        "vocab_size": spec.vocab_size, "hidden_size": spec.d_model, "num_hidden_layers": spec.n_layers,
        "num_attention_heads": spec.n_heads, "intermediate_size": spec.ff, "max_position_embeddings": spec.context,
        "layer_norm_eps": spec.norm_eps, "hidden_act": "gelu", "type_vocab_size": spec.segments, "pad_token_id": None,
        "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "attn_implementation": "eager"}  # fmt: skip


def bert_block(prefix, names=("self.query", "self.key", "self.value", "output.dense")):
    """Where BERT and its kin keep the parts of a block."""
    part = dict(zip("qkvo", names))
    return [
        (BLOCK + r"attn\.([qkvo])\.(.*)", lambda m: f"{prefix}.{m[1]}.attention.{part[m[2]]}.{m[3]}"),
        (BLOCK + r"attn_norm\.(.*)", prefix + r".\1.attention.output.LayerNorm.\2"),
        (BLOCK + r"ff\.up\.(.*)", prefix + r".\1.intermediate.dense.\2"),
        (BLOCK + r"ff\.down\.(.*)", prefix + r".\1.output.dense.\2"),
        (BLOCK + r"ff_norm\.(.*)", prefix + r".\1.output.LayerNorm.\2"),
    ]


def embeddings(prefix):
    return [
        (r"embed\.weight", prefix + ".word_embeddings.weight"),
        (r"positions\.weight", prefix + ".position_embeddings.weight"),
        (r"segments\.weight", prefix + ".token_type_embeddings.weight"),
        (r"embed_norm\.(.*)", prefix + r".LayerNorm.\1"),
    ]


def bert(spec):
    return transformers.BertForMaskedLM(transformers.BertConfig(**sizes(spec))), lambda w: renamed(w, [
        *embeddings("bert.embeddings"), *bert_block("bert.encoder.layer"), (r"head_bias", "cls.predictions.bias"),
        (r"transform\.dense\.(.*)", r"cls.predictions.transform.dense.\1"),
        (r"transform\.norm\.(.*)", r"cls.predictions.transform.LayerNorm.\1")])


def roberta(spec):
    config = transformers.RobertaConfig(**{**sizes(spec), "max_position_embeddings": spec.context + 1,
                                           "pad_token_id": 0})  # fmt: skip

    def convert(w):
        found = renamed(w, [
            *embeddings("roberta.embeddings"), *bert_block("roberta.encoder.layer"), (r"head_bias", "lm_head.bias"),
            (r"transform\.dense\.(.*)", r"lm_head.dense.\1"), (r"transform\.norm\.(.*)", r"lm_head.layer_norm.\1")])
        name = "roberta.embeddings.position_embeddings.weight"  # theirs begin one row after the padding's
        found[name] = torch.cat([torch.zeros_like(found[name][:1]), found[name]])
        return found

    return transformers.RobertaForMaskedLM(config), convert


def albert(spec):
    config = transformers.AlbertConfig(**sizes(spec), embedding_size=spec.embed, classifier_dropout_prob=0.0)
    t = "albert.encoder.albert_layer_groups.0.albert_layers.0."
    part = {"q": "query", "k": "key", "v": "value", "o": "dense"}
    return transformers.AlbertForMaskedLM(config), lambda w: renamed(w, [
        *embeddings("albert.embeddings"), (r"embed_up\.(.*)", r"albert.encoder.embedding_hidden_mapping_in.\1"),
        (BLOCK + r"attn\.([qkvo])\.(.*)", lambda m: f"{t}attention.{part[m[2]]}.{m[3]}"),
        (BLOCK + r"attn_norm\.(.*)", t + r"attention.LayerNorm.\2"), (BLOCK + r"ff\.up\.(.*)", t + r"ffn.\2"),
        (BLOCK + r"ff\.down\.(.*)", t + r"ffn_output.\2"), (BLOCK + r"ff_norm\.(.*)", t + r"full_layer_layer_norm.\2"),
        (r"head_bias", "predictions.bias"), (r"transform\.dense\.(.*)", r"predictions.dense.\1"),
        (r"transform\.norm\.(.*)", r"predictions.LayerNorm.\1")])


def electra(spec):
    config = transformers.ElectraConfig(**sizes(spec), embedding_size=spec.embed)
    return transformers.ElectraForPreTraining(config), lambda w: renamed(w, [
        (r"generator.*", ""), *embeddings("electra.embeddings"), *bert_block("electra.encoder.layer"),
        (r"embed_up\.(.*)", r"electra.embeddings_project.\1"),
        (r"detect\.dense\.(.*)", r"discriminator_predictions.dense.\1"),
        (r"detect\.out\.(.*)", r"discriminator_predictions.dense_prediction.\1")])


def distilbert(spec):
    config = transformers.DistilBertConfig(
        vocab_size=spec.vocab_size, dim=spec.d_model, n_layers=spec.n_layers, n_heads=spec.n_heads,
        hidden_dim=spec.ff, max_position_embeddings=spec.context, activation="gelu", pad_token_id=None,
        attn_implementation="eager")
    t = r"distilbert.transformer.layer.\1."
    part = {"q": "q_lin", "k": "k_lin", "v": "v_lin", "o": "out_lin"}
    return transformers.DistilBertForMaskedLM(config), lambda w: renamed(w, [
        *embeddings("distilbert.embeddings"),
        (BLOCK + r"attn\.([qkvo])\.(.*)", lambda m: f"distilbert.transformer.layer.{m[1]}.attention."
                                                    f"{part[m[2]]}.{m[3]}"),
        (BLOCK + r"attn_norm\.(.*)", t + r"sa_layer_norm.\2"), (BLOCK + r"ff\.up\.(.*)", t + r"ffn.lin1.\2"),
        (BLOCK + r"ff\.down\.(.*)", t + r"ffn.lin2.\2"), (BLOCK + r"ff_norm\.(.*)", t + r"output_layer_norm.\2"),
        (r"head_bias", "vocab_projector.bias"), (r"transform\.dense\.(.*)", r"vocab_transform.\1"),
        (r"transform\.norm\.(.*)", r"vocab_layer_norm.\1")])


def deberta(spec):
    config = transformers.DebertaV2Config(
        **sizes(spec), relative_attention=True, position_buckets=spec.relative_buckets, pos_att_type=["c2p", "p2c"],
        share_att_key=True, norm_rel_ebd="layer_norm", position_biased_input=False, legacy=False,
        max_relative_positions=max(spec.relative_distance, spec.context))
    names = ("self.query_proj", "self.key_proj", "self.value_proj", "output.dense")
    return transformers.DebertaV2ForMaskedLM(config), lambda w: renamed(w, [
        *embeddings("deberta.embeddings"), *bert_block("deberta.encoder.layer", names),
        (r"distances\.weight", "deberta.encoder.rel_embeddings.weight"),
        (r"distances_norm\.(.*)", r"deberta.encoder.LayerNorm.\1"), (r"head_bias", "lm_predictions.lm_head.bias"),
        (r"transform\.dense\.(.*)", r"lm_predictions.lm_head.dense.\1"),
        (r"transform\.norm\.(.*)", r"lm_predictions.lm_head.LayerNorm.\1")])


def xlm(spec):
    config = transformers.XLMConfig(
        vocab_size=spec.vocab_size, emb_dim=spec.d_model, n_layers=spec.n_layers, n_heads=spec.n_heads,
        max_position_embeddings=spec.context, gelu_activation=True, layer_norm_eps=spec.norm_eps, dropout=0.0,
        attention_dropout=0.0, use_lang_emb=False, pad_index=0, pad_token_id=0)
    part = {"q": "q_lin", "k": "k_lin", "v": "v_lin", "o": "out_lin"}
    return transformers.XLMWithLMHeadModel(config), lambda w: renamed(w, [
        (r"embed\.weight", "transformer.embeddings.weight"),
        (r"positions\.weight", "transformer.position_embeddings.weight"),
        (r"embed_norm\.(.*)", r"transformer.layer_norm_emb.\1"),
        (BLOCK + r"attn\.([qkvo])\.(.*)", lambda m: f"transformer.attentions.{m[1]}.{part[m[2]]}.{m[3]}"),
        (BLOCK + r"attn_norm\.(.*)", r"transformer.layer_norm1.\1.\2"),
        (BLOCK + r"ff\.up\.(.*)", r"transformer.ffns.\1.lin1.\2"),
        (BLOCK + r"ff\.down\.(.*)", r"transformer.ffns.\1.lin2.\2"),
        (BLOCK + r"ff_norm\.(.*)", r"transformer.layer_norm2.\1.\2"), (r"head_bias", "pred_layer.proj.bias")])


MASKED = {"layout": "encoder", "norm": "layer_norm", "norm_place": "post", "bias": True, "activation": "gelu",
          "position": "learned", "embed_norm": True, "objective": Objective(task="masked"), "head_bias": True,
          "norm_eps": 1e-12}  # fmt: skip
BERT = {**MASKED, "head_transform": True, "segments": 2}
FAMILIES = {
    "BERT": (bert, BERT, {}), "RoBERTa": (roberta, {**BERT, "segments": 1, "norm_eps": 1e-5}, {}),
    "ALBERT": (albert, {**BERT, "embed_size": 16, "shared_layers": True}, {}),
    "DistilBERT": (distilbert, {**BERT, "segments": 0}, {}),
    "ELECTRA": (electra, {**BERT, "embed_size": 16, "objective": Objective(task="replaced"),
                          "head_transform": False, "head_bias": False}, {}),
    "DeBERTa": (deberta, {**BERT, "segments": 0, "position": "deberta", "relative_buckets": 6,
                          "relative_distance": 40}, {}),
    "XLM": (xlm, {**MASKED, "d_ff": 0}, {}),
}  # fmt: skip


@pytest.fixture(autouse=True)
def buckets_in_full_precision(monkeypatch):
    """DeBERTa's public code divides by a float32 root even in a float64 model; here it keeps the model's type."""
    from transformers.models.deberta_v2 import modeling_deberta_v2 as theirs

    monkeypatch.setattr(theirs, "scaled_size_sqrt", lambda x, factor: torch.sqrt(
        torch.tensor(x.size(-1) * factor, dtype=torch.float64)))


@pytest.mark.parametrize("shape", range(3))
@pytest.mark.parametrize("family", FAMILIES)
def test_logits_and_gradients_equal_the_public_implementation(family, shape):
    make, parts, more = FAMILIES[family]
    spec = ModelSpec(**{**SHAPES[shape], **parts})
    ours = perturbed(spec)
    theirs, convert = make(spec)
    theirs = theirs.double().eval()
    state = {name: value.clone() for name, value in convert(ours.state_dict()).items()}
    missing, unexpected = theirs.load_state_dict(state, strict=False)
    assert not unexpected
    known = r"decoder\.(weight|bias)|vocab_projector\.weight|pred_layer\.proj\.weight|position_ids|pooler"
    assert all(re.search(known, name) for name in missing), missing
    theirs.tie_weights()
    generator = torch.Generator().manual_seed(5)
    ids = torch.randint(1, spec.vocab_size, (2, spec.context), generator=generator)
    padding = torch.zeros(2, spec.context, dtype=torch.bool)
    padding[1, spec.context - 5 :] = True  # the second text is shorter
    mine = ours(ids, padding=padding)
    reference = theirs(input_ids=ids, attention_mask=(~padding).long(), **more)
    reference = reference.logits if hasattr(reference, "logits") else reference[0]
    mine, reference = mine[~padding], reference[~padding]
    assert mine.dtype == reference.dtype == torch.float64
    assert (mine - reference).abs().max() <= FLOAT64 * reference.abs().max()
    weights = torch.randn(mine.shape, generator=generator, dtype=torch.float64)
    for logits in (mine, reference):
        (logits * weights).sum().backward()
    gradients = convert({n: torch.zeros_like(p) if p.grad is None else p.grad for n, p in ours.named_parameters()})
    public = {n: p.grad for n, p in theirs.named_parameters() if p.grad is not None}
    largest = max(gradient.abs().max() for gradient in public.values())
    assert largest > 0 and set(public) <= set(gradients)
    for name, gradient in public.items():
        assert (gradients[name] - gradient).abs().max() <= FLOAT64 * largest, name
