"""Chinese from JSON catalogues: one file a room, merged when the language is chosen."""

import json
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QLocale, QTranslator

TRANSLATIONS = Path(__file__).resolve().parents[1] / "assets" / "translations"
LANGUAGES = {"en": "English", "zh_CN": "简体中文"}


class CatalogueTranslator(QTranslator):
    """Looks a source text up by itself, whatever class asks: one sentence has one translation."""

    def __init__(self, catalogue: dict[str, str], parent=None) -> None:
        super().__init__(parent)
        self.catalogue = catalogue

    def translate(self, context: str, source: str, disambiguation: str | None = None, n: int = -1) -> str | None:
        """The text in the chosen language, or None so that Qt shows the English source."""
        return self.catalogue.get(source)

    def isEmpty(self) -> bool:  # noqa: N802, Qt's own name
        return not self.catalogue


def read_catalogue(language: str) -> dict[str, str]:
    """All rooms' texts for ``language``: {English: translated}; empty for English."""
    merged: dict[str, str] = {}
    for path in [TRANSLATIONS / f"{language}.json", *sorted((TRANSLATIONS / language).glob("*.json"))]:
        if path.is_file():
            merged.update(json.loads(path.read_text("utf-8")))
    return merged


def resolve_language(choice: str) -> str:
    """The language to show for a setting of ``system``, ``en`` or ``zh_CN``."""
    if choice in LANGUAGES:
        return choice
    wanted = QLocale.system().uiLanguages() or ["en"]
    return "zh_CN" if wanted[0].lower().startswith("zh") else "en"


class Languages:
    """Installs the translator of one language at a time; every widget then gets a LanguageChange event."""

    def __init__(self, application: QCoreApplication) -> None:
        self.application = application
        self.current = "en"
        self._translator: CatalogueTranslator | None = None

    def apply(self, choice: str) -> None:
        """Switch to ``choice`` (``system`` follows the desktop)."""
        language = resolve_language(choice)
        if self._translator is not None:
            self.application.removeTranslator(self._translator)
            self._translator = None
        self.current = language
        catalogue = read_catalogue(language)
        if catalogue:
            self._translator = CatalogueTranslator(catalogue, self.application)
            self.application.installTranslator(self._translator)


def translate(text: str) -> str:
    """A template in the user's language, for texts that come from the engine (errors, notes, labels)."""
    return QCoreApplication.translate("engine", text) if text else text


def fill(template: str, values: dict) -> str:
    """Translate a template, then fill its {names}; a missing name leaves the template readable."""
    text = translate(template)
    try:
        return text.format(**values)
    except (KeyError, IndexError, ValueError):
        return text
