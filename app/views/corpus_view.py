"""One corpus: its funnel, what its rules measured, every document with its reason, and a report to cite."""

from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.pages.page import scroll_to
from app.state.context import AppContext
from app.state.jobs import Job
from app.translations import translate
from app.views.corpus_documents import CorpusDocuments
from app.views.job_head import JobHead
from app.views.rule_words import rule_label
from app.words import bytes_text, count_text, duration_text
from core.data.report import cleaning_spec, read_report, write_report
from core.errors import LabError
from core.spec.rules.base import tag_of
from widgets import theme
from widgets.cards import Button, Card, StatTile
from widgets.step_funnel import StepFunnel, steps_of, steps_so_far

BYTES_A_TOKEN = 4.0  # a rule of thumb for English, said to be an estimate wherever it is used


class CorpusView(QWidget):
    """Shows the corpus it is told to, live while it is made; its documents open once it is finished."""

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.root: Path | None = None
        self._report: tuple[Path, dict] | None = None  # of a finished corpus
        self.head = JobHead(context)
        self.save = Button(self.tr("Save report"), "secondary", "export")
        self.save.clicked.connect(self._ask_report)
        self.next = Button(self.tr("Train a tokenizer on it"), "secondary", "tokens")
        self.next.clicked.connect(lambda: context.navigate("data", new="tokenizer", chosen=self.root.name))
        for button in (self.save, self.next):
            self.head.add_button(button)
        self.kept, self.size, self.tokens, self.held_out, self.taken = (
            StatTile(self.tr("Documents kept")), StatTile(self.tr("Text kept")), StatTile(self.tr("Tokens")),
            StatTile(self.tr("Held out")), StatTile(self.tr("Time taken")))  # fmt: skip
        self.funnel = StepFunnel()
        self.documents = CorpusDocuments(context)
        self.funnel.rule_clicked.connect(self.browse_rule)
        self.funnel.kept_clicked.connect(lambda: (self.browse("kept"), scroll_to(self.documents)))
        self._arrange()

    @property
    def reject_browser(self):
        """The table of documents that were set aside."""
        return self.documents.reject_browser

    def stand_under(self) -> None:
        """Another view of the same job stands above and says what there is: leave that to it."""
        for widget in (self.head, self.tiles):
            widget.hide()

    def show_job(self, root: Path) -> None:
        """Show this corpus."""
        if root != self.root:
            self.root = root
            self.documents.show_corpus(root)
        self.refresh()

    def refresh(self) -> None:
        """Show what is known now."""
        job = self.context.jobs.job(self.root) if self.root else None
        if job is None:
            return
        report = self._read_report(job)
        self.head.show_job(job)
        done = job.view.state == "completed"
        self.next.setVisible(done)
        self.save.setVisible(bool(report))
        self._show_funnel(job, report)
        self._show_numbers(job, report)
        self.documents.setVisible(not job.view.live or bool(report))
        self.documents.refresh(job, report)

    def browse(self, which: str) -> None:
        """Show the kept documents or those set aside."""
        self.documents.show_part(which)

    def browse_rule(self, rule: str) -> None:
        """Show what one rule set aside, in view; empty = all of it."""
        self.documents.show_rule(rule)
        scroll_to(self.documents)

    def save_report(self, path: Path) -> None:
        """Write a report that can be cited, as Markdown or HTML by its ending."""
        try:
            write_report(self.root, path, translate)
            self.context.notify(self.tr("The report is in {path}.").format(path=str(path)), "success")
        except LabError as error:
            self.context.notify(error)

    def _ask_report(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, self.tr("Save report"), f"{self.root.name}.md", "Markdown (*.md);;HTML (*.html)")  # fmt: skip
        if path:
            self.save_report(Path(path))

    def _read_report(self, job: Job) -> dict:
        """The report, read once it is there."""
        if self._report is None or self._report[0] != job.root or not self._report[1]:
            self._report = (job.root, {} if job.view.live else read_report(job.root))
        return self._report[1]

    def _show_funnel(self, job: Job, report: dict) -> None:
        names = (self.tr("Read"), self.tr("Kept"))
        live = job.view.funnel
        if report.get("steps"):
            ruled = {step["rule"] for step in report["steps"]}
            refused = {rule: count for rule, count in report["rejected"].items() if rule not in ruled}
            ratio, counted = self._bytes_a_token(job.name)
            self.funnel.set_steps(steps_of(report["steps"], refused, rule_label, names, ratio), not counted)
        elif live is not None:
            spec = cleaning_spec(job.root)
            rules = [tag_of(rule) for rule in spec.rules if rule.on] if spec else []
            self.funnel.set_steps(steps_so_far(
                live.documents_read, live.documents_kept, (live.bytes_read, live.bytes_kept), live.rejected, rules,
                rule_label, names))  # fmt: skip
        cleaned = bool(report.get("steps")) or (live is not None and (job.kind == "corpus" or bool(live.rejected)))
        self.funnel_card.setVisible(cleaned)  # a world that was made lost nothing on the way

    def _show_numbers(self, job: Job, report: dict) -> None:
        live, result = job.view.funnel, report or job.view.result
        kept = result.get("documents_kept", live.documents_kept if live else None)
        read = result.get("documents_read", live.documents_read if live else None)
        size = result.get("bytes_kept", live.bytes_kept if live else None)
        self.kept.set_value("" if kept is None else count_text(kept), "" if read is None else self.tr(
            "of {total}").format(total=count_text(read)))  # fmt: skip
        self.size.set_value("" if size is None else bytes_text(size))
        ratio, counted = self._bytes_a_token(job.name)
        how = self.tr("by the tokenizer {name}").format(name=counted) if counted else self.tr(
            "estimate: {bytes} bytes a token").format(bytes=f"{BYTES_A_TOKEN:g}")  # fmt: skip
        about = "" if counted else "≈ "
        self.tokens.set_value("" if size is None else f"{about}{count_text(size / ratio)}", "", how if size else "")
        self.held_out.set_value(count_text(result["held_out"]) if "held_out" in result else "", self.tr("documents"))
        self._show_time(job)

    def _show_time(self, job: Job) -> None:
        speed = job.pace.per_second if job.view.live and job.view.unit == "bytes" else None
        if job.view.live:
            self.taken.label.setText(self.tr("Speed"))
            self.taken.set_value(f"{speed / 1e6:.3g}" if speed else "", "MB/s")
        else:
            self.taken.label.setText(self.tr("Time taken"))
            seconds = job.view.result.get("elapsed_s")
            self.taken.set_value("" if seconds is None else duration_text(seconds), "")

    def _bytes_a_token(self, corpus: str) -> tuple[float, str]:
        """Bytes a token, and the tokenizer of this corpus that says so; without one a rule of thumb."""
        for job in self.context.jobs.jobs("tokenizer"):
            ratio = job.view.result.get("bytes_per_token")
            if ratio and job.view.state == "completed" and self._learned_from(job) == corpus:
                return ratio, job.name
        return BYTES_A_TOKEN, ""

    def _learned_from(self, tokenizer: Job) -> str:
        try:
            return tokenizer.folder.request["spec"].get("corpus", "")
        except (LabError, KeyError):
            return ""

    def _open_source(self, source: str, line: int) -> None:
        if Path(source).is_file():
            QDesktopServices.openUrl(QUrl.fromLocalFile(source))
        else:
            self.context.notify(self.tr("{source}, line {line}").format(source=source, line=line))

    def _arrange(self) -> None:
        self.tiles = QWidget()
        self.tiles.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        tiles = QHBoxLayout(self.tiles)
        tiles.setContentsMargins(0, 0, 0, 0)
        tiles.setSpacing(theme.space(1))
        for tile in (self.kept, self.size, self.tokens, self.held_out, self.taken):
            tiles.addWidget(tile, 1)
        self.funnel_card = Card(self.tr("What was read, and what was set aside"))
        self.funnel_card.body.addWidget(self.funnel)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1.5))
        column.addWidget(self.head)
        column.addWidget(self.tiles)
        column.addWidget(self.funnel_card)
        column.addWidget(self.documents, 1)
        column.addStretch(0)  # takes the room when there are no documents yet
        self.documents.source_asked.connect(self._open_source)
