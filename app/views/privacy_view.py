"""What was found of personal data in a corpus, every hit in its words, so that nothing is replaced unseen."""

import csv
from pathlib import Path

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from app.state.context import AppContext
from app.translations import translate
from app.words import count_text
from core.data.privacy.review import Context, Hits, context_of, masked
from core.errors import LabError
from widgets import theme
from widgets.cards import Button, Text
from widgets.document_table import place_text, short_source
from widgets.hit_table import HitRow, HitTable

SCAN_MS, SCAN_S = 10, 0.02  # a look at a large corpus, so often and so long, leaves the window free
KINDS = {
    "email": "E-mail addresses", "phone": "Phone numbers", "ip": "IP addresses", "card": "Payment cards",
    "iban": "Bank accounts (IBAN)", "national_id": "National ids", "credentials": "Passwords in links",
    "key": "Keys and tokens", "name": "Names",
}  # fmt: skip
COLUMNS = ("type", "found", "placeholder", "before", "shown", "after", "document", "source", "line")


class PrivacyView(QWidget):
    """Lists the hits of the corpus it is told to; hidden where there are none."""

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.root: Path | None = None
        self.hits: Hits | None = None
        self._revealed = False
        self.title = Text(self.tr("Personal data that was found"), "section")
        self.count = Text("", "muted")
        self.kinds = QComboBox()
        self.kinds.setAccessibleName(self.tr("Type"))
        self.kinds.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.kinds.activated.connect(lambda _: self._show_rows())
        self.reveal = Button(self.tr("Show what was found"), "secondary")
        self.reveal.setCheckable(True)
        self.reveal.toggled.connect(self.set_revealed)
        self.export = Button(self.tr("Save as CSV…"), "secondary")
        self.export.clicked.connect(self._ask_path)
        self.table = HitTable(self.tr("Personal data"))
        self.table.setMinimumHeight(theme.space(30))
        self._timer = QTimer(self, interval=SCAN_MS)
        self._timer.timeout.connect(self._scan)
        self._arrange()
        self.setVisible(False)

    def show_corpus(self, root: Path | None) -> None:
        """Show the hits of a corpus folder; None, or an unfinished one, shows nothing."""
        self._timer.stop()
        self.root = root
        self.table.hits.set_rows([], self._row)
        if self.hits is not None:
            self.hits.close()
        self.hits = None
        self.reveal.setChecked(False)
        self.setVisible(False)
        if root is None or not (root / "kept.idx").is_file():
            return
        try:
            self.hits = Hits(root)
        except LabError as error:
            self.context.notify(error)
            return
        self._timer.start()
        self._scan()

    def close_files(self) -> None:
        """Let go of the corpus, as before its folder is removed."""
        self.show_corpus(None)

    def set_revealed(self, revealed: bool) -> None:
        """Show the values themselves, or only their first and last characters."""
        self._revealed = revealed
        self.reveal.setText(self.tr("Hide what was found") if revealed else self.tr("Show what was found"))
        self._show_rows()

    def write_csv(self, path: Path) -> None:
        """Write the hits of the type shown, values as they are shown.

        Raises:
            LabError: the file cannot be written; remedy: choose another place.
        """
        try:
            with open(path, "w", encoding="utf-8-sig", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(COLUMNS)
                for row in range(self.table.hits.rowCount()):
                    hit = self.hits[self.table.hits.number(row)]
                    shown = self._row(self.table.hits.number(row))
                    document = hit.document
                    writer.writerow((hit.mark.type, shown.found, hit.mark.placeholder, shown.before, shown.shown,
                                     shown.after, document.id, document.source, document.line))  # fmt: skip
        except OSError as error:
            raise LabError(
                "The file could not be written: {error}.", str(path), "Choose another place.",
                error=error.strerror or type(error).__name__) from error

    def _scan(self) -> None:
        """Look on through the corpus; what is known so far is shown."""
        done = self.hits.scan(SCAN_S)
        if done:
            self._timer.stop()
        if done or not self.table.hits.rowCount() and len(self.hits):
            self._offer_kinds()
            self._show_rows()
        self._show_count()

    def _offer_kinds(self) -> None:
        chosen = self.kinds.currentData() or ""
        self.kinds.clear()
        self.kinds.addItem(self.tr("Every type ({count})").format(count=count_text(len(self.hits))), "")
        for kind, count in self.hits.counts.most_common():
            self.kinds.addItem(self.tr("{type} ({count})").format(type=kind_text(kind), count=count_text(count)), kind)
        self.kinds.setCurrentIndex(max(self.kinds.findData(chosen), 0))

    def _show_rows(self) -> None:
        if self.hits is None:
            return
        kind = self.kinds.currentData() or ""
        self.table.hits.set_rows(self.hits.of_type(kind) if kind else range(len(self.hits)), self._row)

    def _show_count(self) -> None:
        there = len(self.hits)
        words = (self.tr("{count} places in the documents that were kept. Values are shown in part until you ask.")
                 if self.hits.done else self.tr("{count} places so far, looking on…"))  # fmt: skip
        self.count.setText(words.format(count=count_text(there)))
        self.setVisible(bool(there))

    def _row(self, number: int) -> HitRow:
        mark, document = self.hits[number]
        context: Context = context_of(document.text, mark)
        shown = context.shown if self._revealed or mark.placeholder else masked(context.shown)
        return HitRow(kind_text(mark.type), mark.found if self._revealed else masked(mark.found), context.before,
                      shown, context.after, short_source(document.source), place_text(document))  # fmt: skip

    def _ask_path(self) -> None:
        name = f"{self.root.name}-personal-data.csv"
        path, _ = QFileDialog.getSaveFileName(self, self.tr("Save as CSV"), name, "CSV (*.csv)")
        if not path:
            return
        try:
            self.write_csv(Path(path))
        except LabError as error:
            self.context.notify(error)

    def _arrange(self) -> None:
        bar = QHBoxLayout()
        bar.setSpacing(theme.space(1))
        bar.addWidget(self.kinds)
        bar.addStretch(1)
        bar.addWidget(self.reveal)
        bar.addWidget(self.export)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1))
        column.addWidget(self.title)
        column.addWidget(self.count)
        column.addLayout(bar)
        column.addWidget(self.table, 1)


def kind_text(kind: str) -> str:
    """The name of a type of personal data in the user's language."""
    return translate(KINDS.get(kind, kind))
