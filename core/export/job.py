"""The export job: write every format asked for, then check each in its own runtime."""

from pathlib import Path

import msgspec

from core.errors import LabError
from core.export.gguf import write_gguf
from core.export.onnx import write_onnx
from core.export.parity import CONTENTS, check_files
from core.export.quantize import fallback_note, quantize
from core.export.refusal import Refusal
from core.export.usage import write_usage
from core.export.verify import GELUS
from core.infer.sources import checkpoint_path
from core.model.decoder import Decoder
from core.model.loading import load_decoder
from core.record.atomic import TEMPORARY, clear_leftovers, write_json
from core.record.events import Exported, Noted, Phase, Progress
from core.record.folder import JobFolder
from core.spec.export import ExportSpec

GELU_NOTE = (
    "llama.cpp computes GELU from a half-precision table of its tanh form, so its numbers differ from the trained "
    "model's in the third decimal."
)


def run(spec: ExportSpec, folder: JobFolder, emit, control) -> dict:
    """Export a run's checkpoint and verify the files.

    Returns:
        {"exports": [{format, file, bytes, max_logit_difference, top1_agreement, perplexity, tokens_per_s,
        verdict, within}], "refused": [{format, problem, remedy, values}], "reference_perplexity"}; what only
        verifying measures is null without it.
    Raises:
        LabError: no such run or checkpoint, no format fits the model, or the disk is full.
    """
    clear_leftovers(folder.root)
    emit(Phase(name="Loading the trained model"))
    source = folder.workspace.folder("runs", spec.run)
    checkpoint = checkpoint_path(source.root, spec.checkpoint)
    decoder, shape, step = load_decoder(checkpoint)
    writer = _Writer(folder.root, spec.run, step, decoder, source.path("tokenizer.json"), emit)
    control.check()
    emit(Phase(name="Writing the files"))
    for done, format in enumerate(spec.formats):
        emit(Progress(done=done, total=len(spec.formats), unit="files", stage=format))
        writer.write(format)
        control.check()
    writer.clear()
    if not writer.files:
        raise writer.refusals[spec.formats[0]] if writer.refusals else LabError(
            "No format was chosen.", "", "Choose at least one.")
    emit(Progress(done=len(spec.formats), total=len(spec.formats), unit="files"))
    write_json(folder.path(CONTENTS), {
        "run": spec.run, "checkpoint": checkpoint.name, "step": step, "model": msgspec.to_builtins(shape),
        "files": writer.files})
    write_usage(folder.root, spec.run, shape.context, writer.files)
    if spec.verify:
        result = check_files(folder, folder, decoder, spec.verify_tokens, emit, control)
    else:
        result = {"exports": [_unmeasured(folder, format, name) for format, name in writer.files.items()],
                  "reference_perplexity": None}
    refused = [
        {"format": format, "problem": error.problem, "remedy": error.remedy, "values": error.values}
        for format, error in writer.refusals.items()]
    return {**result, "refused": refused}


def _unmeasured(folder: JobFolder, format: str, name: str) -> dict:
    empty = dict.fromkeys(("max_logit_difference", "top1_agreement", "perplexity", "tokens_per_s", "within"))
    return {"format": format, "file": name, "bytes": folder.path(name).stat().st_size, "verdict": "", **empty}


def file_name(run: str, format: str) -> str:
    """The name of a run's file of one format."""
    return f"{run}.onnx" if format == "onnx" else f"{run}-{format.removeprefix('gguf-')}.gguf"


class _Writer:
    """Writes formats one by one and remembers what was written and what was refused."""

    def __init__(self, folder: Path, run: str, step: int, decoder: Decoder, tokenizer_json: Path, emit) -> None:
        self.folder, self.run, self.decoder, self.emit = folder, run, decoder, emit
        self.tokenizer_json = tokenizer_json
        self.description = f"Grown with Coldframe: run {run}, step {step}."
        self.files: dict[str, str] = {}
        self.refusals: dict[str, Refusal] = {}
        self._full: Path | None = None  # the F32 file that quantized ones are made from

    def write(self, format: str) -> None:
        """Write one format; a refusal is noted and leaves the others be."""
        path = self.folder / file_name(self.run, format)
        try:
            self._write(format, path)
        except Refusal as error:
            self.refusals[format] = error
            self.emit(Noted(text="{format} was left out. " + error.problem,
                            values={**error.values, "format": format}))
            return
        self.files[format] = path.name
        note, values = self._note(format, path)
        self.emit(Exported(format=format, file=path.name, bytes=path.stat().st_size, note=note, values=values))

    def _write(self, format: str, path: Path) -> None:
        if format == "onnx":
            write_onnx(path, self.decoder, self.tokenizer_json, self.run, self.description)
        elif format in ("gguf-f32", "gguf-f16"):
            type = format.removeprefix("gguf-")
            write_gguf(path, self.decoder, self.tokenizer_json, type, self.run, self.description)
            if type == "f32":
                self.clear()
                self._full = path
        else:
            quantize(self._full_precision(), path, format.removeprefix("gguf-"))

    def _full_precision(self) -> Path:
        if self._full is None:
            path = self.folder / f"{TEMPORARY}full.gguf"
            write_gguf(path, self.decoder, self.tokenizer_json, "f32", self.run, self.description)
            self._full = path
        return self._full

    def _note(self, format: str, path: Path) -> tuple[str, dict]:
        note, values = ("", {}) if format == "onnx" else fallback_note(path, format.removeprefix("gguf-"))
        if not note and format == "gguf-f32" and self.decoder.spec.activation in GELUS:
            return GELU_NOTE, {}
        return note, values

    def clear(self) -> None:
        """Remove the F32 file that nobody asked for."""
        if self._full is not None and self._full.name.startswith(TEMPORARY):
            self._full.unlink(missing_ok=True)
            self._full = None
