"""An experiment: twins that differ in one thing, trained beside each other and measured on the same clean text.

Every corpus, tokenizer and training is a job of its own in a workspace inside the experiment's folder, so
that each can be looked at, what is finished is never done again, and nobody's lists are flooded.
"""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from core.data.plants import Planted
from core.evaluate.extraction_rates import Rate, chance_exposure, rates
from core.evaluate.raw_text import RawText, write_texts
from core.evaluate.table import Table, arm_result, compare, findings, markdown
from core.jobs.crew import Child, Crew
from core.record.atomic import write_json, write_text
from core.record.events import Noted, Phase, Progress, Twin
from core.record.folder import JobFolder, Workspace, inputs_of
from core.record.view import JobView
from core.spec.corpus import CorpusSpec
from core.spec.experiment import Arm, ExperimentSpec
from core.spec.rules.duplicates import Decontaminate

INSIDE = "workspace"  # the folder of an experiment in which its children live
RAW, HELD_OUT = "_raw", "_held-out"
LOOKS = 5  # measurements on held-out text on the way of a training
TOLD_EVERY_S = 1.0


def run(spec: ExperimentSpec, folder: JobFolder, emit, control) -> dict:
    """Clean, train and measure every arm; writes ``table.json`` and ``table.md``."""
    if spec.facts is not None:
        from core.jobs import fact_law

        return fact_law.run(spec, folder, emit, control)
    started = time.monotonic()
    table = Experiment(spec, folder, emit, control).run()
    table = msgspec.structs.replace(table, elapsed_s=round(time.monotonic() - started, 1))
    table = msgspec.structs.replace(table, findings=findings(table))
    for found in table.findings:
        emit(Noted(text=found.text, values=found.values))
    write_json(folder.path("table.json"), msgspec.to_builtins(table))
    write_text(folder.path("table.md"), markdown(table, folder.name))
    return {
        "arms": [
            {"name": arm.name, "bits_per_byte": arm.mean, "difference": arm.difference and arm.difference._asdict()}
            for arm in table.arms
        ],
        "baseline": table.baseline, "seeds": table.seeds, "table": str(folder.path("table.md")),
        "findings": [found.text.format(**found.values) for found in table.findings], "elapsed_s": table.elapsed_s,
    }  # fmt: skip


class Experiment:
    """The stages of one experiment, one after the other; the children of a stage beside each other."""

    def __init__(self, spec: ExperimentSpec, folder: JobFolder, emit, control) -> None:
        self.spec, self.folder, self.emit, self.control = spec, folder, emit, control
        self.inside = Workspace(folder.path(INSIDE))
        self.lanes = spec.at_once or processors()
        self.planted: dict[str, Planted] = {}
        self._standing: dict[str, tuple[str, float]] = {}  # of each twin: state, steps done
        self._told_s = 0.0
        self._bring_filters()

    def run(self) -> Table:
        """Every stage; the table without its findings."""
        self.emit(Phase(name="Reading the text"))
        self._crew().do(self._raw_corpora())
        self.emit(Phase(name="Planting, and cleaning each arm's text"))
        corpora = self._write_raw()
        reports = self._crew().do([self._held_out_corpus(), *corpora.values()])
        for arm in self.spec.arms:
            report = reports[corpora[arm.name].name]
            self.emit(Noted(text="“{arm}”: {kept} of {read} documents kept.", values={
                "arm": arm.name, "kept": report["documents_kept"], "read": report["documents_read"]}))
        self.emit(Phase(name="Training the tokenizers"))
        self._crew().do(self._tokenizers(corpora))
        self.emit(Phase(name="Training the twins"))
        trained = self._crew(self._watch).do(self._trainings(corpora))
        self.emit(Phase(name="Asking for the secrets"))
        extraction = self._extraction()
        return self._table(corpora, reports, trained, extraction)

    def _crew(self, watch: Callable = lambda child, view: None) -> Crew:
        return Crew(self.inside, self.emit, self.control, self.lanes, watch)

    # requests of the children

    def _raw_corpora(self) -> list[Child]:
        """The text as it is found, one corpus a source; only what overlaps with the held-out part is set aside."""
        return [
            Child("corpus", f"{RAW}-{number}", _data(self.spec.base, sources=[source], rules=[Decontaminate()]))
            for number, source in enumerate(self.spec.base.sources, 1)
        ]

    def _held_out_corpus(self) -> Child:
        return self._cleaned(HELD_OUT, self.spec.base.rules)

    def _cleaned(self, name: str, rules: list, raw: str = "") -> Child:
        """A corpus made of a file of raw texts by these rules; nothing of it is held out."""
        path = self._raw_path(raw or name)
        spec = CorpusSpec(sources=[str(path)], rules=rules, held_out=0.0, seed=self.spec.base.seed)
        return Child("corpus", name, msgspec.to_builtins(spec))

    def _write_raw(self) -> dict[str, Child]:
        """Write each arm's raw text and the truth about what was planted; the corpus to make of it, by arm."""
        sources = {source: self.inside.path("corpora", f"{RAW}-{number}")
                   for number, source in enumerate(self.spec.base.sources, 1)}
        text = RawText(self.spec, sources)
        path = self._raw_path(HELD_OUT)
        path.parent.mkdir(exist_ok=True)
        write_texts(path, text.held_out)
        made: dict[bytes, str] = {}  # what was asked for -> the first arm that asked for it
        corpora: dict[str, Child] = {}
        for arm in self.spec.arms:
            self.control.check()
            raw = made.setdefault(_key(arm.plants, arm.shares), arm.slug)
            if raw == arm.slug:
                texts, self.planted[raw] = text.of(arm)
                write_texts(self._raw_path(raw), texts)
                write_json(self._raw_path(raw, "plants.json"), msgspec.to_builtins(self.planted[raw]))
            self.planted[arm.slug] = self.planted[raw]
            rules = arm.rules(self.spec.base.rules)
            name = made.setdefault(_key(raw, rules), arm.slug)
            corpora[arm.name] = self._cleaned(name, rules, raw)
        return corpora

    def _raw_path(self, name: str, ending: str = "jsonl") -> Path:
        return self.folder.path("raw", f"{name}.{ending}")

    def _tokenizers(self, corpora: dict[str, Child]) -> list[Child]:
        """Each different tokenizer once, learnt from the first arm's corpus in which nothing is planted."""
        plain = next((arm for arm in self.spec.arms if not arm.plants and not arm.shares), self.spec.arms[0])
        asked = {self._tokenizer_name(arm): arm.tokenizer or self.spec.tokenizer for arm in self.spec.arms}
        return [Child("tokenizer", name, {"corpus": corpora[plain.name].name, **msgspec.to_builtins(one)})
                for name, one in asked.items()]  # fmt: skip

    def _tokenizer_name(self, arm: Arm) -> str:
        one = arm.tokenizer or self.spec.tokenizer
        return f"{one.kind}-{one.vocab_size}"

    def _trainings(self, corpora: dict[str, Child]) -> list[Child]:
        """Every arm with every seed, the seeds outside: after the first round each arm has been seen."""
        return [Child("train", f"{arm.slug}-seed-{seed}", {
            **self._training(), "corpus": corpora[arm.name].name, "tokenizer": self._tokenizer_name(arm),
            "held_out_corpus": HELD_OUT, "model": msgspec.to_builtins(self.spec.model), "seed": seed,
        }) for seed in range(self.spec.seeds) for arm in self.spec.arms]  # fmt: skip

    def _training(self) -> dict:
        """What all twins share: one thread each, all of the held-out text at every look, one checkpoint at the end."""
        steps = self.spec.train.get("steps", 1000)
        shared = {"threads": 1, "sample_tokens": 0, "keep_checkpoints": 1, "checkpoint_every": steps,
                  "validate_every": max(1, -(-steps // LOOKS)), "validation_tokens": 1 << 32, "steps": steps}
        return shared | self.spec.train

    # what is told on the way

    def _watch(self, child: Child, view: JobView) -> None:
        """Tell how each twin stands, and how far all are together."""
        steps = child.data["steps"]
        done = steps if view.state == "completed" else view.done if view.phase == "Training" else 0
        standing, now = (view.state, done), time.monotonic()
        if standing == self._standing.get(child.name) or (view.live and now - self._told_s < TOLD_EVERY_S):
            return
        self._standing[child.name], self._told_s = standing, now
        slug, _, seed = child.name.rpartition("-seed-")
        self.emit(Twin(
            arm=next(arm.name for arm in self.spec.arms if arm.slug == slug), seed=int(seed), state=view.state,
            done=done, total=steps, folder=f"{INSIDE}/runs/{child.name}",
            bits_per_byte=view.validations[-1].bits_per_byte if view.validations else None))
        total = steps * self.spec.seeds * len(self.spec.arms)
        self.emit(Progress(done=sum(done for _, done in self._standing.values()), total=total, unit="steps"))

    # measuring

    def _extraction(self) -> list[Rate]:
        """Ask every twin for the secrets that were planted in any arm; nothing where none were."""
        canaries = next((found.canaries for found in self.planted.values() if found.canaries), [])
        if not canaries:
            return []
        found, twins = [], self.spec.seeds * len(self.spec.arms)
        for number, arm in enumerate(self.spec.arms):
            asked = []
            for seed in range(self.spec.seeds):
                self.emit(Progress(done=number * self.spec.seeds + seed, total=twins, unit="models"))
                asked.append(self._recalled(f"{arm.slug}-seed-{seed}", canaries))
            found += rates(arm.name, asked, self.spec.candidates)
        self.emit(Progress(done=twins, total=twins, unit="models"))
        return found

    def _recalled(self, name: str, canaries: list) -> list[dict]:
        """What became of every secret in one twin; asked once, kept in its own file."""
        path = self.folder.path("extraction", f"{name}.json")
        if not path.is_file():
            import torch

            from core.evaluate.extraction import recall

            torch.set_num_threads(self.lanes)
            path.parent.mkdir(exist_ok=True)
            found = recall(self.inside.path("runs", name), canaries, self.spec.candidates, self.spec.base.seed,
                           lambda *_: self.control.check())
            write_json(path, msgspec.to_builtins(found))
        return json.loads(path.read_text("utf-8"))

    def _table(self, corpora: dict, reports: dict, trained: dict, extraction: list[Rate]) -> Table:
        arms = []
        for arm in self.spec.arms:
            names = [f"{arm.slug}-seed-{seed}" for seed in range(self.spec.seeds)]
            meta = json.loads(self.inside.path("runs", names[0]).joinpath("tokens", "meta.json").read_text("utf-8"))
            report = reports[corpora[arm.name].name]
            arms.append(arm_result(arm.name, report, [trained[name] for name in names], meta["train_tokens"]))
        run = next(iter(trained.values()))
        return Table(
            baseline=self.spec.compared_with, seeds=self.spec.seeds, trained_tokens=run["tokens"],
            parameters=run["parameters"], held_out_bytes=meta["held_out_bytes"],
            arms=compare(arms, self.spec.compared_with), candidates=self.spec.candidates if extraction else 0,
            chance_exposure=chance_exposure(self.spec.candidates) if extraction else 0.0, extraction=extraction,
            machine=f"{processors()} processors, {self.lanes} trainings at once.")

    def _bring_filters(self) -> None:
        """Copy what the rules need of the user's workspace (trained filters) to where the children look for it."""
        asked = [self.spec.base.rules, *(arm.rules(self.spec.base.rules) for arm in self.spec.arms)]
        for rules in asked:
            spec = msgspec.structs.replace(self.spec.base, rules=rules)
            for room, name in inputs_of("corpus", spec).values():
                there, here = self.folder.workspace.folder(room, name).root, self.inside.path(room, name)
                if not here.exists():
                    shutil.copytree(there, here.with_name(f".tmp-{name}"), dirs_exist_ok=True)
                    here.with_name(f".tmp-{name}").rename(here)


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _data(spec: CorpusSpec, **changes) -> dict:
    return msgspec.to_builtins(msgspec.structs.replace(spec, **changes))


def _key(*asked) -> bytes:
    return msgspec.json.encode(asked)
