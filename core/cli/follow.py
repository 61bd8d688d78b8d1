"""Follow a job from a terminal: its events as calm lines, until it ends or the person leaves."""

import subprocess
import sys
import time
from pathlib import Path

from core.cli import words
from core.errors import LabError, say
from core.jobs.launch import launch
from core.record.control import request
from core.record.events import TERMINAL, ChildEnded, ChildStarted, Event
from core.record.folder import JobFolder
from core.record.log import read_events
from core.record.view import JobView, read_view

POLL_S = 0.1
SECOND_PRESS_S = 3.0  # a second Ctrl-C within this time stops the job
QUIET_S = 15.0  # between two progress lines where the last one cannot be overwritten


class Detached(Exception):
    """The person left; the job goes on."""


class JobFailed(Exception):
    """The job ended without its result; ``status`` is what the command should exit with."""

    def __init__(self, sentence: str, status: int) -> None:
        self.status = status
        super().__init__(sentence)


class Screen:
    """Standard error as a place for lasting lines and one passing line below them."""

    def __init__(self, stream=None) -> None:
        self.stream = stream or sys.stderr
        self._live = self.stream.isatty()
        self._passing = False
        self._quiet_until = 0.0

    def line(self, text: str, indent: int = 0) -> None:
        """A line that stays."""
        self._write(("\r\x1b[K" if self._passing else "") + "  " * indent + text + "\n")
        self._passing = False

    def progress(self, text: str, indent: int = 0) -> None:
        """A line that the next one replaces; in a file, one now and then."""
        if self._live:
            self._write("\r\x1b[K" + "  " * indent + text)
            self._passing = True
        elif time.monotonic() >= self._quiet_until:
            self._write("  " * indent + text + "\n")
            self._quiet_until = time.monotonic() + QUIET_S

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()


class Follower:
    """Reads the log of a job, and of the stage it is in, and shows what happens."""

    def __init__(self, folder: JobFolder, process: subprocess.Popen, screen: Screen) -> None:
        self.folder, self.process, self.screen = folder, process, screen
        self._tails = [_Tail(folder.root)]
        self._started_t = time.time()

    def until_the_end(self) -> None:
        """Return once the worker has gone and its whole log has been shown."""
        while True:
            gone = self.process.poll() is not None  # asked before reading, so that no last word is missed
            ended = self._show()
            if gone or ended:
                break
            time.sleep(POLL_S)
        self.process.wait()

    def _show(self) -> bool:
        ended = False
        for depth, tail in enumerate(list(self._tails)):
            for event in tail.read(since=self._started_t):
                self._tell(event, depth)
                ended |= depth == 0 and isinstance(event, TERMINAL)
        return ended

    def _tell(self, event: Event, depth: int) -> None:
        if isinstance(event, ChildEnded):
            self._tails = self._tails[:1]
        if text := words.lasting(event):
            self.screen.line(text, depth)
        elif text := words.passing(event):
            self.screen.progress(text, depth + 1)
        if isinstance(event, ChildStarted):
            path = Path(event.folder)
            root = path if path.is_absolute() else self.folder.workspace.root / path
            self._tails = [self._tails[0], _Tail(root)]


class _Tail:
    def __init__(self, folder: Path) -> None:
        self.path, self.offset = folder / "events.jsonl", 0

    def read(self, since: float) -> list[Event]:
        """New events; those of an earlier worker are passed over."""
        records, self.offset = read_events(self.path, self.offset)
        return [record.event for record in records if record.t >= since - 1.0]


def run_to_end(folder: JobFolder, screen: Screen | None = None) -> JobView:
    """Launch a worker on a folder, follow it, and return what became of it.

    Raises:
        JobFailed: it failed, crashed, or was stopped.
        Detached: the person pressed Ctrl-C once; the job goes on.
    """
    screen = screen or Screen()
    process = launch(folder)
    follower = Follower(folder, process, screen)
    while True:
        try:
            follower.until_the_end()
            break
        except KeyboardInterrupt:
            _leave_or_stop(folder, screen)
    view = read_view(folder.root)
    if view.state == "completed":
        return view
    raise _failure(folder, view, process.returncode)


def _leave_or_stop(folder: JobFolder, screen: Screen) -> None:
    """After one Ctrl-C: a second one soon asks the job to stop; none lets it go on alone."""
    screen.line("Leaving; the job goes on. Press Ctrl-C again now to stop it instead.")
    try:
        time.sleep(SECOND_PRESS_S)
    except KeyboardInterrupt:
        request(folder.root, "stop")
        screen.line("Stopping at a safe point …")
        return
    raise Detached(f"The job goes on in {folder.root}")


def _failure(folder: JobFolder, view: JobView, returncode: int) -> JobFailed:
    if view.state == "stopped":
        return JobFailed(f"Stopped. Go on with: python main.py resume {_shown(folder.root)}", 1)
    if view.error is None:
        where = folder.path("stderr.log")
        return JobFailed(LabError("The worker did not start.", str(where), "Read what it said there.").sentence(), 1)
    told = view.error
    sentence = say(told.problem, told.where, told.remedy, told.values)
    return JobFailed(sentence, 2 if view.state == "failed" and returncode == 2 else 1)


def _shown(path: Path) -> str:
    text = str(path)
    return f'"{text}"' if " " in text else text
