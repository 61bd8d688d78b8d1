"""The left side of the training page: what is looked for, how it is sorted, and the runs to tick."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.state.jobs import Job
from app.state.run_facts import GROUPS, ORDERS, NoteBook, RunFacts, Wanted, best_of, facts_of
from app.views.run_list import RunList
from widgets import icons, theme
from widgets.cards import Button, Text


class RunShelf(QWidget):
    """A search line, a choice of state and of order, a tick for all, and the list."""

    chosen = Signal(object)  # Path
    ticked = Signal()  # ask ``ticked_runs``
    pointed = Signal(object)  # Path, or None

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.wanted, self.notes = Wanted(), NoteBook()
        self._facts: dict[Path, RunFacts] = {}
        self.list = RunList()
        self.list.chosen.connect(self.chosen)
        self.list.ticked.connect(self._tell_ticks)
        self.list.pointed.connect(self.pointed)
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Name, tag or note"))
        self.search.setAccessibleName(self.tr("Search the runs"))
        self.search.setClearButtonEnabled(True)
        self.search.addAction(icons.icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition)
        self.search.textChanged.connect(self._want)
        groups = {"all": self.tr("All"), "live": self.tr("Under way"), "completed": self.tr("Done"),
                  "ended": self.tr("Interrupted")}  # fmt: skip
        orders = {"newest": self.tr("Newest first"), "best": self.tr("Best first"), "name": self.tr("By name")}
        self.group, self.order = (_combo(keys, words, name) for keys, words, name in (
            (GROUPS, groups, self.tr("State")), (ORDERS, orders, self.tr("Order"))))
        for combo in (self.group, self.order):
            combo.activated.connect(self._want)
        self.all = QCheckBox()
        self.all.setToolTip(self.tr("Put all runs of this list into the plot, or none of them"))
        self.all.clicked.connect(self._tick_all)
        self.clear = Button(self.tr("Untick all"), "link")
        self.clear.clicked.connect(lambda: self.list.runs.tick(list(self.list.runs.ticked), False))
        self.nothing = Text(self.tr("No run fits what is looked for."), "muted")
        self._arrange()
        self._count()

    def set_jobs(self, jobs: list[Job]) -> None:
        """Show these runs; ticks stay."""
        self._facts = {job.root: facts_of(job, self.notes.of(job.root)) for job in jobs}
        self.list.runs.forget(set(self.list.runs.ticked) - set(self._facts))
        self._refill()

    def update_job(self, job: Job) -> None:
        """Newer facts of one run; the order stays until somebody asks for another, so that nothing jumps."""
        before, facts = self._facts.get(job.root), facts_of(job, self.notes.of(job.root))
        self._facts[job.root] = facts
        if before is None or self.wanted.takes(before) != self.wanted.takes(facts):
            self._refill()
        else:
            self.list.runs.update_run(facts)

    def facts(self, roots: list[Path]) -> list[RunFacts]:
        """What is known of these runs."""
        return [self._facts[root] for root in roots if root in self._facts]

    def ticked_runs(self) -> list[Path]:
        """The runs in the plot, in the order of ticking; those that a search hides stay in it."""
        return list(self.list.runs.ticked)

    def set_ticked(self, roots: list[Path]) -> None:
        """Tick these and no others."""
        self.list.runs.tick([root for root in self.list.runs.ticked if root not in roots], False)
        self.list.runs.tick([root for root in roots if root in self._facts], True)

    def set_looks(self, colours: dict[Path, int]) -> None:
        """Which curve has which place in the palette; the best of them gets a star."""
        best = best_of(self.facts(list(colours)))
        self.list.runs.set_looks(colours, best.root if best else None)

    def _want(self, *_) -> None:
        self.wanted = Wanted(self.search.text(), self.group.currentData(), self.order.currentData())
        self._refill()

    def _refill(self) -> None:
        self.list.runs.set_runs(self.wanted.arrange(self._facts.values()))
        self._count()

    def _tick_all(self) -> None:
        """All that the list shows, or, when they all are ticked, none of them."""
        shown = [run.root for run in self.list.runs.runs]
        on = not all(root in self.list.runs.ticked for root in shown)
        self.list.runs.tick([root for root in shown if (root in self.list.runs.ticked) != on], on)
        self._count()

    def _tell_ticks(self) -> None:
        self._count()
        self.ticked.emit()

    def _count(self) -> None:
        shown, ticked = [run.root for run in self.list.runs.runs], self.list.runs.ticked
        here = sum(root in ticked for root in shown)
        states = {0: Qt.CheckState.Unchecked, len(shown): Qt.CheckState.Checked}
        self.all.setTristate(0 < here < len(shown))
        self.all.setCheckState(states.get(here, Qt.CheckState.PartiallyChecked))
        words = self.tr("{ticked} of {count} in the plot") if ticked else self.tr("{count} runs, none ticked")
        self.all.setText(words.format(ticked=len(ticked), count=len(self._facts)))
        self.all.setVisible(len(self._facts) > 1)
        self.clear.setVisible(bool(ticked))
        self.nothing.setVisible(not shown and bool(self._facts))
        self.all.setEnabled(bool(shown))

    def _arrange(self) -> None:
        choices = QHBoxLayout()
        choices.setSpacing(theme.space(1))
        choices.addWidget(self.group, 1)
        choices.addWidget(self.order, 1)
        ticks = QHBoxLayout()
        ticks.setContentsMargins(theme.space(0.5), 0, 0, 0)
        ticks.addWidget(self.all, 1)
        ticks.addWidget(self.clear)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1))
        column.addWidget(self.search)
        column.addLayout(choices)
        column.addLayout(ticks)
        column.addWidget(self.nothing)
        column.addWidget(self.list, 1)


def _combo(keys, words: dict[str, str], name: str) -> QComboBox:
    combo = QComboBox()
    combo.setAccessibleName(name)
    combo.setToolTip(name)
    combo.setMinimumWidth(theme.space(8))
    for key in keys:
        combo.addItem(words[key], key)
    return combo
