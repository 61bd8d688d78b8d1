"""One corpus: its funnel live, the files that were skipped, and every document with its reason."""

from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.state.context import AppContext
from app.state.jobs import Job
from app.translations import fill
from app.views.job_head import JobHead
from app.views.rule_words import rule_label, rule_labels
from app.words import bytes_text, count_text, duration_text
from core.data.documents import Documents
from core.errors import LabError
from widgets import theme
from widgets.cards import Button, Card, Disclosure, StatTile, Text
from widgets.controls import SegmentedControl
from widgets.document_browser import DocumentBrowser
from widgets.funnel import Funnel

SKIPPED_SHOWN = 50


class CorpusView(QWidget):
    """Shows the corpus it is told to; its documents open once it is finished."""

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.root: Path | None = None
        self._opened: tuple[Path, str] | None = None
        self.head = JobHead(context)
        self.next = Button(self.tr("Train a tokenizer on it"), "secondary", "tokens")
        self.next.clicked.connect(lambda: context.navigate("data", new="tokenizer", chosen=self.root.name))
        self.head.add_button(self.next)
        self.kept, self.size, self.held_out, self.taken = (
            StatTile(self.tr("Documents kept")), StatTile(self.tr("Text kept")), StatTile(self.tr("Held out")),
            StatTile(self.tr("Time taken")))  # fmt: skip
        self.funnel = Funnel()
        self.funnel.rule_clicked.connect(self.browse_rule)
        self.funnel.kept_clicked.connect(lambda: self.browse("kept"))
        self.skipped = Disclosure(self.tr("Skipped files"))
        self.skipped_text = Text("", "body")
        self.skipped.body.addWidget(self.skipped_text)
        self.which = SegmentedControl({"kept": self.tr("Kept"), "rejected": self.tr("Set aside")}, name=self.tr("Show"))
        self.which.value_changed.connect(self.browse)
        self.rule = Text("", "caption")
        self.all_rules = Button(self.tr("Show every rule"), "link")
        self.all_rules.clicked.connect(lambda: self.browse_rule(""))
        self.kept_browser, self.reject_browser = DocumentBrowser(), DocumentBrowser(reasons=True)
        for browser in (self.kept_browser, self.reject_browser):
            browser.setMinimumHeight(theme.space(48))
            browser.source_asked.connect(self._open_source)
        self._arrange()

    def show_job(self, root: Path) -> None:
        """Show this corpus."""
        if root != self.root:
            self.root = root
            self.browse("kept")
        self.refresh()

    def refresh(self) -> None:
        """Show what is known now."""
        job = self.context.jobs.job(self.root) if self.root else None
        if job is None:
            return
        view, funnel = job.view, job.view.funnel
        self.head.show_job(job)
        self.next.setVisible(view.state == "completed")
        if funnel is not None:
            self.funnel.set_counts(funnel.documents_read, funnel.documents_kept, funnel.bytes_read,
                                   funnel.bytes_kept, funnel.rejected, rule_labels(funnel.rejected))  # fmt: skip
            self.kept.set_value(count_text(funnel.documents_kept), self.tr("of {total}").format(
                total=count_text(funnel.documents_read)))  # fmt: skip
            self.size.set_value(bytes_text(funnel.bytes_kept))
        result = view.result
        self.held_out.set_value(count_text(result["held_out"]) if "held_out" in result else "", self.tr("documents"))
        self.taken.set_value(duration_text(result["elapsed_s"]) if "elapsed_s" in result else "")
        self._show_skipped(job)
        self._open_documents(job)

    def browse(self, which: str) -> None:
        """Show the kept documents or those set aside."""
        self.which.set_value(which)
        self.kept_browser.setVisible(which == "kept")
        self.reject_browser.setVisible(which == "rejected")
        if which == "kept":
            self.browse_rule_text("")
        job = self.context.jobs.job(self.root) if self.root else None
        if job is not None:
            self._open_documents(job)

    def browse_rule(self, rule: str) -> None:
        """Show what one rule set aside; empty = all of it."""
        self.browse("rejected")
        self.reject_browser.set_rule(rule)
        self.browse_rule_text(rule)

    def browse_rule_text(self, rule: str) -> None:
        """Say which rule's documents are shown."""
        words = self.tr("Only what this rule set aside: {rule}").format(rule=rule_label(rule)) if rule else ""
        self.rule.setText(words)
        self.all_rules.setVisible(bool(rule))

    def _open_documents(self, job: Job) -> None:
        """Documents are mapped, not read; only rows in view are decoded."""
        which = self.which.value()
        if self._opened == (job.root, which):
            return
        browser = self.kept_browser if which == "kept" else self.reject_browser
        if not (job.root / f"{which}.idx").is_file():
            browser.set_documents([])
            self._opened = None
            return
        try:
            browser.set_documents(Documents(job.root, which))
            self._opened = (job.root, which)
        except LabError as error:
            self.context.notify(error)

    def _show_skipped(self, job: Job) -> None:
        skipped = job.view.skipped
        lines = [f"{Path(s.path).name}: {fill(s.problem, s.values)} {fill(s.remedy, s.values)}".strip()
                 for s in skipped[-SKIPPED_SHOWN:]]  # fmt: skip
        self.skipped_text.setText("\n".join(lines))
        self.skipped.button.setText(self.tr("{count} files were skipped").format(count=len(skipped)))
        self.skipped.setVisible(bool(skipped))

    def _open_source(self, source: str, line: int) -> None:
        if Path(source).is_file():
            QDesktopServices.openUrl(QUrl.fromLocalFile(source))
        else:
            self.context.notify(self.tr("{source}, line {line}").format(source=source, line=line))

    def _arrange(self) -> None:
        tiles = QHBoxLayout()
        tiles.setSpacing(theme.space(1))
        for tile in (self.kept, self.size, self.held_out, self.taken):
            tiles.addWidget(tile, 1)
        funnel = Card(self.tr("What was read, and what was set aside"))
        funnel.body.addWidget(self.funnel)
        funnel.body.addWidget(self.skipped)
        documents = Card(self.tr("Documents"))
        row = QHBoxLayout()
        row.setSpacing(theme.space(1))
        for widget in (self.which, self.rule, self.all_rules):
            row.addWidget(widget)
        row.addStretch(1)
        documents.body.addLayout(row)
        documents.body.addWidget(self.kept_browser)
        documents.body.addWidget(self.reject_browser)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1.5))
        column.addWidget(self.head)
        column.addLayout(tiles)
        column.addWidget(funnel)
        column.addWidget(documents, 1)
