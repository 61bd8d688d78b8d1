"""The lower half of the Glass page: every view of one answer, one at a time."""

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.pages.glass_again import AgainPanel
from app.pages.glass_causes import CausesPanel
from app.pages.glass_claims import ClaimsPanel
from app.pages.glass_context import ContextPanel
from app.pages.glass_inside import InsidePanel
from app.pages.glass_mitigations import MitigationsPanel
from app.pages.glass_spans import SpanPanel, training_text
from app.state.context import AppContext
from app.state.look import Look
from app.state.run_questionings import RunQuestionings
from app.translations import translate
from core.errors import LabError, join_sentences
from widgets import theme
from widgets.tab_strip import TabStrip


class GlassParts(QWidget):
    """The views of an answer under a strip of their names.

    Args:
        context: of the window.
        load: opens a source in the engine, unless it is open.
        questionings: what is known of the workspace's runs by questions with known answers.
    """

    index_asked = Signal()
    span_chosen = Signal(int, int)  # tokens of the answer, half-open
    token_chosen = Signal(int)  # of the answer, from 0

    def __init__(
        self, context: AppContext, load: Callable[[str], None], questionings: RunQuestionings,
        parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self.context, self._spans = context, []
        self.spans, self.inside, self.causes = SpanPanel(), InsidePanel(context, load), CausesPanel(context)
        self.claims, self.again = ClaimsPanel(context, load), AgainPanel(context, load)
        self.mitigations = MitigationsPanel(context, load, questionings)
        self.views: dict[str, tuple[str, QWidget]] = {
            "text": (self.tr("In the training text"), self.spans),
            "inside": (self.tr("Inside the model"), self.inside),
            "causes": (self.tr("Causes"), self.causes),
            "claims": (self.tr("Claims"), self.claims),
            "again": (self.tr("Asked again"), self.again),
            "mitigations": (self.tr("Mitigations"), self.mitigations),
            "context": (self.tr("What the context says"), ContextPanel(context, load)),
        }
        self.tabs = TabStrip({key: title for key, (title, _) in self.views.items()},
                             name=self.tr("What to see of the answer"))  # fmt: skip
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(2))
        column.addWidget(self.tabs)
        for _, view in self.views.values():
            column.addWidget(view, 1)
        self.tabs.value_changed.connect(self._show_view)
        self.spans.index_asked.connect(self.index_asked)
        self.spans.span_chosen.connect(self._on_span)
        self.inside.token_chosen.connect(self.token_chosen)
        self.claims.claim_chosen.connect(self.span_chosen)
        self._show_view(self.tabs.value())

    def show_look(self, look: Look) -> None:
        """Show what is known of an answer now; while it is written, most views wait."""
        if look.finished and look.records:
            self.inside.show_text(look.source, look.prompt, [record.id for record in look.records], look.prompt_ids)
        if look.found:
            self._show_spans(look)
        for view in (self.claims, self.again, self.mitigations):
            view.show_look(look)
        self.causes.show_answer(look.run, look.prompt, look.records if look.finished else [])
        self.views["context"][1].show_look(look)

    def choose_token(self, token: int) -> None:
        """A token of the answer, from 0: every view follows."""
        self.spans.choose_token(token)
        self.inside.choose_answer_token(token)

    def show_writing(self) -> None:
        """The answer is still being written."""
        self.spans.show_state(self.tr("The answer is being written"), "")

    def show_index_state(self, state: str, run: str) -> bool:
        """Say how it stands with the index of a run's training text; True when it can be asked.

        Args:
            state: of the job that builds it; empty where there is none.
            run: that grew the model; empty for models from elsewhere.
        """
        if not run:
            self.spans.show_state(
                self.tr("The training text of this model is not known here"),
                self.tr("Only runs grown in this workspace can be traced to the text they have read. How sure this "
                        "model was of its words is shown above."))  # fmt: skip
        elif state == "completed":
            self.spans.show_state(self.tr("Searching the training text"), "")
        elif state in ("queued", "running", "paused"):
            self.spans.show_state(
                self.tr("The training text is being indexed"),
                self.tr("It takes about a second for five million tokens. The answer is searched as soon as it is "
                        "done."))  # fmt: skip
        else:
            self.spans.show_state(
                self.tr("The training text of {run} is not indexed yet").format(run=run),
                self.tr("An index lists every place of every wording in the text that this model has read. It is "
                        "built once, in seconds, and takes four bytes a token."), self.build_text())  # fmt: skip
        return bool(run) and state == "completed"

    def show_refusal(self, sentence: str) -> None:
        """Why the training text could not be searched."""
        self.spans.show_state(self.tr("The training text could not be searched"), sentence, self.build_text())

    def build_text(self) -> str:
        """What the action is called that makes the training text searchable."""
        return self.tr("Build the index")

    def _show_spans(self, look: Look) -> None:
        self._spans = [span for span in look.found.spans if span.kept]
        none = self.tr("No run of two or more words and at least eight characters was read like this in {tokens} "
                       "training tokens.").format(tokens=f"{look.found.training_tokens:,}")  # fmt: skip
        if not self._spans and not look.found.closest:
            self.spans.show_state(self.tr("No wording of this answer stands in the training text"), none)
            return
        try:
            corpus, sightings = training_text(self.context.workspace, look.run)
            if self._spans:
                self.spans.show_spans(self._spans, corpus, sightings)
            else:
                closest = self.tr("The documents with the most words in common with question and answer:")
                self.spans.show_closest(join_sentences(none, closest), look.found.closest, corpus)
        except LabError as error:
            self.spans.show_state(self.tr("The training text could not be opened"), error.sentence(translate))

    def _on_span(self, place: int) -> None:
        self.span_chosen.emit(self._spans[place].start, self._spans[place].end)

    def _show_view(self, key: str) -> None:
        for name, (_, view) in self.views.items():
            view.setVisible(name == key)
