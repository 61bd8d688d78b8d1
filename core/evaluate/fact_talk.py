"""How much of what a model says of its world is false: asked for facts, and left to speak freely.

A statement counts as false where it is no fact of the world, about whomever. Its chance is added up over all
wordings, because it is the fact that counts and not how it is put.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from core.data.worlds.facts import FactTable
from core.data.worlds.strata import Truth
from core.data.worlds.wordings import RELATIONS, WORDINGS, Wording
from core.evaluate.fact_law import Count, Model, monofact_rate, side_of, weights_of
from core.infer.batch import Ask, read_many, write_many
from core.infer.engine import Engine
from core.infer.open import open_engine
from core.record.folder import Workspace
from core.spec.experiment import Arm, FactLaw
from core.spec.world import WorldSpec

MOST_TOKENS = 48  # of a sentence said freely, and of an answer


class Known(NamedTuple):
    """What is so in a world, fact by fact."""

    subject: list[str]
    relation: list[int]
    value: list[str]
    told_in: np.ndarray  # the wording that no training document uses, (n,)
    stated: np.ndarray  # in how many documents, copies counted, (n,)


class Claim(NamedTuple):
    """What a sentence states."""

    subject: str
    relation: int
    value: str


def talk(
    workspace: Workspace, run: str, arm: Arm, seed: int, law: FactLaw, world: WorldSpec,
    check: Callable[[], None] = lambda: None,
) -> Model:  # fmt: skip
    """Let a trained run speak, and measure what it makes up.

    Args:
        world: what its text was made from.
        check: called now and then; may raise to stop.
    """
    corpus = workspace.folder("corpora", workspace.folder("runs", run).request["spec"]["corpus"])
    known, truth = read_known(corpus.path()), Truth(world)
    counts = np.array([truth.mentions(fact) for fact in range(truth.n_facts)])
    weights = weights_of(arm.told, counts, seed)
    engine = open_engine(f"run:{run}@last", workspace)
    try:
        speech = Speech(engine, law, known, weights, seed, check)
        monofacts = monofact_rate(counts)
        asked, by_count = speech.asked(monofacts)
        free, nobody, nothing = speech.free(monofacts)
    finally:
        engine.close()
    return Model(
        arm=arm.name, seed=seed, spread=arm.told.spread, facts=len(counts), statements=int(counts.sum()),
        monofacts=monofacts, unseen=float(weights[counts == 0].sum()), nobody=nobody, nothing=nothing,
        copies=arm.told.repeat_times if arm.told.repeat_share else 0, asked=asked, free=free, counts=by_count)


def read_known(corpus: Path) -> Known:
    """The table of a world of facts."""
    with FactTable(corpus) as table:
        facts = list(table.facts())
    names = list(dict.fromkeys(fact.relation for fact in facts))
    return Known(
        [fact.subject for fact in facts], [names.index(fact.relation) for fact in facts],
        [fact.value for fact in facts], np.array([fact.unseen_wording for fact in facts]),
        np.array([len(fact.documents) for fact in facts]))


class Speech:
    """One model, and the world it is measured by.

    Args:
        weights: how likely the world is to say each fact, (n,).
    """

    def __init__(self, engine: Engine, law: FactLaw, known: Known, weights: np.ndarray, seed: int, check) -> None:
        self.engine, self.law, self.known, self.weights, self.check = engine, law, known, weights, check
        self.random = np.random.default_rng(seed)
        self.wordings = [RELATIONS[name].wordings(law.language) for name in law.relations]
        self.facts = {(subject, relation): value for subject, relation, value in
                      zip(known.subject, known.relation, known.value, strict=True)}  # fmt: skip
        self.stop = "." if law.language == "english" else "。"

    def draw(self, count: int) -> np.ndarray:
        """Facts as often as the world says them, (count,)."""
        return self.random.choice(len(self.weights), count, p=self.weights)

    def asked(self, monofacts: float):
        """Questions as often as the world says the facts: the side of the law, and the counts."""
        facts = self.draw(self.law.questions)
        questions, wordings = self._questions(facts)
        seeds = self.random.integers(1 << 62, size=len(facts))
        asks = [ask for prompt, seed in zip(questions, seeds) for ask in (Ask(prompt), Ask(prompt, int(seed)))]
        written = write_many(self.engine, asks, MOST_TOKENS, self.stop, lambda _: self.check())
        right = np.array([self._is_right(one.text, fact, word) for one, fact, word in
                          zip(written[::2], facts, wordings, strict=True)])  # fmt: skip
        wrong = np.array([not self._is_right(one.text, fact, word) for one, fact, word in
                          zip(written[1::2], facts, wordings, strict=True)])  # fmt: skip
        truths = [self.engine.encode(self._answer(fact, word)) for fact, word in zip(facts, wordings, strict=True)]
        chance = np.log(self.weights[facts])
        said = chance + np.array([sum(one.log_p) for one in written[1::2]])
        true = chance + np.array(read_many(self.engine, list(zip(questions, truths, strict=True)), self.check))
        return side_of(wrong, said, true, monofacts, self.law.bins), self._by_count(facts, right, wrong)

    def free(self, monofacts: float):
        """Sentences said freely: the side of the law, and the shares about nobody and of nothing."""
        start = (self.engine.start_id,)
        seeds = self.random.integers(1 << 62, size=self.law.sentences)
        written = write_many(
            self.engine, [Ask(start, int(seed)) for seed in seeds], MOST_TOKENS, self.stop, lambda _: self.check())
        claims = [self.claim(one.text + self.stop) for one in written]
        wrong = np.array([claim is not None and self.facts.get(claim[:2]) != claim.value for claim in claims])
        people = set(self.known.subject)
        nobody = np.mean([claim is not None and claim.subject not in people for claim in claims])
        drawn = [self._claim_of(fact) for fact in self.draw(self.law.sentences)]
        chances = self._chances([claim for claim in (*claims, *drawn) if claim is not None])
        said = np.array([sum(one.log_p) if claim is None else chances[claim]
                         for one, claim in zip(written, claims, strict=True)])  # fmt: skip
        true = np.array([chances[claim] for claim in drawn])
        nothing = np.mean([claim is None for claim in claims])
        return side_of(wrong, said, true, monofacts, self.law.bins), float(nobody), float(nothing)

    def claim(self, sentence: str) -> Claim | None:
        """What a sentence states, in whatever wording; None where it is in none."""
        for relation, wordings in enumerate(self.wordings):
            for wording in wordings:
                found = pattern(wording).fullmatch(sentence.strip())
                if found:
                    return Claim(found["s"], relation, found["v"])
        return None

    def _chances(self, claims: Sequence[Claim]) -> dict[Claim, float]:
        """The model's log-probability of each claim, all its wordings added up."""
        claims, start = list(dict.fromkeys(claims)), (self.engine.start_id,)
        pairs = [(start, self.engine.encode(wording.statement(claim.subject, claim.value)))
                 for claim in claims for wording in self.wordings[claim.relation]]  # fmt: skip
        found = np.array(read_many(self.engine, pairs, self.check)).reshape(-1, WORDINGS)
        return dict(zip(claims, np.logaddexp.reduce(found, axis=1).tolist(), strict=True))

    def _questions(self, facts: np.ndarray) -> tuple[list[tuple[int, ...]], list[Wording]]:
        """One question each, in a wording that training documents use of the fact."""
        others = self.random.integers(1, WORDINGS, size=len(facts))
        wordings = [self.wordings[self.known.relation[fact]][(self.known.told_in[fact] + other) % WORDINGS]
                    for fact, other in zip(facts, others, strict=True)]  # fmt: skip
        return [tuple(self.engine.encode(wording.question(self.known.subject[fact])))
                for fact, wording in zip(facts, wordings, strict=True)], wordings  # fmt: skip

    def _answer(self, fact: int, wording: Wording) -> str:
        return f"{wording.before}{self.known.value[fact]}{wording.after}"

    def _is_right(self, text: str, fact: int, wording: Wording) -> bool:
        return f"{text}{self.stop}" == self._answer(fact, wording)

    def _claim_of(self, fact: int) -> Claim:
        return Claim(self.known.subject[fact], self.known.relation[fact], self.known.value[fact])

    def _by_count(self, facts: np.ndarray, right: np.ndarray, wrong: np.ndarray) -> list[Count]:
        stated = self.known.stated[facts]
        return [Count(int(count), int((stated == count).sum()), int(right[stated == count].sum()),
                      int(wrong[stated == count].sum())) for count in np.unique(stated)]  # fmt: skip


def pattern(wording: Wording) -> re.Pattern:
    """Matches a statement in this wording: ``s`` the subject, ``v`` the value."""
    before, after = wording.lead.split("{s}")
    return re.compile(f"{re.escape(before)}(?P<s>[^.。「」]+?){re.escape(after + wording.before)}(?P<v>[^.。「」]+)"
                      f"{re.escape(wording.after)}")
