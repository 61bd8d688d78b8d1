"""Terms of the field that explain themselves on hover, from one glossary."""

import json
from functools import lru_cache
from html import escape

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from widgets import theme

GLOSSARY = theme.ASSETS / "glossary.json"


@lru_cache(maxsize=1)
def glossary() -> dict[str, dict[str, str]]:
    """{term: {"en": two sentences, "zh": the same in Chinese, "source": the paper}}."""
    return json.loads(GLOSSARY.read_text("utf-8"))


def explain(term: str) -> str:
    """The explanation as rich text for a tooltip, in the user's language; empty for an unknown term."""
    entry = glossary().get(term)
    if entry is None:
        return ""
    language = QCoreApplication.translate("glossary", "en")  # the Chinese catalogue answers "zh"
    name = QCoreApplication.translate("glossary", term)
    source = f"<p><i>{escape(entry['source'])}</i></p>" if entry["source"] else ""
    return f"<b>{escape(name)}</b><p>{escape(entry.get(language, entry['en']))}</p>{source}"


class Term(QLabel):
    """A word with a dotted underline; hovering or focusing it explains it.

    Args:
        term: key in the glossary.
        text: what to show; empty = the term itself, translated.
    """

    def __init__(self, term: str, text: str = "", *, parent: QWidget | None = None) -> None:
        name = QCoreApplication.translate("glossary", term)
        super().__init__(text or name[:1].upper() + name[1:], parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("role", "term")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setToolTip(explain(term))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.WhatsThisCursor)
        self.setAccessibleName(self.text())
        entry = glossary().get(term, {})
        self.setAccessibleDescription(entry.get(QCoreApplication.translate("glossary", "en"), ""))
