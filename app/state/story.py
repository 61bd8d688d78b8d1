"""The first model told as a story: which stage is at work, and two sentences on what is on screen."""

from typing import NamedTuple

from PySide6.QtCore import QT_TRANSLATE_NOOP

from core.record.view import JobView


class Stage(NamedTuple):
    """One stage of growing a model: the kind of job, its title, and how far it is."""

    kind: str
    title: str
    state: str  # waiting, running, paused, completed, stopped, failed, crashed


TITLES = {
    "corpus": QT_TRANSLATE_NOOP("story", "Read and clean the text"),
    "tokenizer": QT_TRANSLATE_NOOP("story", "Learn the tokens"),
    "train": QT_TRANSLATE_NOOP("story", "Grow the model"),
    "index": QT_TRANSLATE_NOOP("story", "Index its training text"),
    "export": QT_TRANSLATE_NOOP("story", "Export and verify"),
}
WORDS = {
    "start": QT_TRANSLATE_NOOP(
        "story", "A worker process of its own is starting. It goes on even if you close this window."),
    "corpus": QT_TRANSLATE_NOOP(
        "story", "Text that is already on this machine is read and passes the cleaning rules. What falls out is "
        "kept aside with its reason, so that you can look at it on the Data page."),
    "tokenizer": QT_TRANSLATE_NOOP(
        "story", "Pieces of text that occur often become tokens, so that the model reads pieces instead of letters. "
        "A frequent word is one token, a rare one several."),
    "train": QT_TRANSLATE_NOOP(
        "story", "The model guesses the next token, and every wrong guess moves its weights a little. The curve is "
        "its loss: how surprised it is by the text, so lower is better."),
    "sample": QT_TRANSLATE_NOOP(
        "story", "At every checkpoint the model writes from where it stands. First come letters, then words, then "
        "sentences that almost mean something."),
    "index": QT_TRANSLATE_NOOP(
        "story", "Every place in the training text is being sorted into an index. With it, the Glass page can show "
        "which of the model's words it has read verbatim."),
    "export": QT_TRANSLATE_NOOP(
        "story", "The model is written as GGUF for llama.cpp and Ollama, and as ONNX. Each file is then loaded in "
        "its own runtime and has to answer as the trained model does."),
    "completed": QT_TRANSLATE_NOOP(
        "story", "Your model is grown, shipped and checked. Talk to it, or look inside to see which of its words "
        "come straight from the training text."),
    "stopped": QT_TRANSLATE_NOOP(
        "story", "Growing was stopped and nothing is lost. Press Resume to go on from the last checkpoint."),
    "failed": QT_TRANSLATE_NOOP(
        "story", "Growing ended before it was done, and what was finished is kept. Press Resume to try again from "
        "there."),
}  # fmt: skip


def stages(view: JobView) -> list[Stage]:
    """The five stages with their states, as the pipeline's log tells them."""
    told = []
    for kind, title in TITLES.items():
        state = view.child_states.get(kind, "waiting")
        if state == "running" and not view.live:
            state = view.state  # the whole was stopped or died while this stage was at work
        told.append(Stage(kind, title, state))
    return told


def current_stage(view: JobView) -> str:
    """The kind of the stage that began last; empty before the first."""
    begun = [kind for kind in TITLES if kind in view.child_states]
    return begun[-1] if begun else ""


def explanation(view: JobView, has_samples: bool) -> str:
    """Two sentences (a template to be translated) on what is on screen now."""
    if not view.live:
        return WORDS["failed" if view.state == "crashed" else view.state]
    stage = current_stage(view)
    if stage == "train" and has_samples:
        return WORDS["sample"]
    return WORDS[stage or "start"]
