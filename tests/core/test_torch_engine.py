"""A checkpoint answers step by step exactly as it would in one pass, and a growing run can be asked."""

import json
import shutil

import numpy as np
import pytest
import torch

from core.errors import LabError
from core.infer.engine import Engine
from core.infer.generate import generate, score
from core.infer.open import open_engine
from core.infer.sources import checkpoint_path, list_engines
from core.infer.torch_engine import TorchEngine
from core.spec.model import ModelSpec
from core.spec.sampling import SamplingSpec
from tests.tiny_run import SPEC, add_checkpoint, make_workspace

LLAMA_SHAPE = ModelSpec(d_model=32, n_layers=2, n_heads=4, kv_heads=2, context=64)
GPT2_SHAPE = ModelSpec(
    d_model=32, n_layers=2, n_heads=4, context=64, norm="layer_norm", position="learned", activation="gelu_tanh",
    bias=True,
)  # fmt: skip


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return make_workspace(tmp_path_factory.mktemp("workspace"))


@pytest.mark.parametrize("spec", [SPEC, LLAMA_SHAPE, GPT2_SHAPE], ids=["tiny", "llama", "gpt2"])
def test_step_by_step_equals_one_full_pass(tmp_path, spec):
    engine = open_engine("run:tiny", make_workspace(tmp_path, spec=spec))
    ids = np.random.default_rng(0).integers(0, engine.vocab_size, size=engine.context).tolist()
    whole = engine.score(ids)
    assert whole.shape == (engine.context, engine.vocab_size) and whole.dtype == np.float32
    rows = [engine.start(ids[:5])] + [engine.step(id) for id in ids[5:]]
    np.testing.assert_allclose(np.stack(rows), whole[4:], atol=1e-4)
    np.testing.assert_allclose(engine.start(ids[:9]), whole[8], atol=1e-4)  # the cache was forgotten


def test_it_is_an_engine_whose_pieces_make_up_the_text(workspace):
    engine = open_engine("run:tiny", workspace)
    assert isinstance(engine, Engine)
    text = "The list 模型 🦊 of naïve\n  code"
    assert b"".join(map(engine.token_bytes, engine.encode(text))).decode() == text
    assert engine.start_id == 0 and engine.end_ids == {0} and engine.token_bytes(0) == b""


def test_a_full_context_is_refused_in_words(workspace):
    engine = open_engine("run:tiny", workspace)
    engine.start([1] * engine.context)
    with pytest.raises(LabError, match="64 tokens is full"):
        engine.step(1)
    with pytest.raises(LabError, match="3 more than the 64"):
        engine.start([1] * 67)


def test_the_same_seed_gives_the_same_answer_and_scoring_agrees(workspace):
    engine, settings = open_engine("run:tiny", workspace), SamplingSpec(max_tokens=20, seed=7)
    prompt = engine.encode("Return the")
    first, second = list(generate(engine, prompt, settings)), list(generate(engine, prompt, settings))
    assert first == second and len(first) > 3
    scored = score(engine, prompt + [r.id for r in first])[len(prompt) :]
    assert [r.id for r in scored] == [r.id for r in first]
    assert [r.probability for r in scored] == pytest.approx([r.probability for r in first], abs=1e-4)
    assert [r.entropy for r in scored] == pytest.approx([r.entropy for r in first], abs=1e-3)


def test_checkpoints_are_named_by_role_or_step(workspace):
    run = workspace.folder("runs", "tiny").root
    assert checkpoint_path(run).name == checkpoint_path(run, "10").name == "step-00000010"
    assert checkpoint_path(run, "last").name == checkpoint_path(run, "step-20").name == "step-00000020"
    assert open_engine("run:tiny@last", workspace).step_trained == 20
    assert open_engine(str(run / "checkpoints" / "step-00000020")).step_trained == 20
    assert open_engine(str(run)).step_trained == 10
    with pytest.raises(LabError, match="step-00000010, step-00000020"):
        checkpoint_path(run, "15")
    with pytest.raises(LabError, match="no such checkpoint"):
        checkpoint_path(run, "../../etc")


def test_a_run_that_moves_on_is_followed_when_asked(tmp_path):
    run = make_workspace(tmp_path).folder("runs", "tiny").root
    last, best = TorchEngine(run, "last"), TorchEngine(run, "best")
    before = last.start([0, 5])
    assert last.refresh() is False
    shutil.rmtree(checkpoint_path(run, "last"))  # the run keeps only a few
    add_checkpoint(run, SPEC, 30)
    assert last.refresh() is True and last.step_trained == 30
    assert np.abs(last.start([0, 5]) - before).max() > 1e-3
    assert best.refresh() is False and best.step_trained == 10


def test_a_damaged_checkpoint_is_one_clear_sentence(tmp_path):
    workspace = make_workspace(tmp_path)
    path = workspace.folder("runs", "tiny").path("checkpoints", "step-00000010", "model.safetensors")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(LabError, match="damaged"):
        open_engine("run:tiny", workspace)


@pytest.mark.parametrize("source", ["run:nobody", "nowhere.gguf", "run:tiny@77"])
def test_what_does_not_exist_is_refused_with_a_remedy(workspace, source):
    with pytest.raises(LabError) as caught:
        open_engine(source, workspace)
    assert caught.value.remedy


def test_a_file_of_another_kind_is_refused(workspace, tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(LabError, match="not a model"):
        open_engine(str(tmp_path / "a.txt"), workspace)


def test_what_can_be_talked_to_is_listed_with_no_engine_loaded(tmp_path):
    workspace = make_workspace(tmp_path)
    unfinished = workspace.path("runs", "unfinished")
    unfinished.mkdir()
    (unfinished / "spec.toml").write_text('kind = "train"\n')
    export = workspace.path("exports", "ship")
    export.mkdir(parents=True)
    (export / "spec.toml").write_text('kind = "export"\n')
    for name in ("model.f16.gguf", "model.onnx", "tokenizer.json", ".tmp-1-model.q8_0.gguf"):
        (export / name).write_bytes(b"")
    found = list_engines(workspace)
    assert [(s.source, s.kind) for s in found if s.origin == "run"] == [("run:tiny", "torch")]
    assert [(s.name, s.kind) for s in found if s.origin == "export"] == [
        ("ship/model.f16.gguf", "gguf"), ("ship/model.onnx", "onnx"),
    ]  # fmt: skip
    assert json.dumps([s.source for s in found])


def test_answering_leaves_torchs_random_state_alone(workspace):
    engine, before = open_engine("run:tiny", workspace), torch.get_rng_state()
    assert len(list(generate(engine, [5], SamplingSpec(max_tokens=5)))) == 5
    assert torch.equal(before, torch.get_rng_state())
