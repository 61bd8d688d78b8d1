"""Every file of an export against the trained model: measured, judged, and kept in parity.json."""

import json
from pathlib import Path

from core.data.shards import TokenShard
from core.errors import LabError, say
from core.export.hostile import HOSTILE
from core.export.quantize import tensor_types
from core.export.verify import Reference, compare, held_out_windows, judge
from core.model.decoder import Decoder
from core.record.atomic import write_json
from core.record.events import Noted, Phase, Progress, Verified
from core.record.folder import JobFolder, versions
from core.tokens.tokenizer import Tokenizer

PARITY = "parity.json"
CONTENTS = "export.json"  # which checkpoint the files were made from
NOT_SHOWN = ("tokenizer", "tensor_types")  # details that parity.json alone keeps
LINES = 200  # held-out lines that both tokenizers read


def check_files(folder: JobFolder, export: JobFolder, decoder: Decoder, count: int, emit, control) -> dict:
    """Verify every file of ``export``; parity.json goes into ``folder``.

    Args:
        folder: the job that verifies (the export itself, or a later verification).
        export: the finished export.
        decoder: the trained model it was made from.
        count: held-out tokens to compare on.
        emit: event sink; one Verified a file.
        control: checked between windows.
    Returns:
        {"exports": [...], "reference_perplexity": float}, as the export job returns them.
    """
    contents = read_contents(export)
    run = export.workspace.folder("runs", contents["run"])
    held_out = TokenShard.open(run.root, "held_out").tokens
    reference = Reference(decoder, held_out_windows(held_out, decoder.spec.context, count))
    tokenizer = Tokenizer.load(run.root)
    texts = HOSTILE + held_out_lines(reference.windows, tokenizer)
    emit(Phase(name="Verifying each file in its own runtime"))
    if reference.tokens < count:
        emit(Noted(
            text="The run has only {tokens} held-out tokens to compare on.", values={"tokens": reference.tokens}))
    rows, total = [], reference.tokens * len(contents["files"])
    for number, (format, name) in enumerate(contents["files"].items()):
        def check(done: int, before=number * reference.tokens, stage=format) -> None:
            emit(Progress(done=before + done, total=total, unit="tokens", stage=stage))
            control.check()

        row = _check_file(export.path(name), format, reference, texts, tokenizer, check)
        emit(Verified(**{key: value for key, value in row.items() if key not in NOT_SHOWN}))
        rows.append(row | {"verdict": say(row["verdict"], "", "", row.pop("values"))})
    write_json(folder.path(PARITY), {
        "export": export.name, "run": contents["run"], "checkpoint": contents["checkpoint"], "step": contents["step"],
        "tokens": reference.tokens, "reference_perplexity": reference.perplexity(), "versions": versions(),
        "files": rows})
    exports = [{k: v for k, v in row.items() if k not in NOT_SHOWN} for row in rows]
    return {"exports": exports, "reference_perplexity": reference.perplexity()}


def _check_file(path: Path, format: str, reference: Reference, texts: list[str], tokenizer, check) -> dict:
    """One row of parity.json."""
    if not path.is_file():
        raise LabError("This file of the export is gone.", str(path), "Export the run again.")
    found = compare(path, format, reference, texts, tokenizer.encode, check)
    verdict, values, within = judge(format, reference.decoder.spec.activation, found, reference.perplexity())
    row = {"format": format, "file": path.name, "bytes": path.stat().st_size}
    for measure in ("max_logit_difference", "top1_agreement", "perplexity", "tokens_per_s"):
        row[measure] = getattr(found, measure)
    row |= {"verdict": verdict, "values": values, "within": within}
    row["tokenizer"] = {"texts": found.texts, "mismatches": found.mismatches}
    if format != "onnx":
        row["tensor_types"] = tensor_types(path)
    return row


def held_out_lines(windows: list[list[int]], tokenizer: Tokenizer) -> list[str]:
    """The first lines of the held-out text that the windows hold."""
    text = "\n".join(tokenizer.decode([id for id in window if id]) for window in windows)
    return [line for line in text.splitlines() if line.strip()][:LINES]


def read_contents(export: JobFolder) -> dict:
    """What an export holds and which checkpoint it came from.

    Raises:
        LabError: the export was not finished.
    """
    path = export.path(CONTENTS)
    if not path.is_file():
        raise LabError("This export was not finished.", str(export.root), "Export the run again.")
    return json.loads(path.read_text("utf-8"))
