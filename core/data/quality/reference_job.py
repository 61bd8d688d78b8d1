"""The reference job: learns what trusted text is like, and measures how far other text is from it."""

import json
import time
from array import array

import numpy as np

from core.data.documents import Documents
from core.data.histograms import Histogram
from core.data.quality.reference import Reference, TokenUnits, choose_units
from core.data.quality.trained import EXAMPLES, REPORT, Sample, spread
from core.errors import LabError
from core.record.atomic import write_json, write_text
from core.record.control import Control
from core.record.events import Noted, Phase, Progress
from core.record.folder import JobFolder
from core.spec.filters import ReferenceSpec

PARTS = ("head", "middle", "tail")
_EXAMPLES = 12  # documents of each part that a person can look at
_TELL_EVERY = 64  # documents
_MOST_CHARACTERS = 1 << 22  # looked at to choose the units


def run(spec: ReferenceSpec, folder: JobFolder, emit, control: Control) -> dict:
    """Train a reference; writes tokenizer, model, ``report.json`` and ``examples.jsonl`` into the folder.

    Returns:
        kind, units, order, vocab_size, ngrams, documents_learnt, bytes_learnt, perplexity (the median of trusted
        held-out text), measured_on (trusted or candidates: whose thirds are the terciles), terciles, elapsed_s.
    Raises:
        LabError: the trusted corpus holds too little text.
        StopRequested: asked to stop.
    """
    started = time.perf_counter()
    emit(Phase(name="Reading the trusted text"))
    learnt, held_out = _trusted(spec, folder)
    units = _units(spec, learnt)
    if spec.units == "auto":
        emit(Noted(text="Tokens are characters: the text has no spaces between words.") if units == "characters"
             else Noted(text="Tokens are pieces of words."))  # fmt: skip
    emit(Phase(name="Learning what the trusted text is like"))
    reference = Reference.learn(spec, units, [sample.text for sample in learnt], _teller(emit, control, "learning"))
    emit(Phase(name="Measuring documents"))
    measured = {"trusted": _measure(reference, held_out, emit, control)}
    if spec.against:
        with Documents(folder.workspace.folder("corpora", spec.against).root) as documents:
            samples = spread(documents, None, spec.measured_documents)
        measured["candidates"] = _measure(reference, samples, emit, control)
    report = {
        "kind": "reference", "units": units, "order": spec.order, "vocab_size": reference.model.vocab_size,
        "ngrams": reference.model.ngrams, "documents_learnt": len(learnt),
        "bytes_learnt": sum(len(sample.text.encode("utf-8", "replace")) for sample in learnt)}
    report |= _described(measured)
    _check(report, spec)
    emit(Phase(name="Writing the reference"))
    reference.save(folder.root)
    _write_examples(folder, measured, report["terciles"])
    write_json(folder.path(REPORT), report)  # without the time taken: equal requests give equal outputs
    result = {key: value for key, value in report.items() if key not in measured}
    result["perplexity"] = report["trusted"]["quantiles"][len(report["trusted"]["quantiles"]) // 2]
    return result | {"elapsed_s": round(time.perf_counter() - started, 3)}


def _trusted(spec: ReferenceSpec, folder: JobFolder) -> tuple[list[Sample], list[Sample]]:
    """What to learn from, and what to measure on; never the same documents."""
    with Documents(folder.workspace.folder("corpora", spec.corpus).root) as documents:
        learnt = spread(documents, "train", len(documents) or 1, spec.most_bytes)
        held_out = spread(documents, "held_out", spec.measured_documents)
    if not held_out:  # nothing is held out in this corpus: every tenth document is
        held_out = learnt[::10]
        learnt = [sample for number, sample in enumerate(learnt) if number % 10]
    if not learnt or not held_out:
        raise LabError(
            "The corpus {corpus} holds too little text to learn from and to measure on.", "",
            "Choose a corpus with more documents.", corpus=spec.corpus)
    return learnt, held_out


def _units(spec: ReferenceSpec, learnt: list[Sample]) -> TokenUnits:
    if spec.units != "auto":
        return spec.units
    looked_at = max(1, _MOST_CHARACTERS // len(learnt))
    return choose_units(sample.text[:looked_at] for sample in learnt)


def _measure(reference: Reference, samples: list[Sample], emit, control: Control) -> list[tuple[float, Sample]]:
    """(perplexity, document) of each that holds text."""
    tell, found = _teller(emit, control, "measuring"), []
    for done, sample in enumerate(samples):
        tell(done, len(samples))
        perplexity = reference.perplexity(sample.text)
        if perplexity is not None:
            found.append((perplexity, sample))
    return found


def _teller(emit, control: Control, stage: str):
    def tell(done: int, total: int) -> None:
        if done % _TELL_EVERY == 0:
            control.check()
            emit(Progress(stage=stage, done=done, total=total, unit="documents"))

    return tell


def _described(measured: dict[str, list[tuple[float, Sample]]]) -> dict:
    """How perplexity is spread in each text, and the thirds of the text measured last."""
    found: dict = {}
    for which, pairs in measured.items():
        values = np.array([perplexity for perplexity, _ in pairs])
        histogram = Histogram()
        histogram.add(array("d", values), 0)
        quantiles = np.quantile(values, np.linspace(0, 1, 201)).round(4).tolist() if pairs else []
        counts = histogram.report()
        found[which] = {"documents": len(pairs), "edges": counts["edges"], "counts": counts["kept"],
                        "quantiles": quantiles}  # fmt: skip
        if pairs:
            head, middle = np.quantile(values, (1 / 3, 2 / 3)).round(4).tolist()
            found |= {"measured_on": which, "terciles": {"head": head, "middle": middle}}
    return found


def _check(report: dict, spec: ReferenceSpec) -> None:
    for which, corpus in (("trusted", spec.corpus), ("candidates", spec.against)):
        if which in report and not report[which]["documents"]:
            raise LabError(
                "No document of the corpus {corpus} holds any text to measure.", "", "Choose another corpus.",
                corpus=corpus)


def part_of(perplexity: float, terciles: dict[str, float]) -> str:
    """``head`` (least surprising), ``middle`` or ``tail``."""
    return PARTS[(perplexity > terciles["head"]) + (perplexity > terciles["middle"])]


def _write_examples(folder: JobFolder, measured: dict, terciles: dict[str, float]) -> None:
    """Some documents of each part, spread over it, from the text whose thirds are the terciles."""
    pairs = sorted(list(measured.values())[-1], key=lambda pair: pair[0])
    lines = []
    for part in PARTS:
        inside = [pair for pair in pairs if part_of(pair[0], terciles) == part]
        for n in sorted({round(i) for i in np.linspace(0, len(inside) - 1, _EXAMPLES)}) if inside else ():
            lines.append(inside[n][1].example(part=part, perplexity=round(inside[n][0], 4)))
    write_text(folder.path(EXAMPLES), "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
