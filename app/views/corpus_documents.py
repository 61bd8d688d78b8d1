"""The documents of one corpus, part by part: kept, set aside, measured, near-duplicates, personal data, skipped."""

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.pages.data_rooms import exists, make
from app.pages.page import scroll_to
from app.state.context import AppContext
from app.state.jobs import Job
from app.translations import fill
from app.views.corpus_measures import CorpusMeasures
from app.views.rule_words import rule_label, rule_labels
from core.data.documents import Documents
from core.data.report import cleaning_spec
from core.errors import LabError
from core.spec.rules.base import tag_of
from widgets import theme
from widgets.cards import Button, Card, Text
from widgets.controls import SegmentedControl
from widgets.document_browser import DocumentBrowser

SKIPPED_SHOWN = 200
LEAST_HEIGHT_PX = theme.space(56)
# Parts with a view of their own: its class, and the rules of which one must have run for there to be anything to show.
FURTHER = {"pairs": ("app.views.pairs_view:PairsView", {"near_duplicates", "repeated_lines"}),
           "privacy": ("app.views.privacy_view:PrivacyView", {"personal_data"})}  # fmt: skip


class CorpusDocuments(Card):
    """A card with a row of parts; only the part shown reads anything."""

    source_asked = Signal(str, int)

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.context = context
        self.root: Path | None = None
        self._opened: dict[str, Path] = {}  # parts that show something of a corpus
        self._trail: list[str] = []  # rules that ran, in order
        self._report: dict = {}
        self.which = SegmentedControl({
            "kept": self.tr("Kept"), "rejected": self.tr("Set aside"), "measures": self.tr("Measures"),
            "pairs": self.tr("Near-duplicates"), "privacy": self.tr("Personal data"),
            "skipped": self.tr("Skipped files")}, name=self.tr("Show"))  # fmt: skip
        self.which.value_changed.connect(lambda part: (self.show_part(part), scroll_to(self)))
        self.all_rules = Button(self.tr("Show every rule"), "link")
        self.all_rules.clicked.connect(lambda: self.show_rule(""))
        self.kept_browser, self.reject_browser = DocumentBrowser(), DocumentBrowser(reasons=True)
        for browser in (self.kept_browser, self.reject_browser):
            browser.setMinimumHeight(theme.space(48))
            browser.source_asked.connect(self.source_asked)
            browser.set_trail(self._cleaning_of)
        self.measures = CorpusMeasures()
        self.measures.rule_asked.connect(self.show_rule)
        self.skipped, self.nothing = Text("", "body"), Text("", "muted")
        self._bare: set[str] = set()  # parts that found nothing to show
        self.setMinimumHeight(LEAST_HEIGHT_PX)  # a short part must not throw the page to another place
        self.parts: dict[str, QWidget] = {
            "kept": self.kept_browser, "rejected": self.reject_browser, "measures": self.measures,
            "skipped": self.skipped}  # fmt: skip
        row = QHBoxLayout()
        row.setSpacing(theme.space(1))
        for widget in (self.which, self.all_rules):
            row.addWidget(widget)
        row.addStretch(1)
        self.body.addLayout(row)
        for part in self.parts.values():  # not a stack, which is as tall as its tallest page
            self.body.addWidget(part, 1)
        self.body.addWidget(self.nothing)
        self.body.addStretch(0)

    def show_corpus(self, root: Path) -> None:
        """Show another corpus, from its kept documents on."""
        self.root, self._opened, self._bare = root, {}, set()
        spec = cleaning_spec(root)
        rules = [rule for rule in spec.rules if rule.on] if spec else []
        self._trail = [tag_of(rule) for rule in rules]
        self.reject_browser.set_rules(rule_labels(self._trail))
        self.show_part("kept")

    def refresh(self, job: Job, report: dict) -> None:
        """Show what is known now; parts with nothing in them are not offered."""
        self._report = report
        there = {"kept"}
        there |= {"rejected"} if job.kind == "corpus" or report.get("rejected") else set()
        there |= {"measures"} if report.get("histograms") else set()
        there |= {"skipped"} if job.view.skipped else set()
        there |= {part for part, (view, rules) in FURTHER.items()
                  if report and exists(view) and rules & set(self._trail)}  # fmt: skip
        for part in ("kept", "rejected", "measures", "pairs", "privacy", "skipped"):
            self.which.set_choice_visible(part, part in there)
        lines = [f"{s.path}: {fill(s.problem, s.values)} {fill(s.remedy, s.values)}".strip()
                 for s in job.view.skipped[-SKIPPED_SHOWN:]]  # fmt: skip
        self.skipped.setText("\n".join(lines))
        self._fill_part()

    def show_part(self, part: str) -> None:
        """Show one part."""
        self.which.set_value(part)
        if part in FURTHER and part not in self.parts:
            self.parts[part] = make(FURTHER[part][0], self.context)
            self.body.addWidget(self.parts[part], 1)
        for name, widget in self.parts.items():
            widget.setVisible(name == part)
        if part != "rejected":
            self._say_rule("")
        self._fill_part()
        self._say_nothing(part)

    def show_rule(self, rule: str) -> None:
        """Show what one rule set aside; empty = all of it."""
        self.show_part("rejected")
        self.reject_browser.set_rule(rule)
        self._say_rule(rule)

    def _say_rule(self, rule: str) -> None:
        self.all_rules.setVisible(bool(rule))

    def _fill_part(self) -> None:
        """Read what the part shown needs, once; documents are mapped, and only rows in view decoded."""
        part, root = self.which.value(), self.root
        if root is None or self._opened.get(part) == root:
            return
        if part in ("kept", "rejected"):
            self._open_documents(part, root)
        elif part == "measures":
            self.measures.show_measures(root, self._report.get("histograms", {}))
            self._opened[part] = root
        elif part in FURTHER:
            self.parts[part].show_corpus(root)  # hides itself where there is nothing
            self._opened[part] = root
            if self.parts[part].isHidden():
                self._bare.add(part)
            self._say_nothing(part)

    def _say_nothing(self, part: str) -> None:
        bare = part in self._bare
        self.nothing.setText(self.tr("No two documents were alike, and no line was repeated too often.")
                             if part == "pairs" else self.tr("No personal data was found."))  # fmt: skip
        self.nothing.setVisible(bare)
        if bare:
            self.parts[part].hide()

    def _open_documents(self, part: str, root: Path) -> None:
        browser = self.parts[part]
        if not (root / f"{part}.idx").is_file():
            browser.set_documents([])
            return
        try:
            browser.set_documents(Documents(root, part))
            self._opened[part] = root
        except LabError as error:
            self.context.notify(error)

    def _cleaning_of(self, document) -> str:
        """The cleaning a document went through, in one line."""
        fell = getattr(document, "rule", "")
        if fell and fell not in self._trail:
            return ""
        passed = self._trail[: self._trail.index(fell)] if fell else self._trail
        words = " → ".join(map(rule_label, passed))
        if fell:
            return self.tr("Passed: {rules}. Set aside by: {rule}").format(rules=words or "–", rule=rule_label(fell))
        mended = self.tr("Mended on the way.") if getattr(document, "changed", False) else self.tr("Not changed.")
        return f"{self.tr('Passed: {rules}.').format(rules=words)} {mended}" if words else ""
