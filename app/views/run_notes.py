"""Sentences on what a run decided by measuring, and on what it has saved."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QCoreApplication

from app.translations import translate
from app.words import bytes_text
from core.errors import join_sentences
from core.record.events import Chosen
from core.record.view import JobView

LINES_SHOWN = 30


def choice_sentences(view: JobView) -> list[str]:
    """What was chosen on this machine, and by how much it won."""
    return [_sentence(chosen) for chosen in view.choices.values()]


def checkpoint_lines(view: JobView, root: Path) -> list[str]:
    """Checkpoints that are still there, the newest first, the best marked."""
    say = QCoreApplication.translate
    kept = [c for c in view.checkpoints if (root / c.path).is_dir()]
    measured = [c for c in kept if c.val_loss is not None]
    best = min(measured, key=lambda c: c.val_loss).step if measured else None
    lines = []
    for c in reversed(kept[-LINES_SHOWN:]):
        loss = say("run", "validation loss {loss}").format(loss=f"{c.val_loss:.4f}") if c.val_loss is not None else ""
        mark = say("run", "the best so far") if c.step == best else ""
        where = say("run", "Step {step}").format(step=f"{c.step:,}")
        lines.append(" · ".join(filter(None, (where, loss, bytes_text(c.bytes) if c.bytes else "", mark))))
    return lines


def _sentence(chosen: Chosen) -> str:
    say = QCoreApplication.translate
    what = {"arithmetic": say("run", "Arithmetic"), "steps": say("run", "Steps"), "optimizer": say("run", "Optimizer"),
            "peak": say("run", "Peak of this machine")}.get(chosen.what, translate(chosen.what))  # fmt: skip
    words = {"arithmetic": arithmetic_text, "optimizer": _optimizer_text}.get(chosen.what)
    won = _gain(chosen, words) if words else ""
    value = words(chosen.value) if words else chosen.value
    return join_sentences(say("run", "{what}: {value}.").format(what=what, value=value), won, translate(chosen.why))


def _gain(chosen: Chosen, words: Callable[[str], str]) -> str:
    """How much faster the winner is than the best of torch."""
    mine = chosen.timings.get(chosen.value)
    rivals = {name: taken for name, taken in chosen.timings.items() if name.endswith("torch") and name != chosen.value}
    if not mine or not rivals:
        return ""
    rival = min(rivals, key=rivals.get)
    return QCoreApplication.translate("run", "{ratio} times as fast as {rival}.").format(
        ratio=f"{rivals[rival] / mine:.2f}", rival=words(rival))  # fmt: skip


def _optimizer_text(path: str) -> str:
    say = QCoreApplication.translate
    return say("run", "Coldframe's own AdamW") if path == "ours" else say("run", "PyTorch's AdamW")


def arithmetic_text(label: str) -> str:
    """A candidate's label as the log has it ("bf16, our loss + attention", "fp32, torch") in plain words."""
    say = QCoreApplication.translate
    precision, _, kernels = label.partition(", ")
    precision = {"bf16": "bfloat16", "fp32": "float32", "fp16": "float16",
                 "bf16_weights": say("run", "bfloat16 weights")}.get(precision, precision)
    names = {"loss": say("run", "loss"), "attention": say("run", "attention"), "norm": say("run", "normalisation"),
             "swiglu": "SwiGLU", "gelu": "GELU"}  # fmt: skip
    if not kernels.startswith("our "):
        return say("run", "{precision} with PyTorch alone").format(precision=precision)
    ours = [names.get(name, name) for name in kernels.removeprefix("our ").split(" + ")]
    return say("run", "{precision} with Coldframe's own kernels for {names}").format(
        precision=precision, names=say("run", ", ").join(ours))  # fmt: skip
