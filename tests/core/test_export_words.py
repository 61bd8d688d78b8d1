"""What the export room says to people, and which parts of a file's judgement they read."""

import ast
import json
from pathlib import Path

import numpy as np
import pytest

from core.errors import LabError, say
from core.export.job import GELU_NOTE, file_name
from core.export.usage import modelfile, write_usage
from core.export.verify import Comparison, held_out_windows, judge, perplexity, token_losses
from core.spec.base import fields
from core.spec.export import FORMATS, ExportSpec, VerifySpec

ROOT = Path(__file__).resolve().parents[2]
OURS, *OTHERS = (json.loads(path.read_text("utf-8")) for path in sorted(
    (ROOT / "assets/translations/zh_CN").glob("*.json"), key=lambda path: path.stem != "export"))  # fmt: skip
CHINESE = {english: chinese for part in (*OTHERS, OURS) for english, chinese in part.items()}


def found(difference=1e-5, agreement=1.0, perplexity=10.0, mismatches=0):
    return Comparison(max_logit_difference=difference, top1_agreement=agreement, perplexity=perplexity,
                      tokens_per_s=1.0, texts=50, mismatches=mismatches)


@pytest.mark.parametrize(("format", "activation", "comparison", "within", "said"), [
    ("onnx", "swiglu", found(), True, "Answers like the trained model."),
    ("gguf-f32", "swiglu", found(2e-3), False, "Differs: the same first choice 100.0 % of the time"),
    ("gguf-f32", "gelu", found(2e-3), True, "Answers like"),
    ("onnx", "gelu", found(2e-3), False, "Differs"),
    ("gguf-f16", "swiglu", found(1e-2, 0.995), True, "Answers like"),
    ("gguf-f16", "swiglu", found(1e-2, 0.985), False, "Differs"),
    ("gguf-q8_0", "swiglu", found(0.5, 0.981, 10.04), True, "Answers nearly alike; perplexity 0.4 % worse."),
    ("gguf-q8_0", "swiglu", found(0.5, 0.979), False, "Differs"),
    ("gguf-q4_k_m", "swiglu", found(2.0, 0.90, 10.5), True, "perplexity 5.0 % worse, the same first choice 90.0 %"),
    ("gguf-f16", "swiglu", found(perplexity=9.99), True, "perplexity 0.1 % better"),
    ("gguf-f32", "swiglu", found(mismatches=3), True, "reads 3 of 50 test texts as other tokens"),
    ("gguf-f32", "swiglu", found(float("nan"), 0.0, float("nan")), False, "Differs"),
])
def test_a_verdict_follows_from_the_limits_of_its_format(format, activation, comparison, within, said):
    template, values, holds = judge(format, activation, comparison, 10.0)
    assert holds is within and said in say(template, "", "", values) and template in CHINESE


def test_perplexity_is_the_exponential_of_the_mean_loss():
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]], np.float32))
    losses = token_losses(logits, [0, 1, 1])
    assert np.allclose(losses, [-np.log(0.25), -np.log(0.8)], atol=1e-6)
    assert abs(perplexity([losses]) - (0.25 * 0.8) ** -0.5) < 1e-5


def test_held_out_text_is_cut_into_windows_of_the_context():
    windows = held_out_windows(np.arange(25, dtype=np.uint16), 8, 24)
    assert [len(w) for w in windows] == [8, 8, 8] and windows[2][-1] == 23
    assert [len(w) for w in held_out_windows(np.arange(17), 8, 100)] == [8, 8], "a lone token predicts nothing"
    with pytest.raises(LabError, match="held-out"):
        held_out_windows(np.array([], np.uint16), 8, 100)


def test_a_person_is_told_how_to_run_the_files(tmp_path):
    files = {format: file_name("My Run", format) for format in FORMATS}
    assert files["gguf-q4_k_m"] == "My Run-q4_k_m.gguf" and files["onnx"] == "My Run.onnx"
    write_usage(tmp_path, "My Run", 256, files)
    words = (tmp_path / "README.txt").read_text("utf-8")
    assert "My Run-q8_0.gguf" in words and "ollama create my-run" in words
    assert (tmp_path / "Modelfile").read_text("utf-8") == modelfile("My Run-q8_0.gguf", 256)


def test_everything_the_room_says_has_its_chinese():
    said = {GELU_NOTE}
    for spec_type in (ExportSpec, VerifySpec):
        said |= {words for f in fields(spec_type) for words in (f.label, f.help)}
    sources = [*(ROOT / "core/export").glob("*.py"), *(ROOT / "core/infer").glob("gguf*.py"),
               ROOT / "core/infer/llama_child.py", ROOT / "core/infer/onnx.py"]
    for path in sources:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            name = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
            if name in ("LabError", "Refusal"):
                said |= {a.value for a in (node.args[0], *node.args[2:3]) if isinstance(a, ast.Constant)}
            if name in ("Phase", "Noted"):
                said |= {k.value.value for k in node.keywords if isinstance(k.value, ast.Constant)}
    assert sorted(said - set(CHINESE) - {""}) == []
    for english, chinese in OURS.items():
        names = {part.split("}")[0] for part in english.split("{")[1:]}
        assert names == {part.split("}")[0] for part in chinese.split("{")[1:]}, english
