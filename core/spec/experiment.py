"""Twins that differ in one thing: what a cleaning rule, a tokenizer or a mixture does to the model."""

import re
from typing import Annotated, Literal

import msgspec

from core.errors import LabError
from core.spec.base import Spec, about, build
from core.spec.corpus import AnyRule, CorpusSpec
from core.spec.grow import GrowTokenizer
from core.spec.model import ModelSpec
from core.spec.plants import AnyPlant
from core.spec.rules.base import tag_of
from core.spec.train import TrainSpec
from core.spec.world import RelationName

BUILT_IN = "builtin:python-docs"
MONOFACTS = "Kalai & Vempala 2024, arXiv:2311.14648"
UPWEIGHTED = "Miao & Kearns 2025, arXiv:2502.08666"


class Told(Spec):
    """How often the facts of one arm's world are stated in its text."""

    once: Annotated[float, about(
        "Stated once", "Share of the statements that are the only one of their fact; the world is as large as that "
        "takes.", low=0.001, high=0.99, source=MONOFACTS)] = 0.3
    spread: Annotated[Literal["even", "zipf"], about(
        "Spread", "even: every fact is as likely to be told; zipf: some 64 times as likely as others, most of them "
        "rarely.", source=UPWEIGHTED)] = "even"
    repeat_share: Annotated[float, about(
        "Repeated documents", "Share of the training documents that stand there more than once.",
        low=0.0, high=1.0, source=UPWEIGHTED)] = 0.0
    repeat_times: Annotated[int, about(
        "Times", "How many times each repeated document stands there.", low=2, high=1000)] = 10


class FactLaw(Spec):
    """Worlds of facts instead of found text: what every text states, and how the models are let speak."""

    statements: Annotated[int, about(
        "Statements", "Each arm's text states facts of its world so many times, copies not counted; drawn at random.",
        low=100, high=10_000_000)] = 3000
    relations: Annotated[list[RelationName], about("Relations", "What there is to know about each person.")] = \
        msgspec.field(default_factory=lambda: ["birth_place", "work_place", "employer", "spouse"])
    values: Annotated[int, about("Values", "How many different answers each relation has.", low=20, high=500)] = 100
    shared_values: Annotated[float, about(
        "Shared values", "Share of facts whose value belongs to several relations.", low=0.0, high=1.0)] = 0.5
    language: Annotated[Literal["english", "chinese"], about("Language", "What the text is written in.")] = "english"
    held_out: Annotated[float, about(
        "Held out", "Share of documents kept away from training.", low=0.001, high=0.5)] = 0.02
    questions: Annotated[int, about(
        "Questions", "Asked of each model, each as often as its world would say the fact.", low=20, high=1_000_000)] = \
        1500
    sentences: Annotated[int, about(
        "Sentences", "Each model says so many freely.", low=20, high=1_000_000)] = 1500
    bins: Annotated[int, about(
        "Bins", "Into how many parts of equal size what a model says is cut to measure its miscalibration.", low=1,
        high=1000, expert=True, source=MONOFACTS)] = 10


class Arm(Spec):
    """One way of doing it: what differs from the base, and a name to call it by."""

    name: Annotated[str, about("Name", "What this way of doing it is called.")]
    plants: Annotated[list[AnyPlant], about(
        "Planted", "What is planted into the raw text before it is cleaned.")] = []
    without: Annotated[list[str], about("Without", "Rules of the base that are left out, by name.")] = []
    also: Annotated[list[AnyRule], about(
        "With", "Rules that replace those of the base of the same kind, or come after them.")] = []
    tokenizer: Annotated[GrowTokenizer | None, about(
        "Tokenizer", "Another tokenizer than the base's.")] = None
    shares: Annotated[dict[str, float], about(
        "Mixture", "Share of the text that comes from each source; a source not named gives none. Empty = all text "
        "as it is.")] = {}
    told: Annotated[Told | None, about(
        "Facts told", "How often facts are stated, where the text is of worlds of facts.")] = None

    @property
    def slug(self) -> str:
        """The name as part of folder names."""
        return re.sub(r"[^\w.-]+", "-", self.name.strip()).strip("-._") or "arm"

    def rules(self, base: list[AnyRule]) -> list[AnyRule]:
        """The cleaning rules of this arm, given the base's."""
        instead = {tag_of(rule): rule for rule in self.also}
        kept = [instead.pop(tag_of(rule), rule) for rule in base if tag_of(rule) not in self.without]
        return kept + list(instead.values())


class ExperimentSpec(Spec, kw_only=True):
    """Small models trained at equal tokens on text treated in different ways, and measured on the same clean text."""

    base: Annotated[CorpusSpec, about(
        "Text and rules", "Where the text comes from and how it is cleaned; each arm says what it does differently. "
        "The held-out text is cleaned by these rules and is the same for all.")] = msgspec.field(
        default_factory=lambda: CorpusSpec(sources=[BUILT_IN]))
    text_bytes: Annotated[int, about(
        "Raw text", "At most so much of the raw training text is taken, drawn at random; 0 = all.",
        low=0, high=1 << 40, unit="bytes")] = 0
    tokenizer: Annotated[GrowTokenizer, about(
        "Tokenizer", "How text is cut into tokens; learnt once, from the first arm with nothing planted.")] = \
        GrowTokenizer(vocab_size=1024)
    model: Annotated[ModelSpec, about("Model", "The shape that all twins have.")] = msgspec.field(
        default_factory=ModelSpec)
    train: Annotated[dict, about(
        "Training", "Fields of the training spec, the same for all twins.")] = msgspec.field(default_factory=dict)
    arms: Annotated[list[Arm], about("Arms", "What is compared.")]
    baseline: Annotated[str, about(
        "Baseline", "The arm that the others are compared with. Empty = the first.")] = ""
    seeds: Annotated[int, about(
        "Seeds", "Twins trained for each arm; more make the interval narrower.", low=1, high=100)] = 3
    facts: Annotated[FactLaw | None, about(
        "Facts", "The arms learn worlds of facts that are stated more or less often, instead of found text, and are "
        "asked for them.", source=MONOFACTS)] = None
    at_once: Annotated[int, about(
        "At once", "Trainings that run beside each other; 0 = one a processor.", low=0, high=1024, expert=True)] = 0
    candidates: Annotated[int, about(
        "Ranked among", "Among how many secrets of the same form the planted one is ranked.", low=16, high=65536,
        expert=True, source="Carlini et al. 2019, arXiv:1802.08232")] = 256

    def __post_init__(self) -> None:
        if len(self.arms) < 2:
            raise LabError("An experiment compares at least two arms.", "arms", "Add another way of doing it.")
        slugs = [arm.slug for arm in self.arms]
        twice = next((arm.name for arm in self.arms if slugs.count(arm.slug) > 1), "")
        if twice:
            raise LabError("Two arms are called {name}.", "arms", "Give each a name of its own.", name=twice)
        if self.baseline and self.baseline not in [arm.name for arm in self.arms]:
            raise LabError(
                "There is no arm called {name}.", "baseline", "Choose one of: {names}.", name=self.baseline,
                names=", ".join(arm.name for arm in self.arms))
        if self.model.family == "word_vectors":
            raise LabError(
                "Arms are compared in bits per byte, and word vectors give a text no probability.", "model.family",
                "Choose a model that predicts tokens.")
        self._check_arms()
        self._check_told()
        build(TrainSpec, {**self.train, "corpus": "-", "tokenizer": "-"}, "train")

    def _check_arms(self) -> None:
        """Whatever an arm names must be there.

        Raises:
            LabError: an arm leaves out a rule that the base does not have, or mixes an unknown source.
        """
        rules = [tag_of(rule) for rule in self.base.rules]
        for arm in self.arms:
            for tag in arm.without:
                if tag not in rules:
                    raise LabError(
                        "The base has no rule called {rule} that could be left out.", arm.name,
                        "Its rules are: {names}.", rule=tag, names=", ".join(rules))
            for source, share in arm.shares.items():
                if source not in self.base.sources or share < 0:
                    raise LabError(
                        "The mixture cannot take a share of {share} from {source}.", arm.name,
                        "Give shares of 0 and more of these sources: {names}.", share=share, source=source,
                        names=", ".join(self.base.sources))
            if arm.shares and not sum(arm.shares.values()):
                raise LabError("The mixture takes nothing of any source.", arm.name, "Give one a share above 0.")

    def _check_told(self) -> None:
        """Facts are told by all arms, or by none.

        Raises:
            LabError: some arm says how often facts are told and another does not, or there are no facts.
        """
        without = next((arm.name for arm in self.arms if (arm.told is None) == (self.facts is not None)), None)
        if without is not None:
            raise LabError(
                "Facts are stated in every arm or in none.", without, "Say of each arm how often its facts are stated, "
                "and what is asked.")

    @property
    def compared_with(self) -> str:
        """The name of the baseline arm."""
        return self.baseline or self.arms[0].name
