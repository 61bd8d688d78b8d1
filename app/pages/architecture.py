"""Architecture: the family tree of language models as the way in, a design of one's own, and any two side by side."""

from pathlib import Path

import msgspec
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QWidget

from app.pages.page import Page
from app.state.context import AppContext
from app.state.family import systems
from app.state.growth import MINUTES, MOST_STEPS, Probe, grow
from app.state.measured import run_of
from app.views.design_view import DesignView
from app.views.side_by_side import SideBySide
from app.views.tree_view import TreeView
from core.errors import LabError
from core.spec.model import ModelSpec
from core.spec.train import TrainSpec
from widgets import theme
from widgets.controls import SegmentedControl


class ArchitecturePage(Page):
    """Three views of one question, what a model should be: the tree, the design, the comparison."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(context, scrolls=False, parent=parent)
        self.set_header(
            self.tr("Architecture"),
            self.tr("Choose a shape the field knows, change any part, and see what it costs before you train it."),
            self.tr("Train this"), primary_icon="training")  # fmt: skip
        self.header.primary_clicked.connect(self._train)
        self.family_tree, self.design, self.beside = TreeView(), DesignView(), SideBySide()
        self.form = self.design.form
        views = {"tree": self.tr("Family tree"), "design": self.tr("My design"), "beside": self.tr("Side by side")}
        self.views = SegmentedControl(views, "tree", name=self.tr("View"))
        self.stack = QStackedWidget()
        for view in (self.family_tree, self.design, self.beside):
            self.stack.addWidget(view)
        self.probe = Probe(self)
        self._waiting = ""  # the system whose speed is being measured
        self._speeds: dict[str, float] = {}  # FLOP/s by system, measured once
        self._timed: ModelSpec | None = None  # the design that was grown for the minutes
        self.views.value_changed.connect(self.show_view)
        self.family_tree.grow_asked.connect(self.grow)
        self.family_tree.compare_asked.connect(self._compare)
        self.family_tree.train_asked.connect(self.train_system)
        self.design.changed.connect(self._design_changed)
        self.beside.field_asked.connect(self._go_to_field)
        self.probe.measured.connect(self._measured)
        self.probe.failed.connect(self._not_measured)
        context.jobs.job_changed.connect(self._job_changed)
        context.jobs.loaded.connect(self._show_run)
        self._arrange()
        self._design_changed()
        self.show_view("tree")

    def use_preset(self, name: str) -> None:
        """Take the shape of a model preset."""
        self.design.use_preset(name)
        self.show_view("design")

    def show_view(self, view: str) -> None:
        """Show the tree, the design or the comparison."""
        self.views.set_value(view)
        self.stack.setCurrentIndex(("tree", "design", "beside").index(view))
        for widget in (self.family_tree.search, self.family_tree.legend):
            widget.setVisible(view == "tree")
        self.header.primary.setVisible(view == "design")  # in the tree the card has one for what it shows

    def grow(self, key: str, budget: str) -> None:
        """Take a system at a budget; minutes need to know first how fast this machine is at it."""
        if budget == "5min" and key not in self._speeds:
            self._waiting = key
            self.context.notify(self.tr("Measuring for three seconds how fast {name} trains here …").format(
                name=systems()[key].name))  # fmt: skip
            self.probe.run(grow(systems()[key].shape, "1m"))
            return
        try:
            spec = grow(systems()[key].shape, budget, self._vocabulary(), self._speeds.get(key, 0.0))
        except LabError as error:
            self.context.notify(error)
            return
        self.design.take_system(msgspec.to_builtins(spec), key)
        self._timed = self.form.spec() if budget == "5min" else None
        self.show_view("design")

    def train_system(self, key: str) -> None:
        """Start a run of a few minutes of a system at 1 M parameters, or show what is missing for it."""
        try:
            spec = grow(systems()[key].shape, "1m", self._vocabulary())
        except LabError as error:
            self.context.notify(error)
            return
        spec = msgspec.structs.replace(spec, vocab_size=0)
        corpora, tokenizers = self.context.jobs.names_in("corpora"), self.context.jobs.names("tokenizer")
        if not corpora or not tokenizers:
            self.context.navigate("training", new=True, model=msgspec.to_builtins(spec))
            return
        job = self.context.start_job("train", f"{key}-1m", TrainSpec(
            corpus=corpora[0], tokenizer=tokenizers[0], model=spec, steps=MOST_STEPS, budget_s=60.0 * MINUTES))
        if job is not None:
            self.context.navigate("training", job=job.root)

    def remember(self) -> dict:
        return {"view": self.views.value(), "system": self.family_tree.card.key, "beside": self.beside.chosen(),
                "design": self.design.remember()}  # fmt: skip

    def restore(self, remembered: dict) -> None:
        self.design.restore(remembered["design"])
        self.family_tree.choose(remembered["system"])
        self.beside.choose(*remembered["beside"])
        self.show_view(remembered["view"])

    def _measured(self, answer: dict) -> None:
        key, self._waiting = self._waiting, ""
        if key:
            self._speeds[key] = answer["flops_per_s"]
            self.grow(key, "5min")

    def _not_measured(self, error: LabError) -> None:
        self._waiting = ""
        self.context.notify(error)

    def _vocabulary(self) -> int:
        """Of the newest finished tokenizer; 0 = there is none."""
        names = self.context.jobs.names("tokenizer")
        found = self.context.jobs.named("tokenizer", names[0]) if names else None
        return found.view.result.get("vocab_size", 0) if found else 0

    def _compare(self, key: str) -> None:
        """Put a system on the right, and on the left what was there: the one compared last, or the own design."""
        left, right = self.beside.chosen()
        self.beside.choose(left if left != key else right, key)
        self.show_view("beside")

    def _design_changed(self) -> None:
        spec = self.form.spec()
        self.header.primary.setEnabled(spec is not None)
        if spec is not None:
            self.beside.set_mine(spec, self.design.grown_from)
        self._show_run()

    def _show_run(self) -> None:
        """What a run of this very design took, if there was one."""
        spec = self.form.spec()
        self.design.costs.set_run(run_of(self.context.jobs, spec) if spec is not None else None)

    def _job_changed(self, root: Path) -> None:
        job = self.context.jobs.job(root)
        if job is not None and job.kind == "train" and job.view.state == "completed":
            self._show_run()

    def _go_to_field(self, name: str) -> None:
        self.show_view("design")
        self.design.focus_field(name)

    def _train(self) -> None:
        spec = self.form.spec()
        if spec is not None:
            budget_s = 60 * MINUTES if spec == self._timed else 0
            self.context.navigate("training", new=True, model=msgspec.to_builtins(spec), budget_s=budget_s)

    def _arrange(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(theme.space(2))
        row.addWidget(self.views)
        row.addStretch(1)
        row.addWidget(self.family_tree.legend)
        row.addWidget(self.family_tree.search)
        self.body.addLayout(row)
        self.body.addWidget(self.stack, 1)
