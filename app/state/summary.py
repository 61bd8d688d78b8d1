"""One line on a job: what came out of it, or how far it is."""

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from app.state.jobs import Job
from app.translations import translate
from app.words import bytes_text, count_text, percent_text

KINDS = {
    "corpus": QT_TRANSLATE_NOOP("kind", "Corpus"), "tokenizer": QT_TRANSLATE_NOOP("kind", "Tokenizer"),
    "train": QT_TRANSLATE_NOOP("kind", "Training run"), "index": QT_TRANSLATE_NOOP("kind", "Index"),
    "export": QT_TRANSLATE_NOOP("kind", "Export"), "verify": QT_TRANSLATE_NOOP("kind", "Check of an export"),
    "grow": QT_TRANSLATE_NOOP("kind", "First model"), "reference": QT_TRANSLATE_NOOP("kind", "Reference"),
    "classifier": QT_TRANSLATE_NOOP("kind", "Quality classifier"),
    "experiment": QT_TRANSLATE_NOOP("kind", "Experiment"), "world": QT_TRANSLATE_NOOP("kind", "World"),
    "mixture": QT_TRANSLATE_NOOP("kind", "Mixture"), "replay": QT_TRANSLATE_NOOP("kind", "Proof of resume"),
    "sweep": QT_TRANSLATE_NOOP("kind", "Sweep"), "inspect": QT_TRANSLATE_NOOP("kind", "Inspection"),
    "question": QT_TRANSLATE_NOOP("kind", "Questions"), "influence": QT_TRANSLATE_NOOP("kind", "Causes of an answer"),
    "mitigate": QT_TRANSLATE_NOOP("kind", "Mitigations"),
}  # fmt: skip


def kind_text(kind: str) -> str:
    """The name of a kind of job in the user's language."""
    return QCoreApplication.translate("kind", KINDS.get(kind, kind.capitalize()))


def summary(job: Job) -> str:
    """What a list says under the job's name."""
    view = job.view
    if view.live and view.total:
        return f"{translate(view.phase)} · {percent_text(min(1, view.done / view.total))}".strip(" ·")
    if view.live:
        return translate(view.phase)
    if view.state in ("failed", "crashed"):
        return translate(view.error.problem).format_map(_Gaps(view.error.values)) if view.error else ""
    return _RESULTS.get(job.kind, lambda view: "")(view)


def _corpus(view) -> str:
    if view.funnel is None:
        return ""
    return QCoreApplication.translate("summary", "{kept} of {read} documents, {size}").format(
        kept=f"{view.funnel.documents_kept:,}", read=f"{view.funnel.documents_read:,}",
        size=bytes_text(view.funnel.bytes_kept))  # fmt: skip


def _made(view) -> str:
    if view.funnel is None:
        return ""
    return QCoreApplication.translate("summary", "{count} documents, {size}").format(
        count=f"{view.funnel.documents_kept:,}", size=bytes_text(view.funnel.bytes_kept))


def _replay(view) -> str:
    result = view.result
    if "exact" not in result:
        return ""
    if result["exact"]:
        return QCoreApplication.translate("summary", "{steps} steps again, every bit the same").format(
            steps=f"{result['steps']:,}")
    return QCoreApplication.translate("summary", "{equal} of {steps} steps the same").format(
        equal=f"{result['equal_steps']:,}", steps=f"{result['steps']:,}")


def _tokenizer(view) -> str:
    result = view.result
    if "vocab_size" not in result:
        return ""
    return QCoreApplication.translate("summary", "{count} tokens, {ratio} bytes a token").format(
        count=f"{result['vocab_size']:,}", ratio=f"{result.get('bytes_per_token', 0):.2f}")  # fmt: skip


def _reference(view) -> str:
    if "perplexity" not in view.result:
        return ""
    return QCoreApplication.translate("summary", "perplexity {value} on trusted text").format(
        value=count_text(view.result["perplexity"]))  # fmt: skip


def _classifier(view) -> str:
    if "auroc" not in view.result:
        return ""
    return QCoreApplication.translate("summary", "AUROC {value}").format(
        value=f"{view.result['auroc']['value']:.3f}")  # fmt: skip


def _train(view) -> str:
    if not view.validations:
        return ""
    last = view.validations[-1]
    if last.bits_per_byte is None:  # word vectors: no text has a probability for them
        return QCoreApplication.translate("summary", "loss {loss} after {steps} steps").format(
            loss=f"{last.loss:.3f}", steps=count_text(last.step))
    return QCoreApplication.translate("summary", "{bits} bits per byte after {steps} steps").format(
        bits=f"{last.bits_per_byte:.3f}", steps=count_text(last.step))  # fmt: skip


def _index(view) -> str:
    if "tokens" not in view.result:
        return ""
    return QCoreApplication.translate("summary", "{count} tokens searchable").format(
        count=count_text(view.result["tokens"]))  # fmt: skip


def _export(view) -> str:
    good = sum(v.within for v in view.verified)
    files = len(view.exports) or len(view.verified)
    if good == files:
        return QCoreApplication.translate("summary", "{files} files, all answer alike").format(files=files)
    return QCoreApplication.translate("summary", "{files} files, {good} answer alike").format(files=files, good=good)


def _experiment(view) -> str:
    if "seeds" not in view.result:
        return ""
    return QCoreApplication.translate("summary", "{arms} arms, {seeds} seeds").format(
        arms=len(view.result["arms"]), seeds=view.result["seeds"])  # fmt: skip


def _inspection(view) -> str:
    combined = view.result.get("detectors", {}).get("combination")
    if combined is None:
        return ""
    return QCoreApplication.translate("summary", "{answers} answers, errors told with AUROC {value}").format(
        answers=count_text(view.result["answers"]), value=f"{combined['auroc']:.3f}")


def _sweep(view) -> str:
    loss = view.result.get("best_loss")
    if loss is None:
        return ""
    return QCoreApplication.translate("summary", "{runs} runs, best loss {loss}").format(
        runs=view.result["runs"], loss=f"{loss:.4f}")  # fmt: skip


def _influence(view) -> str:
    if "compared" not in view.result:
        return ""
    return QCoreApplication.translate("summary", "{count} passages compared").format(
        count=f"{view.result['compared']:,}")


def _mitigations(view) -> str:
    if "mitigations" not in view.result:
        return ""
    return QCoreApplication.translate("summary", "{count} ways compared over {asked} questions").format(
        count=len(view.result["mitigations"]), asked=f"{view.result['asked']:,}")  # fmt: skip


def _grow(view) -> str:
    done = sum(state == "completed" for state in view.child_states.values())
    return QCoreApplication.translate("summary", "{done} of 5 stages done").format(done=done)


_RESULTS = {
    "world": _made, "mixture": _made,
    "corpus": _corpus, "tokenizer": _tokenizer, "train": _train, "index": _index, "export": _export,
    "verify": _export, "replay": _replay, "grow": _grow, "reference": _reference, "classifier": _classifier,
    "experiment": _experiment, "sweep": _sweep, "inspect": _inspection, "question": _inspection,
    "influence": _influence, "mitigate": _mitigations,
}  # fmt: skip


class _Gaps(dict):
    def __missing__(self, key: str) -> str:
        return "{" + key + "}"
