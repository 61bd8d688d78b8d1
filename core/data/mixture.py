"""The mixture job: several corpora become one, in chosen shares, none of them used too often.

Two passes: the first measures every document (20 bytes each stay in memory), the second writes
those that are taken, in one shuffled order. Held-out documents stay held out, and a training
document whose text is held out in another part is left out.
"""

import time
from array import array
from bisect import bisect_right
from collections import Counter
from itertools import accumulate

import msgspec
import numpy as np

from core.data.dedup.exact import fingerprint
from core.data.documents import Documents, DocumentWriter
from core.data.shares import Planned, plan_mixture
from core.data.worlds.numbers import Shuffle
from core.errors import LabError
from core.record.atomic import write_json
from core.record.control import Control
from core.record.events import Funnel, Noted, Phase, Progress
from core.record.folder import JobFolder
from core.spec.mixture import MixtureSpec

TELL_EVERY_S = 0.2
BATCH = 256  # documents whose tokens are counted at once
_PART, _HELD, _PLACE = 41, 42, 43


def run(spec: MixtureSpec, folder: JobFolder, emit, control: Control) -> dict:
    """Write ``kept``, an empty ``rejected`` and ``report.json`` into the folder.

    Returns:
        documents_read, documents_kept, bytes_read, bytes_kept, rejected {}, held_out, parts (a row a corpus: share
        asked, share got by documents, bytes and tokens, epochs), elapsed_s.
    Raises:
        LabError: the parts hold nothing to train on, or the disk is full.
        StopRequested: asked to stop; no half file is left.
    """
    started = time.perf_counter()
    teller = Teller(emit, control)
    emit(Phase(name="Measuring the parts"))
    parts = _measure(spec, folder, teller)
    left_out = _without_held_out(parts)
    if left_out:
        emit(Noted(text="{count} training documents were left out because their text is held out in one of the parts.",
                   values={"count": left_out}))
    planned = plan_mixture(spec, [part.size(spec.unit) for part in parts])
    _tell_limits(spec, planned, emit)
    for number, (part, plan) in enumerate(zip(parts, planned)):
        part.take(plan, spec.unit, spec.seed, number)
    if not any(part.n_train for part in parts):
        raise LabError("There is nothing to train on in these parts.", "", "Choose corpora with more text.")
    emit(Phase(name="Writing the mixture"))
    counts = _write(spec, parts, folder, teller)
    result = _result(spec, parts, planned, counts) | {"left_out": left_out}
    write_json(folder.path("report.json"), result)
    return result | {"elapsed_s": round(time.perf_counter() - started, 3)}


class Teller:
    """Progress, and a look at the requests, about five times a second."""

    def __init__(self, emit, control: Control) -> None:
        self.emit, self.control, self._told_s = emit, control, 0.0

    def tell(self, stage: str, done: int, total: int) -> bool:
        """Whether it was time to tell."""
        if time.perf_counter() - self._told_s < TELL_EVERY_S:
            return False
        self._told_s = time.perf_counter()
        self.control.check()
        self.emit(Progress(stage=stage, done=done, total=total, unit="documents"))
        return True


class Measured:
    """One corpus: its rows by split, and bytes, tokens and a mark of the text of each training document."""

    def __init__(self, name: str, documents: Documents) -> None:
        self.name, self.documents = name, documents
        self.rows, self.held_rows = array("I"), array("I")
        self.bytes, self.tokens = array("I"), array("I")
        self.marks, self.held_marks = array("Q"), array("Q")
        self.n_train = self.n_held = 0

    def add(self, row: int, split: str, n_bytes: int, mark: int) -> None:
        """Note one document."""
        if split == "train":
            for column, value in ((self.rows, row), (self.bytes, n_bytes), (self.marks, mark)):
                column.append(value)
        else:
            self.held_rows.append(row)
            self.held_marks.append(mark)

    def keep(self, kept: np.ndarray) -> None:
        """Forget the training documents that are not kept, (documents,) of bool."""
        for name in ("rows", "bytes", "tokens"):
            column = np.asarray(getattr(self, name))
            setattr(self, name, column[kept] if len(column) else column)
        self.marks = self.held_marks = None

    def size(self, unit: str) -> int:
        """How much there is to train on."""
        return len(self.rows) if unit == "documents" else int(np.sum(getattr(self, unit), dtype=np.int64))

    def take(self, plan: Planned, unit: str, seed: int, number: int) -> None:
        """Choose whole passes over the training documents and a part of one more, as near the amount as can be."""
        self._train = Shuffle(max(len(self.rows), 1), seed, _PART, number)
        self._held = Shuffle(max(len(self.held_rows), 1), seed, _HELD, number)
        whole = self.size(unit)
        if not whole or not plan.amount:
            return
        passes = int(plan.amount / whole + 1e-9)
        wanted, rest = plan.amount - passes * whole, 0
        while rest < len(self.rows) and wanted > 0:
            size = 1 if unit == "documents" else int(getattr(self, unit)[self._train(rest)])
            if wanted < size / 2:
                break
            wanted, rest = wanted - size, rest + 1
        self.n_train = passes * len(self.rows) + rest
        self.n_held = min(len(self.held_rows), max(1, round(min(1.0, plan.epochs) * len(self.held_rows))))

    def document(self, number: int):
        """A document taken, with its split as it was; numbers from ``n_train`` on are held out."""
        if number < self.n_train:
            return self.documents[int(self.rows[self._train(number % len(self.rows))])]
        return self.documents[int(self.held_rows[self._held(number - self.n_train)])]

    def tokens_of(self, number: int) -> int:
        """Tokens of a training document that is taken; 0 where nobody counted."""
        return int(self.tokens[self._train(number % len(self.rows))]) if len(self.tokens) else 0


def _measure(spec: MixtureSpec, folder: JobFolder, teller: Teller) -> list[Measured]:
    parts = [Measured(p.corpus, Documents(folder.workspace.folder("corpora", p.corpus).root)) for p in spec.parts]
    tokenizer = _tokenizer(spec, folder)
    total, done = sum(len(part.documents) for part in parts), 0
    for part in parts:
        waiting: list[str] = []
        for row, document in enumerate(part.documents):
            mark = int.from_bytes(fingerprint(document.text)[:8], "little")
            part.add(row, document.split, len(document.text.encode()), mark)
            if tokenizer and document.split == "train":
                waiting.append(document.text)
                if len(waiting) == BATCH:
                    _count_tokens(part, tokenizer, waiting)
            done += 1
            teller.tell("reading", done, total)
        _count_tokens(part, tokenizer, waiting)
    return parts


def _tokenizer(spec: MixtureSpec, folder: JobFolder):
    if not spec.tokenizer:
        return None
    from core.tokens.tokenizer import Tokenizer  # loads a library that is not needed to count bytes

    return Tokenizer.load(folder.workspace.folder("tokenizers", spec.tokenizer).root)


def _count_tokens(part: Measured, tokenizer, texts: list[str]) -> None:
    if texts:
        part.tokens.extend(len(ids) for ids in tokenizer.encode_batch(texts))
        texts.clear()


def _without_held_out(parts: list[Measured]) -> int:
    """Leave out training documents whose text another part holds out; how many."""
    held = np.concatenate([np.asarray(part.held_marks, np.uint64) for part in parts])
    left_out = 0
    for part in parts:
        kept = ~np.isin(np.asarray(part.marks, np.uint64), held)
        left_out += int(np.count_nonzero(~kept))
        part.keep(kept)
    return left_out


def _tell_limits(spec: MixtureSpec, planned: list[Planned], emit) -> None:
    for part, plan in zip(spec.parts, planned):
        if plan.limited:
            emit(Noted(
                text="{corpus} has too little text for its share: it is used {epochs} times, and the other parts make "
                "up for what is missing.", values={"corpus": part.corpus, "epochs": f"{plan.epochs:.3g}"}))
    got = sum(plan.amount for plan in planned)
    if got < spec.size * (1 - 1e-9):
        emit(Noted(text="The parts hold too little: the mixture is {percent} % of the size asked for.",
                   values={"percent": f"{100 * got / spec.size:.3g}"}))


def _write(spec: MixtureSpec, parts: list[Measured], folder: JobFolder, teller: Teller) -> list[Counter]:
    """Everything taken, in one shuffled order; for each part the counts of documents, bytes and tokens."""
    starts = [0, *accumulate(part.n_train + part.n_held for part in parts)]
    order, counts = Shuffle(starts[-1], spec.seed, _PLACE), [Counter() for _ in parts]
    kept, rejected = DocumentWriter(folder.root, "kept"), DocumentWriter(folder.root, "rejected")
    n_bytes = 0
    try:
        for row in range(starts[-1]):
            number = order(row)
            place = bisect_right(starts, number) - 1
            part, number = parts[place], number - starts[place]
            document = part.document(number)
            kept.add(msgspec.structs.replace(document, id=row, row=-1, corpus=part.name))
            size = len(document.text.encode())
            n_bytes += size
            counts[place].update({
                f"documents_{document.split}": 1, f"bytes_{document.split}": size,
                "tokens": part.tokens_of(number) if number < part.n_train else 0})
            if teller.tell("writing", row + 1, starts[-1]):
                _tell_funnel(teller.emit, parts, row + 1, n_bytes)
        _tell_funnel(teller.emit, parts, starts[-1], n_bytes)
        rejected.commit()
        kept.commit()
    finally:
        rejected.abandon()
        kept.abandon()
    return counts


def _tell_funnel(emit, parts: list[Measured], documents: int, n_bytes: int) -> None:
    emit(Funnel(documents_read=documents, documents_kept=documents, bytes_read=n_bytes, bytes_kept=n_bytes))


def _result(spec: MixtureSpec, parts: list[Measured], planned: list[Planned], counts: list[Counter]) -> dict:
    whole = sum(counts, Counter())

    def share(count: Counter, what: str) -> float:
        return count[what] / whole[what] if whole[what] else 0.0

    table = [{
        "corpus": part.name, "asked": plan.asked, "epochs": part.n_train / len(part.rows) if len(part.rows) else 0.0,
        "limited": plan.limited, "documents": count["documents_train"], "bytes": count["bytes_train"],
        "tokens": count["tokens"], "share_documents": share(count, "documents_train"),
        "share_bytes": share(count, "bytes_train"), "share_tokens": share(count, "tokens"),
        "held_out": count["documents_held_out"], "documents_there": len(part.rows), "bytes_there": part.size("bytes"),
    } for part, plan, count in zip(parts, planned, counts)]  # fmt: skip
    documents = whole["documents_train"] + whole["documents_held_out"]
    n_bytes = whole["bytes_train"] + whole["bytes_held_out"]
    return {
        "documents_read": documents, "documents_kept": documents, "bytes_read": n_bytes, "bytes_kept": n_bytes,
        "rejected": {}, "held_out": whole["documents_held_out"], "unit": spec.unit, "size_asked": spec.size,
        "tokens": whole["tokens"], "parts": table}
