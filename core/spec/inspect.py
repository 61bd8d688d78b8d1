"""Asking a model what it knows, and telling where it makes things up: one run, or the whole way over several seeds."""

from typing import Annotated, Literal

import msgspec

from core.errors import LabError
from core.spec.base import Spec, about, build
from core.spec.grow import GrowTokenizer
from core.spec.model import ModelSpec
from core.spec.train import TrainSpec
from core.spec.world import Biographies, Contexts, WorldSpec


class Asking(Spec):
    """How many facts are asked, in how many ways, and how the corpus is to be believed."""

    questions: Annotated[int, about(
        "Questions", "Facts that are asked, drawn at random from the world's table.", low=20, high=1_000_000)] = 1200
    samples: Annotated[int, about(
        "Samples", "Answers drawn to each question beside the greedy one; the scores of consistency need them.",
        low=2, high=100, source="Kuhn et al. 2023, arXiv:2302.09664; Farquhar et al. 2024, Nature 630")] = 10
    wordings: Annotated[int, about(
        "Other wordings", "In how many other wordings each question is asked as well. The training text is searched "
        "for the wordings that are asked and for no others.", low=0, high=4)] = 4
    most_tokens: Annotated[int, about(
        "Most tokens", "An answer ends here at the latest.", low=1, high=1000, unit="tokens", expert=True)] = 16
    conflicts: Annotated[Literal["by_value", "by_count"], about(
        "Conflicting statements", "What to believe where the text says several things: by_value, each of them alike, "
        "however often it is said; by_count, each as often as it is said.")] = "by_value"
    one_statement: Annotated[float, about(
        "A single statement", "How far an answer is believed that the text states once and nothing contradicts.",
        low=0.01, high=1.0, expert=True)] = 0.9
    seed: Annotated[int, about("Seed", "Draws the questions and the answers.", low=0, high=2**31)] = 0


class QuestionSpec(Spec):
    """Question a run about the facts of the world it was trained on, and measure what tells its errors."""

    run: Annotated[str, about("Run", "The trained model; its corpus must be a world of biographies.", picks="runs")]
    asking: Annotated[Asking, about("Asking", "What is asked, and how.")] = Asking()


class InspectSpec(Spec):
    """From a world of known truth to a table of detectors: make it, learn it, index it, question it, several times."""

    world: Annotated[WorldSpec, about("World", "What there is to know; each seed makes another one.")] = msgspec.field(
        default_factory=WorldSpec)
    tokenizer: Annotated[GrowTokenizer, about("Tokenizer", "How its text is cut into tokens.")] = \
        GrowTokenizer(vocab_size=1024)
    model: Annotated[ModelSpec, about("Model", "The shape of the model.")] = msgspec.field(default_factory=ModelSpec)
    train: Annotated[dict, about("Training", "Fields of the training spec.")] = msgspec.field(default_factory=dict)
    asking: Annotated[Asking, about("Asking", "What is asked, and how.")] = Asking()
    seeds: Annotated[int, about(
        "Seeds", "Worlds, models and sets of questions; more make the intervals narrower.", low=1, high=100)] = 3
    at_once: Annotated[int, about(
        "At once", "Seeds that are worked on beside each other; 0 = one a processor.", low=0, high=1024,
        expert=True)] = 0

    def __post_init__(self) -> None:
        if not isinstance(self.world.world, Biographies | Contexts):
            raise LabError(
                "Only worlds of biographies, and of notes and questions, can be asked about.", "world",
                "Choose a preset of such a world.")
        build(TrainSpec, {**self.train, "corpus": "-", "tokenizer": "-"}, "train")
