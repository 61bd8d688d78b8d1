"""The systems of the field for the pages that offer them: read once, told as a tree."""

from functools import cache

from app.translations import translate
from core.spec.base import build
from core.spec.files import Preset, preset, preset_names
from core.spec.system import SystemSpec
from widgets.tree_layout import Entry

ROOTS = {"bert": "transformer", "gpt-1": "transformer", "t5": "transformer", "bart": "transformer", "gpt-2": "gpt-1",
         "xlnet": "bert", "gpt-j": "gpt-3", "llama": "gpt-3", "word2vec": "nnlm", "fasttext": "word2vec",
         "ulmfit": "elmo", "gpt-neox-20b": "gpt-j", "palm": "gpt-j", "galactica": "gpt-2", "bloom": "gpt-2",
         "glm-130b": "gpt-2", "ul2": "t5", "alexatm": "bart", "mt5": "t5", "gopher": "gpt-2"}  # fmt: skip


@cache
def presets() -> dict[str, Preset]:
    """Every system's preset by its file's name, in the order of the tree."""
    return {name: preset("systems", name) for name in preset_names("systems")}


@cache
def systems() -> dict[str, SystemSpec]:
    """Every system by its file's name."""
    return {name: build(SystemSpec, found.values, f"presets/systems/{name}.toml") for name, found in presets().items()}


@cache
def parent(name: str) -> str:
    """What a system grew from: its base, what its idea begins with ("GPT-2; …"), or what the surveys draw; or none."""
    system = systems()[name]
    keys = {found.name: key for key, found in systems().items()}
    if system.base:
        return keys[system.base]
    begins = [word for word in keys if system.itself.split(";")[0].split(" with ")[0].split("-like")[0] == word]
    return keys[begins[0]] if begins and keys[begins[0]] != name else ROOTS.get(name, "")


def entries() -> list[Entry]:
    """The tree in the user's language."""
    return [Entry(key=name, name=system.name, year=system.year, branch=system.branch, open=system.open_weights,
                  recipe=system.recipe, parent=parent(name), idea=translate(presets()[name].about))
            for name, system in systems().items()]  # fmt: skip
