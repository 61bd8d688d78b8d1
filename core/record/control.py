"""Requests to a running job: one small file each, renamed into place, acknowledged by an event."""

import os
import time
import uuid
from pathlib import Path
from typing import Callable, Literal

import msgspec

from core.record.events import Acknowledged, Continued, Event, Paused

RequestName = Literal["stop", "pause", "resume", "checkpoint", "sample", "batch", "rate"]


class Request(msgspec.Struct, frozen=True):
    """What a person asked of a running job."""

    id: str
    name: RequestName
    args: dict = {}


class StopRequested(Exception):
    """Raised inside a job when it was asked to stop; the worker turns it into ``stopped``."""

    def __init__(self, step: int = 0) -> None:
        self.step = step
        super().__init__("stop requested")


def request(folder: Path, name: RequestName, **args) -> str:
    """Ask a running job for something; returns the request's id, which its acknowledgement repeats."""
    control = Path(folder) / "control"
    control.mkdir(parents=True, exist_ok=True)
    number = f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}"
    temporary = control / f".tmp-{number}"
    temporary.write_bytes(msgspec.json.encode(Request(number, name, args)))
    os.replace(temporary, control / f"{number}.json")
    return number


class Control:
    """The worker's side: reads requests in order and acknowledges each one exactly once."""

    def __init__(self, folder: Path, emit: Callable[[Event], None]) -> None:
        self.path = Path(folder) / "control"
        self.path.mkdir(parents=True, exist_ok=True)
        self._emit = emit
        self.stop_requested = False
        self.paused = False

    def discard_stale(self, before_s: float) -> None:
        """Drop what was asked before a moment (Unix, s): of an earlier worker that did not live to see it."""
        for request_ in self._take(before=f"{int(before_s * 1e9):020d}"):
            self._emit(Acknowledged(request=request_.name, id=request_.id, ignored=True))

    def poll(self) -> list[Request]:
        """New requests, acknowledged; stop, pause and resume are also kept as state."""
        found = self._take()
        for item in found:
            self._emit(Acknowledged(request=item.name, id=item.id))
            self.stop_requested |= item.name == "stop"
            if item.name in ("pause", "resume"):
                self.paused = item.name == "pause"
        return found

    def check(self, step: int = 0) -> list[Request]:
        """Poll; wait while paused; raise on stop. What other jobs than training call in their loops.

        Raises:
            StopRequested: somebody asked the job to stop.
        """
        requests = self.poll()
        if self.paused and not self.stop_requested:
            self._emit(Paused(step=step))
            while self.paused and not self.stop_requested:
                time.sleep(0.05)
                requests += self.poll()
            if not self.stop_requested:
                self._emit(Continued(step=step))
        if self.stop_requested:
            raise StopRequested(step)
        return requests

    def _take(self, before: str = "~") -> list[Request]:
        found = []
        for path in sorted(self.path.glob("[0-9]*.json")):  # the name begins with the time it was asked, ns
            if path.name >= before:
                break
            try:
                data = path.read_bytes()
                path.unlink()
            except OSError:
                continue  # somebody holds it (Windows): it is taken once it can be taken away, never twice
            try:
                found.append(msgspec.json.decode(data, type=Request))
            except (msgspec.DecodeError, msgspec.ValidationError):
                pass  # not ours: it must not stop the run
        return found
