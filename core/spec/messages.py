"""What the window and the interactive engine process say to each other.

Requests carry an id; every event names the request it answers. A request is answered by one
event, except Generate (many ``Token``, perhaps ``Marked`` between them, then one ``Finished``),
Cancel and Shutdown (none of their own). Whatever cannot be done is answered by one ``Problem``.
"""

from typing import Any, Literal

import msgspec

from core.spec.corpus import CorpusSpec
from core.spec.doubt import AnyExam, AnyExamined
from core.spec.fate import Fate
from core.spec.glass import AttributionRules, Span, SpanDocument, Support
from core.spec.inside import AnyLook, AnySeen
from core.spec.sampling import SamplingSpec
from core.spec.token_record import TokenRecord

FinishReason = Literal["length", "stop", "end", "cancelled", "context"]


class Message(msgspec.Struct, frozen=True, tag_field="type", tag=True, kw_only=True):
    """Base of all messages; the tag is the class name."""


class ChatMessage(msgspec.Struct, frozen=True):
    """One turn of a conversation."""

    role: str  # "system", "user" or "assistant"
    content: str


class Load(Message):
    """Open a model: ``run:NAME``, ``run:NAME@best``, a path to a .gguf or .onnx, or ``smollm2``."""

    id: int
    source: str


class Generate(Message):
    """Continue ``prompt``, raw ``ids``, or a ``chat`` rendered by the model's own chat template.

    A chat whose last message is the assistant's is continued inside that message. ``refresh``
    first loads a newer checkpoint of the same run, if there is one; a ``Loaded`` then names its step.
    """

    id: int
    prompt: str = ""
    ids: list[int] | None = None
    chat: list[ChatMessage] | None = None
    settings: SamplingSpec = SamplingSpec()
    refresh: bool = False
    trace: bool = False  # mark word-for-word spans while the answer is written (``Marked``), where that can be


class Cancel(Message):
    """Stop the generation with this id at the next token, or drop it if it has not begun."""

    id: int


class Tokenize(Message):
    """Cut a text into the open model's tokens, or into those of a tokenizer of the workspace."""

    id: int
    text: str
    tokenizer: str = ""  # name of a tokenizer; empty = the open model's


class Score(Message):
    """Measure every token of a given text (or of given ids) under the model."""

    id: int
    text: str = ""
    ids: list[int] | None = None


class Attribute(Message):
    """Find the spans of an answer (its ``ids``, or a text) that occur verbatim in the run's training tokens."""

    id: int
    text: str = ""
    ids: list[int] | None = None
    prompt: str = ""
    rules: AttributionRules = AttributionRules()


class LookInside(Message):
    """Look into the open model while it reads a prompt (its exact ``prompt_ids``, or a text) and then ``ids``."""

    id: int
    look: AnyLook
    prompt: str = ""
    prompt_ids: list[int] | None = None
    ids: list[int] = []


class Examine(Message):
    """Examine an answer (its ``ids``) to a prompt (its exact ``prompt_ids``, or a text)."""

    id: int
    exam: AnyExam
    prompt: str = ""
    prompt_ids: list[int] | None = None
    ids: list[int] = []


class Document(Message):
    """Show one training document: ``row`` of the corpus the loaded run was trained on."""

    id: int
    row: int


class Neighbours(Message):
    """Name the tokens most like each token of a text, by the word vectors of a run (``run:NAME``)."""

    id: int
    source: str
    text: str
    count: int = 10


class CountSources(Message):
    """Count the files and bytes of sources; nothing is opened."""

    id: int
    sources: list[str]


class CleanPreview(Message):
    """Try a corpus's rules on a sample of its sources; ``known`` names the sample whose texts the asker holds."""

    id: int
    spec: CorpusSpec
    known: str = ""


class Shutdown(Message):
    """End the process."""


Request = (
    Load | Generate | Cancel | Tokenize | Score | Attribute | LookInside | Examine | Document | Neighbours
    | CountSources | CleanPreview | Shutdown
)  # fmt: skip


class Loaded(Message):
    """A model is open."""

    id: int
    source: str
    name: str
    kind: str
    vocab_size: int
    context: int
    chat: bool  # whether it brings its own chat template
    attributable: bool  # whether its training text is here, so that an index of it can be asked
    run: str = ""  # for models grown here: the run
    step: int | None = None  # and the training step of the checkpoint


class Token(Message):
    """One produced token; ``text`` is what it completes (empty in the middle of a character)."""

    id: int
    index: int
    text: str
    record: TokenRecord


class Marked(Message):
    """The word-for-word spans of the answer so far: half-open ranges of its tokens."""

    id: int
    spans: list[tuple[int, int]]


class Finished(Message):
    """A generation is over, and why."""

    id: int
    reason: FinishReason
    text: str
    tokens: int
    prompt: str  # exactly what the model was given, chat template applied
    prompt_ids: list[int]
    ids: list[int]
    elapsed_s: float
    tokens_per_s: float


class Tokenized(Message):
    """The tokens of a text: id and exact bytes."""

    id: int
    tokens: list[tuple[int, bytes]]


class Scored(Message):
    """One record a token of the scored text, in order."""

    id: int
    tokens: list[TokenRecord]


class Attributed(Message):
    """The verbatim spans of an answer."""

    id: int
    ids: list[int]
    spans: list[Span]
    training_tokens: int
    support: list[Support] = []  # one a token of the answer
    closest: list[SpanDocument] = []  # where there is no span: the documents with the most words in common


class InsideShown(Message):
    """What a look into the model found, and the tokens it read: id and bytes."""

    id: int
    tokens: list[tuple[int, bytes]]
    prompt_tokens: int  # so many of the first ones were the prompt, the start token with them
    seen: AnySeen


class Examined(Message):
    """What an examination of an answer found."""

    id: int
    seen: AnyExamined


class DocumentShown(Message):
    """A training document, whole."""

    id: int
    row: int
    text: str
    source: str
    line: int
    split: str


class NeighboursFound(Message):
    """For each token of the text: its id, its bytes, and the nearest others, each with its id, bytes and cosine."""

    id: int
    tokens: list[tuple[int, bytes, list[tuple[int, bytes, float]]]]


class SourcesCounted(Message):
    """What there is to read."""

    id: int
    files: int
    n_bytes: int
    endings: dict[str, int]  # files that will be read, by ending
    hidden: int
    unknown: dict[str, int]  # files that nothing reads, by ending


class CleanPreviewed(Message):
    """What rules did to a sample; ``steps`` and ``histograms`` as in a corpus's report.json."""

    id: int
    sample: str  # names the sample
    texts: list[str] | None  # its documents as they were found; None when the asker holds them
    sources: list[tuple[str, int]] | None  # where each was found: source and line
    fates: list[Fate]  # one a document, in order
    steps: list[dict]
    histograms: dict[str, dict]
    documents: int
    n_bytes: int
    refused: dict[str, int]  # pieces of files that gave no document, by reason
    files: int
    files_read: int
    files_skipped: int
    total_bytes: int  # of all sources
    documents_estimated: int  # in all sources
    whole: bool  # whether the sample is all there is


class Problem(Message):
    """A request that could not be carried out, in words for a person (see core.errors.say)."""

    id: int
    problem: str
    where: str = ""
    remedy: str = ""
    values: dict[str, Any] = {}


Event = (
    Loaded | Token | Marked | Finished | Tokenized | Scored | Attributed | InsideShown | Examined | DocumentShown
    | NeighboursFound | SourcesCounted | CleanPreviewed | Problem
)  # fmt: skip
