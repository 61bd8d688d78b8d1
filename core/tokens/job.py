"""The tokenizer job: learns from the training split, measures on what was held out."""

import threading
import time
from collections import Counter
from collections.abc import Iterator

import msgspec

from core.data.documents import Documents
from core.errors import LabError
from core.record.atomic import write_json
from core.record.control import Control
from core.record.events import Noted, Phase, Progress
from core.record.folder import JobFolder
from core.spec.tokenizer import TokenizerSpec
from core.tokens.kinds import LEARNT, UNIGRAM_BYTES_PER_TOKEN, train, watched
from core.tokens.measure import measure
from core.tokens.tokenizer import Tokenizer

_LOOK_EVERY_S = 0.2
_MEASURE_BYTES = 4 << 20  # of held-out text are enough for three digits


def run(spec: TokenizerSpec, folder: JobFolder, emit, control: Control) -> dict:
    """Train a tokenizer; writes ``tokenizer.json`` and ``report.json`` into the folder.

    Returns:
        kind, vocab_size, vocab_asked, bytes_per_token, tokens_used, vocabulary_used, unknown, measured_on
        (held_out or train), measured_bytes, learnt_bytes, elapsed_s.
    Raises:
        LabError: the corpus is missing or holds nothing to learn from.
        StopRequested: asked to stop.
    """
    started = time.perf_counter()
    with Documents(folder.workspace.folder("corpora", spec.corpus).root) as documents:
        learner = Learner(spec, documents)
        tokenizer = learner.learn(emit, control)
        emit(Phase(name="Measuring the tokenizer"))
        result = {"kind": spec.kind, "vocab_size": tokenizer.vocab_size, "vocab_asked": spec.vocab_size}
        result |= _measured(tokenizer, documents, control)
    if spec.kind in LEARNT and tokenizer.vocab_size < spec.vocab_size:
        emit(Noted(
            text="The text supports only {found} tokens of the {asked} asked for.",
            values={"found": tokenizer.vocab_size, "asked": spec.vocab_size}))
    result["learnt_bytes"] = learner.total_bytes
    tokenizer.save(folder.root)
    write_json(folder.path("report.json"), result)  # without the time taken: equal requests give equal outputs
    return result | {"elapsed_s": round(time.perf_counter() - started, 3)}


class Learner:
    """Learning in a thread of its own, because the library cannot be interrupted while it learns."""

    def __init__(self, spec: TokenizerSpec, documents: Documents) -> None:
        self.spec, self.documents = spec, documents
        limit = spec.sample_bytes
        if spec.kind == "unigram":
            limit = min(limit, UNIGRAM_BYTES_PER_TOKEN * spec.vocab_size)
        # Every n-th document, so that a sample speaks for the whole corpus.
        self.step = max(1, -(-documents.n_bytes // limit))
        self.characters: Counter = Counter()
        self.total_bytes = 0
        self._taken = 0
        self._result: Tokenizer | BaseException | None = None

    def texts(self) -> Iterator[str]:
        """The texts to learn from: every ``step``-th document, or all where so few are found that none is left."""
        found = False
        for document in self.documents.iter("train", self.step):
            found = True
            yield document.text
        if not found:
            yield from (document.text for document in self.documents.iter("train"))

    def learn(self, emit, control: Control) -> Tokenizer:
        """Count, then train, telling progress and hearing requests meanwhile."""
        emit(Phase(name="Reading the corpus"))
        for text in watched(self.texts(), self._count):
            if self.spec.kind != "bpe":
                self.characters.update(text)
            control.check()
        if not self.total_bytes:
            raise LabError(
                "The corpus {corpus} holds no text to learn from.", "", "Choose another corpus, or clean it again.",
                corpus=self.spec.corpus)
        emit(Phase(name="Learning tokens"))
        thread = threading.Thread(target=self._work, daemon=True)  # a stop leaves it behind with the process
        thread.start()
        while thread.is_alive():
            control.check()
            emit(Progress(stage="learning", done=self._taken, total=self.total_bytes, unit="bytes"))
            thread.join(_LOOK_EVERY_S)
        emit(Progress(stage="learning", done=self.total_bytes, total=self.total_bytes, unit="bytes"))
        if isinstance(self._result, BaseException):
            raise self._result
        return self._result

    def _count(self, n_bytes: int) -> None:
        self.total_bytes += n_bytes

    def _take(self, n_bytes: int) -> None:
        self._taken += n_bytes

    def _work(self) -> None:
        try:
            self._result = Tokenizer(train(self.spec, watched(self.texts(), self._take), self.characters))
        except BaseException as error:  # carried to the thread that waits
            self._result = error


def _measured(tokenizer: Tokenizer, documents: Documents, control: Control) -> dict:
    """Counts on held-out text, or on the training text where nothing is held out."""
    for split in ("held_out", "train"):
        found = measure(tokenizer, _some(documents, split, control))
        if found.tokens:
            break
    counts = msgspec.structs.asdict(found)
    counts["measured_bytes"] = counts.pop("n_bytes")
    return counts | {"measured_on": split}


def _some(documents: Documents, split, control: Control) -> Iterator[str]:
    taken = 0
    for document in documents.iter(split):
        control.check()
        yield document.text
        taken += len(document.text)
        if taken >= _MEASURE_BYTES:
            return
