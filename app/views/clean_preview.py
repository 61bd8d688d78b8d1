"""What the rules do to a sample, live: the funnel, and every document with its fate."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QStackedWidget, QVBoxLayout, QWidget

from app.pages.page import scroll_area
from app.state.preview import CleaningPreview
from app.translations import fill
from app.views.rule_words import rule_label, rule_labels
from app.words import bytes_text, count_text
from core.errors import join_sentences
from core.spec import messages as m
from widgets import theme
from widgets.cards import Card, EmptyState, Text
from widgets.controls import SegmentedControl
from widgets.document_browser import DocumentBrowser
from widgets.notice import Notice
from widgets.step_funnel import StepFunnel, steps_of


class CleanPreviewPane(Card):
    """Shows the answers of a CleaningPreview; the page asks the questions."""

    answered = Signal(object)  # CleanPreviewed

    def __init__(self, preview: CleaningPreview, *, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Preview on a sample"), parent=parent)
        self.preview = preview
        self.answer: m.CleanPreviewed | None = None
        self.about = Text("", "caption")
        self.busy = QProgressBar()
        self.busy.setRange(0, 0)
        self.busy.setTextVisible(False)
        self.busy.setAccessibleName(self.tr("Trying the rules on a sample"))
        self.notice = Notice("error")
        self.notice.hide()
        self.which = SegmentedControl(
            {"funnel": self.tr("Funnel"), "rejected": self.tr("Set aside"), "kept": self.tr("Kept")},
            name=self.tr("Show"))  # fmt: skip
        self.which.value_changed.connect(self.show_part)
        self.summary = Text("", "muted", wrap=False)
        self.funnel = StepFunnel()
        self.funnel.rule_clicked.connect(self.show_rule)
        self.funnel.kept_clicked.connect(lambda: self.show_part("kept"))
        self.rejected, self.kept = DocumentBrowser(reasons=True, stacked=True), DocumentBrowser(stacked=True)
        self.empty, self.waiting = EmptyState(
            "search", self.tr("Nothing to try the rules on yet"),
            self.tr("Choose text on the left. A sample of it is cleaned here as you change the rules; nothing is "
                    "written to disk.")), EmptyState(
            "search", self.tr("Trying the rules on a sample"),
            self.tr("Documents from all over the text are read and judged. The first answer takes some seconds, with "
                    "many rules longer; after that a changed threshold takes less."))  # fmt: skip
        self._arrange()
        preview.previewed.connect(self._show_answer)
        preview.failed.connect(self._show_problem)
        preview.busy_changed.connect(lambda _: self._show_busy())
        self.clear()

    def clear(self) -> None:
        """Show that there is nothing yet."""
        self.answer = None
        self.notice.hide()
        self.parts.setCurrentWidget(self.empty)
        self._show_busy()

    def show_part(self, part: str) -> None:
        """Show the funnel, what was set aside, or what was kept."""
        self.which.set_value(part)
        if self.answer is not None:
            pages = {"funnel": self._funnel_page, "rejected": self.rejected, "kept": self.kept}
            self.parts.setCurrentWidget(pages[part])

    def show_rule(self, rule: str) -> None:
        """Show what one rule set aside."""
        self.show_part("rejected")
        self.rejected.set_rule(rule)

    def _show_answer(self, answer: m.CleanPreviewed) -> None:
        self.answer = answer
        self.notice.hide()
        documents = self.preview.documents
        fallen = [document for document in documents if document.rule]
        self.rejected.set_rules(rule_labels(dict.fromkeys(document.rule for document in fallen)))
        self._renew(self.rejected, fallen)
        self._renew(self.kept, [document for document in documents if not document.rule])
        self.funnel.set_steps(steps_of(answer.steps, answer.refused, rule_label, (self.tr("Read"), self.tr("Kept"))))
        self.summary.setText(self.tr("{kept} of {total} kept").format(
            kept=f"{len(documents) - len(fallen):,}", total=f"{len(documents):,}"))  # fmt: skip
        self.show_part(self.which.value())
        self._show_busy()
        self.answered.emit(answer)

    def _renew(self, browser: DocumentBrowser, documents: list) -> None:
        """Other documents, under the same search, rule and place."""
        rule, at = browser.rules.currentData() or "", browser.opened
        browser.set_documents(documents)
        if rule:
            browser.set_rule(rule)
        again = next((row for row, document in enumerate(documents) if at is not None and document.id == at.id), None)
        if again is not None:
            browser.reopen(again)

    def _show_problem(self, problem: m.Problem) -> None:
        words = join_sentences(fill(problem.problem, problem.values), fill(problem.remedy, problem.values))
        self.notice.show_message("error", f"{problem.where}: {words}" if problem.where else words)
        self.notice.show()
        self._show_busy()

    def _show_busy(self) -> None:
        """Say what is going on: sampling takes a moment, a changed rule hardly any time."""
        self.busy.setVisible(self.preview.busy)
        shown = self.answer is not None
        for widget in (self.which, self.summary):
            widget.setVisible(shown)
        if not shown:
            self.parts.setCurrentWidget(self.waiting if self.preview.busy else self.empty)
            self.about.setText(self.tr("Sampling…") if self.preview.busy else "")
            self.about.setVisible(self.preview.busy)
            return
        answer = self.answer
        words = self.tr("{documents} documents, {size}").format(
            documents=count_text(answer.documents), size=bytes_text(answer.n_bytes))  # fmt: skip
        if answer.whole:
            words = join_sentences(words, self.tr("(all there is)"))
        elif answer.files_read == answer.files:
            words = self.tr("{sample}; in all about {total} documents").format(
                sample=words, total=count_text(answer.documents_estimated))  # fmt: skip
        else:
            words = self.tr("{sample}, from {read} of {files} files; in all about {total} documents").format(
                sample=words, read=f"{answer.files_read:,}", files=f"{answer.files:,}",
                total=count_text(answer.documents_estimated))  # fmt: skip
        if self.preview.busy:
            words = f"{words} · {self.tr('Trying the rules…')}"
        elif answer.texts is None:  # the first answer also had to read the sample
            took = self.tr("answered in {time} s").format(time=f"{max(self.preview.elapsed_s, 0.01):.2f}")
            words = f"{words} · {took}"
        self.about.setText(words)
        self.about.show()

    def _arrange(self) -> None:
        lines = QWidget()
        column = QVBoxLayout(lines)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.funnel)
        column.addStretch(1)
        self._funnel_page = scroll_area(lines)  # thirty rules must not make the page longer than the window
        self.parts = QStackedWidget()
        for part in (self.empty, self.waiting, self._funnel_page, self.rejected, self.kept):
            self.parts.addWidget(part)
        row = QHBoxLayout()
        row.setSpacing(theme.space(1.5))
        row.addWidget(self.which)
        row.addWidget(self.summary)
        row.addStretch(1)
        for widget in (self.about, self.busy, self.notice):
            self.body.addWidget(widget)
        self.body.addLayout(row)
        self.body.addWidget(self.parts, 1)
