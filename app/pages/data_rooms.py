"""What the Data page can show and make: one line a kind of job."""

import importlib
import importlib.util
from functools import cache
from typing import NamedTuple

from PySide6.QtCore import QT_TRANSLATE_NOOP
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.state.context import AppContext
from core.jobs.registry import KINDS
from widgets import theme

CORPORA = QT_TRANSLATE_NOOP("data", "Corpora")
TOKENIZERS = QT_TRANSLATE_NOOP("data", "Tokenizers")
FILTERS = QT_TRANSLATE_NOOP("data", "Filters")
EXPERIMENTS = QT_TRANSLATE_NOOP("data", "Experiments")
CORPUS_VIEW = "app.views.corpus_view:CorpusView"


class DataKind(NamedTuple):
    """A kind of job on the page; what does not exist yet is left out.

    Args:
        kind: as in the registry of jobs.
        group: title of the list at the side; lists stand in the order of this table, empty ones not at all.
        views: ``module:Class`` of what shows such a job, one under the other. Each is made with the context and has
            ``show_job(root)``, ``refresh()`` and ``root``; a view that is not the first has ``stand_under()``.
        form: ``module:Class`` of what asks for a new one. Made with the context; signals ``started(name, spec)`` and
            ``cancelled()``; a method ``opened(chosen)`` is called whenever it is shown.
        new: its line in the menu of new things.
    """

    kind: str
    group: str
    views: tuple[str, ...]
    form: str = ""
    new: str = ""
    icon: str = "plus"


DATA_KINDS = (
    DataKind("corpus", CORPORA, (CORPUS_VIEW,), "app.views.cleaning_lab:CleaningLab",
             QT_TRANSLATE_NOOP("data", "Import and clean text"), "import"),
    DataKind("world", CORPORA, ("app.views.world_view:WorldView", CORPUS_VIEW), "app.views.world_form:WorldForm",
             QT_TRANSLATE_NOOP("data", "Make a synthetic world"), "leaf"),
    DataKind("mixture", CORPORA, ("app.views.mixture_view:MixtureView", CORPUS_VIEW),
             "app.views.mixture_form:MixtureForm", QT_TRANSLATE_NOOP("data", "Mix corpora"), "data"),
    DataKind("tokenizer", TOKENIZERS, ("app.views.tokenizer_view:TokenizerView",),
             "app.views.tokenizer_view:TokenizerForm", QT_TRANSLATE_NOOP("data", "New tokenizer"), "tokens"),
    DataKind("reference", FILTERS, ("app.views.reference_view:ReferenceView",),
             "app.views.reference_form:ReferenceForm", QT_TRANSLATE_NOOP("data", "Train a reference model"),
             "training"),
    DataKind("classifier", FILTERS, ("app.views.classifier_view:ClassifierView",),
             "app.views.classifier_form:ClassifierForm", QT_TRANSLATE_NOOP("data", "Train a quality classifier"),
             "training"),
    DataKind("experiment", EXPERIMENTS, ("app.views.by_request:AnyExperimentView",),
             "app.views.experiment_form:ExperimentForm", QT_TRANSLATE_NOOP("data", "Compare what a rule does"),
             "glass"),
    DataKind("inspect", EXPERIMENTS, ("app.views.by_request:AnyInspectionView",),
             "app.views.inspection_form:InspectionForm", QT_TRANSLATE_NOOP("data", "Ask what a model knows"), "glass"),
    DataKind("question", EXPERIMENTS, ("app.views.inspection_view:InspectionView",)),
)  # fmt: skip


@cache
def exists(dotted: str) -> bool:
    """Whether the module of ``module:Class`` is there; finding out imports nothing."""
    return bool(dotted) and importlib.util.find_spec(dotted.partition(":")[0]) is not None


def make(dotted: str, context: AppContext) -> QWidget:
    """The widget that ``module:Class`` names."""
    module, _, name = dotted.partition(":")
    return getattr(importlib.import_module(module), name)(context)


@cache
def data_kinds() -> tuple[DataKind, ...]:
    """The kinds that there are jobs and views of."""
    return tuple(entry for entry in DATA_KINDS if entry.kind in KINDS and any(map(exists, entry.views)))


class JobPanel(QWidget):
    """All views of one kind of job, one under the other; the first shows the job's head."""

    def __init__(self, views: list[QWidget], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.views, self.root = views, None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(2))
        for view in views:
            column.addWidget(view)
        for view in views[1:]:  # one head is enough
            view.stand_under()

    def show_job(self, root) -> None:
        """Show one job in every view."""
        self.root = root
        for view in self.views:
            view.show_job(root)

    def refresh(self) -> None:
        """Show what is known now."""
        for view in self.views:
            view.refresh()
