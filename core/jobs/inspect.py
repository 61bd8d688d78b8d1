"""Tell me what you know: worlds of known truth, models that learn them, and what tells their errors.

Every world, tokenizer, training, index and questioning is an ordinary job of the workspace, so that each can be
opened, talked to and put under the glass, and what is finished is never done again.
"""

import time

import msgspec

from core.errors import LabError
from core.glass.inspection import ANSWERS, Inspection, inspect_answers, read_answers, result_of, write_inspection
from core.glass.question_job import facts_of
from core.jobs.crew import Child, Crew
from core.jobs.experiment import TOLD_EVERY_S, processors
from core.jobs.registry import kind
from core.record.events import Noted, Phase, Progress, Twin
from core.record.folder import ROOMS, JobFolder
from core.record.view import JobView, read_view
from core.spec.base import build
from core.spec.inspect import InspectSpec
from core.spec.world import Contexts

STAGES = {
    "world": "Making the worlds", "tokenizer": "Training the tokenizers", "train": "Training the models",
    "index": "Indexing the training text", "question": "Asking the questions",
}  # fmt: skip


def run(spec: InspectSpec, folder: JobFolder, emit, control) -> dict:
    """Do all seeds and measure them together; writes ``table.json`` and ``table.md``."""
    if isinstance(spec.world.world, Contexts):
        from core.jobs import ground

        return ground.run(spec, folder, emit, control)
    began = time.monotonic()
    found = Pipeline(spec, folder, emit, control).run()
    found = msgspec.structs.replace(found, elapsed_s=round(time.monotonic() - began, 1))
    for finding in found.findings:
        emit(Noted(text=finding.text, values=finding.values))
    write_inspection(folder.path(), found, folder.name)
    return result_of(found) | {"table": str(folder.path("table.md")), "elapsed_s": found.elapsed_s}


class Pipeline:
    """The stages, one after the other; the seeds of a stage beside each other."""

    def __init__(self, spec: InspectSpec, folder: JobFolder, emit, control) -> None:
        self.spec, self.folder, self.emit, self.control = spec, folder, emit, control
        self.workspace, self.names = folder.workspace, names(folder.name, spec.seeds)
        self.lanes = spec.at_once or processors()
        self._stage, self._done, self._told_s = "", 0, 0.0
        self._standing: dict[str, tuple[str, float]] = {}  # of each seed in this stage: state, share done

    def run(self) -> Inspection:
        """Every stage, then the table over all seeds."""
        for number, (stage, words) in enumerate(STAGES.items()):
            self.emit(Phase(name=words))
            self.emit(Progress(done=number, total=len(STAGES), unit="stages"))
            self._stage, self._done, self._standing = stage, number, {}
            children = [Child(stage, name, self.request(stage, seed)) for seed, name in enumerate(self.names)]
            for child in children:
                self._check_own(child)
            Crew(self.workspace, self.emit, self.control, self.lanes, self._watch).do(children)
        self.emit(Progress(done=len(STAGES), total=len(STAGES), unit="stages"))
        self.emit(Phase(name="Measuring what tells their errors"))
        sets = [read_answers(self.workspace.path("evaluations", name) / ANSWERS) for name in self.names]
        found, _ = inspect_answers(sets, self.spec.asking.seed)
        return msgspec.structs.replace(
            found, seconds=[self._seconds(name) for name in self.names],
            **facts_of(self.workspace.path("runs", self.names[0])))

    def request(self, stage: str, seed: int) -> dict:
        """What a stage of one seed is asked for, as plain data."""
        name = self.names[seed]
        if stage == "world":
            return msgspec.to_builtins(msgspec.structs.replace(self.spec.world, seed=self.spec.world.seed + seed))
        if stage == "tokenizer":
            return {"corpus": name, **msgspec.to_builtins(self.spec.tokenizer)}
        if stage == "train":
            shared = {"threads": 1, "sample_tokens": 0, "keep_checkpoints": 1}
            return shared | self.spec.train | {
                "corpus": name, "tokenizer": name, "model": msgspec.to_builtins(self.spec.model), "seed": seed}
        if stage == "index":
            return {"run": name}
        asking = msgspec.structs.replace(self.spec.asking, seed=self.spec.asking.seed + seed)
        return {"run": name, "asking": msgspec.to_builtins(asking)}

    def _watch(self, child: Child, view: JobView) -> None:
        """Tell how each seed stands in this stage, and how far all are together."""
        share = 1.0 if view.state == "completed" else view.done / view.total if view.total else 0.0
        standing, now = (view.state, share), time.monotonic()
        if standing == self._standing.get(child.name) or (view.live and now - self._told_s < TOLD_EVERY_S):
            return
        self._standing[child.name], self._told_s = standing, now
        self.emit(Twin(
            arm=self._stage, seed=self.names.index(child.name), state=view.state, done=share, total=1.0,
            folder=f"{ROOMS[self._stage]}/{child.name}"))
        shares = sum(share for _, share in self._standing.values()) / len(self.names)
        self.emit(Progress(done=self._done + shares, total=len(STAGES), unit="stages"))

    def _seconds(self, name: str) -> float:
        """How long one seed took, all stages together, waiting for others not counted."""
        views = [read_view(self.workspace.path(ROOMS[stage], name)) for stage in STAGES]
        return round(sum(view.updated_t - view.started_t for view in views), 1)

    def _check_own(self, child: Child) -> None:
        """Raise a LabError where the child's place is taken by a job that was asked for something else."""
        room = ROOMS[child.kind]
        if not self.workspace.path(room, child.name).joinpath("spec.toml").is_file():
            return
        request = self.workspace.folder(room, child.name).request
        spec_type = kind(child.kind).spec_type()
        if request["kind"] != child.kind or build(spec_type, request["spec"]) != build(spec_type, child.data):
            raise LabError(
                "Another job is called {name} already.", f"{room}/{child.name}", "Start this under another name.",
                name=child.name)


def names(name: str, seeds: int) -> list[str]:
    """What the jobs of each seed are called."""
    return [f"{name}-{seed}" for seed in range(seeds)]
