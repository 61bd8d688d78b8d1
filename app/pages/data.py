"""Data: corpora and tokenizers of the workspace; import, clean, browse, cut into tokens."""

from pathlib import Path

from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.pages.page import Page, scroll_area
from app.state.context import AppContext
from app.views.corpus_view import CorpusView
from app.views.import_form import ImportForm
from app.views.job_list import ROW_PX, JobList
from app.views.tokenizer_view import TokenizerForm, TokenizerView
from widgets import theme
from widgets.cards import EmptyState, Text

LIST_WIDTH_PX = 248


class DataPage(Page):
    """Two lists on the left; beside them the chosen corpus or tokenizer, or a form."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(context, scrolls=False, parent=parent)
        self.set_header(
            self.tr("Data"),
            self.tr("Text comes in, passes the cleaning rules, and is cut into tokens; whatever is set aside keeps "
                    "its reason."), self.tr("Import text"), {"tokenizer": self.tr("New tokenizer")},
            primary_icon="import")  # fmt: skip
        self.header.primary_clicked.connect(self.show_import)
        self.header.secondary_clicked.connect(lambda _: self.show_tokenizer_form())
        self.corpora, self.tokenizers = JobList(), JobList()
        for jobs in (self.corpora, self.tokenizers):
            jobs.chosen.connect(self.show_job)
            jobs.activated_job.connect(self.show_job)
        self.empty = EmptyState(
            "data", self.tr("No text yet"),
            self.tr("Drop a folder of text, or take Python's own documentation, which is already on this machine."),
            self.tr("Import text"))  # fmt: skip
        self.empty.action_clicked.connect(self.show_import)
        self.corpus = CorpusView(context)
        self.corpus.tokenizer_asked.connect(self.show_tokenizer_form)
        self.importer = ImportForm()
        self.importer.started.connect(lambda name, spec: self._start("corpus", name, spec))
        self.tokenizer = TokenizerView(context)
        self.tokenizer.train_asked.connect(lambda: context.navigate("training", new=True))
        self.tokenizer_form = TokenizerForm(context)
        self.tokenizer_form.started.connect(lambda name, spec: self._start("tokenizer", name, spec))
        for form in (self.importer, self.tokenizer_form):
            form.cancelled.connect(self._leave_form)
        self._arrange()
        self._show(self.empty)
        context.jobs.job_added.connect(self._listed)
        context.jobs.job_removed.connect(self._listed)
        context.jobs.job_changed.connect(self._changed)
        self._listed()

    def open(self, job: Path | None = None, new: bool = False, corpus: str = "", rule: str = "",
             paths: list[str] | None = None, **_) -> None:  # fmt: skip
        """Show a job, the import, or what one rule set aside in a corpus."""
        found = self.context.jobs.named("corpus", corpus) if corpus else None
        if new or paths:
            self.show_import()
            if paths:
                self.importer.use_paths(paths)
        elif found is not None:
            self.show_job(found.root)
            self.corpus.browse_rule(rule) if rule else self.corpus.browse("kept")
        elif job is not None:
            self.show_job(job)
        else:
            self._refresh_shown()

    def show_job(self, root: Path) -> None:
        """Show one corpus or tokenizer."""
        job = self.context.jobs.job(root)
        if job is None:
            return
        self._choose(root)
        if job.kind == "corpus":
            self.corpus.show_corpus(root)
            self._show(self.corpus)
        else:
            self.tokenizer.show_tokenizer(root)
            self._show(self.tokenizer)

    def _choose(self, root: Path | None) -> None:
        for jobs in (self.corpora, self.tokenizers):
            jobs.set_current(root)

    def show_import(self) -> None:
        """Show the import of text."""
        self._choose(None)
        self._show(self.importer)

    def show_tokenizer_form(self, corpus: str = "") -> None:
        """Show the form of a new tokenizer."""
        self._choose(None)
        self.tokenizer_form.offer_corpora(corpus)
        self._show(self.tokenizer_form)

    def remember(self) -> dict:
        shown = self._shown()
        if shown is self.importer:
            return {"paths": self.importer.picker.paths(), "values": self.importer.form.values()}
        root = {self.corpus: self.corpus.root, self.tokenizer: self.tokenizer.root}.get(shown)
        return {"job": root} if root else {}

    def restore(self, remembered: dict) -> None:
        if "job" in remembered:
            self.show_job(remembered["job"])
        else:
            self.show_import()
            self.importer.form.set_values(remembered["values"])
            self.importer.use_paths(remembered["paths"])

    def _start(self, kind: str, name: str, spec) -> None:
        folder = self.context.start_job(kind, name, spec)
        if folder is None:
            return
        if kind == "corpus":
            self.corpus.show_corpus(folder.root)
            self._show(self.corpus)
        else:
            self.tokenizer.show_tokenizer(folder.root)
            self._show(self.tokenizer)

    def _leave_form(self) -> None:
        jobs = self.context.jobs.jobs("corpus", "tokenizer")
        if jobs:
            self.show_job(jobs[0].root)
        else:
            self._show(self.empty)

    def _listed(self, root: Path | None = None) -> None:
        corpora, tokenizers = self.context.jobs.jobs("corpus"), self.context.jobs.jobs("tokenizer")
        self.corpora.set_jobs(corpora)
        self.tokenizers.set_jobs(tokenizers)
        self.corpora.setFixedHeight(ROW_PX * min(max(1, len(corpora)), 6) + 2)
        self.tokenizers_title.setVisible(bool(tokenizers))
        self.header.secondary["tokenizer"].setVisible(
            bool(corpora) and self._shown() in (self.corpus, self.tokenizer))  # fmt: skip
        self.side.setVisible(bool(corpora or tokenizers))
        if root is not None and root in (self.corpus.root, self.tokenizer.root):
            self._shown_changed(root)
        elif corpora and self._shown() is self.empty:
            self.show_job(corpora[0].root)

    def _shown_changed(self, root: Path) -> None:
        """What is shown was read at last, or has lost its folder."""
        if self.context.jobs.job(root) is not None:
            self.show_job(root)
            return
        view = self.corpus if root == self.corpus.root else self.tokenizer
        view.root = None
        if self._shown() is view:
            self._leave_form()

    def _changed(self, root: Path) -> None:
        job = self.context.jobs.job(root)
        if job is None or job.kind not in ("corpus", "tokenizer"):
            return
        (self.corpora if job.kind == "corpus" else self.tokenizers).update_job(job)
        if self.isVisible() and root in (self.corpus.root, self.tokenizer.root):
            self._refresh_shown()

    def _refresh_shown(self) -> None:
        if self._shown() in (self.corpus, self.tokenizer):
            self._shown().refresh()

    def _show(self, view: QWidget) -> None:
        """Show one of the views; each has at most one primary action."""
        self.stack.setCurrentIndex(self._views.index(view))
        shows_job = view in (self.corpus, self.tokenizer)
        self.header.primary.setVisible(shows_job)
        self.header.secondary["tokenizer"].setVisible(shows_job and bool(self.context.jobs.jobs("corpus")))

    def _shown(self) -> QWidget:
        return self._views[self.stack.currentIndex()]

    def _arrange(self) -> None:
        self._views = [self.empty, self.corpus, self.importer, self.tokenizer, self.tokenizer_form]
        self.stack = QStackedWidget()
        for view in self._views:
            self.stack.addWidget(scroll_area(view))
        self.side = QWidget()
        self.side.setFixedWidth(LIST_WIDTH_PX)
        column = QVBoxLayout(self.side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1))
        self.tokenizers_title = Text(self.tr("Tokenizers"), "strong", wrap=False)
        column.addWidget(Text(self.tr("Corpora"), "strong", wrap=False))
        column.addWidget(self.corpora)
        column.addSpacing(theme.space(1))
        column.addWidget(self.tokenizers_title)
        column.addWidget(self.tokenizers, 1)
        row = QHBoxLayout()
        row.setSpacing(theme.space(2))
        row.addWidget(self.side)
        row.addWidget(self.stack, 1)
        self.body.addLayout(row, 1)
