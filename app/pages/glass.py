"""Looking inside an answer: how sure the model was of each word, and where its wordings stand in the training text."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtWidgets import QWidget

from app.pages.glass_answer import AnswerPanel
from app.pages.glass_panels import AskPanel, DoubtPanel, RiskTiles, column_of, side_by_side, told_of
from app.pages.glass_parts import GlassParts
from app.pages.page import Page
from app.state.context import AppContext
from app.state.look import Look
from app.state.run_indexes import RunIndexes, indexed_run
from app.state.run_questionings import RunQuestionings
from app.translations import translate
from core.errors import say
from core.glass.calibration import short_risk
from core.glass.uncertainty import answer_risk
from core.infer.sources import list_engines
from core.spec.messages import Attributed, ChatMessage, Finished, Loaded, Marked, Problem, Token, TokenRecord
from core.spec.sampling import SamplingSpec
from widgets.cards import EmptyState
from widgets.notice import Notice


class GlassPage(Page):
    """Asks a model something and shows what its answer rests on."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(context, parent=parent)
        self.look: Look | None = None
        self._loaded = ""  # the source that the engine holds
        self.indexes, self.questionings = RunIndexes(context, self), RunQuestionings(context, self)
        self._waiting: dict[str, int] = {}  # what was asked of the engine -> the request's id
        self.set_header(
            self.tr("Glass"),
            self.tr("See how sure a model was of every word, and which of its words stand in its training text."),
            self.tr("Generate and look"), primary_icon="glass")  # fmt: skip
        self.header.primary_clicked.connect(self._primary)
        self._no_model, self._content = self._empty_state(), self._panels()
        self.body.addWidget(self._no_model, 1)
        self.body.addWidget(self._content, 1)
        self._connect()
        self.refresh_sources()

    def open(
        self, source: str = "", prompt: str = "", records: Sequence[TokenRecord] = (), job: Path | None = None, **_
    ) -> None:
        """Show the page; ``records`` puts a generation made elsewhere under the glass, ``job`` is an index job."""
        self.refresh_sources()
        if job is not None and self.context.jobs.job(job) is not None:
            shown = self.context.jobs.job(job)
            source = f"run:{indexed_run(shown) or self.questionings.run_of(shown)}"
        if records:
            self.show_generation(source, prompt, records)
            return
        self.ask.choose(source)
        if prompt:
            self.ask.question.setPlainText(prompt)

    def remember(self) -> dict:
        return {
            "look": self.look, "source": self.ask.source(), "prompt": self.ask.question.toPlainText(),
            "sampler": self.ask.sampler.values(), "loaded": self._loaded, "waiting": self._waiting,
            "shown": (self.parts.value(), self.inside.tabs.value()),
        }  # fmt: skip

    def restore(self, remembered: dict) -> None:
        self.ask.choose(remembered["source"])
        self.ask.question.setPlainText(remembered["prompt"])
        self.ask.sampler.set_values(remembered["sampler"])
        for tabs, key in zip((self.parts, self.inside.tabs), remembered["shown"], strict=True):
            tabs.setCurrentIndex(tabs.keys().index(key))
        self.look, self._loaded, self._waiting = (remembered[key] for key in ("look", "loaded", "waiting"))
        if self.look is not None:
            self._show_look()
            self._show_busy()
            if self.look.finished and not self.look.found:
                self._attribute()

    def show_generation(self, source: str, prompt: str, records: Sequence[TokenRecord]) -> None:
        """Put an answer that was produced elsewhere (the playground) under the glass."""
        self.ask.choose(source)
        self.ask.question.setPlainText(prompt)
        self._drop()
        self.look = Look(source, prompt, list(records), finished=True)
        self._show_look()
        self._attribute()
        self._show_busy()

    def generate(self) -> None:
        """Ask the chosen model and look at its answer while it is written."""
        source, prompt = self.ask.chosen(), self.ask.question.toPlainText()
        if source is None or "generate" in self._waiting:
            return
        self._drop()
        self._load(source.source)
        settings = SamplingSpec(**self.ask.sampler.values())
        self.look = Look(source.source, prompt, settings=settings, chat=source.chat)
        self._show_look()
        self.below.show_writing()
        chat = [ChatMessage("user", prompt)] if source.chat else None
        self._waiting["generate"] = self.context.session.generate(
            prompt, settings, chat=chat, refresh=bool(self.look.run), trace=bool(self.look.run))
        self._show_busy()

    def refresh_sources(self) -> None:
        """Read anew which models there are."""
        sources = list_engines(self.context.workspace)
        self.ask.set_sources(sources)
        self._no_model.setVisible(not sources)
        self._content.setVisible(bool(sources))
        self.header.primary.setVisible(bool(sources))

    def _empty_state(self) -> QWidget:
        empty = EmptyState(
            "glass", self.tr("There is no model to look into yet"),
            self.tr("Grow your first model: a few minutes from text to answers. Its training text is then here as "
                    "well, so that you can see which of its words come from where."),
            self.tr("Grow your first model"))  # fmt: skip
        empty.action_clicked.connect(lambda: self.context.navigate("home"))
        return empty

    def _panels(self) -> QWidget:
        self.ask, self.answer, self.tiles = AskPanel(), AnswerPanel(), RiskTiles()
        self.doubts, self.summary = DoubtPanel(), Notice()
        self.below = GlassParts(self.context, self._load, self.questionings)
        self.parts, self.spans, self.inside, self.causes = (
            self.below.tabs, self.below.spans, self.below.inside, self.below.causes)
        self._nothing_asked = EmptyState(
            "glass", self.tr("Nothing has been asked yet"),
            self.tr("Type the beginning of a sentence above and press “Generate and look”. Every word of the answer "
                    "is then shaded by how sure the model was of it."))  # fmt: skip
        self._results = QWidget()
        column = column_of(self._results)
        column.addWidget(self.summary)
        doubt = QWidget()
        beside = column_of(doubt)
        beside.addWidget(self.tiles)
        beside.addWidget(self.doubts, 1)
        column.addLayout(side_by_side((self.answer, 5), (doubt, 3)))
        column.addWidget(self.below, 1)
        self._results.hide()
        content = QWidget()
        column = column_of(content)
        column.addWidget(self.ask)
        column.addWidget(self._nothing_asked, 1)
        column.addWidget(self._results, 1)
        return content

    def _connect(self) -> None:
        session, jobs = self.context.session, self.context.jobs
        session.loaded.connect(self._on_loaded)
        session.token_produced.connect(self._on_token)
        session.marked.connect(self._on_marked)
        session.finished.connect(self._on_finished)
        session.attributed.connect(self._on_attributed)
        session.problem_raised.connect(self._on_problem)
        session.process_ended.connect(self._on_process_ended)
        jobs.job_changed.connect(self._on_job)
        self.indexes.changed.connect(self._on_index)
        self.ask.submitted.connect(self.generate)
        self.answer.token_clicked.connect(self._on_token_clicked)
        self.doubts.word_chosen.connect(self.answer.select)
        self.below.token_chosen.connect(lambda place: self.answer.select(place, place + 1))
        self.below.span_chosen.connect(self.answer.select)
        self.below.index_asked.connect(self.build_index)
        self.summary.action_clicked.connect(self.build_index)

    # What the engine says.

    def _drop(self) -> None:
        """Whatever is still asked about the look before is of no interest any more."""
        self._waiting.pop("attribute", None)
        if "generate" in self._waiting:
            self.context.session.cancel(self._waiting.pop("generate"))

    def _load(self, source: str) -> None:
        if self._loaded != source:
            self._waiting["load"] = self.context.session.load(source)

    def _on_loaded(self, event: Loaded) -> None:
        self._loaded = event.source

    def _on_process_ended(self, _: str) -> None:
        self._loaded = ""

    def _on_token(self, event: Token) -> None:
        if event.id == self._waiting.get("generate"):
            self.look.records.append(event.record)
            self.answer.append(event.record)

    def _on_marked(self, event: Marked) -> None:
        if event.id == self._waiting.get("generate"):
            self.answer.mark(event.spans)

    def _on_finished(self, event: Finished) -> None:
        if event.id == self._waiting.get("generate"):
            del self._waiting["generate"]
            self.look.finished, self.look.prompt_ids = True, event.prompt_ids
            self._show_look()
            self._attribute()
            self._show_busy()

    def _on_attributed(self, event: Attributed) -> None:
        if event.id == self._waiting.get("attribute"):
            del self._waiting["attribute"]
            self.look.found = event
            self._show_look()

    def _on_problem(self, event: Problem) -> None:
        asked = next((what for what, id in self._waiting.items() if id == event.id), "")
        if not asked:
            return
        del self._waiting[asked]
        sentence = say(event.problem, event.where, event.remedy, event.values, translate)
        if asked == "attribute":
            self.below.show_refusal(sentence)
        else:
            self._waiting.pop("generate", None)
            self.summary.show_message("error", sentence)
            self.summary.show()
        self._show_busy()

    # The training text.

    def _attribute(self) -> None:
        """Ask where the answer's words stand, or say why that cannot be asked."""
        look = self.look
        if not look.records:
            self.spans.show_state(self.tr("Nothing was written."), "")
            return
        if not self.below.show_index_state(self.indexes.state(look.run) if look.run else "", look.run):
            return
        self._load(look.source)
        self._waiting["attribute"] = self.context.session.attribute(
            ids=[record.id for record in look.records], prompt=look.prompt)  # fmt: skip

    def build_index(self) -> None:
        """Start the job that makes the run's training text searchable."""
        if self.look is not None and self.look.run:
            self.indexes.build(self.look.run)

    def _on_index(self, run: str) -> None:
        look = self.look
        if look is not None and look.finished and look.run == run and not look.found:
            if "attribute" not in self._waiting:
                self._attribute()
            self._show_summary()

    def _on_job(self, root: Path) -> None:
        job = self.context.jobs.job(root)
        if job is not None and job.kind in ("train", "export") and not job.view.live:
            self.refresh_sources()

    # What is on screen.

    def _primary(self) -> None:
        if "generate" in self._waiting:
            self.context.session.cancel(self._waiting["generate"])
        else:
            self.generate()

    def _show_busy(self) -> None:
        busy = "generate" in self._waiting
        self.header.primary.setText(self.tr("Stop") if busy else self.tr("Generate and look"))

    def _show_look(self) -> None:
        """Show everything that is known of the generation now."""
        look = self.look
        self._nothing_asked.hide()
        self._results.show()
        self.answer.show_answer(look.prompt, look.records, look.support)
        self.tiles.show_risk(answer_risk(look.records) if look.finished else None, look.support, self._right())
        self.doubts.show_doubts(look.records if look.finished else [], look.support)
        self._show_summary()
        self.below.show_look(look)

    def _right(self) -> tuple[float, int] | None:
        """The chance that the answer's first sentence is right, and how many marked answers of its run say so."""
        look = self.look
        known = self.questionings.calibration(look.run) if look.finished and look.records else None
        return None if known is None else (known.chance_right(short_risk(look.records)), known.answers)

    def _show_summary(self) -> None:
        """Say what is doubtful and why; with the one thing to do where the training text is not indexed yet."""
        look = self.look
        self.summary.setVisible(look.finished)
        if look.finished:
            missing = bool(look.run) and not look.found and not self.indexes.state(look.run)
            level, sentence = told_of(look, self._right())
            self.summary.show_message(level, sentence, self.below.build_text() if missing else "")

    def _on_token_clicked(self, token: int) -> None:
        """A token of the answer's strip, whose first is the prompt: every view follows."""
        self.below.choose_token(token - 1)
