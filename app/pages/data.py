"""Data: everything that comes of text: corpora, tokenizers, filters and experiments; import, clean, browse."""

from pathlib import Path

from PySide6.QtWidgets import QHBoxLayout, QMenu, QStackedWidget, QVBoxLayout, QWidget

from app.pages.data_rooms import DataKind, JobPanel, data_kinds, exists, make
from app.pages.page import Page, scroll_area
from app.state.context import AppContext
from app.translations import translate
from app.views.job_list import ROW_PX, JobList
from widgets import icons, theme
from widgets.cards import Button, EmptyState, Text

LIST_WIDTH_PX = 248
ROWS_SHOWN = 7  # of one list, where there are several


class DataPage(Page):
    """Lists on the left, one a group of the table; beside them the chosen job, or a form."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(context, scrolls=False, parent=parent)
        self.kinds: dict[str, DataKind] = {entry.kind: entry for entry in data_kinds()}
        self.set_header(
            self.tr("Data"),
            self.tr("Text comes in, passes the cleaning rules, and is cut into tokens; whatever is set aside keeps "
                    "its reason."), self.tr("New"), primary_icon="plus")  # fmt: skip
        self.header.primary.setMenu(self._new_menu())
        self.empty = EmptyState(
            "data", self.tr("No text yet"),
            self.tr("Give a file or a folder of text, or take Python's own documentation, which is already on this "
                    "machine. Rules are tried on a sample before anything is written."),
            self.tr("Import text"))  # fmt: skip
        self.empty.action_clicked.connect(lambda: self.show_form("corpus"))
        self.empty.add_others(*self._beginnings())
        self.lists: dict[str, JobList] = {}
        self._panels: dict[tuple[str, ...], QWidget] = {}  # views named in the table -> what shows them
        self._forms: dict[str, QWidget] = {}
        self._arrange()
        self._show(self.empty)
        context.jobs.job_added.connect(self._listed)
        context.jobs.job_removed.connect(self._listed)
        context.jobs.job_changed.connect(self._changed)
        self._listed()

    # Views and forms are made when they are first asked for.

    def panel(self, kind: str) -> QWidget:
        """What shows jobs of a kind."""
        names = tuple(filter(exists, self.kinds[kind].views))
        if names not in self._panels:
            views = [make(name, self.context) for name in names]
            self._panels[names] = self._add(views[0] if len(views) == 1 else JobPanel(views))
        return self._panels[names]

    def form(self, kind: str) -> QWidget:
        """What asks for a new job of a kind."""
        if kind not in self._forms:
            made = make(self.kinds[kind].form, self.context)
            made.started.connect(lambda name, spec: self._start(kind, name, spec))
            made.cancelled.connect(self._leave_form)
            self._forms[kind] = self._add(made)
        return self._forms[kind]

    @property
    def corpus(self) -> QWidget:
        """What shows a corpus."""
        return self.panel("corpus")

    @property
    def importer(self) -> QWidget:
        """The cleaning lab."""
        return self.form("corpus")

    def open(self, job: Path | None = None, new: bool | str = False, corpus: str = "", rule: str = "",
             paths: list[str] | None = None, chosen: str = "", **_) -> None:  # fmt: skip
        """Show a job, the form of a new one (``new`` names the kind), or what one rule set aside in a corpus."""
        found = self.context.jobs.named("corpus", corpus) if corpus else None
        if new or paths:
            self.show_form(new if isinstance(new, str) else "corpus", chosen)
            if paths:
                self.importer.use_paths(paths)
        elif found is not None:
            self.show_job(found.root)
            view = self._corpus_view(found.kind)
            view.browse_rule(rule) if rule else view.browse("kept")
        elif job is not None:
            self.show_job(job)
        else:
            self._refresh_shown()

    def show_job(self, root: Path) -> None:
        """Show one job."""
        job = self.context.jobs.job(root)
        if job is None or job.kind not in self.kinds:
            return
        for jobs in self.lists.values():
            jobs.set_current(root)
        self.panel(job.kind).show_job(root)
        self._show(self.panel(job.kind))

    def show_form(self, kind: str, chosen: str = "") -> None:
        """Show the form of a new job; ``chosen`` names what it should start from."""
        for jobs in self.lists.values():
            jobs.set_current(None)
        form = self.form(kind)
        if hasattr(form, "opened"):
            form.opened(chosen)
        self._show(form)

    def remember(self) -> dict:
        shown = self._shown()
        kind = next((kind for kind, form in self._forms.items() if form is shown), "")
        if kind:
            return {"form": kind} | (shown.remember() if hasattr(shown, "remember") else {})
        return {"job": shown.root} if getattr(shown, "root", None) else {}

    def restore(self, remembered: dict) -> None:
        if "job" in remembered:
            self.show_job(remembered["job"])
            return
        self.show_form(remembered["form"])
        if hasattr(self._shown(), "restore"):
            self._shown().restore(remembered)

    def _corpus_view(self, kind: str) -> QWidget:
        panel = self.panel(kind)
        return panel.views[-1] if isinstance(panel, JobPanel) else panel

    def _start(self, kind: str, name: str, spec) -> None:
        folder = self.context.start_job(kind, name, spec)
        if folder is not None:
            self.panel(kind).show_job(folder.root)
            self._show(self.panel(kind))

    def _leave_form(self) -> None:
        jobs = self.context.jobs.jobs(*self.kinds)
        if jobs:
            self.show_job(jobs[0].root)
        else:
            self._show(self.empty)

    def _listed(self, root: Path | None = None) -> None:
        """A job came or went: fill the lists, hide the empty ones, and show something that is there."""
        filled = {group: self.context.jobs.jobs(*kinds) for group, kinds in self._groups().items()}
        several = sum(map(bool, filled.values())) > 1
        for group, jobs in filled.items():
            listed, title = self.lists[group], self.titles[group]
            listed.set_jobs(jobs)
            rows = min(len(jobs), ROWS_SHOWN) if several else len(jobs)
            listed.setFixedHeight(ROW_PX * rows + 2)
            for widget in (title, listed):
                widget.setVisible(bool(jobs))
        self._show_side()
        shown = self._shown()
        if root is not None and root == getattr(shown, "root", None):
            self._shown_changed(root)
        elif shown is self.empty and any(filled.values()):
            self._leave_form()

    def _shown_changed(self, root: Path) -> None:
        """What is shown was read at last, or has lost its folder."""
        if self.context.jobs.job(root) is not None:
            self.show_job(root)
            return
        self._shown().root = None
        self._leave_form()

    def _changed(self, root: Path) -> None:
        job = self.context.jobs.job(root)
        if job is None or job.kind not in self.kinds:
            return
        self.lists[self.kinds[job.kind].group].update_job(job)
        if self.isVisible() and root == getattr(self._shown(), "root", None):
            self._refresh_shown()

    def _refresh_shown(self) -> None:
        if self._shown() in self._panels.values():
            self._shown().refresh()

    def _show(self, view: QWidget) -> None:
        """Show one of the views; each has at most one primary action."""
        self.stack.setCurrentWidget(self._areas[view])
        self._show_side()
        self.header.primary.setVisible(view in self._panels.values())

    def _show_side(self) -> None:
        """The lists give way to a form that needs the whole width."""
        self.side.setVisible(bool(self.context.jobs.jobs(*self.kinds)) and not getattr(self._shown(), "wide", False))

    def _shown(self) -> QWidget:
        return self.stack.currentWidget().widget()

    def _add(self, view: QWidget) -> QWidget:
        self._areas[view] = scroll_area(view)
        self.stack.addWidget(self._areas[view])
        return view

    def _groups(self) -> dict[str, list[str]]:
        groups: dict[str, list[str]] = {}
        for entry in self.kinds.values():
            groups.setdefault(entry.group, []).append(entry.kind)
        return groups

    def _beginnings(self) -> list[Button]:
        """What can be begun without text of one's own: the built-in corpus, a world, a prepared experiment."""
        built_in = Button(self.tr("Use Python's own documentation"), "link")
        built_in.clicked.connect(lambda: (self.show_form("corpus"), self.importer.use_built_in()))
        buttons = [built_in]
        for kind in ("world", "experiment"):
            if kind in self.kinds and exists(self.kinds[kind].form):
                button = Button(translate(self.kinds[kind].new), "link")
                button.clicked.connect(lambda _=False, kind=kind: self.show_form(kind))
                buttons.append(button)
        return buttons

    def _new_menu(self) -> QMenu:
        menu = QMenu(self)
        for entry in self.kinds.values():
            if entry.new and exists(entry.form):
                action = menu.addAction(icons.icon(entry.icon, "muted"), translate(entry.new))
                action.triggered.connect(lambda _=False, kind=entry.kind: self.show_form(kind))
        return menu

    def _arrange(self) -> None:
        self._areas: dict[QWidget, QWidget] = {}
        self.stack = QStackedWidget()
        self._add(self.empty)
        lists = QWidget()
        column = QVBoxLayout(lists)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(0.5))
        self.titles: dict[str, Text] = {}
        for group in self._groups():
            title, jobs = Text(translate(group), "strong", wrap=False), JobList()
            jobs.chosen.connect(self.show_job)
            jobs.activated_job.connect(self.show_job)
            self.titles[group], self.lists[group] = title, jobs
            column.addWidget(title)
            column.addWidget(jobs)
            column.addSpacing(theme.space(1))
        column.addStretch(1)
        self.side = scroll_area(lists)
        self.side.setFixedWidth(LIST_WIDTH_PX)
        row = QHBoxLayout()
        row.setSpacing(theme.space(2))
        row.addWidget(self.side)
        row.addWidget(self.stack, 1)
        self.body.addLayout(row, 1)
