"""The job that looks for the training documents which pushed a model towards an answer."""

import os
import time
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import Tensor

from core.data.documents import Documents
from core.data.shards import TokenShard
from core.errors import LabError
from core.glass.influence import agreements, answer_gradient, as_adam_steps
from core.glass.passages import closest, passages
from core.glass.training_text import training_documents
from core.model.loading import load_decoder, read_tensors
from core.record.atomic import write_json
from core.record.control import Control
from core.record.events import Phase, Progress
from core.record.folder import JobFolder
from core.record.metrics import read_metrics
from core.spec.influence import InfluenceResult, InfluenceSpec, Influential
from core.spec.model import ModelSpec
from core.tokens.tokenizer import Tokenizer
from core.train.checkpoint import OPTIMIZER, checkpoints

RESULT = "influence.json"
TOLD_EVERY_S = 0.5
SNIPPET_CHARACTERS = 160
BETA2 = 0.95  # of runs that did not note theirs


def run(spec: InfluenceSpec, folder: JobFolder, emit, control: Control) -> dict:
    """Compare gradients, and write ``influence.json``; see ``core.jobs.registry`` for the signature.

    Returns:
        ``{"compared", "passages", "steps", "elapsed_s"}``.
    Raises:
        LabError: the model does not predict the next token, has no checkpoint left, or cannot take so long an answer.
    """
    began = time.perf_counter()
    emit(Phase(name="Reading the training tokens"))
    source = folder.workspace.folder("runs", spec.run)
    torch.set_num_threads(spec.threads or _available())
    documents, shard = training_documents(folder.workspace, source), TokenShard.open(source.path(), "train")
    tokenizer, chosen = Tokenizer.load(source.path()), choose_checkpoints(source.path(), spec.checkpoints)
    shape = load_decoder(chosen[-1])[1]
    prompt, answer = asked_tokens(spec, shape, tokenizer)
    starts, ends = passages(shard.doc_starts, len(shard.tokens), shape.context)
    rows = closest(shard.tokens, starts, ends, [*prompt, *answer], spec.passages)
    beta2 = float(source.request["spec"].get("beta2", BETA2))
    weights = rate_weights(source.path("metrics.bin"), [step_of(path) for path in chosen])
    total = np.zeros(len(rows))
    emit(Phase(name="Comparing gradients"))
    for number, (checkpoint, weight) in enumerate(zip(chosen, weights, strict=True)):
        model = load_decoder(checkpoint)[0].float()
        gradient = as_adam_steps(answer_gradient(model, prompt, answer), optimizer_state(checkpoint), beta2)
        texts = [np.asarray(shard.tokens[starts[row] : ends[row]]).astype(np.int64) for row in rows]
        told = _Told(emit, control, number * len(rows), len(chosen) * len(rows))
        total += weight * agreements(model, gradient, texts, told)
    towards, away, usual = ranked(total, starts[rows], ends[rows], shard, documents, tokenizer, spec.listed)
    result = InfluenceResult(
        run=spec.run, prompt=spec.prompt, answer=spec.answer or _bytes(tokenizer, answer).decode("utf-8", "replace"),
        steps=[step_of(path) for path in chosen], weights=[round(weight, 4) for weight in weights],
        compared=len(rows), passages=len(starts), towards=towards, away=away, usual=usual,
        elapsed_s=round(time.perf_counter() - began, 1))  # fmt: skip
    write_json(folder.path(RESULT), msgspec.to_builtins(result))
    return {"compared": len(rows), "passages": len(starts), "steps": result.steps, "elapsed_s": result.elapsed_s}


def _available() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Told:
    """Says how far it is, not too often, and stops when asked to."""

    def __init__(self, emit, control: Control, before: int, total: int) -> None:
        self.emit, self.control, self.before, self.total = emit, control, before, total
        self._said = 0.0

    def __call__(self, done: int) -> None:
        self.control.check()
        if time.perf_counter() - self._said > TOLD_EVERY_S or self.before + done == self.total:
            self._said = time.perf_counter()
            self.emit(Progress(done=self.before + done, total=self.total, unit="passages"))


def asked_tokens(spec: InfluenceSpec, shape: ModelSpec, tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """The prompt, led by the boundary, and the answer as tokens.

    Raises:
        LabError: the design has no such gradient, there is no answer, or both together do not fit into the context.
    """
    if shape.family == "word_vectors" or not shape.writes or shape.layout == "encoder_decoder" \
            or shape.objective.task != "causal":  # fmt: skip
        raise LabError(
            "{run} does not predict text from left to right, so an answer of it has no loss to trace back.", spec.run,
            "Choose a run of a model that writes token by token.", run=spec.run)
    prompt = [tokenizer.end_id, *tokenizer.encode(spec.prompt)]
    answer = list(spec.answer_ids) or tokenizer.encode(spec.answer)
    if not answer:
        raise LabError("There is no answer to trace back.", spec.run, "Give the words whose causes are looked for.")
    if len(prompt) + len(answer) > shape.context + 1:
        raise LabError(
            "Prompt and answer have {tokens} tokens, more than the {context} that the model sees at once.", spec.run,
            "Give a shorter prompt, or the beginning of the answer.",
            tokens=len(prompt) + len(answer), context=shape.context)
    return prompt, answer


def choose_checkpoints(run: Path, most: int) -> list[Path]:
    """At most so many of a run's checkpoints, evenly chosen, the last among them.

    Raises:
        LabError: there is none.
    """
    there = checkpoints(run)
    if not there:
        raise LabError("This run has no checkpoint yet.", run.name, "Wait until its training has saved one.")
    places = np.linspace(len(there) - 1, 0, min(most, len(there))) if most > 1 else [len(there) - 1]
    return [there[place] for place in sorted({round(float(place)) for place in places})]


def optimizer_state(checkpoint: Path) -> dict[str, Tensor]:
    """The optimizer's tensors beside the weights; none where it kept none, or in shards."""
    file = checkpoint / OPTIMIZER
    return read_tensors(file)[0] if file.is_file() else {}


def step_of(checkpoint: Path) -> int:
    """The step in a checkpoint's name."""
    return int(checkpoint.name.partition("-")[2])


def rate_weights(metrics: Path, steps: list[int]) -> list[float]:
    """What each checkpoint counts: the share of the learning rates of the steps since the one before it."""
    columns, rows = read_metrics(metrics) if metrics.is_file() else ([], np.zeros((0, 0)))
    names = [name for name, _ in columns]
    if "lr" not in names:
        return [1 / len(steps)] * len(steps)
    made, rates = rows[:, 0], np.nan_to_num(rows[:, names.index("lr")])
    sums = [float(rates[(made > low) & (made <= high)].sum()) for low, high in zip([0, *steps], steps)]
    return [value / sum(sums) if sum(sums) else 1 / len(steps) for value in sums]


def ranked(
    influence: np.ndarray, starts: np.ndarray, ends: np.ndarray, shard: TokenShard, documents: Documents,
    tokenizer: Tokenizer, listed: int,
) -> tuple[list[Influential], list[Influential], float]:  # fmt: skip
    """The documents that pushed towards the answer and those that pushed away, strongest first; the usual strength."""
    owners = np.searchsorted(shard.doc_starts, starts, side="right") - 1
    each, place = np.unique(owners, return_inverse=True)
    total = np.bincount(place, influence)
    unit = np.abs(total).max() or 1.0

    def told(document: int) -> Influential:
        own = np.flatnonzero(place == document)
        strongest = own[np.argmax(influence[own] * np.sign(total[document]))]
        kept = documents[int(shard.doc_ids[each[document]])]
        first, start, end = (int(x) for x in (
            shard.doc_starts[each[document]] + 1, starts[strongest], ends[strongest]))  # fmt: skip
        before, own_bytes = (_bytes(tokenizer, shard.tokens[a:b]) for a, b in ((first, start + 1), (start + 1, end)))
        characters = _characters(kept.text, len(before), own_bytes)
        return Influential(
            row=kept.id, influence=round(float(total[document] / unit), 4), token=start, tokens=end - start,
            start=characters[0], end=characters[1], source=kept.source, line=kept.line,
            snippet=" ".join(own_bytes.decode("utf-8", "replace").split())[:SNIPPET_CHARACTERS])  # fmt: skip

    order = np.argsort(-total, kind="stable")
    towards = [told(document) for document in order[:listed] if total[document] > 0]
    away = [told(document) for document in order[::-1][:listed] if total[document] < 0]
    return towards, away, round(float(np.median(np.abs(total)) / unit), 4)


def _characters(text: str, start_byte: int, data: bytes) -> tuple[int, int]:
    """Characters of ``text`` where ``data`` stands at a byte offset; a letter cut in two is left out; -1: not there."""
    encoded = text.encode("utf-8")
    if encoded[start_byte : start_byte + len(data)] != data:
        return -1, -1
    start, end = (len(encoded[:byte].decode("utf-8", "ignore")) for byte in (start_byte, start_byte + len(data)))
    return start, end


def _bytes(tokenizer: Tokenizer, ids: np.ndarray) -> bytes:
    return b"".join(tokenizer.token_bytes(id) for id in np.asarray(ids).tolist() if id)
