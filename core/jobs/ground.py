"""What the context says: worlds of notes, models that learn to read them, and what tells that they do not follow them.

The stages of an inspection with other questions: every world, tokenizer and training is an ordinary job of the
workspace; the questions are asked here, and what one model answered is kept in a file of its own.
"""

import time
from pathlib import Path

import msgspec
import numpy as np

from core.data.shards import TokenShard
from core.data.worlds.contexts import CONTRADICTED, KNOWN, STRANGER
from core.data.worlds.facts import FactTable, Item
from core.glass.grounding import GROUNDING, Grounding, Read, measure, page, read_reads, result_of, write_reads
from core.glass.questions import plain
from core.jobs.crew import Child, Crew
from core.jobs.inspect import STAGES, Pipeline
from core.record.atomic import write_json, write_text
from core.record.events import Noted, Phase, Progress
from core.record.folder import JobFolder
from core.spec.inspect import InspectSpec

OWN_STAGES = ("world", "tokenizer", "train")
KINDS = {STRANGER: "stranger", CONTRADICTED: "contradicted"}


def run(spec: InspectSpec, folder: JobFolder, emit, control) -> dict:
    """Do all seeds and measure them together; writes ``grounding.json`` and ``table.md``."""
    began = time.monotonic()
    pipeline = ReadingPipeline(spec, folder, emit, control)
    pipeline.learn()
    found = msgspec.structs.replace(pipeline.measured(), elapsed_s=round(time.monotonic() - began, 1))
    for finding in found.findings:
        emit(Noted(text=finding.text, values=finding.values))
    write_json(folder.path(GROUNDING), msgspec.to_builtins(found))
    write_text(folder.path("table.md"), page(found, folder.name))
    return result_of(found) | {"table": str(folder.path("table.md")), "elapsed_s": found.elapsed_s}


class ReadingPipeline(Pipeline):
    """The stages, one after the other; the seeds of a stage beside each other."""

    def learn(self) -> None:
        """Make the worlds and train a model on each."""
        for number, stage in enumerate(OWN_STAGES):
            self.emit(Phase(name=STAGES[stage]))
            self._stage, self._done, self._standing = stage, number, {}
            children = [Child(stage, name, self.request(stage, seed)) for seed, name in enumerate(self.names)]
            for child in children:
                self._check_own(child)
            Crew(self.workspace, self.emit, self.control, self.lanes, self._watch).do(children)

    def measured(self) -> Grounding:
        """Ask every model, then measure all together."""
        from core.glass.question_job import facts_of

        self.emit(Phase(name="Asking the questions"))
        sets, layers = zip(*(self._asked(seed) for seed in range(self.spec.seeds)))
        self.emit(Phase(name="Measuring what tells their errors"))
        found, told = measure(sets, layers[0], self.spec.asking.seed)
        for seed, reads in enumerate(told):
            write_reads(self._path(seed), reads)
        return msgspec.structs.replace(found, **facts_of(self.workspace.path("runs", self.names[0])))

    def _asked(self, seed: int) -> tuple[list[Read], int]:
        """What one model answers, and its layers; asked once."""
        path, layers = self._path(seed), self._path(seed).with_suffix(".layers")
        self.emit(Progress(done=seed, total=self.spec.seeds, unit="models"))
        if not path.is_file():
            asking = self.spec.asking
            reads, depth = ask(self.workspace, self.names[seed], asking.questions, asking.most_tokens,
                               asking.seed + seed, self.control.check)
            path.parent.mkdir(exist_ok=True)
            write_text(layers, str(depth))
            write_reads(path, reads)
        return read_reads(path), int(layers.read_text("utf-8"))

    def _path(self, seed: int) -> Path:
        return self.folder.path("read", f"{self.names[seed]}.jsonl")


def ask(workspace, run: str, questions: int, most_tokens: int, seed: int, check) -> tuple[list[Read], int]:
    """Ask a run the held-out questions of its world, with and without their notes.

    Args:
        questions: how many, half of each kind as far as there are so many.
        check: called now and then; may raise to stop.
    """
    from core.infer.open import open_engine

    corpus = workspace.folder("corpora", workspace.folder("runs", run).request["spec"]["corpus"])
    with FactTable(corpus.path()) as table:
        known = {item.prompt: item for item in table.items(task=KNOWN)}
        drawn = [item for kind in KINDS for item in _some(list(table.items("held_out", kind)), questions // 2, seed)]
    engine = open_engine(f"run:{run}@last", workspace)
    try:
        return _answers(engine, drawn, known, _rarities(workspace.path("runs", run)), most_tokens, check)
    finally:
        engine.close()


def _answers(engine, drawn: list[Item], known: dict[str, Item], rarities: np.ndarray, most_tokens: int, check):
    from core.glass.lookback import read_contexts, token_log_p
    from core.infer.batch import Ask, write_many

    stop = "." if drawn[0].before else "。"
    prompts = [tuple(engine.encode(item.prompt)) for item in drawn]
    written = write_many(engine, [Ask(prompt) for prompt in prompts], most_tokens, stop, lambda _: check())
    rows = [(len(engine.encode(_context(item))), list(prompt), one.ids)
            for item, prompt, one in zip(drawn, prompts, written, strict=True)]  # fmt: skip
    ratios, layers = read_contexts(engine, rows, check)
    reads = []
    for item, one, heads in zip(drawn, written, ratios, strict=True):
        check()
        elsewhere = known.get(item.question)
        reads.append(Read(
            id=item.id, kind=KINDS[item.task], context=_context(item), question=item.prompt[len(_context(item)):],
            bare=item.question, given=item.answer, known=elsewhere.answer if elsewhere else "",
            stated=len(elsewhere.documents) if elsewhere else 0, answer=plain(one.text),
            follows=plain(one.text) == item.answer, log_p=one.log_p, entropy=one.entropy,
            log_p_bare=token_log_p(engine, engine.encode(item.question), one.ids), ratios=heads.tolist(),
            rarity=float(rarities[one.ids].mean()),
            tokens=[engine.token_bytes(id).decode("utf-8", "replace") for id in one.ids]))
    return reads, layers


def _context(item: Item) -> str:
    """The notes of a prompt: what stands before the question."""
    from core.data.worlds.contexts import QUESTION

    word = next(word for word in QUESTION.values() if word in item.prompt)
    return item.prompt[: item.prompt.rindex(word)].rstrip()


def _rarities(run: Path) -> np.ndarray:
    """Minus log10 of each token's share of the training text, (V,)."""
    shard = TokenShard.open(run, "train")
    counts = np.bincount(np.asarray(shard.tokens), minlength=1 << 16)
    return -np.log10((counts + 0.5) / counts.sum())


def _some(items: list[Item], count: int, seed: int) -> list[Item]:
    chosen = np.sort(np.random.default_rng(seed).permutation(len(items))[:count])
    return [items[int(place)] for place in chosen]
