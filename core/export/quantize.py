"""Smaller GGUF variants by llama.cpp's own quantizer, and what became of each tensor."""

import collections
import os
import shutil
from pathlib import Path

from core.errors import LabError
from core.infer.gguf import LlamaProcess, spare_cores
from core.infer.gguf_header import read_header
from core.record.atomic import TEMPORARY, commit_file

ROW_MULTIPLE = {"q8_0": 32, "q4_k_m": 256}  # a row is cut into blocks of so many weights
SMALL = 256 << 20  # bytes; with less room than this, a failure is most likely a full disk


def quantize(source: Path, target: Path, type: str) -> None:
    """Write the F32 or F16 GGUF ``source`` as ``target``; it appears whole or not at all.

    Raises:
        LabError: llama.cpp failed or died, or the disk is full.
    """
    temporary = target.with_name(f"{TEMPORARY}{os.getpid()}-{target.name}")
    try:
        with LlamaProcess() as llama:
            llama.call("quantize", source=str(source), target=str(temporary), type=type, threads=spare_cores())
        read_header(temporary)  # cut short by a full disk? Then it must not get its name
        commit_file(temporary, target)
    except LabError as error:
        if shutil.disk_usage(target.parent).free < SMALL:
            raise LabError(
                "The disk is too full to write this file.", str(target), "Free some space and export again.") from error
        raise LabError(error.problem, str(target), error.remedy, **error.values) from error
    finally:
        temporary.unlink(missing_ok=True)


def tensor_types(path: Path) -> dict[str, str]:
    """The type of every matrix of a GGUF file, by name."""
    return {t.name: t.type for t in read_header(path).tensors if len(t.shape) > 1}


def fallback_note(path: Path, type: str) -> tuple[str, dict]:
    """Which matrices could not take the type asked for, as a template and its values; empty when all could."""
    multiple = ROW_MULTIPLE.get(type)
    matrices = [t for t in read_header(path).tensors if len(t.shape) > 1 and not t.name.startswith("position_embd")]
    fell = [t for t in matrices if multiple and t.shape[0] % multiple]
    if not fell:
        return "", {}
    counts = collections.Counter(t.type for t in fell)
    listed = ", ".join(f"{kind} {count}" for kind, count in counts.most_common())
    return (
        "{fell} of {matrices} matrices took another type, because their rows are no multiple of {multiple}: {types}.",
        {"fell": len(fell), "matrices": len(matrices), "multiple": multiple, "types": listed})
