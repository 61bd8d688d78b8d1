"""The classifier job: learns to tell good text from candidates, and measures itself on texts it did not learn from."""

import json
import time
from collections.abc import Iterator
from hashlib import blake2b

import numpy as np

from core.data.documents import Documents
from core.data.quality.classifier import Classifier, telling_features
from core.data.quality.features import Vectors, vector_of
from core.data.quality.trained import EXAMPLES, REPORT, Sample, read_files, spread
from core.data.quality.validation import measure
from core.errors import LabError
from core.record.atomic import write_json, write_text
from core.record.control import Control
from core.record.events import Noted, Phase, Progress
from core.record.folder import JobFolder
from core.spec.filters import ClassifierSpec

SIDES = ("good", "candidates")
_LEAST = 10  # texts of each side without which nothing can be said
_FEATURES = 40  # shown for each side
_FEATURE_TEXTS = 2000  # in which the spelling of features is looked up
_EXAMPLE_BINS, _EXAMPLES = 50, 3  # texts of each side kept for each fiftieth of the score
_TELL_EVERY = 64  # documents


def run(spec: ClassifierSpec, folder: JobFolder, emit, control: Control) -> dict:
    """Train a classifier; writes its weights, ``report.json`` and ``examples.jsonl`` into the folder.

    Returns:
        kind, documents_good, documents_candidates, auroc, accuracy ({value, low, high} each), calibration_error,
        folds, elapsed_s.
    Raises:
        LabError: there are too few documents, or good text and candidates are the same.
        StopRequested: asked to stop.
    """
    started = time.perf_counter()
    emit(Phase(name="Reading good text and candidates"))
    samples, labels = _gathered(spec, folder, emit, control)
    emit(Phase(name="Looking at words"))
    vectors = _vectors(samples, emit, control)
    scores, folds = _cross_validated(spec, samples, vectors, labels, emit, control)
    emit(Phase(name="Learning from all documents"))
    classifier = Classifier.learn(vectors, labels, spec.strength, control.check)
    emit(Phase(name="Looking for the most telling words"))
    report = {"kind": "classifier", "documents_good": int((labels > 0).sum()),
              "documents_candidates": int((labels < 0).sum()), "folds": folds}  # fmt: skip
    report |= measure(scores[labels > 0], scores[labels < 0])
    report["features"] = _features(classifier, samples, vectors, labels, control)
    classifier.save(folder.root)
    _write_examples(folder, samples, labels, scores)
    write_json(folder.path(REPORT), report)  # without the time taken: equal requests give equal outputs
    shown = ("kind", "documents_good", "documents_candidates", "auroc", "accuracy", "calibration_error", "folds")
    return {key: report[key] for key in shown} | {"elapsed_s": round(time.perf_counter() - started, 3)}


def _gathered(spec: ClassifierSpec, folder: JobFolder, emit, control: Control) -> tuple[list[Sample], np.ndarray]:
    """Texts of both sides, +1 for good; a text that stands on both sides is left out of the candidates."""
    sides = []
    for corpus, files in ((spec.good, spec.good_files), (spec.candidates, spec.candidate_files)):
        found = []
        if corpus:
            with Documents(folder.workspace.folder("corpora", corpus).root) as documents:
                found += spread(documents, None, spec.most_documents)
        if files:
            found += read_files(files, spec.most_documents, emit, control)
        sides.append([sample for sample in found[: spec.most_documents] if len(vector_of(sample.text)[0])])
    known = {_mark(sample) for sample in sides[0]}
    others = [sample for sample in sides[1] if _mark(sample) not in known]
    if shared := len(sides[1]) - len(others):
        emit(Noted(
            text="{count} candidates are also among the good texts; they are left out.", values={"count": shared}))
    for which, side in zip(SIDES, (sides[0], others)):
        if len(side) < _LEAST:
            raise LabError(
                "There are too few documents with words to learn from: {count} of {least} ({which}).", "",
                "Give more text, or cut it into more documents.", count=len(side), least=_LEAST, which=which)
    return sides[0] + others, np.repeat([1.0, -1.0], [len(sides[0]), len(others)])


def _mark(sample: Sample) -> bytes:
    return blake2b(" ".join(sample.text.casefold().split()).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _vectors(samples: list[Sample], emit, control: Control) -> Vectors:
    pairs = []
    for done, sample in enumerate(samples):
        if done % _TELL_EVERY == 0:
            control.check()
            emit(Progress(stage="words", done=done, total=len(samples), unit="documents"))
        pairs.append(vector_of(sample.text))
    offsets = np.cumsum([0, *(len(buckets) for buckets, _ in pairs)])
    return Vectors(np.concatenate([b for b, _ in pairs]), np.concatenate([v for _, v in pairs]), offsets)


def _cross_validated(spec: ClassifierSpec, samples: list[Sample], vectors: Vectors, labels: np.ndarray, emit,
                     control: Control) -> tuple[np.ndarray, int]:  # fmt: skip
    """The score of every text by a classifier that did not learn from it, nor from a copy of it; and how many folds."""
    salt = spec.seed.to_bytes(16, "little")
    numbers = np.array([int.from_bytes(blake2b(_mark(s), digest_size=8, salt=salt).digest(), "little")
                        for s in samples], np.uint64)  # fmt: skip
    fold_of, scores = np.empty(len(samples), int), np.empty(len(samples))
    for side in (1, -1):  # each side is dealt out by itself, so that every fold has its share of both
        rows = np.flatnonzero(labels == side)
        _, ranks = np.unique(numbers[rows], return_inverse=True)
        fold_of[rows] = ranks % spec.folds
    folds = [fold for fold in range(spec.folds) if len(set(labels[fold_of == fold])) == 2]
    if len(folds) < 2:
        raise LabError(
            "The documents are too alike to be parted into {folds} folds.", "", "Give more different documents.",
            folds=spec.folds)
    emit(Phase(name="Measuring on documents left out"))
    for fold in range(spec.folds):
        emit(Progress(stage="folds", done=fold, total=spec.folds, unit="folds"))
        inside = fold_of == fold
        if not inside.any():
            continue
        learnt = np.flatnonzero(~inside)
        classifier = Classifier.learn(vectors.rows(learnt), labels[learnt], spec.strength, control.check)
        scores[inside] = classifier.scores(vectors.rows(np.flatnonzero(inside)))
    return scores, spec.folds


def _features(classifier: Classifier, samples: list[Sample], vectors: Vectors, labels: np.ndarray,
              control: Control) -> dict:  # fmt: skip
    step = max(1, len(samples) // _FEATURE_TEXTS)

    def texts() -> Iterator[str]:
        for done, sample in enumerate(samples[::step]):
            if done % _TELL_EVERY == 0:
                control.check()
            yield sample.text

    return telling_features(classifier, vectors, labels, texts(), _FEATURES)


def _write_examples(folder: JobFolder, samples: list[Sample], labels: np.ndarray, scores: np.ndarray) -> None:
    """Some texts of each side at every height of the score, so that a person can see what a threshold parts."""
    bins, taken, lines = np.minimum((scores * _EXAMPLE_BINS).astype(int), _EXAMPLE_BINS - 1), {}, []
    for row, sample in enumerate(samples):
        place = (int(bins[row]), bool(labels[row] > 0))
        taken[place] = taken.get(place, 0) + 1
        if taken[place] <= _EXAMPLES:
            lines.append(sample.example(side=SIDES[int(labels[row] < 0)], score=round(float(scores[row]), 4)))
    lines.sort(key=lambda line: line["score"])
    write_text(folder.path(EXAMPLES), "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
