"""Starts and steers jobs for the window; a refusal comes back as an error to show, never as a crash."""

from pathlib import Path

from core.errors import LabError
from core.jobs import launch, queue
from core.record.control import request
from core.record.folder import JobFolder, Workspace
from core.record.tickets import folder_of, read_ticket


def start_job(workspace: Workspace, kind: str, name: str, spec) -> JobFolder | LabError:
    """Create a job's folder and start its detached worker."""
    return told(lambda: launch.start(workspace, kind, name, spec))


def queue_job(workspace: Workspace, kind: str, name: str, spec) -> JobFolder | LabError:
    """Create a job's folder and put it into the queue."""
    return told(lambda: queue.queue(workspace, kind, name, spec))


def resume_job(folder: JobFolder) -> JobFolder | LabError:
    """Start a worker again in the folder of a stopped, failed or crashed job."""
    return told(lambda: launch.resume(folder)) or folder


def ask_job(folder: Path, name: str, **args) -> str | LabError:
    """Put a request (stop, pause, resume, checkpoint, sample) before a running job; returns its id.

    A job that waits in the queue is stopped by taking it out.
    """
    ticket = read_ticket(folder) if name == "stop" else None
    if ticket is not None and queue.waiting(folder, ticket):
        return told(lambda: queue.remove(Workspace(folder.parent.parent), folder_of(folder))) or ""
    return told(lambda: request(folder, name, **args))


def told(action):
    """What an action gives, or the error that it met."""
    try:
        return action()
    except LabError as error:
        return error
    except OSError as error:
        return LabError(
            "The system refused: {reason}.", str(error.filename or ""), "Check that the folder can be written to.",
            reason=error.strerror or str(error),
        )  # fmt: skip
