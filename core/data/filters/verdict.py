"""What rules judge, and what they answer."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple, Protocol


class Reason(NamedTuple):
    """Why a document is set aside: a template over ``values``, what was measured, and the limit it broke."""

    rule: str
    text: str
    values: dict
    measure: str = ""  # name of what was measured, as in the spec field's ``measure``
    value: float | None = None
    limit: float | None = None


class Draft:
    """A document on its way through the rules; a rule that mends it assigns ``text``.

    Attributes:
        row: number of the document in reading order, from 0, the same through the whole run.
        source, line: where it was found; ``line`` is where it starts in its source, from 1.
        split: "train" or "held_out"; asking for it the first time decides it, by the text as it stands then, so
            that a rule that must know it and the writer of the corpus never disagree. None without a splitter.
        splitter: what decides the split (core.data.split.Splitter).
        number: by which it is decided, in [0, 1); None until then.
        measures: what rules measured of it, {"rule.measure": value}; filled for kept and rejected alike.
        passed_over: {rule: why} of rules that make no sense for it, such as English stop words in Chinese text.
        marks: places worth showing to a person, in the text as it stood before the rule that found them.
    """

    __slots__ = (
        "_text", "row", "source", "line", "_split", "splitter", "number", "measures", "passed_over", "marks", "_facts")

    def __init__(
        self, text: str, source: str = "", line: int = 1, row: int = 0, split: str | None = None, splitter=None,
        number: float | None = None,
    ) -> None:  # fmt: skip
        self._text, self.source, self.line, self.row, self._split = text, source, line, row, split
        self.splitter, self.number = splitter, number
        self.measures: dict[str, float] = {}
        self.passed_over: dict[str, str] = {}
        self.marks: list[dict] = []
        self._facts: dict[Callable, Any] = {}

    @property
    def text(self) -> str:
        """The text as the rules so far have left it."""
        return self._text

    @text.setter
    def text(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self._facts.clear()

    @property
    def split(self) -> str | None:
        """Which side of the corpus it is on; decided now if it was not before."""
        if self._split is None and self.splitter is not None:
            if self.number is None:
                self.number = self.splitter.number(self)
            self._split = self.splitter.side(self.number)
        return self._split

    def fact(self, measure: Callable[[str], Any]) -> Any:
        """``measure(text)``, computed once and shared by the rules until the text changes."""
        if measure not in self._facts:
            self._facts[measure] = measure(self._text)
        return self._facts[measure]

    def known(self, measure: Callable[[str], Any]) -> Any:
        """``measure(text)`` if it was computed already; else None."""
        return self._facts.get(measure)

    def tell(self, measure: Callable[[str], Any], found: Any) -> None:
        """Give it a fact about its text that is known from before."""
        self._facts[measure] = found


Filter = Callable[[Draft], "Reason | None"]  # a rule that judges one document by itself


class Barrier(Protocol):
    """A rule that must see every document before it judges any.

    Workers call :meth:`remember` on each document, in any order and in several processes. Then one
    process calls :meth:`decide` with all that was remembered, in document order. Then workers
    :meth:`open` the decision and :meth:`judge` each document. All three are pure functions of the
    documents and their order, so that any number of workers, and a resume, come to the same result.

    A class may name files of its decision in ``leaves``: they end up in the corpus folder, for people to see.
    """

    def remember(self, draft: Draft) -> bytes:
        """What must be known of this document; b"" = nothing."""

    def decide(self, notes: Iterable[tuple[int, bytes]], folder: Path, tell: Callable[[int, int], None]) -> None:
        """Write the decision into ``folder`` (it exists, is empty, and is committed by the caller).

        Args:
            notes: (row, what was remembered) of every document that reached this rule, rows ascending.
            tell: called with (done, total); may raise to stop.
        """

    def open(self, folder: Path) -> Any:
        """The decision as workers use it, memory-mapped where it can be large."""

    def judge(self, draft: Draft, decision: Any) -> Reason | None:
        """Keep it, mend it, or say why it is set aside."""
