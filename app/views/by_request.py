"""One place for jobs of one kind that have different results: each is shown by the view that fits what was asked."""

from pathlib import Path

from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.state.context import AppContext
from app.views.experiment_view import ExperimentView
from app.views.fact_law_view import FactLawView
from app.views.grounding_view import GroundingView
from app.views.inspection_view import InspectionView


class _ByRequest(QWidget):
    """Shows a job in its own view; the other view is made when it is first needed.

    Args:
        usual, other: makers of the views.
    """

    def __init__(self, context: AppContext, usual: type, other: type, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context, self.root = context, None
        self._makers, self._views = {False: usual, True: other}, {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)

    def is_other(self, asked: dict) -> bool:
        """Whether what was asked is shown by the other view."""
        raise NotImplementedError

    @property
    def view(self) -> QWidget | None:
        """The view of the job that is shown."""
        shown = [view for view in self._views.values() if not view.isHidden()]
        return shown[0] if shown else None

    def show_job(self, root: Path) -> None:
        """Show this job."""
        self.root = root
        job = self.context.jobs.job(root)
        if job is None:
            return
        other = self.is_other(job.folder.request["spec"])
        if other not in self._views:
            self._views[other] = self._makers[other](self.context)
            self._column.addWidget(self._views[other])
        for key, view in self._views.items():
            view.setVisible(key == other)
        self._views[other].show_job(root)

    def refresh(self) -> None:
        """Show what is known now."""
        if self.root is not None:
            self.show_job(self.root)


class AnyExperimentView(_ByRequest):
    """Twins compared in bits per byte, or the law of hallucination."""

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(context, ExperimentView, FactLawView, parent=parent)

    def is_other(self, asked: dict) -> bool:
        return bool(asked.get("facts"))


class AnyInspectionView(_ByRequest):
    """What a model knows, or whether it follows its context."""

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(context, InspectionView, GroundingView, parent=parent)

    def is_other(self, asked: dict) -> bool:
        return asked.get("world", {}).get("world", {}).get("kind") == "contexts"
