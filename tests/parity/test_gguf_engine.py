"""A GGUF from anywhere: what cannot be run is refused in a sentence, and a dead child costs one error."""

import os
import signal
import struct
import sys

import gguf
import numpy as np
import pytest

from core.errors import LabError
from core.export.gguf import write_gguf
from core.infer.gguf import GgufEngine, LlamaProcess
from core.infer.gguf_header import read_header


@pytest.fixture(scope="module")
def model_file(grow, bpe_json, tmp_path_factory):
    path = tmp_path_factory.mktemp("gguf") / "m.gguf"
    write_gguf(path, grow(steps=0), bpe_json, "f32", "tiny", "a test")
    return path


def foreign(path, architecture, tensor=True):
    writer = gguf.GGUFWriter(path, architecture)
    if tensor:
        writer.add_tensor("some.weight", np.zeros((4, 4), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_what_is_no_language_model_is_refused_before_it_is_loaded(model_file, tmp_path):
    data = model_file.read_bytes()
    (tmp_path / "text.gguf").write_text("once upon a time")
    (tmp_path / "empty.gguf").write_bytes(b"")
    (tmp_path / "cut-early.gguf").write_bytes(data[:200])
    (tmp_path / "cut-late.gguf").write_bytes(data[:-100])
    (tmp_path / "lies.gguf").write_bytes(data[:8] + struct.pack("<QQ", 1 << 60, 1 << 60) + data[24:])
    foreign(tmp_path / "whisper.gguf", "whisper")
    foreign(tmp_path / "no-tokenizer.gguf", "llama")
    said = {
        "text": "not a GGUF", "empty": "not a GGUF", "cut-early": "cut short", "cut-late": "cut short",
        "lies": "cut short", "whisper": "kind whisper", "no-tokenizer": "no tokenizer", "absent": "no such file"}
    for name, words in said.items():
        with pytest.raises(LabError, match=words) as caught:
            GgufEngine(tmp_path / f"{name}.gguf")
        assert "\n" not in str(caught.value)


def test_what_llama_cpp_itself_refuses_is_told_in_its_words(model_file, tmp_path):
    data = model_file.read_bytes()
    assert data.count(b"blk.1.attn_k.weight") == 1
    (tmp_path / "renamed.gguf").write_bytes(data.replace(b"blk.1.attn_k.weight", b"blk.1.attn_z.weight"))
    with pytest.raises(LabError, match="blk.1.attn_k.weight"):
        GgufEngine(tmp_path / "renamed.gguf")


def test_a_killed_child_becomes_an_error_and_not_a_hang(model_file):
    engine = GgufEngine(model_file, threads=1)
    engine.start([0, 5])
    os.kill(engine.pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
    with pytest.raises(LabError, match="ended while it was asked to step"):
        engine.step(5)
    engine.close()
    engine.close()


def test_an_aborting_child_gives_its_last_words(model_file):
    engine = GgufEngine(model_file, threads=1)
    code = "import os; os.write(2, b'GGML_ASSERT failed'); os.abort()"
    engine._child._process.kill()
    engine._child._process.wait()
    engine._child._process = __import__("subprocess").Popen(
        [sys.executable, "-c", code], stdin=-1, stdout=-1, stderr=engine._child._complaints)
    with pytest.raises(LabError, match="GGML_ASSERT failed"):
        engine.score([1, 2])
    engine.close()


def test_what_does_not_fit_the_context_is_refused_and_the_engine_lives_on(model_file):
    engine = GgufEngine(model_file, threads=1)
    with pytest.raises(LabError, match="65 tokens"):
        engine.start([1] * 65)
    with pytest.raises(LabError, match="no token 9999"):
        engine.start([9999])
    engine.start([1] * 64)
    with pytest.raises(LabError, match="full"):
        engine.step(1)
    assert engine.score([1, 2, 3]).shape == (3, 384)
    engine.close()


def test_the_child_ends_with_whoever_started_it(model_file):
    process = LlamaProcess()
    child = process._process
    child.stdin.close()
    assert child.wait(timeout=20) == 0
    process.close()


def test_our_header_reader_agrees_with_the_gguf_library(model_file):
    ours, theirs = read_header(model_file), gguf.GGUFReader(model_file)
    assert [(t.name, t.shape, t.type) for t in ours.tensors] == [
        (t.name, tuple(t.shape.tolist()), t.tensor_type.name) for t in theirs.tensors]
    for name, field in theirs.fields.items():
        if not name.startswith("GGUF."):
            array = field.types[0] == gguf.GGUFValueType.ARRAY
            assert ours.metadata[name] == (len(field.data) if array else field.contents()), name
