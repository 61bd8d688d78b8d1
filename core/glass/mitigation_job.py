"""The job that asks a run's questions again with every mitigation: what is right, what is made up, what is left open.

Each mitigation's answers are one renamed file, so that a stop or a kill loses no more than one mitigation.
"""

import time
from collections.abc import Sequence

import msgspec
import numpy as np

from core.errors import LabError
from core.evaluate.detector_bench import Answers, held_out
from core.glass.answers import Answered
from core.glass.attribution import Tracer
from core.glass.calibration import SCORE
from core.glass.comparison import TABLE, Comparison, Outcome, count, page
from core.glass.inspection import ANSWERS, read_answers
from core.glass.mitigation import Mitigations
from core.glass.questions import plain
from core.infer.batch import Ask, Written, write_many
from core.infer.open import open_engine
from core.record.atomic import write_json, write_text
from core.record.control import Control
from core.record.events import Noted, Phase, Progress
from core.record.folder import JobFolder
from core.spec.mitigation import NAMES, MitigateSpec


def run(spec: MitigateSpec, folder: JobFolder, emit, control: Control) -> dict:
    """Ask again, and write ``table.json`` and ``table.md``.

    Raises:
        LabError: the questioning is not finished, or its run is gone.
    """
    questioned = folder.workspace.folder("evaluations", spec.questioning)
    name = questioned.request["spec"]["run"]
    answers = read_answers(questioned.path(ANSWERS))
    chosen = [answers[int(place)] for place in np.unique(np.linspace(0, len(answers) - 1, spec.questions).astype(int))]
    most = questioned.request["spec"].get("asking", {}).get("most_tokens", 16)
    engine = open_engine(f"run:{name}@last", folder.workspace)
    opened: list[Tracer] = []

    def tracer() -> Tracer:
        opened[:] = opened or [Tracer.open(folder.workspace, name)]
        return opened[0]

    ways = Mitigations(folder.workspace, engine, name, tracer)
    wanted, outcomes = spec.mitigations or list(NAMES), []
    for number, way in enumerate(wanted):
        emit(Phase(name="Asking again"))
        emit(Progress(done=number, total=len(wanted), unit="mitigations"))
        control.check()
        outcomes.append(_outcome(spec, folder, ways, way, chosen, answers, most, control))
        emit(_noted(outcomes[-1]))
    emit(Progress(done=len(wanted), total=len(wanted), unit="mitigations"))
    ways.close()
    engine.close()
    found = Comparison(name, outcomes)
    write_json(folder.path(TABLE), msgspec.to_builtins(found))
    write_text(folder.path("table.md"), page(found))
    return {"run": name, "asked": len(chosen), "mitigations": {
        one.name: {key: getattr(one, key).value for key in ("right", "made_up", "given")} for one in outcomes
        if not one.refusal}}  # fmt: skip


def _noted(one: Outcome) -> Noted:
    if one.refusal:
        return Noted(text=one.refusal, values=one.values)
    return Noted(text="{name}: {right:.0%} right, {made_up:.0%} made up, {given:.0%} answered.", values={
        "name": one.name, "right": one.right.value, "made_up": one.made_up.value, "given": one.given.value})


def _outcome(
    spec: MitigateSpec, folder: JobFolder, ways: Mitigations, way: str, chosen: Sequence[Answered],
    answers: Sequence[Answered], most: int, control: Control,
) -> Outcome:  # fmt: skip
    path = folder.path(f"{way}.json")
    if path.is_file():
        return msgspec.json.decode(path.read_bytes(), type=Outcome)
    began = time.perf_counter()
    try:
        if way == "plain":  # they are known
            told = [one.answer for one in chosen]
        elif way == "abstain":
            told = _surest(chosen, answers, spec.risk, spec.seed)
        else:
            told = [plain(one.text) for one in _ask(ways, way, chosen, most, control)]
        outcome = count(way, chosen, told, time.perf_counter() - began)
    except LabError as error:
        outcome = Outcome(name=way, refusal=error.problem, remedy=error.remedy, values=error.values)
    write_json(path, msgspec.to_builtins(outcome))
    return outcome


def _ask(ways: Mitigations, way: str, chosen: Sequence[Answered], most: int, control: Control) -> list[Written]:
    """Greedy answers with a mitigation, in order."""
    ready = []
    for one in chosen:
        ids = ways.engine.encode(one.question.prompt)
        ready.append(ways.prepare(way, one.question.prompt, ids, room=most))
    stop = chosen[0].question.stop
    return write_many(ready[0].engine, [Ask(tuple(one.ids)) for one in ready], most, stop, lambda _: control.check())


def _surest(chosen: Sequence[Answered], answers: Sequence[Answered], most_risk: float, seed: int) -> list[str]:
    """The answers as they were, but "" where the risk told is too high; told by the half that an answer is not in."""
    columns = Answers({SCORE: np.array([one.scores[SCORE] for one in answers])},
                      np.array([one.wrong for one in answers]), np.array([""] * len(answers)))  # fmt: skip
    risk = dict(zip((one.question.id for one in answers), held_out(columns, seed).p_wrong[SCORE], strict=True))
    return ["" if risk[one.question.id] > most_risk else one.answer for one in chosen]
