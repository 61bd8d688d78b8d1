"""Jobs that a larger job is made of: begun or taken up again, a few beside each other, followed to their ends."""

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from core.errors import LabError
from core.jobs import launch
from core.jobs.registry import kind
from core.record.control import Control, StopRequested, request
from core.record.events import Continued, Paused
from core.record.folder import ROOMS, JobFolder, Workspace
from core.record.view import JobView, read_view
from core.spec.base import build

LOOK_EVERY_S = 0.3


class Child(NamedTuple):
    """A job to be done: its kind, its name, and its request as plain data."""

    kind: str
    name: str
    data: dict


def begin(workspace: Workspace, child: Child) -> JobFolder:
    """The child's job: a new one, or the one that an earlier attempt began."""
    room = ROOMS[child.kind]
    if not workspace.path(room, child.name).joinpath("spec.toml").is_file():
        spec = build(kind(child.kind).spec_type(), child.data, child.kind)
        return launch.start(workspace, child.kind, child.name, spec)
    folder = workspace.folder(room, child.name)
    view = read_view(folder.root)
    if view.resumable or view.attempt == 0:
        launch.launch(folder)
        launch.await_attempt(folder, view.attempt)
    return folder


def outcome(view: JobView) -> dict:
    """A finished child's result.

    Raises:
        LabError: it failed, crashed or was stopped on its own; its own words are passed on.
    """
    if view.state == "completed":
        return view.result
    if view.error is None:
        raise LabError(
            "The stage {kind} was stopped.", view.name, "Resume to go on from there.", kind=view.kind)
    error = view.error
    raise LabError(error.problem, error.where, error.remedy, **error.values)


class Crew:
    """Does many children of one workspace, ``lanes`` at a time; what is asked of the whole is asked of each at work.

    Args:
        watch: called with (child, its view) at every look at one that is under way or has just ended.
    """

    def __init__(
        self, workspace: Workspace, emit, control: Control, lanes: int,
        watch: Callable[[Child, JobView], None] = lambda child, view: None,
    ) -> None:  # fmt: skip
        self.workspace, self.emit, self.control, self.lanes, self.watch = workspace, emit, control, lanes, watch
        self._paused = False

    def do(self, children: list[Child]) -> dict[str, dict]:
        """The result of every child by name, once all have ended well.

        Raises:
            LabError: one ended badly; those beside it were stopped and can be resumed.
            StopRequested: once all have stopped.
        """
        waiting, at_work, results = deque(children), {}, {}
        try:
            while waiting or at_work:
                self._pass_on(at_work)
                while waiting and len(at_work) < self.lanes and not self.control.paused:
                    child = waiting.popleft()
                    at_work[child.name] = (child, begin(self.workspace, child))
                results |= self._look(at_work)
                time.sleep(LOOK_EVERY_S)
        except (LabError, StopRequested):
            self._stop(at_work)
            raise
        return results

    def _look(self, at_work: dict) -> dict[str, dict]:
        """Watch all; those that have ended leave ``at_work``, and give their results."""
        results = {}
        for child, folder in list(at_work.values()):
            view = read_view(folder.root)
            self.watch(child, view)
            if not view.live:
                del at_work[child.name]
                results[child.name] = outcome(view)
        return results

    def _pass_on(self, at_work: dict) -> None:
        """Requests to the whole go to every child at work.

        Raises:
            StopRequested: somebody asked the whole to stop.
        """
        for item in self.control.poll():
            if item.name in ("pause", "resume"):
                for _, folder in at_work.values():
                    request(folder.root, item.name)
        if self.control.stop_requested:
            raise StopRequested()
        if self._paused != self.control.paused:
            self._paused = self.control.paused
            self.emit(Paused() if self._paused else Continued())

    def _stop(self, at_work: dict) -> None:
        for _, folder in at_work.values():
            request(folder.root, "stop")
        while any(read_view(folder.root).live for _, folder in at_work.values()):
            time.sleep(LOOK_EVERY_S)
