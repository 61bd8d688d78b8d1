"""Every word that a widget or a spec shows exists in Chinese, with the same {names}."""

import importlib
import json
import re

import msgspec
import pytest

from core.spec.base import fields
from widgets import theme
from widgets.spec_words import CHOICES
from widgets.terms import glossary

ROOT = theme.ASSETS.parent
CALL = re.compile(r'(?:\btr|\bsay|translate)\(\s*(?:"[\w ]+",\s*)?"((?:[^"\\]|\\.)+)"\s*\)')


def catalogue():
    found = {}
    for path in sorted((theme.ASSETS / "translations" / "zh_CN").glob("*.json")):
        found |= json.loads(path.read_text("utf-8"))
    return found


def test_every_sentence_of_the_widgets_is_translated():
    words = {match for path in (ROOT / "widgets").glob("*.py") for match in CALL.findall(path.read_text("utf-8"))}
    assert len(words) > 100
    assert sorted(words - set(catalogue())) == []


@pytest.mark.parametrize("room", ["model", "train", "corpus", "tokenizer", "export", "sampling"])
def test_every_label_and_help_of_a_spec_is_translated(room):
    module, words = importlib.import_module(f"core.spec.{room}"), set()
    for kind in vars(module).values():
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind.__module__ == module.__name__:
            for field in fields(kind):
                words |= {field.label, field.help, field.unit} - {""}
    assert sorted(words - set(catalogue())) == []


def test_every_choice_rule_and_term_is_translated_or_a_proper_name():
    proper = {"RMSNorm", "LayerNorm", "RoPE", "GELU", "GELU (tanh)", "ReLU", "SiLU", "SwiGLU", "GeGLU", "WordPiece",
              "Unigram", "PyTorch", "CPU", "CUDA", "fp32", "bf16", "fp16", "ONNX", "GGUF", "Q8_0",
              "Q4_K_M"}  # fmt: skip
    words = {*CHOICES.values(), *glossary()} - proper
    assert sorted(word for word in words - set(catalogue()) if not word.startswith("GGUF")) == []


def test_a_translation_has_the_same_names_to_fill_in():
    for english, chinese in catalogue().items():
        assert set(re.findall(r"{(\w+)}", english)) == set(re.findall(r"{(\w+)}", chinese)), english
