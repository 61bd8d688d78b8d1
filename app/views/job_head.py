"""Name, state, progress and the buttons of one job, with what went wrong if anything did."""

from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from app.state.context import AppContext
from app.state.jobs import Job
from app.translations import fill, translate
from app.words import time_left_text
from core.errors import join_sentences
from widgets import theme
from widgets.cards import Button, Name, Text
from widgets.controls import Badge
from widgets.notice import Notice


class JobHead(QWidget):
    """The head of any job that is not a training run; resumes and stops it."""

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self._root = None
        self.name, self.badge = Name(), Badge()
        self.stop = Button(self.tr("Stop"), "secondary", "stop")
        self.stop.clicked.connect(lambda: self.context.ask_job(self._root, "stop"))
        self.resume = Button(self.tr("Resume"), "primary", "play")
        self.resume.clicked.connect(lambda: self.context.resume_job(self._root))
        self.row = QHBoxLayout()
        self.row.setSpacing(theme.space(1))
        for widget in (self.name, self.badge):
            self.row.addWidget(widget)
        self.row.addStretch(1)
        for button in (self.stop, self.resume):
            self.row.addWidget(button)
        self.phase, self.bar = Text("", "caption", wrap=False), QProgressBar()
        self.bar.setTextVisible(False)
        self.notice = Notice("error", "")
        self.notice.action_clicked.connect(lambda: self.context.resume_job(self._root))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(0.5))
        column.addLayout(self.row)
        column.addWidget(self.phase)
        column.addWidget(self.bar)
        column.addWidget(self.notice)

    def add_button(self, button: Button) -> None:
        """A further button at the right end."""
        self.row.addWidget(button)

    def show_job(self, job: Job) -> None:
        """Show what is known now."""
        view, self._root = job.view, job.root
        self.name.setText(job.name)
        self.badge.set_state(view.state)
        self.stop.setVisible(view.live)
        self.resume.setVisible(view.state == "stopped")
        left = time_left_text(job.pace.left_s)
        self.phase.setText(" · ".join(filter(None, (translate(view.phase), left))))
        self.bar.setRange(0, 1000 if view.total else 0)
        self.bar.setValue(round(1000 * view.done / view.total) if view.total else 0)
        self.bar.setAccessibleName(translate(view.phase))
        for widget in (self.phase, self.bar):
            widget.setVisible(view.live)
        error = view.error if view.state in ("failed", "crashed") else None
        if error is not None:
            text = join_sentences(fill(error.problem, error.values), fill(error.remedy, error.values))
            self.notice.show_message("error", text, self.tr("Resume"), error.details)
        self.notice.setVisible(error is not None)
