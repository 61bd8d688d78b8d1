"""Reading the sources, in their fixed order, into raw shards that can be cleaned independently of each other."""

from collections.abc import Callable, Iterator
from itertools import islice

from core.data.documents import Rejected, line_of
from core.data.readers.document import EXCERPT_CHARACTERS, Origin, Raw, Reading, Refused
from core.data.stages import Blobs, Held, Place, Result, Stages
from core.data.tally import Tally
from core.errors import LabError
from core.record.events import FileSkipped, Noted
from core.spec.corpus import CorpusSpec

SHARD_BYTES = 8 << 20  # of text; a shard is cut after the document that reaches it
SHARD_DOCUMENTS = 1 << 16


class Intake:
    """Cuts the stream of documents into shards; takes up where a killed process left off.

    Args:
        spec: what was asked for.
        origins: what to read.
        stages: where shards go.
        emit: tells an event.
        advance: called with bytes taken from the sources; may raise to stop.
        told: files whose skipping an earlier attempt told.
    """

    def __init__(
        self, spec: CorpusSpec, origins: list[Origin], stages: Stages, emit: Callable, advance: Callable[[int], None],
        told: set[str] = frozenset(),
    ) -> None:  # fmt: skip
        self.spec, self.origins, self.stages, self.place = spec, origins, stages, Place()
        self._emit, self._advance, self._told = emit, advance, told
        self._again = False  # while what an earlier attempt took from a file is passed over, its notes are too

    def shards(self) -> Iterator[int]:
        """The number of each shard once it stands on disk, those of earlier attempts first.

        Raises:
            LabError: the disk is full.
        """
        number = self.stages.shards()
        yield from range(number)
        if number:
            self.place = self.stages.result(0, number - 1).place
            self._advance(sum(origin.n_bytes for origin in self.origins[: self.place.origin]))
        if self.place.finished:
            return
        shard = _Shard(self.place.rows, self.spec.max_document_bytes)
        for item in self._items():
            shard.take(item)
            if shard.is_full:
                shard.write(self.stages, number, self.place)
                yield number
                number, shard = number + 1, _Shard(self.place.rows, self.spec.max_document_bytes)
        self.place.finished = True
        shard.write(self.stages, number, self.place)
        yield number

    def _items(self) -> Iterator[Raw | Refused]:
        """Everything in the sources from the present place on; what cannot be read is skipped."""
        place, limit = self.place, self.spec.max_documents or 1 << 62
        reading = Reading(
            self._tell, self._advance, self.spec.text_field, self.spec.split_longer_than,
            self.spec.max_document_bytes, self.spec.split)
        for origin in self.origins[place.origin :] if place.rows < limit else []:
            try:
                for item in self._from_here(origin.read(origin, reading)):
                    place.taken, place.rows = place.taken + 1, place.rows + 1
                    yield item
                    if place.rows >= limit:
                        return
                place.files_read += 1
            except (LabError, OSError) as error:
                self._skip(origin, error)
            place.origin, place.taken = place.origin + 1, 0

    def _from_here(self, items: Iterator[Raw | Refused]) -> Iterator[Raw | Refused]:
        """A file's documents without those that an earlier attempt took."""
        self._again = self.place.taken > 0
        for _ in islice(items, self.place.taken):
            pass
        self._again = False
        return items

    def _tell(self, event: Noted) -> None:
        if not self._again:
            self._emit(event)

    def _skip(self, origin: Origin, error: LabError | OSError) -> None:
        if not isinstance(error, LabError):
            error = LabError(
                "The file could not be read: {error}.", origin.source, "Check the file and its permissions.",
                error=error.strerror or type(error).__name__)
        self.place.files_skipped += 1
        self.place.problem = self.place.problem or error.problem.format(**error.values)
        if origin.source not in self._told:
            self._emit(FileSkipped(
                path=origin.source, problem=error.problem, remedy=error.remedy, values=error.values))


class _Shard:
    """The raw shard that is being filled."""

    def __init__(self, row: int, max_document_bytes: int) -> None:
        self.documents: list[Held] = []
        self._row, self._limit = row, max_document_bytes
        self._refused_rows: list[int] = []
        self._refused: list[bytes] = []
        self._tally = Tally()

    @property
    def is_full(self) -> bool:
        """Whether it is time to cut."""
        return self._tally.bytes_read >= SHARD_BYTES or len(self.documents) >= SHARD_DOCUMENTS

    def take(self, item: Raw | Refused) -> None:
        """Add the next document, or what a reader refused."""
        tally = self._tally
        tally.documents_read += 1
        if isinstance(item, Refused):
            tally.bytes_read += item.n_bytes
            self._refuse(item)
        else:
            text, n_bytes = _writable(item.text)
            tally.bytes_read += n_bytes
            if n_bytes > self._limit:
                self._refuse(Refused(
                    text[:EXCERPT_CHARACTERS], item.source, item.line, n_bytes, "too_long",
                    "The text is {bytes} bytes long; at most {limit} are allowed.",
                    {"bytes": n_bytes, "limit": self._limit}))
            else:
                tally.entered += 1
                tally.entered_bytes += n_bytes
                self.documents.append(Held(self._row, text, item.source, item.line, text is not item.text))
        self._row += 1

    def write(self, stages: Stages, number: int, place: Place) -> None:
        """Put it on disk, with how far the sources were read."""
        refused = Blobs.pack(self._refused_rows, self._refused)
        stages.write(0, number, self.documents, refused, Result(tally=self._tally, place=place))

    def _refuse(self, item: Refused) -> None:
        self._tally.refuse(item.rule)
        too_long = "limit" in item.values
        measure, value, limit = ("bytes", item.values["bytes"], item.values["limit"]) if too_long else (
            "characters", 0, 1)  # of text that could be taken from it
        self._refused_rows.append(self._row)
        self._refused.append(line_of(Rejected(
            id=0, text=_writable(item.text)[0], source=item.source, line=item.line, rule=item.rule,
            reason=item.reason, values=item.values, row=self._row, measure=measure, value=value, limit=limit)))


def _writable(text: str) -> tuple[str, int]:
    """The text as UTF-8 can hold it, and its size; lone surrogates, as JSON may spell them, become U+FFFD."""
    if text.isascii():
        return text, len(text)
    try:
        return text, len(text.encode())
    except UnicodeEncodeError:
        mended = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return mended, len(mended.encode())
