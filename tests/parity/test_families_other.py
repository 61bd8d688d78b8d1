"""XLNet against its public implementation; what has no public twin against the paper's formula, written out slowly."""

import math
import re

import pytest
import torch

from core.model.build import build_model
from core.model.decoder import Decoder, initialise
from core.model.norms import deep_norm_scales
from core.spec.model import ModelSpec
from core.spec.objective import Objective

transformers = pytest.importorskip("transformers")

SHAPES = [
    {"d_model": 32, "n_layers": 2, "n_heads": 4, "context": 16, "vocab_size": 61, "d_ff": 56},
    {"d_model": 48, "n_layers": 3, "n_heads": 2, "context": 11, "vocab_size": 97, "d_ff": 80},
    {"d_model": 40, "n_layers": 1, "n_heads": 5, "context": 19, "vocab_size": 50, "d_ff": 36},
]
XLNET = {"layout": "encoder", "norm": "layer_norm", "norm_bias": "yes", "norm_place": "post", "bias": True,
         "attn_bias": "no", "position": "xl", "activation": "gelu", "head_bias": True, "norm_eps": 1e-12,
         "objective": Objective(task="permutation")}  # fmt: skip
BLOCK = r"blocks\.(\d+)\."


def perturbed(spec: ModelSpec):
    """A model whose every parameter matters."""
    model = build_model(spec).double()
    initialise(model, 3)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
    return model.eval()


def to_xlnet(spec, w):
    """Our tensors under XLNet's names and shapes: its projections are (D, heads, head)."""
    found = {}
    for name, value in w.items():
        attention = re.fullmatch(BLOCK + r"attn\.(q|k|v|o|relative\.r)\.weight", name)
        if attention:
            letter = attention[2][-1]
            matrix = value if letter == "o" else value.T
            found[f"transformer.layer.{attention[1]}.rel_attn.{letter}"] = matrix.reshape(
                spec.d_model, spec.n_heads, spec.head)
            continue
        for ours, theirs in (
            (r"embed\.weight", "transformer.word_embedding.weight"), (r"head_bias", "lm_loss.bias"),
            (BLOCK + r"attn\.relative\.content_bias", r"transformer.layer.\1.rel_attn.r_w_bias"),
            (BLOCK + r"attn\.relative\.position_bias", r"transformer.layer.\1.rel_attn.r_r_bias"),
            (BLOCK + r"attn_norm\.(.*)", r"transformer.layer.\1.rel_attn.layer_norm.\2"),
            (BLOCK + r"ff\.up\.(.*)", r"transformer.layer.\1.ff.layer_1.\2"),
            (BLOCK + r"ff\.down\.(.*)", r"transformer.layer.\1.ff.layer_2.\2"),
            (BLOCK + r"ff_norm\.(.*)", r"transformer.layer.\1.ff.layer_norm.\2"),
        ):  # fmt: skip
            if match := re.fullmatch(ours, name):
                found[match.expand(theirs)] = value
                break
        else:
            assert name == "query_vector", name
            found["transformer.mask_emb"] = value[None, None]
    return found


@pytest.mark.parametrize("shape", range(3))
def test_two_stream_attention_equals_xlnet(shape):
    spec = ModelSpec(**SHAPES[shape], **XLNET)
    ours = perturbed(spec)
    theirs = transformers.XLNetLMHeadModel(transformers.XLNetConfig(
        vocab_size=spec.vocab_size, d_model=spec.d_model, n_layer=spec.n_layers, n_head=spec.n_heads,
        d_inner=spec.ff, ff_activation="gelu", layer_norm_eps=spec.norm_eps, dropout=0.0)).double().eval()
    state = {name: value.clone() for name, value in to_xlnet(spec, ours.state_dict()).items()}
    missing, unexpected = theirs.load_state_dict(state, strict=False)
    assert not unexpected and all(re.search("r_s_bias|seg_embed|lm_loss.weight", name) for name in missing)
    theirs.tie_weights()
    positions = theirs.transformer.relative_positional_encoding  # theirs stays float32 in a float64 model
    theirs.transformer.relative_positional_encoding = lambda *args, **kwargs: positions(*args, **kwargs).double()
    length, generator = spec.context, torch.Generator().manual_seed(5)
    ids = torch.randint(0, spec.vocab_size, (2, length), generator=generator)
    rank = torch.stack([torch.randperm(length, generator=generator) for _ in range(2)])
    first = rank == 0  # what sees nothing at all is defined differently in the two
    mine = ours(ids, rank)
    hidden = (rank[:, None, :] >= rank[:, :, None]).double()  # 1 = the query may not see the key
    reference = theirs(
        input_ids=ids, perm_mask=hidden, target_mapping=torch.eye(length).double().expand(2, -1, -1)).logits
    mine, reference = mine[~first], reference[~first]
    assert (mine - reference).abs().max() <= 1e-5 * reference.abs().max()
    weights = torch.randn(mine.shape, generator=generator, dtype=torch.float64)
    for logits in (mine, reference):
        (logits * weights).sum().backward()
    gradients = to_xlnet(spec, {n: p.grad for n, p in ours.named_parameters()})
    public = {n: p.grad for n, p in theirs.named_parameters() if p.grad is not None and n in gradients}
    largest = max(gradient.abs().max() for gradient in public.values())
    assert len(public) == len(gradients)
    for name, gradient in public.items():
        assert (gradients[name] - gradient).abs().max() <= 1e-5 * largest, name


def softmax(values):
    top = max(values)
    powers = [math.exp(v - top) for v in values]
    return [p / sum(powers) for p in powers]


def test_transformer_xl_attention_equals_the_papers_formula_pair_by_pair():
    spec = ModelSpec(d_model=24, n_layers=1, n_heads=3, context=9, vocab_size=31, position="xl", norm="rms_norm")
    model = perturbed(spec)
    attn, x = model.blocks[0].attn, torch.randn(1, 9, 24, dtype=torch.float64)
    places = model.places(0, 9, x)
    found = attn(x, places)[0]
    head = spec.head
    frequency = [10000.0 ** (-2 * i / 24) for i in range(12)]

    def sinusoid(distance):
        return torch.tensor([math.sin(distance * f) for f in frequency] + [math.cos(distance * f) for f in frequency],
                            dtype=torch.float64)

    out = torch.zeros(9, 24, dtype=torch.float64)
    q, k, v = (getattr(attn, n)(x)[0].view(9, 3, head) for n in "qkv")
    for h in range(3):
        u, w = attn.relative.content_bias[h], attn.relative.position_bias[h]
        for i in range(9):
            scores = []
            for j in range(i + 1):
                r = attn.relative.r(sinusoid(i - j)).view(3, head)[h]
                scores.append(float((q[i, h] + u) @ k[j, h] + (q[i, h] + w) @ r) / math.sqrt(head))
            for weight, j in zip(softmax(scores), range(i + 1)):
                out[i, h * head : (h + 1) * head] += weight * v[j, h]
    expected = attn.o(out)
    assert (found - expected).abs().max() <= 1e-10 * expected.abs().max()


def test_a_deep_norm_prefix_model_equals_the_formula_written_out():
    spec = ModelSpec(
        layout="prefix", d_model=16, n_layers=2, n_heads=2, context=10, vocab_size=29, norm="layer_norm", bias=True,
        norm_place="post", deep_norm=True, activation="geglu", objective=Objective(task="prefix"))
    model = perturbed(spec)
    ids, prefix = torch.randint(0, 29, (1, 10)), 4
    found = model.hidden(ids, prefix=torch.tensor([prefix]))[0]
    alpha = (2 * spec.n_layers) ** 0.25
    assert deep_norm_scales(spec) == pytest.approx((alpha, (8 * spec.n_layers) ** -0.25))
    x = model.embed(ids)[0]
    for block in model.blocks:
        y = torch.zeros_like(x)
        q, k, v = (getattr(block.attn, n)(x).view(10, 2, 8) for n in "qkv")
        for h in range(2):
            for i in range(10):
                seen = [j for j in range(10) if j <= i or j < prefix]
                weights = softmax([float(turned(q[i, h], i) @ turned(k[j, h], j)) / math.sqrt(8) for j in seen])
                y[i, 8 * h : 8 * h + 8] = sum(w * v[j, h] for w, j in zip(weights, seen))
        x = layer_norm(alpha * x + block.attn.o(y), block.attn_norm)
        gate = torch.nn.functional.gelu(block.ff.gate(x))
        x = layer_norm(alpha * x + block.ff.down(gate * block.ff.up(x)), block.ff_norm)
    assert (found - x).abs().max() <= 1e-6 * x.abs().max()  # the table of angles is float32


def turned(vector, place):
    """RoPE, one pair at a time: feature i with feature i + half."""
    half, out = len(vector) // 2, vector.clone()
    for i in range(half):
        angle = place * 10000.0 ** (-2 * i / len(vector))
        a, b = vector[i], vector[i + half]
        out[i], out[i + half] = a * math.cos(angle) - b * math.sin(angle), b * math.cos(angle) + a * math.sin(angle)
    return out


def layer_norm(x, module):
    centred = x - x.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + module.eps).sqrt() * module.weight + module.bias


GENERATIVE = [
    {"position": "alibi"}, {"position": "t5", "attn_scaled": False}, {"position": "xl"}, {"qk_norm": True},
    {"rope_share": 0.5, "rope_pairs": "interleaved", "parallel": "two_norms"}, {"parallel": "one_norm", "kv_heads": 1},
    {"attention": "banded", "window": 5}, {"attention": "window", "window": 4}, {"query_layer": True},
    {"norm_place": "post", "deep_norm": True}, {"norm_place": "sandwich"}, {"embed_norm": True, "embed_size": 16},
    {"attn_softcap": 5.0, "logit_softcap": 8.0, "kv_heads": 2}, {"shared_layers": True},
    {"rope_scaling": "yarn", "rope_factor": 4.0}, {"rope_scaling": "ntk", "rope_factor": 2.0},
    {"experts": {"count": 4, "capacity": 1.0}}, {"experts": {"count": 4, "top": 1, "router": "random"}},
]  # fmt: skip


@pytest.mark.parametrize("parts", GENERATIVE, ids=str)
def test_token_by_token_with_a_cache_equals_one_pass(parts):
    from core.model.attention import KVCache
    from core.spec.base import build

    spec = build(ModelSpec, {"d_model": 32, "n_layers": 3, "n_heads": 4, "context": 24, "vocab_size": 61, **parts})
    model = perturbed(spec).float()
    ids = torch.randint(0, spec.vocab_size, (1, 24), generator=torch.Generator().manual_seed(6))
    with torch.no_grad():
        whole = model(ids)
        cache = KVCache(spec)
        pieces = [model(part, cache) for part in ids.split([7, 1, 1, 9, 6], dim=1)]
    assert torch.allclose(torch.cat(pieces, dim=1), whole, atol=1e-4 * whole.abs().max().item())


def test_an_encoder_decoder_with_a_cache_equals_one_pass():
    from core.model.attention import KVCache

    spec = ModelSpec(
        layout="encoder_decoder", d_model=32, n_layers=2, encoder_layers=3, n_heads=4, context=24, vocab_size=61,
        position="t5", attn_scaled=False, objective=Objective(task="span_corruption"))
    model = perturbed(spec).float()
    source, target = torch.randint(0, 61, (1, 20)), torch.randint(0, 61, (1, 15))
    with torch.no_grad():
        whole = model(source, target)
        cache = KVCache(spec)
        cache.memory = model.read(source)
        pieces = [model.logits(model.hidden(part, cache)) for part in target.split([3, 1, 1, 10], dim=1)]
    assert torch.allclose(torch.cat(pieces, dim=1), whole, atol=1e-4 * whole.abs().max().item())


def test_a_banded_layer_sees_its_window_and_nothing_else():
    spec = ModelSpec(d_model=16, n_layers=1, n_heads=2, context=12, vocab_size=31, attention="window", window=3)
    model = Decoder(spec).eval()
    ids = torch.randint(0, 31, (1, 12))
    changed = ids.clone()
    changed[0, 4] = (ids[0, 4] + 1) % 31
    moved = (model(ids) - model(changed)).abs().amax(-1)[0] > 0
    assert moved.tolist() == [4 <= place < 7 for place in range(12)]


def test_experts_in_training_drop_what_exceeds_their_capacity_and_never_in_answering():
    from core.spec.experts import Experts

    spec = ModelSpec(d_model=16, n_layers=1, n_heads=2, context=16, vocab_size=31,
                     experts=Experts(count=4, top=1, capacity=0.5))
    model, ids = Decoder(spec), torch.randint(0, 31, (4, 16))
    model.train()(ids)
    assert model.blocks[0].ff.dropped > 0
    model.eval()(ids)
    assert model.blocks[0].ff.dropped == 0
    assert int(model.blocks[0].ff.use.sum()) == ids.numel()
