"""Hallucination as a law: worlds whose facts are stated more or less often, a model of each, and what it makes up.

The stages of an experiment with other text: worlds instead of cleaned corpora, and as soon as a model is trained it
is let speak. What is known so far always stands in ``law.json``, so that it can be watched.
"""

import time

import msgspec

from core.evaluate.fact_law import Model, world_of
from core.evaluate.fact_law_table import LAW, LawTable, found, markdown, result_of
from core.jobs.crew import Child
from core.jobs.experiment import Experiment, processors
from core.record.atomic import write_json, write_text
from core.record.events import Noted, Phase
from core.record.folder import JobFolder
from core.record.view import JobView
from core.spec.experiment import Arm, ExperimentSpec


def run(spec: ExperimentSpec, folder: JobFolder, emit, control) -> dict:
    """Make every world, train on it and let the model speak; writes ``law.json`` and ``table.md``."""
    began = time.monotonic()
    experiment = FactExperiment(spec, folder, emit, control)
    experiment.learn()
    table = msgspec.structs.replace(experiment.table(), elapsed_s=round(time.monotonic() - began, 1))
    table = msgspec.structs.replace(table, findings=found(table))
    for finding in table.findings:
        emit(Noted(text=finding.text, values=finding.values))
    write_json(folder.path(LAW), msgspec.to_builtins(table))
    write_text(folder.path("table.md"), markdown(table, folder.name))
    return result_of(table) | {"table": str(folder.path("table.md"))}


class FactExperiment(Experiment):
    """The stages, one after the other; the children of a stage beside each other."""

    def learn(self) -> None:
        """Every stage; each model is let speak when it has been trained."""
        self.emit(Phase(name="Making the worlds"))
        self._crew().do([self._world(arm, seed) for arm, seed in self._twins()])
        self.emit(Phase(name="Training the tokenizers"))
        self._crew().do([self._tokenizer(seed) for seed in range(self.spec.seeds)])
        self.emit(Phase(name="Training the twins, and letting them speak"))
        self._crew(self._watch).do([self._twin(arm, seed) for arm, seed in self._twins()])

    def table(self) -> LawTable:
        """What is known so far."""
        models, facts = self._models(), {}
        if models:
            run = self.inside.folder("runs", _name(self._arm(models[0].arm), models[0].seed))
            from core.record.view import read_view

            result = read_view(run.root).result
            facts = {"parameters": result["parameters"], "trained_tokens": result["tokens"]}
        return LawTable(
            models=models, wanted=self.spec.seeds * len(self.spec.arms), bins=self.spec.facts.bins,
            machine=f"{processors()} processors, {self.lanes} trainings at once.", **facts)

    def _twins(self) -> list[tuple[Arm, int]]:
        return [(arm, seed) for seed in range(self.spec.seeds) for arm in self.spec.arms]

    def _arm(self, name: str) -> Arm:
        return next(arm for arm in self.spec.arms if arm.name == name)

    def _spec_of_world(self, arm: Arm, seed: int):
        return world_of(self.spec.facts, arm.told, self.spec.facts.held_out, seed)

    def _world(self, arm: Arm, seed: int) -> Child:
        return Child("world", _name(arm, seed), msgspec.to_builtins(self._spec_of_world(arm, seed)))

    def _tokenizer(self, seed: int) -> Child:
        """One for all arms of a seed, learnt from the largest world: it has the names of the others, too."""
        largest = max(self.spec.arms, key=lambda arm: self._spec_of_world(arm, seed).size)
        return Child("tokenizer", f"seed-{seed}", {
            "corpus": _name(largest, seed), **msgspec.to_builtins(self.spec.tokenizer)})  # fmt: skip

    def _twin(self, arm: Arm, seed: int) -> Child:
        return Child("train", _name(arm, seed), {
            **self._training(), "corpus": _name(arm, seed), "tokenizer": f"seed-{seed}",
            "model": msgspec.to_builtins(self.spec.model), "seed": seed})  # fmt: skip

    def _watch(self, child: Child, view: JobView) -> None:
        super()._watch(child, view)
        if view.state == "completed":
            self._speak(child.name)
            write_json(self.folder.path(LAW), msgspec.to_builtins(self.table()))

    def _speak(self, name: str) -> None:
        """Let one twin speak; done once, kept in its own file."""
        path = self.folder.path("spoken", f"{name}.json")
        if path.is_file():
            return
        import torch

        from core.evaluate.fact_talk import talk

        torch.set_num_threads(1)  # the others are being trained meanwhile
        path.parent.mkdir(exist_ok=True)
        arm, seed = next((arm, seed) for arm, seed in self._twins() if _name(arm, seed) == name)
        found = talk(self.inside, name, arm, seed, self.spec.facts, self._spec_of_world(arm, seed), self.control.check)
        write_json(path, msgspec.to_builtins(found))

    def _models(self) -> list[Model]:
        """Those that have spoken, in the order of the arms."""
        paths = [self.folder.path("spoken", f"{_name(arm, seed)}.json") for arm, seed in self._twins()]
        return [msgspec.json.decode(path.read_bytes(), type=Model) for path in paths if path.is_file()]


def _name(arm: Arm, seed: int) -> str:
    return f"{arm.slug}-seed-{seed}"
