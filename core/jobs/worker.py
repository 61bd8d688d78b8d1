"""The process entry of a job: ``python -m core.jobs.worker FOLDER``.

It takes the folder's lock, runs the job's function, and writes exactly one last word
(completed, stopped or failed). If it cannot even do that, the missing word and the free lock
tell the reader that it crashed.
"""

import os
import platform
import signal
import sys
import traceback

import psutil

from core.errors import LabError
from core.jobs.registry import kind
from core.jobs.several import failure_of_another, follow, follows, start_all, starts_others
from core.record.atomic import FULL, clear_leftovers, disk_error
from core.record.control import Control, StopRequested
from core.record.events import Completed, Failed, Phase, Started, Stopped
from core.record.folder import JobFolder, versions
from core.record.lineage import check_unchanged, write_outputs
from core.record.lock import WorkerLock
from core.record.log import EventLog, read_events
from core.record.summary import summarise
from core.record.tickets import read_ticket
from core.spec.base import build
from core.train.distributed.launch import started_as_one_of_several

NOT_WANTED = 3  # not 0: the other processes of the job must be told to end


def main(path: str, only_attempt: int = 0) -> int:
    """Run the job in ``path`` to its end; returns the process's exit status.

    Args:
        only_attempt: started by the queue to be this worker of the job, counted from 1: if another was started in
            its place, or the ticket was taken away, there is nothing to do. 0 = whichever it is.
    """
    folder = JobFolder(path)
    if follows():
        return follow(folder, silent=lambda event: None)
    if starts_others(folder):
        return start_all(folder, [path, *(["--attempt", str(only_attempt)] if only_attempt else [])])
    lock = WorkerLock(folder.root)
    try:
        lock.acquire()
    except LabError as error:
        print(error, file=sys.stderr)
        return 2
    emit = EventLog(folder.path("events.jsonl"))
    try:
        attempt = 1 + sum(isinstance(r.event, Started) for r in read_events(folder.path("events.jsonl"))[0])
        if only_attempt and (only_attempt != attempt or read_ticket(folder.root) is None):
            return NOT_WANTED if started_as_one_of_several() else 0
        return _work(folder, emit, attempt)
    finally:
        emit.close()
        lock.release()


def _work(folder: JobFolder, emit: EventLog, attempt: int) -> int:
    control = Control(folder.root, emit)
    emit(Started(pid=os.getpid(), attempt=attempt, host=platform.node(), versions=versions()))
    if attempt > 1:
        first = psutil.Process(os.getppid() if started_as_one_of_several() else os.getpid())
        control.discard_stale(before_s=first.create_time() - 1)
    signal.signal(signal.SIGTERM, lambda *_: setattr(control, "stop_requested", True))
    try:
        result = _run(folder, emit, control)
        write_outputs(folder.root)
        emit(Completed(result=result))
        return 0
    except StopRequested as stop:
        emit(Stopped(step=stop.step))
        return 0
    except Exception as error:
        failed = _failed(error, folder)
        clear_leftovers(folder.root)  # on a full disk they hold the room that the last word needs
        _last_word(emit, failed)
        return 2 if isinstance(error, LabError) else 1
    finally:
        _summarise(folder)


def _run(folder: JobFolder, emit: EventLog, control: Control) -> dict:
    clear_leftovers(folder.root)
    request = folder.request
    chosen = kind(request["kind"])
    spec = build(chosen.spec_type(), request["spec"], str(folder.path("spec.toml")))
    if request.get("inputs"):
        emit(Phase(name="Checking that the inputs are unchanged"))
    for source in request.get("inputs", {}).values():
        check_unchanged(folder.workspace.root / source["folder"], source["sha256"], source.get("part", ""))
    return chosen.run_function()(spec, folder, emit, control)


def _failed(error: Exception, folder: JobFolder) -> Failed:
    """Why a job failed, in words for people; a full disk is told as such wherever it was met."""
    details = traceback.format_exc()
    if not isinstance(error, LabError):
        error = failure_of_another(folder) or error
    if isinstance(error, OSError) and error.errno in FULL:
        error = disk_error(error, error.filename or folder.root)
    if isinstance(error, LabError):
        return Failed(
            problem=error.problem, where=error.where, remedy=error.remedy, values=error.values, details=details)
    return Failed(
        problem="Something went wrong inside the lab: {error}.", where=folder.name,
        remedy="The details are in stderr.log; resuming may help.",
        values={"error": f"{type(error).__name__}: {error}"[:500]}, details=details)


def _last_word(emit: EventLog, event: Failed) -> None:
    """Say why it failed; if even that cannot be written (a full disk), standard error has it."""
    print(event.details, file=sys.stderr)
    try:
        emit(event)
    except (LabError, OSError) as error:
        print(f"The log could not be written: {error}", file=sys.stderr)


def _summarise(folder: JobFolder) -> None:
    try:
        summarise(folder)
    except (LabError, OSError) as error:
        print(f"The summary could not be written: {error}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[3]) if sys.argv[2:3] == ["--attempt"] else 0))
