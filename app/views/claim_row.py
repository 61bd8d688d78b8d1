"""One claim of an answer: what it says, how it stands to the training text, how sure the model was, its judgement."""

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.spec.doubt import Claim, ClaimSupport, FactCheck
from widgets import theme
from widgets.cards import Card, Text
from widgets.controls import Badge, SegmentedControl

BADGES: dict[ClaimSupport, str] = {"verbatim": "good", "together": "info", "parts": "warning", "absent": "bad"}
UNJUDGED = ""


class ClaimRow(Card):
    """A claim to be chosen and judged."""

    judged = Signal(str)  # a core.spec.doubt.Verdict, or "" where a judgement is taken back

    def __init__(self, claim: Claim, risk: str, parent: QWidget | None = None) -> None:
        super().__init__(choosable=True, parent=parent)
        self.claim = claim
        self.setAccessibleName(claim.text)
        self.body.setContentsMargins(theme.space(1.5), theme.space(1), theme.space(1.5), theme.space(1))
        self.body.setSpacing(theme.space(0.5))
        self.verdict = SegmentedControl({
            UNJUDGED: self.tr("Not judged"), "right": self.tr("Right"), "wrong": self.tr("Wrong"),
            "unverifiable": self.tr("Unverifiable"),
        }, name=self.tr("Judgement"))  # fmt: skip
        self.verdict.value_changed.connect(self.judged)
        head = QHBoxLayout()
        head.setSpacing(theme.space(2))
        head.addWidget(Text(claim.text), 1)
        head.addWidget(self.verdict)
        foot = QHBoxLayout()
        foot.setSpacing(theme.space(1))
        if claim.support is not None:
            foot.addWidget(Badge(BADGES[claim.support], support_text(claim.support)))
        self.facts = Text(" · ".join(filter(None, (_missing_text(claim), risk, _world_text(claim.fact)))), "caption")
        foot.addWidget(self.facts, 1)
        self.body.addLayout(head)
        self.body.addLayout(foot)

    def set_verdict(self, verdict: str) -> None:
        """Show a judgement without telling."""
        self.verdict.set_value(verdict)


def support_text(support: ClaimSupport) -> str:
    """How a claim stands to the training text, in a few words."""
    say = QCoreApplication.translate
    return {
        "verbatim": say("support", "Word for word"), "together": say("support", "In one document, in other words"),
        "parts": say("support", "In pieces only"), "absent": say("support", "Never read"),
    }[support]  # fmt: skip


def _missing_text(claim: Claim) -> str:
    if not claim.missing:
        return ""
    say = QCoreApplication.translate
    names = ", ".join(f"“{name}”" for name in claim.missing[:3])
    return say("support", "never read: {names}").format(names=names)


def _world_text(fact: FactCheck | None) -> str:
    if fact is None:
        return ""
    say = QCoreApplication.translate
    if fact.verdict == "unverifiable":
        return say("support", "this world knows no {subject}").format(subject=fact.subject)
    truth = say("support", "in this world it is {truth}").format(truth=fact.truth)
    return truth
