"""From the rules of a spec to the functions that carry them out, in the order asked for.

A rule that must see the whole corpus parts the others: those before it form one pass, in which it
takes its notes; the next pass begins with its judgement. The job runs the passes over shards on
disk, the preview over a sample in memory; both through :class:`Pass`.
"""

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from core.data.dedup.exact import ExactDuplicates as exact_duplicates
from core.data.dedup.lines import RepeatedLines as repeated_lines
from core.data.dedup.near import NearDuplicates as near_duplicates
from core.data.dedup.overlap import Decontaminate as decontaminate
from core.data.filters.boilerplate import boilerplate
from core.data.filters.classifier import quality_classifier
from core.data.filters.keywords import links, word_list
from core.data.filters.language import language_is
from core.data.filters.length import minimum_length
from core.data.filters.markup import html_remains
from core.data.filters.metric import reference_perplexity
from core.data.filters.privacy import personal_data
from core.data.filters.repair import fix_text
from core.data.filters.statistics import c4_quality, fineweb_quality, gopher_quality, gopher_repetition
from core.data.filters.verdict import Barrier, Draft, Filter, Reason
from core.data.split import Splitter
from core.data.tally import Counter, Tally
from core.record.folder import Workspace
from core.spec.corpus import AnyRule
from core.spec.rules.base import tag_of
from core.spec.rules.classifier import QualityClassifier
from core.spec.rules.duplicates import Decontaminate, ExactDuplicates, NearDuplicates, RepeatedLines
from core.spec.rules.keywords import Boilerplate, HtmlRemains, Links, WordList
from core.spec.rules.language import LanguageIs
from core.spec.rules.metric import ReferencePerplexity
from core.spec.rules.privacy import PersonalData
from core.spec.rules.statistics import C4Quality, FinewebQuality, GopherQuality, GopherRepetition
from core.spec.rules.text import FixText, MinimumLength

# One line a rule: its spec, and what makes a Filter or a Barrier of it, given the spec and the workspace
# (in which trained filters stand; None where there is none). A family of rules is one module.
MAKERS = {
    FixText: fix_text,
    MinimumLength: minimum_length,
    ExactDuplicates: exact_duplicates,
    HtmlRemains: html_remains,
    Links: links,
    Boilerplate: boilerplate,
    WordList: word_list,
    LanguageIs: language_is,
    PersonalData: personal_data,
    RepeatedLines: repeated_lines,
    NearDuplicates: near_duplicates,
    Decontaminate: decontaminate,
    ReferencePerplexity: reference_perplexity,
    QualityClassifier: quality_classifier,
    GopherQuality: gopher_quality,
    GopherRepetition: gopher_repetition,
    C4Quality: c4_quality,
    FinewebQuality: fineweb_quality,
}


class Step(NamedTuple):
    """One rule at its place in the list: its name, its title, and what carries it out."""

    index: int
    rule: str
    title: str
    work: Filter | Barrier

    @property
    def whole_corpus(self) -> bool:
        """Whether it must see every document before it judges any."""
        return hasattr(self.work, "remember")


class Pass:
    """The rules between two that must see the whole corpus.

    It begins with the judgement of the one before (``opening``, with its ``decision``) and ends with the
    notes for the one after (``closing``).
    """

    def __init__(self, opening: Step | None, filters: list[Step], closing: Step | None) -> None:
        self.opening, self.filters, self.closing = opening, filters, closing
        self.decision: Any = None
        self._judges = [(step.index, step.work) for step in filters]
        if opening is not None:
            self._judges.insert(0, (opening.index, self._open_judge))
        steps = filters if opening is None else [opening, *filters]
        self._places = {step.rule: step.index for step in steps}

    def judge(self, draft: Draft, counter: Counter) -> Reason | None:
        """Change the draft as the rules ask; the reason of the first rule that sets it aside."""
        text, reason = draft.text, None
        for index, judge in self._judges:
            reason = judge(draft)
            if draft.text is not text:
                counter.change(index, text, draft.text)
                text = draft.text
            if reason is not None:
                counter.remove(index, reason, text)
                break
        counter.measure(draft, reason, self._places)
        return reason

    def _open_judge(self, draft: Draft) -> Reason | None:
        return self.opening.work.judge(draft, self.decision)


class Rules:
    """The rules of one run, in passes."""

    def __init__(self, rules: list[AnyRule], workspace: Workspace | None = None) -> None:
        asked = [rule for rule in rules if rule.on]
        self.steps = [
            Step(index, tag_of(rule), rule.title, MAKERS[type(rule)](rule, workspace))
            for index, rule in enumerate(asked)]
        self.passes = list(_passes(self.steps))

    @property
    def names(self) -> list[tuple[str, str]]:
        """(rule, title) of every rule that is on, in order."""
        return [(step.rule, step.title) for step in self.steps]

    def counter(self) -> Counter:
        """What counts the documents of one part of a pass."""
        return Counter(len(self.steps))

    def judge(self, draft: Draft) -> Reason | None:
        """The verdict on one document alone, of rules none of which must see the whole corpus."""
        (only,) = self.passes
        return only.judge(draft, self.counter())


def _passes(steps: list[Step]) -> Iterable[Pass]:
    opening, filters = None, []
    for step in steps:
        if step.whole_corpus:
            yield Pass(opening, filters, step)
            opening, filters = step, []
        else:
            filters.append(step)
    yield Pass(opening, filters, None)


class SampleRun(NamedTuple):
    """What a list of rules did to a sample.

    Attributes:
        outcomes: one a draft, in order: the reason it is set aside, or None; the drafts themselves hold the
            text as the rules left it, what was measured, and the marks.
        steps: as in a corpus's report: rule, title, documents_in, documents_out, bytes_in, bytes_out, changed,
            passed_over {why: documents}.
        histograms: {"rule.measure": {edges, kept, rejected}}, as in a corpus's report.
        tally: the counts from which the two above are made.
    """

    outcomes: list[Reason | None]
    steps: list[dict]
    histograms: dict[str, dict]
    tally: Tally


def run_sample(
    rules: list[AnyRule], drafts: list[Draft], workspace: Workspace | None = None,
    splitter: Splitter | None = None, tell: Callable[[int, int], None] = lambda done, total: None,
) -> SampleRun:  # fmt: skip
    """Run rules over a sample in memory, those that compare documents among them, as the job does on disk.

    Args:
        rules: of a spec; those that are off are left out.
        drafts: changed in place; their ``row`` is set to their place in the list.
        workspace: where trained filters stand.
        splitter: decides what is held out; the usual share without one.
        tell: called with (done, total) documents times passes, every few documents; may raise to stop.
    """
    made = Rules(rules, workspace)
    counter, splitter = made.counter(), splitter or Splitter(0.05, 0)
    outcomes: list[Reason | None] = [None] * len(drafts)
    for row, draft in enumerate(drafts):
        draft.row, draft.splitter = row, draft.splitter or splitter
        counter.enter(draft.text)
    counter.tally.documents_read, counter.tally.bytes_read = counter.tally.entered, counter.tally.entered_bytes
    with tempfile.TemporaryDirectory(prefix="coldframe-sample-") as folder:
        for number, part in enumerate(made.passes):
            notes = _run_pass(part, drafts, outcomes, counter, lambda done, n=number: tell(
                n * len(drafts) + done, len(made.passes) * len(drafts)))
            if part.closing is not None:
                decision = Path(folder) / str(number)
                decision.mkdir()
                part.closing.work.decide(iter(notes), decision, lambda done, total: None)
                made.passes[number + 1].decision = part.closing.work.open(decision)
        for part in made.passes:
            part.decision = None  # a mapped file cannot be removed on every system
    for draft, reason in zip(drafts, outcomes, strict=True):
        if reason is None:
            counter.keep(draft)
    tally = counter.finish()
    return SampleRun(outcomes, tally.report_steps(made.names), tally.report_histograms(), tally)


def _run_pass(
    part: Pass, drafts: list[Draft], outcomes: list[Reason | None], counter: Counter, tell: Callable[[int], None]
) -> list[tuple[int, bytes]]:
    """One pass over a sample; what the rule that ends it remembered of every document left."""
    notes = []
    for row, draft in enumerate(drafts):
        if row % 16 == 0:
            tell(row)
        if outcomes[row] is not None:
            continue
        before, draft.measures = draft.measures, {}
        outcomes[row] = part.judge(draft, counter)
        draft.measures = before | draft.measures
        if part.closing is not None and outcomes[row] is None:
            notes.append((row, part.closing.work.remember(draft)))
    return notes
