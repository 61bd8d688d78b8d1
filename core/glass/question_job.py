"""The job that questions a run about its world: ask, mark, look into the corpus, and measure what tells its errors.

Answers are kept a few hundred at a time, so that a stop or a kill loses no more than that.
"""

import time
from pathlib import Path

import msgspec

from core.data.worlds.facts import FactTable
from core.glass.answers import Answered, with_scores
from core.glass.attribution import Tracer
from core.glass.corpus_support import CorpusSupport
from core.glass.inspection import (
    ANSWERS,
    inspect_answers,
    read_answers,
    result_of,
    write_answers,
    write_inspection,
)
from core.glass.questions import Label, Question, draw_questions, plain
from core.infer.batch import Ask, Written, read_many, write_many
from core.infer.engine import Engine
from core.infer.open import open_engine
from core.record.control import Control
from core.record.events import Noted, Phase, Progress
from core.record.folder import JobFolder
from core.spec.inspect import Asking, QuestionSpec

AT_ONCE = 200  # questions


def run(spec: QuestionSpec, folder: JobFolder, emit, control: Control) -> dict:
    """Ask, and write ``answers.jsonl``, ``table.json`` and ``table.md``.

    Raises:
        LabError: the run's corpus is no world of facts, or its training text is not indexed.
    """
    began = time.monotonic()
    emit(Phase(name="Asking the questions"))
    answers = ask(spec, folder, emit, control)
    control.check()
    emit(Phase(name="Measuring what tells its errors"))
    found, told = inspect_answers([answers], spec.asking.seed)
    run_folder = folder.workspace.folder("runs", spec.run)
    found = msgspec.structs.replace(found, elapsed_s=round(time.monotonic() - began, 1), **facts_of(run_folder.path()))
    for finding in found.findings:
        emit(Noted(text=finding.text, values=finding.values))
    write_answers(folder.path(ANSWERS), told[0])
    write_inspection(folder.path(), found, folder.name)
    return result_of(found)


def ask(spec: QuestionSpec, folder: JobFolder, emit, control: Control) -> list[Answered]:
    """The answers to all questions, with their scores; those of an earlier attempt are not asked again."""
    workspace = folder.workspace
    corpus = workspace.folder("corpora", workspace.folder("runs", spec.run).request["spec"]["corpus"])
    with FactTable(corpus.path()) as table:
        drawn = draw_questions(table, spec.asking.questions, spec.asking.wordings, spec.asking.seed)
    support = CorpusSupport(Tracer.open(workspace, spec.run))
    engine = open_engine(f"run:{spec.run}@last", workspace)
    folder.path("asked").mkdir(exist_ok=True)
    answers: list[Answered] = []
    for at in range(0, len(drawn), AT_ONCE):
        emit(Progress(done=at, total=len(drawn), unit="questions"))
        path = folder.path("asked", f"{at:08d}.jsonl")
        if not path.is_file():
            found = answer(engine, drawn[at : at + AT_ONCE], spec.asking, control.check)
            found = [with_scores(msgspec.structs.replace(
                one, evidence=support.evidence(one.question, one.answer)), spec.asking) for one in found]
            write_answers(path, found)
        answers += read_answers(path)
        control.check()
    emit(Progress(done=len(drawn), total=len(drawn), unit="questions"))
    engine.close()
    return answers


def answer(engine: Engine, drawn: list[tuple[Question, Label]], asking: Asking, check=lambda: None) -> list[Answered]:
    """Answer a few questions: greedily, several times by chance, and in their other wordings.

    Args:
        check: called now and then; may raise to stop.
    """
    asks, owners = [], []
    for number, (question, _) in enumerate(drawn):
        prompt = tuple(engine.encode(question.prompt))
        seeds = [asking.seed * 1_000_003 + question.id * asking.samples + i for i in range(asking.samples)]
        asks += [Ask(prompt), *(Ask(prompt, seed) for seed in seeds)]
        asks += [Ask(tuple(engine.encode(other))) for other in question.others]
        owners += [number] * (1 + asking.samples + len(question.others))
    written = write_many(engine, asks, asking.most_tokens, drawn[0][0].stop, lambda _: check())
    mine: list[list[Written]] = [[] for _ in drawn]
    for owner, one in zip(owners, written, strict=True):
        mine[owner].append(one)
    elsewhere = [(engine.encode(other), mine[number][0].ids)
                 for number, (question, _) in enumerate(drawn) for other in question.others]  # fmt: skip
    read = iter(read_many(engine, elsewhere, check))
    return [_answered(question, label, found, asking.samples, [next(read) for _ in question.others])
            for (question, label), found in zip(drawn, mine, strict=True)]  # fmt: skip


def _answered(
    question: Question, label: Label, found: list[Written], samples: int, others_log_p: list[float]
) -> Answered:
    greedy, drawn, others = found[0], found[1 : 1 + samples], found[1 + samples :]
    return Answered(
        question=question, label=label, answer=plain(greedy.text), wrong=label.is_wrong(greedy.text),
        log_p=greedy.log_p, entropy=greedy.entropy, samples=[plain(one.text) for one in drawn],
        sample_log_p=[sum(one.log_p) for one in drawn], others=[plain(one.text) for one in others],
        others_log_p=others_log_p)


def facts_of(run: Path) -> dict:
    """The size of a run's model and of its training text."""
    from core.data.shards import TokenShard
    from core.infer.sources import checkpoint_path
    from core.model.loading import read_weights

    tensors, _ = read_weights(checkpoint_path(run, "last"))
    return {"parameters": sum(tensor.numel() for tensor in tensors.values()),
            "training_tokens": int(TokenShard.open(run, "train").meta["train_tokens"])}  # fmt: skip
