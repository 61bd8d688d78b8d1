"""A system of the field at a budget: a number of parameters, minutes on this machine, or memory."""

import json
import sys

import msgspec
from PySide6.QtCore import QCoreApplication, QObject, QProcess, Signal

from core.errors import LabError
from core.jobs.launch import ROOT
from core.model.scaling import scale_to_compute, scale_to_memory, scale_to_parameters
from core.spec.model import ModelSpec

PARAMETERS = {"1m": 1e6, "10m": 1e7}
MINUTES, MEMORY_BYTES = 5, 2e9
MOST_STEPS = 1_000_000  # where a time budget decides
CONTEXT = 256
SMALL_VOCABULARY, VOCABULARY = 2048, 8192  # where the workspace has no tokenizer yet


def grow(shape: ModelSpec, budget: str, vocab: int = 0, flops_per_s: float = 0.0) -> ModelSpec:
    """The shape at a budget: "1m", "10m", "5min" (needs ``flops_per_s``) or "2gb"; ``vocab`` 0 = one that fits.

    Raises:
        LabError: nothing of this shape comes near the budget.
    """
    context = min(shape.context, CONTEXT)
    if budget in PARAMETERS:
        vocab = vocab or (SMALL_VOCABULARY if budget == "1m" else VOCABULARY)
        return scale_to_parameters(shape, PARAMETERS[budget], vocab, context)
    if budget == "5min":
        return scale_to_compute(shape, flops_per_s * 60 * MINUTES, vocab or SMALL_VOCABULARY, context)
    return scale_to_memory(shape, MEMORY_BYTES, vocab or VOCABULARY, context)


class Probe(QObject):
    """Trains a design for three seconds in a process of its own, and says how fast that was."""

    measured = Signal(dict)  # what core.train.probe returns
    failed = Signal(object)  # LabError

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process: QProcess | None = None

    @property
    def busy(self) -> bool:
        """Whether a measurement is under way."""
        return self._process is not None

    def run(self, spec: ModelSpec) -> None:
        """Measure a design; one under way is given up."""
        self.cancel()
        process = self._process = QProcess(QCoreApplication.instance())  # it may outlive the page that asked
        process.setWorkingDirectory(str(ROOT))
        process.finished.connect(self._ended)
        process.finished.connect(process.deleteLater)
        process.errorOccurred.connect(self._not_started)
        process.start(sys.executable, ["-m", "core.train.probe"])
        process.write(json.dumps({"model": msgspec.to_builtins(spec)}).encode())
        process.closeWriteChannel()

    def cancel(self) -> None:
        """Give up what is under way, without a word."""
        if self._process is not None:
            process, self._process = self._process, None
            process.finished.disconnect(self._ended)
            process.errorOccurred.disconnect(self._not_started)
            process.kill()

    def _not_started(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:  # every other error ends in ``finished``
            self._process.deleteLater()
            self._ended()

    def _ended(self, *_) -> None:
        process, self._process = self._process, None
        said = bytes(process.readAllStandardOutput())
        cause = bytes(process.readAllStandardError()).decode("utf-8", "replace")
        try:
            answer = json.loads(said)
        except ValueError:
            last = cause.strip().splitlines()[-1:] or ["?"]
            self.failed.emit(LabError(
                "The measurement ended early: {reason}.", "", "Choose a smaller design.", reason=last[0]))
            return
        if "problem" in answer:
            self.failed.emit(LabError(answer["problem"], answer["where"], answer["remedy"], **answer["values"]))
        else:
            self.measured.emit(answer)
