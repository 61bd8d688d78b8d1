"""Which training documents pushed a model towards an answer: what is asked, and what comes back."""

from typing import Annotated

import msgspec

from core.spec.base import Spec, about


class InfluenceSpec(Spec):
    """How far the gradients of single training passages agree with that of an answer, over saved checkpoints."""

    run: Annotated[str, about("Run", "The trained model; its checkpoints are looked at.", picks="runs")]
    prompt: Annotated[str, about("Prompt", "What the answer continues.")] = ""
    answer: Annotated[str, about("Answer", "The words whose causes are looked for.")] = ""
    answer_ids: Annotated[list[int], about(
        "Answer tokens", "The answer as the model wrote it; empty = the answer, cut by the run's tokenizer.",
        expert=True)] = msgspec.field(default_factory=list)
    checkpoints: Annotated[int, about(
        "Checkpoints", "At how many of the saved checkpoints gradients are compared, evenly chosen; the last is one of "
        "them.", low=1, high=100, source="Pruthi et al. 2020, TracIn, arXiv:2002.08484")] = 4
    passages: Annotated[int, about(
        "Passages", "At most so many stretches of the training text are compared, each of at most one context: those "
        "that have the most in common with prompt and answer, rare tokens first.", low=1, high=100_000_000)] = 5000
    listed: Annotated[int, about(
        "Listed", "How many documents are named, of those that pushed towards the answer and of those that pushed "
        "away.", low=1, high=10_000, expert=True)] = 50
    threads: Annotated[int, about(
        "Threads", "Processor threads to compute with; 0 = all that this process may use.", low=0, high=1024,
        expert=True)] = 0


class Influential(msgspec.Struct, frozen=True):
    """A training document and what it did to an answer.

    Attributes:
        row: of the corpus' kept documents.
        influence: how far training on it lowered the answer's loss, in units of the strongest document's; below 0 it
            raised it. The sum over its passages.
        token: where its strongest passage begins in the run's training tokens.
        tokens: length of that passage.
        start, end: characters of the document's text that it consists of; -1 where the tokenizer changed them.
        snippet: its beginning, on one line.
    """

    row: int
    influence: float
    token: int
    tokens: int
    start: int
    end: int
    source: str
    line: int
    snippet: str


class InfluenceResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the job found, in ``influence.json``.

    Attributes:
        steps: the checkpoints that were looked at.
        weights: share of each in the sum: the learning rates of the steps that it stands for.
        compared: passages that were compared.
        passages: passages that there are.
        towards: the strongest first.
        away: those that raised the answer's loss, the strongest first.
        usual: median absolute influence of a document, in the same unit: what is not far above it says nothing.
    """

    run: str
    prompt: str
    answer: str
    steps: list[int]
    weights: list[float]
    compared: int
    passages: int
    towards: list[Influential]
    away: list[Influential]
    usual: float
    elapsed_s: float
