"""Every action of the window in one table: id, text, shortcut, and the window's method that does it."""

from typing import NamedTuple

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMainWindow


class PageEntry(NamedTuple):
    """A page of the rail, in the order of the work; its controller is imported when it is first shown."""

    id: str
    text: str
    icon: str
    controller: str  # module:class


class ActionEntry(NamedTuple):
    """One thing a person can do from anywhere."""

    id: str
    text: str
    shortcut: str
    handler: str  # a method of the main window


PAGES = (
    PageEntry("home", QT_TRANSLATE_NOOP("pages", "Home"), "home", "app.pages.home:HomePage"),
    PageEntry("data", QT_TRANSLATE_NOOP("pages", "Data"), "data", "app.pages.data:DataPage"),
    PageEntry("architecture", QT_TRANSLATE_NOOP("pages", "Architecture"), "architecture",
              "app.pages.architecture:ArchitecturePage"),
    PageEntry("training", QT_TRANSLATE_NOOP("pages", "Training"), "training", "app.pages.training:TrainingPage"),
    PageEntry("playground", QT_TRANSLATE_NOOP("pages", "Playground"), "playground",
              "app.pages.playground:PlaygroundPage"),
    PageEntry("glass", QT_TRANSLATE_NOOP("pages", "Glass"), "glass", "app.pages.glass:GlassPage"),
    PageEntry("export", QT_TRANSLATE_NOOP("pages", "Export"), "export", "app.pages.export:ExportPage"),
)  # fmt: skip

ACTIONS = (
    ActionEntry("new_run", QT_TRANSLATE_NOOP("actions", "New training run"), "Ctrl+N", "new_run"),
    ActionEntry("import_corpus", QT_TRANSLATE_NOOP("actions", "Import text"), "Ctrl+I", "import_corpus"),
    ActionEntry("open_workspace", QT_TRANSLATE_NOOP("actions", "Open a workspace…"), "Ctrl+O", "choose_workspace"),
    ActionEntry("reveal_workspace", QT_TRANSLATE_NOOP("actions", "Show the workspace's folder"), "Ctrl+Shift+O",
                "reveal_workspace"),
    ActionEntry("toggle_theme", QT_TRANSLATE_NOOP("actions", "Light or dark"), "Ctrl+T", "toggle_theme"),
    ActionEntry("toggle_language", QT_TRANSLATE_NOOP("actions", "English or Chinese"), "Ctrl+L", "toggle_language"),
    ActionEntry("quit", QT_TRANSLATE_NOOP("actions", "Close the window"), "Ctrl+Q", "close"),
)  # fmt: skip


def page_text(entry: PageEntry) -> str:
    """A page's name in the user's language."""
    return QCoreApplication.translate("pages", entry.text)


def make_actions(window: QMainWindow) -> dict[str, QAction]:
    """Give the window one QAction an entry, plus Ctrl+1.. for the pages; {id: action}."""
    made = {}
    for entry in ACTIONS:
        text = QCoreApplication.translate("actions", entry.text)
        made[entry.id] = _action(window, text, entry.shortcut, getattr(window, entry.handler))
    for number, page in enumerate(window.pages(), start=1):
        made[f"page_{page.id}"] = _action(
            window, page_text(page), f"Ctrl+{number}", lambda checked=False, id=page.id: window.show_page(id)
        )
    return made


def _action(window: QMainWindow, text: str, shortcut: str, handler) -> QAction:
    action = QAction(text, window)
    action.setShortcut(QKeySequence(shortcut))
    action.triggered.connect(lambda checked=False: handler())
    window.addAction(action)
    return action
