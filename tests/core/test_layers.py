"""Looking into the layers: what is told is right, it changes nothing, and a resume takes back what is undone."""

import copy
import math

import msgspec
import numpy as np
import pytest
import torch

from core.model.attention import Attention
from core.model.build import build_model
from core.model.decoder import Decoder, initialise
from core.record.metrics import read_metrics
from core.spec.model import ModelSpec
from core.train.layers import Layers
from tests import tiny_tree
from tests.tiny_tree import tiny, train_spec

SHAPE = ModelSpec(d_model=16, n_layers=2, n_heads=2, context=12, vocab_size=40)
ODD = {"xl": {"position": "xl"}, "capped": {"attn_softcap": 5.0, "kv_heads": 1},
       "banded": {"attention": "window", "window": 4, "qk_norm": True}}  # fmt: skip
ATTENTIONS = ["gpt-2", "llama-2", "bloom", "t5", "deberta", "bert", *ODD]


def batch(rows=3, seed=0):
    ids = torch.randint(0, 40, (rows, 12), generator=torch.Generator().manual_seed(seed))
    return ids, ids.roll(-1, 1)


def look(model, path, every=1, step=1, clip=0.0, scale=1.0):
    layers = Layers(model, path, every)
    layers.begin(step)
    (scale * model.loss(*batch())).backward()
    norm = float(torch.nn.utils.clip_grad_norm_(model.parameters(), clip or float("inf")))
    layers.take(step, norm, clip)
    layers.close()
    columns, rows = read_metrics(path)
    return [dict(zip([name for name, _ in columns], row)) for row in rows]


@pytest.fixture
def model():
    made = Decoder(SHAPE)
    initialise(made, 1)
    return made


@pytest.mark.parametrize("name", ATTENTIONS)
def test_the_weights_told_are_those_that_attention_uses(name):
    made = msgspec.structs.replace(SHAPE, context=24, **ODD[name]) if name in ODD else tiny(name)
    shape = msgspec.structs.replace(made, vocab_size=60, dropout=0.0)
    torch.manual_seed(0)
    model = build_model(shape).eval()
    told = []

    def compare(layer, given, named, out):
        x, places = given[:2]
        source = x if named.get("memory") is None else named["memory"]
        v = layer._heads(layer.v(source), layer.kv).repeat_interleave(layer.heads // layer.kv, 1)
        mixed = layer.weights(x, places, named.get("memory")) @ v
        told.append((layer.o(mixed.transpose(1, 2).flatten(2)) - out).abs().max().item())

    for part in model.modules():
        if isinstance(part, Attention):
            part.register_forward_hook(compare, with_kwargs=True)
    ids = torch.randint(0, 60, (2, 16))
    with torch.no_grad():
        model(ids, ids) if shape.layout == "encoder_decoder" else model(ids)
    assert told and max(told) < 1e-5


def test_norms_are_those_of_each_layer_before_clipping(model, tmp_path):
    free = look(model, tmp_path / "free.bin")[0]
    model.zero_grad()
    clipped = look(model, tmp_path / "clipped.bin", clip=0.01)[0]
    for name, block in (("blocks.0", model.blocks[0]), ("blocks.1", model.blocks[1])):
        weights = math.sqrt(sum(float(p.detach().square().sum()) for p in block.parameters()))
        assert free[f"weight_norm/{name}"] == pytest.approx(weights, rel=1e-5)
        assert clipped[f"grad_norm/{name}"] == pytest.approx(free[f"grad_norm/{name}"], rel=1e-4)
    model.zero_grad()
    model.loss(*batch()).backward()
    total = math.sqrt(sum(float(p.grad.square().sum()) for p in model.parameters()))
    told = math.sqrt(sum(value**2 for name, value in free.items() if name.startswith("grad_norm/")))
    assert told == pytest.approx(total, rel=1e-5), "every weight counts in one layer, and in one only"


def test_units_that_no_token_opens_are_dead_and_others_are_not(tmp_path):
    model = Decoder(msgspec.structs.replace(SHAPE, activation="relu", bias=True))
    initialise(model, 1)
    with torch.no_grad():
        model.blocks[1].ff.up.bias[:16] = -100.0
        model.blocks[1].ff.up.bias[16:] = 100.0
    found = look(model, tmp_path / "layers.bin")[0]
    assert found["dead/blocks.1"] == pytest.approx(16 / model.blocks[1].ff.up.out_features)
    assert found["dead/blocks.0"] < 0.1


def test_attention_that_looks_everywhere_has_the_most_entropy_and_sharp_attention_next_to_none(model, tmp_path):
    with torch.no_grad():
        model.blocks[0].attn.q.weight.zero_()  # all scores alike
        model.blocks[1].attn.q.weight.mul_(1e4)
        model.blocks[1].attn.k.weight.mul_(1e4)
    found = look(model, tmp_path / "layers.bin")[0]
    even = np.mean([math.log(seen) for seen in range(1, SHAPE.context + 1)])  # causal: the first sees itself alone
    assert found["entropy/blocks.0"] == pytest.approx(even, rel=1e-5)
    assert found["entropy/blocks.1"] < 0.05


def test_the_scale_of_a_layer_is_the_root_mean_square_of_what_it_gives(model, tmp_path):
    given = {}
    model.blocks[1].register_forward_hook(lambda _, x, out: given.setdefault("out", out.detach()))
    found = look(model, tmp_path / "layers.bin")[0]
    assert found["activation/blocks.1"] == pytest.approx(float(given["out"].square().mean().sqrt()), rel=1e-5)


def test_only_due_steps_are_looked_at_and_nothing_hangs_in_between(model, tmp_path):
    layers = Layers(model, tmp_path / "layers.bin", 3)
    hung = []
    for step in range(1, 8):
        layers.begin(step)
        hung.append(sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()) > 0)
        model.loss(*batch()).backward()
        layers.take(step, 1.0, 0.0)
    layers.close()
    assert hung == [True, False, True, False, False, True, False]
    assert read_metrics(tmp_path / "layers.bin")[1][:, 0].tolist() == [1, 3, 6]
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_what_is_undone_is_cut(model, tmp_path):
    path = tmp_path / "layers.bin"
    layers = Layers(model, path, 1)
    for step in (1, 2, 3):
        layers.begin(step)
        model.loss(*batch()).backward()
        layers.take(step, 1.0, 0.0)
    layers.cut(2)
    assert read_metrics(path)[1][:, 0].tolist() == [1, 2]
    layers.close()
    Layers(model, path, 1, last_step=1).close()
    assert read_metrics(path)[1][:, 0].tolist() == [1]


def test_a_rounded_twin_is_looked_at_and_the_weights_are_those_of_the_model(model, tmp_path):
    twin = copy.deepcopy(model).bfloat16()
    layers = Layers(model, tmp_path / "layers.bin", 1, working=twin)
    layers.begin(1)
    twin.loss(*batch())
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, 0.5)
    layers.take(1, 1.0, 0.0)
    layers.close()
    columns, rows = read_metrics(tmp_path / "layers.bin")
    found = dict(zip([name for name, _ in columns], rows[0]))
    assert np.isfinite(rows).all() and found["entropy/blocks.1"] > 1
    assert found["grad_norm/blocks.0"] == pytest.approx(0.5 * sum(p.numel() for p in model.blocks[0].parameters())**0.5)
    assert [name for name in found if name.startswith("weight")] == [
        f"weight_norm/{name}" for name in ("embed", "blocks.0", "blocks.1", "final_norm")], "from the input on"


def test_zero_means_never(model, tmp_path):
    layers = Layers(model, tmp_path / "layers.bin", 0)
    layers.begin(1)
    layers.take(1, 1.0, 0.0)
    layers.close()
    assert not (tmp_path / "layers.bin").exists()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return tiny_tree.make_workspace(tmp_path_factory.mktemp("layers"))


@pytest.mark.parametrize("name", ["gpt-2", "xlnet", "st-moe"])
def test_looking_changes_no_bit_of_a_run(workspace, name):
    shape = msgspec.structs.replace(tiny(name), dropout=0.1)
    ends = []
    for every in (0, 1):
        folder = tiny_tree.train(workspace, f"{name}-{every}", train_spec(shape, layers_every=every))
        _, rows = read_metrics(folder.path("metrics.bin"))
        ends.append((sorted(folder.root.glob("checkpoints/step-*"))[-1] / "model.safetensors").read_bytes())
    assert ends[0] == ends[1]
    assert len(read_metrics(folder.path("layers.bin"))[1]) == 4
    assert np.isfinite(read_metrics(folder.path("layers.bin"))[1]).mean() > 0.7
