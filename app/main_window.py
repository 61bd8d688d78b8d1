"""The shell: rail on the left, a page in the middle, notices above it, running jobs below."""

import importlib.util
import time
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, QTimer, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from app.actions import PAGES, PageEntry, make_actions, page_text
from app.state.context import AppContext
from app.state.settings import THEMES
from app.state.strip import dismissal, strip_entries
from app.translations import Languages
from app.views.machine_strip import MachineStrip
from widgets import theme
from widgets.job_strip import JobStrip
from widgets.navigation_rail import NavigationRail, RailEntry
from widgets.notice import Notice

STRIP_MS = 500
NOTICE_S = 12
NOTICES_SHOWN = 3
PAGE_OF_KIND = {"grow": "home", "corpus": "data", "world": "data", "mixture": "data", "tokenizer": "data",
                "reference": "data", "classifier": "data", "experiment": "data", "train": "training",
                "index": "glass", "influence": "glass", "mitigate": "glass", "export": "export", "verify": "export",
                "replay": "training", "sweep": "training", "inspect": "data", "question": "data"}  # fmt: skip


class MainWindow(QMainWindow):
    """Navigation and nothing else; pages are made when they are first shown."""

    def __init__(self, context: AppContext, languages: Languages, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context, self.languages = context, languages
        self._pages: dict[str, QWidget] = {}
        self._current = ""
        self._actions: dict = {}
        self.resize(1280, 800)
        self.setMinimumSize(1024, 640)
        if context.settings.window_place is not None:
            self.restoreGeometry(context.settings.window_place)
        context.navigation_requested.connect(lambda page, args: self.show_page(page, **args))
        context.noticed.connect(self.show_notice)
        context.workspace_changed.connect(lambda: self.rebuild(keep=False))
        self._strip_timer = QTimer(self)
        self._strip_timer.timeout.connect(self._refresh_strip)
        self._strip_timer.start(STRIP_MS)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._system_theme_changed)
        self._build()

    def pages(self) -> list[PageEntry]:
        """The pages there are."""
        return [entry for entry in PAGES if importlib.util.find_spec(entry.controller.partition(":")[0])]

    def page(self, page_id: str) -> QWidget:
        """A page's controller, made if need be."""
        if page_id not in self._pages:
            entry = next(entry for entry in PAGES if entry.id == page_id)
            module, _, name = entry.controller.partition(":")
            made = getattr(importlib.import_module(module), name)(self.context)
            self._pages[page_id] = made
            self._stack.addWidget(made)
        return self._pages[page_id]

    def show_page(self, page_id: str, **args) -> None:
        """Go to a page; ``args`` say what to open there."""
        page = self.page(page_id)
        self._current = page_id
        self._rail.set_current(page_id)
        self._stack.setCurrentWidget(page)
        page.open(**args)

    def show_notice(self, text: str, tone: str = "info") -> None:
        """Say one sentence above the page; what is not an error goes away by itself."""
        level = {"success": "good"}.get(tone, tone)
        notice = Notice(level, text, closable=True)
        notice.closed.connect(lambda: self._drop_notice(notice))
        self._notices.insertWidget(0, notice)
        while self._notices.count() > NOTICES_SHOWN:
            self._drop_notice(self._notices.itemAt(NOTICES_SHOWN).widget())
        self._notice_panel.show()
        if level in ("info", "good"):
            QTimer.singleShot(NOTICE_S * 1000, notice, lambda: self._drop_notice(notice))

    def rebuild(self, keep: bool = True) -> None:
        """Make everything anew, in another language or for another workspace."""
        remembered = {key: page.remember() for key, page in self._pages.items()} if keep else {}
        current = self._current if keep else "home"
        for page in self._pages.values():
            page.deleteLater()
        self._pages.clear()
        self._build()
        for key, state in remembered.items():
            if state:
                self.page(key).restore(state)
        self.show_page(current or "home")

    def new_run(self) -> None:
        """Open the form of a new training run."""
        self.show_page("training", new=True)

    def import_corpus(self) -> None:
        """Open the import of text."""
        self.show_page("data", new=True)

    def choose_workspace(self) -> None:
        """Pick another workspace folder."""
        start = str(self.context.workspace.root)
        chosen = QFileDialog.getExistingDirectory(self, self.tr("Open a workspace"), start)
        if chosen:
            self.context.open_workspace(Path(chosen))

    def reveal_workspace(self) -> None:
        """Show the workspace in the system's file manager."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.context.workspace.root)))

    def toggle_theme(self) -> None:
        """From light to dark or back; the choice is remembered."""
        self.set_theme("light" if theme.mode() == "dark" else "dark")

    def set_theme(self, choice: str) -> None:
        """``system``, ``light`` or ``dark``."""
        assert choice in THEMES
        self.context.settings.theme = choice
        theme.apply(QGuiApplication.instance(), choice)
        self._refresh_tools()

    def toggle_language(self) -> None:
        """From English to Chinese or back; the choice is remembered."""
        self.set_language("en" if self.languages.current == "zh_CN" else "zh_CN")

    def set_language(self, choice: str) -> None:
        """``system``, ``en`` or ``zh_CN``."""
        self.context.settings.language = choice
        self.languages.apply(choice)
        self.rebuild()

    def closeEvent(self, event: QEvent) -> None:
        """End what is the window's alone; running jobs go on."""
        self._strip_timer.stop()
        self.context.settings.window_place = self.saveGeometry()
        self.context.close()
        super().closeEvent(event)

    def _build(self) -> None:
        self.setWindowTitle("Coldframe – {name}".format(name=self.context.workspace.root.name))
        for action in self._actions.values():
            self.removeAction(action)
            action.deleteLater()
        self._actions = make_actions(self)
        entries = [RailEntry(page.id, page_text(page), page.icon) for page in self.pages()]
        self._rail = NavigationRail(entries, self._tools())
        self._rail.chosen.connect(self.show_page)
        self._rail.tool_clicked.connect(lambda tool: self._actions[tool].trigger())
        self._stack = QStackedWidget()
        self._strip = JobStrip()
        self._strip.opened.connect(self._open_job)
        self._strip.pause_asked.connect(lambda job: self.context.ask_job(Path(job), "pause"))
        self._strip.stop_asked.connect(lambda job: self.context.ask_job(Path(job), "stop"))
        self._strip.resume_asked.connect(self._resume_job)
        self._strip.dismissed.connect(self._dismiss_job)
        self.setCentralWidget(self._arranged())
        self._refresh_strip()

    def _arranged(self) -> QWidget:
        notices = self._notice_panel = QWidget()
        notices.hide()
        self._notices = QVBoxLayout(notices)
        self._notices.setContentsMargins(theme.space(4), theme.space(2), theme.space(4), 0)
        self._notices.setSpacing(theme.space(1))
        middle = QVBoxLayout()
        middle.setContentsMargins(0, 0, 0, 0)
        middle.setSpacing(0)
        middle.addWidget(notices)
        middle.addWidget(self._stack, 1)
        upper = QHBoxLayout()
        upper.setContentsMargins(0, 0, 0, 0)
        upper.setSpacing(0)
        upper.addWidget(self._rail)
        upper.addLayout(middle, 1)
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(upper, 1)
        column.addWidget(self._strip)
        column.addWidget(MachineStrip())
        return whole

    def _tools(self) -> list[RailEntry]:
        dark = theme.mode() == "dark"
        return [
            RailEntry("toggle_theme", self.tr("Light") if dark else self.tr("Dark"), "sun" if dark else "moon"),
            RailEntry("toggle_language", "English" if self.languages.current == "zh_CN" else "中文", "language"),
            RailEntry("reveal_workspace", self.tr("Workspace"), "folder"),
        ]

    def _refresh_tools(self) -> None:
        for tool in self._tools():
            self._rail.set_entry(tool)

    def _refresh_strip(self) -> None:
        entries = strip_entries(self.context.jobs, time.time(), self.context.settings.dismissed_jobs)
        self._strip.set_jobs(entries)
        running = sum(job.view.state == "running" for job in self.context.jobs.jobs("train"))
        if "training" in self._rail.buttons:
            self._rail.set_badge("training", str(running) if running else "")

    def _open_job(self, root: str) -> None:
        job = self.context.jobs.job(Path(root))
        if job is not None:
            self.show_page(PAGE_OF_KIND[job.kind], job=job.root)

    def _resume_job(self, root: str) -> None:
        job = self.context.jobs.job(Path(root))
        if job is not None and job.view.state == "paused":
            self.context.ask_job(job.root, "resume")
        elif job is not None:
            self.context.resume_job(job.root)

    def _dismiss_job(self, root: str) -> None:
        job = self.context.jobs.job(Path(root))
        if job is not None:
            self.context.settings.dismiss_job(dismissal(job))
        self._refresh_strip()

    def _drop_notice(self, notice: Notice) -> None:
        self._notices.removeWidget(notice)
        notice.hide()
        notice.deleteLater()
        self._notice_panel.setVisible(self._notices.count() > 0)

    def _system_theme_changed(self, scheme: Qt.ColorScheme) -> None:
        if self.context.settings.theme == "system":
            theme.apply(QGuiApplication.instance(), "system")
            self._refresh_tools()
