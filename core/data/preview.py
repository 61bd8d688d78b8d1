"""What rules would do, tried on a sample: every change is answered at once, and only what it touches is run again."""

from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import msgspec

from core.data.filters.rules import Rules, run_sample
from core.data.filters.verdict import Draft, Filter, Reason
from core.data.readers.document import utf8_length
from core.data.readers.folder import gather
from core.data.sample import Sample, draw_sample
from core.data.split import Splitter
from core.data.tally import Counter
from core.record.folder import Workspace
from core.spec.base import Spec
from core.spec.corpus import AnyRule, CorpusSpec
from core.spec.messages import CleanPreviewed, Fate, SourcesCounted
from core.spec.rules.base import tag_of

_STEPS_KEPT = 64  # of runs of one rule, for undoing and for comparing


class SampleDraft(Draft):
    """A draft that shares what was measured of a text with all drafts of that text, whatever rule comes first."""

    __slots__ = ("_shared",)

    def __init__(self, text: str, source: str, line: int, shared: dict[str, dict]) -> None:
        super().__init__(text, source, line)
        self._shared = shared

    def fact(self, measure: Callable[[str], object]):
        """``measure(text)``, computed once for the sample."""
        facts = self._shared.setdefault(self._text, {})
        if measure not in facts:
            facts[measure] = measure(self._text)
        return facts[measure]

    def copy(self) -> "SampleDraft":
        """A draft that can be changed while this one stays as it is."""
        made = SampleDraft(self._text, self.source, self.line, self._shared)
        made.number, made._split, made.splitter = self.number, self._split, self.splitter
        made.measures, made.passed_over = dict(self.measures), dict(self.passed_over)
        made.marks = list(self.marks)
        return made


class _Stage(msgspec.Struct):
    """The sample after one rule: what is left, {row: draft}, and what the rule said."""

    left: dict[int, SampleDraft]
    fallen: dict[int, tuple[SampleDraft, Reason]] = {}
    steps: list[dict] = []
    histograms: dict[str, dict] = {}


class _Verdict(NamedTuple):
    """What one rule says of one text."""

    reason: Reason | None
    text: str
    measures: dict[str, float]
    passed_over: dict[str, str]
    marks: list[dict]


class Preview:
    """Holds one sample and what rules made of it."""

    def __init__(self, workspace: Path | None = None) -> None:
        self._workspace = Workspace(workspace) if workspace is not None else None
        self._drawn, self.sample = b"", None
        self._stages: dict[bytes, _Stage] = {}
        self._judges: dict[bytes, Filter] = {}
        self._verdicts: dict[bytes, dict[str, _Verdict]] = {}  # of rules that judge one by one: {text: verdict}

    def count(self, id: int, sources: list[str]) -> SourcesCounted:
        """How many files and bytes there are, and of which kinds; nothing is opened."""
        found = gather(sources)
        endings: dict[str, int] = {}
        for origin in found.origins:
            ending = origin.path.suffix.lower()
            endings[ending] = endings.get(ending, 0) + 1
        return SourcesCounted(
            id=id, files=len(found.origins), n_bytes=found.n_bytes, endings=endings, hidden=found.hidden,
            unknown=dict(found.unknown))

    def run(self, id: int, spec: CorpusSpec, known: str = "", check: Callable[[], None] = lambda: None,
            ) -> CleanPreviewed:  # fmt: skip
        """Run a spec's rules over a sample of its sources.

        Args:
            id: of the request.
            spec: its rules may be any; the sample is drawn anew only when what is read has changed.
            known: the sample the asker holds; its texts are not sent again.
            check: called now and then; may raise to stop.
        Raises:
            LabError: nothing can be read, or a rule cannot be made (a trained filter is gone).
        """
        self._draw(spec, check)
        stages = self._run_rules(spec, check)
        last = stages[-1]
        fates = {row: self._fate(row, draft, reason)
                 for stage in stages for row, (draft, reason) in stage.fallen.items()}  # fmt: skip
        fates |= {row: self._fate(row, draft, None) for row, draft in last.left.items()}
        sample: Sample = self.sample
        return CleanPreviewed(
            id=id, sample=self.key, texts=None if known == self.key else [raw.text for raw in sample.raws],
            sources=None if known == self.key else [(raw.source, raw.line) for raw in sample.raws],
            fates=[fates[row] for row in sorted(fates)], steps=[step for stage in stages for step in stage.steps],
            histograms={name: counts for stage in stages for name, counts in stage.histograms.items()},
            documents=len(sample.raws), n_bytes=sum(utf8_length(raw.text) for raw in sample.raws),
            refused=_counts(sample), files=sample.files, files_read=sample.files_read,
            files_skipped=sample.files_skipped, total_bytes=sample.n_bytes,
            documents_estimated=sample.documents_estimated, whole=sample.whole)

    @property
    def key(self) -> str:
        """Names the sample there is."""
        return blake2b(self._drawn, digest_size=8).hexdigest()

    def _draw(self, spec: CorpusSpec, check: Callable[[], None]) -> None:
        """Read the sample, unless it is at hand."""
        reading = _encoded(msgspec.structs.replace(spec, rules=[], held_out=0.0, seed=0, max_documents=0, workers=0))
        if self.sample is not None and reading == self._drawn:
            return
        self.sample = None
        self.sample = draw_sample(spec, lambda done, total: check())
        self._drawn, shared = reading, {}
        self._stages, self._verdicts = {}, {}
        self._start = _Stage(left={
            row: SampleDraft(raw.text, raw.source, raw.line, shared) for row, raw in enumerate(self.sample.raws)})

    def _run_rules(self, spec: CorpusSpec, check: Callable[[], None]) -> list[_Stage]:
        """The sample after each rule; rules whose predecessors are what they were are not run again."""
        splitter = Splitter(spec.held_out, spec.seed)
        stages, path = [self._start], _encoded(splitter.share, splitter.seed)
        for rule in [rule for rule in spec.rules if rule.on]:
            path += _encoded(rule) + b"\n"
            check()
            stage = self._stages.pop(path, None) or self._run_rule(rule, stages[-1], splitter, check)
            self._stages[path] = stage  # the last used stands last
            stages.append(stage)
        for kept in (self._stages, self._verdicts, self._judges):
            while len(kept) > _STEPS_KEPT:
                del kept[next(iter(kept))]
        return stages

    def _run_rule(self, rule: AnyRule, before: _Stage, splitter: Splitter, check: Callable[[], None]) -> _Stage:
        rows, drafts = list(before.left), [draft.copy() for draft in before.left.values()]
        if rule.whole_corpus:
            run = run_sample([rule], drafts, self._workspace, splitter, lambda done, total: check())
            outcomes, stage = run.outcomes, _Stage(left={}, steps=run.steps, histograms=run.histograms)
        else:
            outcomes, stage = self._judge_each(rule, drafts, check)
        for row, draft, reason in zip(rows, drafts, outcomes, strict=True):
            if reason is None:
                stage.left[row] = draft
            else:
                stage.fallen[row] = (draft, reason)
        return stage

    def _judge_each(
        self, rule: AnyRule, drafts: list[SampleDraft], check: Callable[[], None]
    ) -> tuple[list[Reason | None], _Stage]:
        """A rule that judges documents one by one; the verdict on a text it has seen before is remembered."""
        seen = self._verdicts.setdefault(_encoded(rule), {})
        if (judge := self._judges.get(_encoded(rule))) is None:
            judge = self._judges[_encoded(rule)] = Rules([rule], self._workspace).steps[0].work
        counter, outcomes, places = Counter(1), [], {tag_of(rule): 0}
        for number, draft in enumerate(drafts):
            if number % 16 == 0:
                check()
            counter.enter(draft.text)
            before = draft.text
            if before not in seen:
                seen[before] = _judged(judge, draft)
            verdict = seen[before]
            draft.text, marks = verdict.text, verdict.marks
            if verdict.text != before:
                counter.change(0, before, verdict.text)
            if verdict.reason is not None:
                counter.remove(0, verdict.reason, verdict.text)
            earlier, draft.measures = draft.measures, dict(verdict.measures)
            draft.passed_over |= verdict.passed_over
            counter.measure(draft, verdict.reason, places)
            draft.measures, draft.marks = earlier | draft.measures, draft.marks + marks
            outcomes.append(verdict.reason)
        tally = counter.finish()
        steps = tally.report_steps([(tag_of(rule), rule.title)])
        return outcomes, _Stage(left={}, steps=steps, histograms=tally.report_histograms())

    def _fate(self, row: int, draft: SampleDraft, reason: Reason | None) -> Fate:
        text = draft.text if draft.text != self.sample.raws[row].text else None
        marks = [mark for mark in draft.marks if isinstance(mark, dict)]
        if reason is None:
            return Fate(row=row, text=text, marks=marks)
        return Fate(
            row=row, text=text, marks=marks, rule=reason.rule, reason=reason.text, values=reason.values,
            measure=reason.measure, value=reason.value, limit=reason.limit)


def _judged(judge: Filter, draft: SampleDraft) -> _Verdict:
    """What one rule says of one text."""
    trial = draft.copy()
    trial.measures, trial.passed_over, trial.marks = {}, {}, []
    reason = judge(trial)
    return _Verdict(reason, trial.text, trial.measures, trial.passed_over, trial.marks)


def _encoded(*parts: Spec | float) -> bytes:
    return msgspec.json.encode(parts)


def _counts(sample: Sample) -> dict[str, int]:
    counts: dict[str, int] = {}
    for item in sample.refused:
        counts[item.rule] = counts.get(item.rule, 0) + 1
    return counts
