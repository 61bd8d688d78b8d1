"""The answer on the Glass page: every token shaded by how sure the model was of it, and marked by where it stands."""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.glass.uncertainty import is_unsure, unsupported_and_unsure
from core.spec.glass import Support
from core.spec.token_record import TokenRecord, margin
from widgets import theme
from widgets.cards import Card
from widgets.controls import SegmentedControl
from widgets.token_legend import TokenLegend
from widgets.token_strip import TokenStrip
from widgets.tokens import StripToken

STRIP_UNITS = (14, 40)  # least and most height of the heat strip, in grid units


class AnswerPanel(Card):
    """The answer as a heat strip, with a switch for what the shade means."""

    token_clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("The answer, token by token"), parent=parent)
        self.mode = SegmentedControl({
            "probability": self.tr("Probability"), "rank": self.tr("Rank"), "entropy": self.tr("Entropy"),
            "margin": self.tr("Margin"),
        }, name=self.tr("What the shade means"))  # fmt: skip
        self.stage = SegmentedControl({
            "before": self.tr("Before the samplers"), "after": self.tr("After them"),
        }, name=self.tr("Which distribution the numbers are of"))  # fmt: skip
        self.stage.setToolTip(self.tr(
            "Both were captured while the answer was written: what the model gave, and what was left of it once "
            "temperature, penalty and filters had been at it. Nothing is computed again."))
        self._records: list[TokenRecord] = []
        self._marks: list[tuple[int, int, str]] = []
        self.strip = TokenStrip()
        self.strip.clicked.connect(self.token_clicked)
        self.legend = TokenLegend("probability")
        self.mode.value_changed.connect(self.strip.set_mode)
        self.mode.value_changed.connect(self.legend.set_mode)
        self.stage.value_changed.connect(lambda _: self._reshade())
        self.body.removeWidget(self.title)
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.mode)
        self.body.addLayout(head)
        self.body.addWidget(self.strip, 1)  # what room there is belongs to the answer
        foot = QHBoxLayout()
        foot.addWidget(self.legend, 1)
        foot.addWidget(self.stage)
        self.body.addLayout(foot)
        self.body.addWidget(TokenLegend("plain", ("verbatim", "unsure", "unsupported")))

    def show_answer(self, prompt: str, records: Sequence[TokenRecord], support: Sequence[Support] | None) -> None:
        """Show a prompt and what followed, with what is known of its support."""
        self._records = list(records)
        self.stage.setVisible(not records or any(record.sampled_rank for record in records))
        self.strip.set_tokens([prompt_token(prompt), *map(self._token, records)])
        self._marks = [(start + 1, end + 1, kind) for start, end, kind in marks(records, support)]
        self.strip.set_marks(self._marks)
        self._make_room()

    def _token(self, record: TokenRecord) -> StripToken:
        return strip_token(record, after=self.stage.value() == "after" and record.sampled_rank > 0)

    def _reshade(self) -> None:
        """The same answer by the other distribution."""
        self.strip.set_tokens([*self.strip.tokens[:1], *map(self._token, self._records)])
        self.strip.set_marks(self._marks)

    def resizeEvent(self, event) -> None:
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        """Give the answer the height it needs, within reason; a longer one scrolls."""
        low, high = theme.space(STRIP_UNITS[0]), theme.space(STRIP_UNITS[1])
        self.strip.setMinimumHeight(min(max(self.strip.content_height(), low), high))

    def append(self, record: TokenRecord) -> None:
        """Add one token while the answer is written."""
        self._records.append(record)
        self.strip.append(self._token(record))

    def mark(self, spans: Sequence[tuple[int, int]]) -> None:
        """Mark word-for-word spans of the answer's tokens while it is written; replaces earlier marks."""
        self._marks = [(start + 1, end + 1, "verbatim") for start, end in spans]
        self.strip.set_marks(self._marks)

    def select(self, start: int, end: int) -> None:
        """Choose a range of the answer's tokens."""
        self.strip.select(start + 1, end + 1)


def strip_token(record: TokenRecord, after: bool = False) -> StripToken:
    """A produced token as the heat strip takes it: before the samplers, or after them."""
    probability, rank, entropy, likeliest = (
        (record.sampled_probability, record.sampled_rank, record.sampled_entropy, record.sampled_top) if after else
        (record.probability, record.rank, record.entropy, record.top))  # fmt: skip
    top = tuple((data, share) for _, data, share in likeliest)
    ahead = margin(likeliest) if likeliest else None
    return StripToken(record.bytes, probability, rank, entropy, top, id=record.id, margin=ahead)


def prompt_token(prompt: str) -> StripToken:
    """The prompt as one token without shade."""
    return StripToken(prompt.encode("utf-8"), prompt=True)


def marks(records: Sequence[TokenRecord], support: Sequence[Support] | None) -> list[tuple[int, int, str]]:
    """Marks of the answer's tokens, each with its own shape: verbatim spans, guesses, unsupported guesses."""
    if support is None:
        return [(i, i + 1, "unsure") for i, record in enumerate(records) if is_unsure(record)]
    found, doubtful = [], unsupported_and_unsure(records, support)
    start = 0
    for place in range(len(support) + 1):
        if place == len(support) or support[place] != "verbatim":
            if start < place:
                found.append((start, place, "verbatim"))
            start = place + 1
    for place, record in enumerate(records[: len(support)]):
        if doubtful[place]:
            found.append((place, place + 1, "unsupported"))
        elif is_unsure(record) and support[place] != "verbatim":
            found.append((place, place + 1, "unsure"))
    return found
