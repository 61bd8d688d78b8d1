"""Mitigations side by side: what each made the model say, with its risk and its support."""

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from app.translations import translate
from core.errors import say as say_error
from core.spec.doubt import MitigationName, MitigationSeen
from widgets import theme
from widgets.cards import Text

NAME, ANSWER, RISK, CHOICES, SUPPORT = range(5)
NAME_UNITS, FIGURE_UNITS = 20, 11


class MitigationRows(QWidget):
    """One row a mitigation; the figures stand under their names."""

    def __init__(self, names: Sequence[MitigationName], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._answered: list[str] = []
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(theme.space(2))
        grid.setVerticalSpacing(theme.space(1.5))
        grid.setColumnStretch(ANSWER, 1)
        titles = ("", self.tr("Answer"), self.tr("Answer risk"), self.tr("Perplexity"), self.tr("Word for word"))
        for column, title in enumerate(titles):
            head = Text(title, "caption", wrap=False)
            head.setAlignment(_side(column))
            grid.addWidget(head, 0, column)
        self._cells: dict[str, list[Text]] = {}
        for row, name in enumerate(names, 1):
            title, about = mitigation_text(name)
            cells = [Text(title, "strong"), *(Text("", "body" if column == ANSWER else "strong")
                                              for column in range(ANSWER, SUPPORT + 1))]  # fmt: skip
            cells[NAME].setToolTip(about)
            cells[NAME].setFixedWidth(theme.space(NAME_UNITS))
            for column, cell in enumerate(cells):
                if column > ANSWER:
                    cell.setFixedWidth(theme.space(FIGURE_UNITS))
                cell.setAlignment(_side(column) | Qt.AlignmentFlag.AlignTop)
                grid.addWidget(cell, row, column, Qt.AlignmentFlag.AlignTop)
            self._cells[name] = cells
        self.clear()

    def clear(self) -> None:
        """Nothing was tried."""
        self._answered.clear()
        for name, cells in self._cells.items():
            self._fill(name, [mitigation_text(name)[1], "", "", ""], quiet=True)
            cells[ANSWER].setToolTip("")

    def set_waiting(self, name: str) -> None:
        """It is being tried."""
        self._fill(name, [self.tr("Trying…"), "", "", ""], quiet=True)

    def show_seen(self, seen: MitigationSeen) -> None:
        """What came of one."""
        if seen.refusal is not None:
            refusal = seen.refusal
            self.show_refusal(seen.name, say_error(refusal.problem, "", refusal.remedy, refusal.values, translate))
            return
        verbatim = sum(one == "verbatim" for one in seen.support)
        share = f"{100 * verbatim / len(seen.support):.0f} %" if seen.support else "–"
        answer = " ".join(seen.text.split()) or self.tr("It wrote nothing.")
        self._fill(seen.name, [answer, f"{seen.risk:.1f}", f"{seen.perplexity:.1f}", share])
        before = self.tr("Put before the question: {text}").format(text=seen.added) if seen.added else ""
        self._cells[seen.name][ANSWER].setToolTip(before)
        self._answered.append(seen.name)

    def show_refusal(self, name: str, sentence: str) -> None:
        """Why one cannot be tried here."""
        self._fill(name, [sentence, "", "", ""], quiet=True)

    def answered(self) -> list[str]:
        """Names of those that gave an answer."""
        return list(self._answered)

    def text(self, name: str) -> str:
        """What stands in the answer's place."""
        return self._cells[name][ANSWER].text()

    def _fill(self, name: str, texts: Sequence[str], quiet: bool = False) -> None:
        cells = self._cells[name]
        cells[ANSWER].set_role("muted" if quiet else "body")
        for cell, text in zip(cells[ANSWER:], texts, strict=True):
            cell.setText(text)


def mitigation_text(name: str) -> tuple[str, str]:
    """What a mitigation is called, and what it does, in one sentence."""
    say = QCoreApplication.translate
    return {
        "plain": (say("mitigation", "As it was asked"), say("mitigation", "Nothing is changed.")),
        "limits": (say("mitigation", "Told its limits"), say(
            "mitigation", "Before the question stands: answer in one short sentence, and say so where you do not "
            "know.")),
        "retrieval": (say("mitigation", "With its own text"), say(
            "mitigation", "Before the question stand the three training documents closest to it by their words.")),
        "dola": (say("mitigation", "DoLa"), say(
            "mitigation", "What the last layer finds likelier than an earlier one that differs most from it.")),
        "contrastive": (say("mitigation", "Contrastive"), say(
            "mitigation", "What the model finds likelier than a weaker one with the same tokens does.")),
        "abstain": (say("mitigation", "Abstaining"), say(
            "mitigation", "An answer whose told chance to be wrong is too high is not given.")),
    }[name]  # fmt: skip


def _side(column: int) -> Qt.AlignmentFlag:
    return Qt.AlignmentFlag.AlignLeft if column <= ANSWER else Qt.AlignmentFlag.AlignRight
