"""What every page is given: the workspace, its jobs, the engine, and ways to go elsewhere."""

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.jobs.launcher import ask_job, queue_job, resume_job, start_job
from app.state.jobs import JobStore
from app.state.queue import QueueStore
from app.state.settings import Settings
from app.translations import translate
from core.errors import LabError
from core.record.folder import ROOMS, JobFolder, Workspace


class AppContext(QObject):
    """The one object that pages share; it holds state and passes wishes on, it draws nothing."""

    navigation_requested = Signal(str, dict)  # page, arguments
    noticed = Signal(str, str)  # sentence, tone: "info", "success", "warning" or "error"
    workspace_changed = Signal()

    def __init__(self, workspace: Path, settings: Settings, parent=None) -> None:
        super().__init__(parent)
        self.settings = settings
        self.workspace = Workspace(workspace)
        self.jobs = self._job_store()
        self.queue = self._queue_store()
        self._session = self._cleaning_session = None

    @property
    def cleaning_session(self):
        """A second engine process that tries cleaning rules, so that it never waits behind a generation."""
        if self._cleaning_session is None:
            from app.jobs.session import EngineSession

            self._cleaning_session = EngineSession(self.workspace.root, self)
        return self._cleaning_session

    @property
    def session(self):
        """The client of the interactive engine; its process starts with the first request."""
        if self._session is None:
            from app.jobs.session import EngineSession

            self._session = EngineSession(self.workspace.root, self)
            self._session.process_ended.connect(lambda sentence: self.notify(sentence, "warning"))
        return self._session

    def navigate(self, page: str, **args) -> None:
        """Show a page; ``args`` say what to open there."""
        self.navigation_requested.emit(page, args)

    def start_job(self, kind: str, name: str, spec) -> JobFolder | None:
        """Start a job under a free name near ``name``; a refusal is shown as a notice and gives None."""
        return self._shown(start_job(self.workspace, kind, self._free_name(kind, name), spec))

    def queue_job(self, kind: str, name: str, spec) -> JobFolder | None:
        """Put a job into the queue under a free name near ``name``; a refusal is shown and gives None."""
        queued = self._shown(queue_job(self.workspace, kind, self._free_name(kind, name), spec))
        self.queue.look()
        return queued

    def resume_job(self, folder: Path) -> JobFolder | None:
        """Start a worker again in a job's folder."""
        return self._shown(resume_job(JobFolder(folder)))

    def ask_job(self, folder: Path, name: str, **args) -> str | None:
        """Put a request before a running job; its id, or None after a notice."""
        answer = ask_job(folder, name, **args)
        if isinstance(answer, LabError):
            self.notify(answer)
            return None
        return answer

    def notify(self, message: LabError | str, tone: str = "") -> None:
        """Show one sentence at the top of the window."""
        if isinstance(message, LabError):
            self.noticed.emit(message.sentence(translate), tone or "error")
        else:
            self.noticed.emit(message, tone or "info")

    def open_workspace(self, path: Path) -> None:
        """Leave this workspace for another; running jobs go on by themselves."""
        self.close()
        self.workspace = Workspace(path)
        self.settings.workspace = path
        self.jobs.deleteLater()
        self.queue.deleteLater()
        self.jobs = self._job_store()
        self.queue = self._queue_store()
        self.jobs.start()
        self.workspace_changed.emit()

    def _job_store(self) -> JobStore:
        store = JobStore(self.workspace, self)
        store.unreadable.connect(lambda root: self.notify(LabError(
            "{folder} holds no readable spec.toml and is left out.", "",
            "Repair the file, or move the folder out of the workspace.", folder=str(root)), "warning"))  # fmt: skip
        return store

    def _queue_store(self) -> QueueStore:
        store = QueueStore(self.workspace, self.jobs, self)
        store.refused.connect(self.notify)
        self.jobs.loaded.connect(store.start)
        return store

    def close(self) -> None:
        """End what belongs to the window alone; jobs are not the window's to end."""
        self.queue.stop()
        self.jobs.stop()
        for session in filter(None, (self._session, self._cleaning_session)):
            session.close()
        self._session = self._cleaning_session = None

    def _free_name(self, kind: str, stem: str) -> str:
        """A name no job has; a pipeline's stages bear its name, so it has to be free in every room."""
        rooms = list(ROOMS.values()) if kind == "grow" else [ROOMS[kind]]
        name, number = self.workspace.free_name(rooms[0], stem), 1
        while any(self.workspace.free_name(room, name) != name for room in rooms):
            number += 1
            name = self.workspace.free_name(rooms[0], f"{stem}-{number}")
        return name

    def _shown(self, started: JobFolder | LabError) -> JobFolder | None:
        if isinstance(started, LabError):
            self.notify(started)
            return None
        self.jobs.look_for_new()
        self.jobs.expect(started.root)
        return started
