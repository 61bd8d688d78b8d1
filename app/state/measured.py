"""What a run was expected to take beside what it took."""

from dataclasses import dataclass

import msgspec
from PySide6.QtCore import QCoreApplication

from app.state.jobs import Job, JobStore
from app.words import bytes_text, count_text, duration_text
from core.errors import LabError
from core.spec.base import build
from core.spec.model import ModelSpec


@dataclass(frozen=True)
class Figure:
    """One figure in words: expected, measured (empty = not, or not yet), and by how much the first missed."""

    name: str
    expected: str
    measured: str
    error: str


def figures(estimates: dict, result: dict) -> list[Figure]:
    """Memory, time, speed and energy; nothing where nothing was expected.

    Args:
        estimates: what core.train.estimates wrote into choices.json.
        result: of the finished run; empty before.
    """
    say = QCoreApplication.translate
    names = {"memory_bytes": say("measured", "Memory"), "elapsed_s": say("measured", "Time of the steps"),
             "tokens_per_s": say("measured", "Tokens a second"), "energy_j": say("measured", "Energy")}  # fmt: skip
    rows = []
    for key, name in names.items():
        expected, measured = estimates.get(key), result.get(key)
        if expected:
            words = _WORDS[key]
            rows.append(Figure(name, words(expected), words(measured) if measured else "",
                               error_text(expected, measured) if measured else ""))  # fmt: skip
    return rows


def error_text(expected: float, measured: float) -> str:
    """By how much an estimate lies above (+) or below (−) what was measured."""
    percent = round(100 * (expected / measured - 1))
    return f"{'+' if percent > 0 else '−' if percent < 0 else '±'}{abs(percent)} %"


def time_text(seconds: float) -> str:
    """A length of time; two figures where it is short."""
    return duration_text(seconds) if seconds >= 10 else QCoreApplication.translate("time", "{s} s").format(
        s=f"{seconds:.2g}")


def energy_text(joules: float) -> str:
    """Watt-hours, or kilowatt-hours where they are many."""
    hours = joules / 3600
    return f"{hours / 1000:.3g} kWh" if hours >= 1000 else f"{hours:.3g} Wh"


def note(estimates: dict, result: dict, state: str) -> str:
    """What has to be said about the figures."""
    say = QCoreApplication.translate
    if not estimates:
        return say("measured", "Nothing was estimated when this run began.")
    if state != "completed":
        return say("measured", "The measured figures stand here when the run is finished.")
    words = say("measured", "Estimated when the run began. Memory is the growth of the process since before the model; "
                "time is that of the steps alone, without measuring and saving.")  # fmt: skip
    if not result.get("energy_j"):
        words += " " + say("measured", "No meter can be read here, so energy stays an estimate (30 W assumed).")
    return words


def run_of(jobs: JobStore, design: ModelSpec) -> Job | None:
    """The newest finished run of this very design, whatever its tokenizer."""
    for job in jobs.jobs("train"):
        if job.view.state == "completed" and model_of(job) == msgspec.structs.replace(design, vocab_size=0):
            return job
    return None


def model_of(job: Job) -> ModelSpec | None:
    """The shape that a run trains, its vocabulary left to the tokenizer; None where it cannot be read."""
    if job.root not in _MODELS:
        try:
            spec = build(ModelSpec, job.folder.request["spec"].get("model", {}))
            _MODELS[job.root] = msgspec.structs.replace(spec, vocab_size=0)
        except (LabError, KeyError, OSError):
            _MODELS[job.root] = None
    return _MODELS[job.root]


_MODELS: dict = {}  # by folder: a run's request never changes
_WORDS = {"memory_bytes": bytes_text, "elapsed_s": time_text, "tokens_per_s": count_text, "energy_j": energy_text}
