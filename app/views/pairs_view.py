"""The near-duplicates of a corpus, each beside the document that stayed, and the lines that were repeated most."""

from functools import lru_cache
from pathlib import Path

from PySide6.QtCore import QAbstractTableModel, QModelIndex, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QSplitter, QTableView, QVBoxLayout, QWidget

from app.state.context import AppContext
from app.words import count_text
from core.data.dedup.lines import repeated_lines
from core.data.dedup.pairs import OpenPair, Pairs, differences
from core.errors import LabError
from widgets import theme
from widgets.cards import Disclosure, Text
from widgets.document_table import PREVIEW_CHARACTERS, place_text, short_source
from widgets.pair_view import PairView

MOST_CHARACTERS_SHOWN = 50_000  # of a text; more are not compared on the page
LINES_SHOWN = 50


class PairsView(QWidget):
    """Lists the pairs of the corpus it is told to; both texts of the chosen one side by side.

    Hidden where a corpus has neither pairs nor repeated lines.
    """

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.root: Path | None = None
        self.model = PairModel(self)
        self.title, self.count = Text(self.tr("Near-duplicates, side by side"), "section"), Text("", "muted")
        self.table = self._build_table()
        self.pair = PairView()
        self.pair.source_asked.connect(self._open_source)
        self.lines = Disclosure(self.tr("Lines that were cut most often"))
        self.lines_text = Text("", "body")
        self.lines.body.addWidget(self.lines_text)
        self.split = QSplitter(Qt.Orientation.Vertical)
        self.split.addWidget(self.table)
        self.split.addWidget(self.pair)
        self.split.setStretchFactor(1, 1)
        self.split.setChildrenCollapsible(False)
        self.split.setHandleWidth(theme.space(0.5))
        self.pair.layout().setContentsMargins(0, theme.space(1), 0, 0)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1))
        for widget in (self.title, self.count):
            column.addWidget(widget)
        column.addWidget(self.split, 1)
        column.addWidget(self.lines)
        self.setVisible(False)

    def show_corpus(self, root: Path | None) -> None:
        """Show the pairs of a corpus folder; None, or an unfinished one, shows nothing."""
        self.root = root
        pairs, lines = None, []
        if root is not None and (root / "rejected.idx").is_file():
            try:
                pairs, lines = Pairs(root), repeated_lines(root, LINES_SHOWN)
            except LabError as error:
                self.context.notify(error)
        self.model.set_pairs(pairs)
        count = self.model.rowCount()
        self.count.setText(self.tr("{count} documents were set aside because they share most of their word sequences "
                                   "with one that came before.").format(count=count_text(count)))  # fmt: skip
        for widget in (self.title, self.count, self.split):
            widget.setVisible(bool(count))
        self.lines_text.setText("\n".join(
            self.tr("{count} documents: {line}").format(count=count_text(documents), line=line[:PREVIEW_CHARACTERS])
            for line, documents in lines))  # fmt: skip
        self.lines.setVisible(bool(lines))
        self.setVisible(bool(count or lines))
        self.pair.clear()
        if count:
            self.table.selectRow(0)

    def close_files(self) -> None:
        """Let go of the corpus, as before its folder is removed."""
        self.show_corpus(None)

    def _open_pair(self, row: int) -> None:
        opened = self.model.opened(row)
        if opened is None:
            return self.pair.clear()
        kept, dropped = (document.text[:MOST_CHARACTERS_SHOWN] for document in (opened.kept, opened.dropped))
        self.pair.set_pair(
            kept, dropped, differences(kept, dropped), opened.similarity, (opened.kept.source, opened.kept.line),
            (opened.dropped.source, opened.dropped.line))

    def _open_source(self, source: str, line: int) -> None:
        if Path(source).is_file():
            QDesktopServices.openUrl(QUrl.fromLocalFile(source))
        else:
            self.context.notify(self.tr("{source}, line {line}").format(source=source, line=line))

    def _build_table(self) -> QTableView:
        table = QTableView()
        table.setModel(self.model)
        table.setAccessibleName(self.tr("Near-duplicates"))
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setTabKeyNavigation(False)
        table.setMinimumHeight(theme.space(16))
        table.verticalHeader().hide()
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        table.verticalHeader().setDefaultSectionSize(32)
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.resizeSection(0, theme.space(14))
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        header.resizeSection(2, theme.space(26))
        table.selectionModel().currentRowChanged.connect(lambda now, _: now.isValid() and self._open_pair(now.row()))
        return table


class PairModel(QAbstractTableModel):
    """Pairs as rows: similarity, the beginning of the text set aside, and its source; only rows in view are read."""

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._pairs: Pairs | None = None
        self._read = lru_cache(256)(lambda row: self._pairs.open(row))

    def set_pairs(self, pairs: Pairs | None) -> None:
        """Show other pairs; the ones before are closed."""
        self.beginResetModel()
        if self._pairs is not None:
            self._pairs.close()
        self._pairs = pairs
        self._read.cache_clear()
        self.endResetModel()

    def opened(self, row: int) -> OpenPair | None:
        """Both documents of a row; None where one of them is gone."""
        return self._read(row)

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:
        return 0 if parent.isValid() or self._pairs is None else len(self._pairs)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:
        return 0 if parent.isValid() else 3

    def headerData(self, section: int, orientation, role: int = Qt.ItemDataRole.DisplayRole):
        if orientation != Qt.Orientation.Horizontal or role != Qt.ItemDataRole.DisplayRole:
            return None
        return (self.tr("Similarity"), self.tr("Set aside"), self.tr("Source"))[section]

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole):
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        opened = self._read(index.row())
        if opened is None:
            return None
        dropped = opened.dropped
        if index.column() == 2:
            return place_text(dropped) if role == Qt.ItemDataRole.ToolTipRole else short_source(dropped.source)
        if role == Qt.ItemDataRole.ToolTipRole:
            return None
        if index.column() == 0:
            return f"{opened.similarity:.2f}"
        return " ".join(dropped.text[: 4 * PREVIEW_CHARACTERS].split())[:PREVIEW_CHARACTERS]
