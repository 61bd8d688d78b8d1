"""Every text a person can see has its Chinese, with the same blanks to fill in."""

import ast
import re
import string
from pathlib import Path

import pytest

from app.translations import read_catalogue
from core.jobs.grow import STAGES
from core.jobs.registry import KINDS
from core.spec import prompt, sampling
from core.spec.base import fields
from core.spec.files import PRESETS, read_toml

ROOT = Path(__file__).resolve().parents[2]
# Names that are the same in every language, and units without words.
UNTRANSLATED = re.compile(r"^[\W\d_]*$|^\{\w+\}$|^(Coldframe|Ctrl\+\w+|GPT-2|LLaMA|MFU|FLOPs?|s|GGUF.*|ONNX)$")


def literal(node) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def window_texts() -> dict[str, str]:
    """Literals given to tr, translate, say and QT_TRANSLATE_NOOP in app/ and widgets/: {text: file}."""
    found = {}
    for path in [*ROOT.glob("app/**/*.py"), *ROOT.glob("widgets/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            words = [literal(argument) for argument in node.args]
            if name == "tr" and words[:1] != [None] and words:
                found[words[0]] = path.name
            elif name in ("translate", "say", "QT_TRANSLATE_NOOP") and words and words[-1] and len(words) <= 2:
                found[words[-1]] = path.name
    return found


def spec_texts() -> dict[str, str]:
    """Labels, help and units of every spec that a form can show."""
    found, waiting = {}, [kind.spec_type() for kind in KINDS.values()]
    waiting += [sampling.SamplingSpec, prompt.PromptSpec]
    while waiting:
        spec_type = waiting.pop()
        for field in fields(spec_type):
            found |= {text: spec_type.__name__ for text in (field.label, field.help, field.unit, field.group) if text}
            waiting += [field.spec, *field.union] if field.spec else field.union
    return found


def preset_texts() -> dict[str, str]:
    """Titles and descriptions of the presets that the window offers."""
    found = {}
    for path in [path for room in ("models", "prompts", "worlds") for path in PRESETS.glob(f"{room}/*.toml")]:
        data = read_toml(path)
        found |= {data[key]: path.name for key in ("title", "about")}
    for path in PRESETS.glob("systems/*.toml"):  # their titles are names
        data = read_toml(path)
        found |= {data[key]: path.name for key in ("about", "not_yet", "difference") if data.get(key)}
    return found


def engine_texts() -> dict[str, str]:
    """Templates of errors, remarks and phases that workers say and the window shows."""
    found = dict.fromkeys(STAGES.values(), "grow.py")
    for path in [*ROOT.glob("core/**/*.py"), *ROOT.glob("app/**/*.py")]:
        if "cli" in path.parts:
            continue  # the command line speaks English
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                found |= {text: path.name for text in _said(node)}
    return found


def _said(call: ast.Call) -> list[str]:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if name in ("LabError", "Problem"):
        words = [literal(call.args[i]) for i in (0, 2) if i < len(call.args)]
        words += [literal(k.value) for k in call.keywords if k.arg in ("problem", "remedy")]
    elif name in ("Phase", "Noted", "Chosen", "Exported", "Verified"):
        wanted = ("name", "text", "why", "note", "verdict")
        words = [literal(k.value) for k in call.keywords if k.arg in wanted]
    elif name == "Reason":
        words = [literal(argument) for argument in call.args[1:2]]
    else:
        words = []
    return [word for word in words if word and len(word) > 1]


@pytest.mark.parametrize("collect", [window_texts, spec_texts, preset_texts, engine_texts])
def test_every_text_has_its_chinese(collect):
    catalogue = read_catalogue("zh_CN")
    missing = {text: where for text, where in collect().items()
               if text not in catalogue and not UNTRANSLATED.match(text)}  # fmt: skip
    assert missing == {}


def test_translations_keep_the_blanks_of_their_templates():
    def blanks(text):
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    broken = []
    for english, chinese in read_catalogue("zh_CN").items():
        try:
            if blanks(english) != blanks(chinese):
                broken.append(english)
        except ValueError:
            pass  # a text with braces of its own is shown as it is
    assert broken == []


def test_something_is_collected_from_each_place():
    assert "Grow your first model" in window_texts()
    assert "Learning rate" in spec_texts()
    assert any("GPT-2" in text for text in preset_texts())
    assert "Training" in engine_texts()
