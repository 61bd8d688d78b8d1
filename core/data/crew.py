"""Worker processes that carry out passes over shards; one process does without any."""

import faulthandler
import multiprocessing
import os
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from pathlib import Path

import psutil

from core.data.passes import PassRunner, Task
from core.data.stages import Stages
from core.data.tally import Tally
from core.errors import LabError
from core.record.folder import Workspace
from core.spec.corpus import CorpusSpec

_WAIT_S = 0.1  # between two looks at the requests while nothing comes back
_WORKER_BYTES = 512 << 20  # twice to thrice what a worker process was seen to take
_END_S = 5.0  # for a process that was told to end


class Alone:
    """Carries out every task in this process, one after the other."""

    def __init__(self, runner: PassRunner) -> None:
        self._runner = runner

    def each(self, tasks: Iterator[Task], tell: Callable[[Task | None, Tally | None], None]) -> Iterator[Task]:
        """Every task once it is done; ``tell`` is called on the way and may raise to stop."""
        for task in tasks:
            self._runner.run(task, lambda so_far, task=task: tell(task, so_far))
            yield task

    def close(self) -> None:
        """Let go of open files."""
        self._runner.close()


class Crew:
    """Several processes, each given a new task when it is done with one.

    They are started afresh (spawn), and end when this process does, however it ends.
    """

    def __init__(self, count: int, spec: CorpusSpec, stages: Stages, workspace: Workspace) -> None:
        context = multiprocessing.get_context("spawn")
        self._processes: dict[Connection, multiprocessing.Process] = {}
        self._busy: dict[Connection, Task] = {}
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=serve, args=(theirs, spec, stages.root.parent, workspace.root), daemon=True)
            process.start()
            theirs.close()
            self._processes[ours] = process

    def each(self, tasks: Iterator[Task], tell: Callable[[Task | None, Tally | None], None]) -> Iterator[Task]:
        """Every task once it is done, in any order; tasks are asked for a few ahead of their turn.

        Raises:
            LabError: a process ended before its task was done; what was finished stays finished.
        """
        backlog: deque[Task] = deque()
        more = True
        while more or backlog or self._busy:
            self._hand_out(backlog)
            if more and len(backlog) <= len(self._processes):
                task = next(tasks, None)
                more = task is not None
                backlog.extend([task] if more else [])
                yield from self._done(0)
            else:
                yield from self._done(_WAIT_S)
            tell(None, None)

    def close(self) -> None:
        """End the processes at once; nothing of theirs is half written under its real name."""
        for process in self._processes.values():
            process.kill()
        for connection, process in self._processes.items():
            process.join(_END_S)
            connection.close()
        self._processes, self._busy = {}, {}

    def _hand_out(self, backlog: deque[Task]) -> None:
        for connection in self._processes:
            if backlog and connection not in self._busy:
                self._busy[connection] = backlog.popleft()
                try:
                    connection.send(self._busy[connection])
                except OSError:
                    raise self._died(connection) from None

    def _done(self, timeout_s: float) -> Iterator[Task]:
        for connection in wait(list(self._busy), timeout_s) if self._busy else ():
            try:
                problem = connection.recv()
            except (EOFError, OSError):
                raise self._died(connection) from None
            if problem is not None:
                raise problem
            yield self._busy.pop(connection)

    def _died(self, connection: Connection) -> LabError:
        process = self._processes[connection]
        process.join(_END_S)
        return LabError(
            "A cleaning process ended before its work was done (exit status {status}); it was killed or ran out of "
            "memory.", "", "Resume: what was finished is kept. With fewer worker processes it takes less memory.",
            status=process.exitcode)


def serve(connection: Connection, spec: CorpusSpec, corpus: Path, workspace: Path) -> None:
    """What a worker process does: one task after the other, until it is told to end or its coordinator is gone."""
    faulthandler.enable()  # a kernel that crashes says where, in stderr.log
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever interrupts means the coordinator, which ends this one
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        runner = PassRunner(spec, Stages(corpus), Workspace(workspace))
        while True:
            runner.run(connection.recv())
            connection.send(None)
    except EOFError:
        return
    except (LabError, OSError) as error:
        connection.send(error)
    except Exception:
        connection.send(RuntimeError(traceback.format_exc()))


def _end_with_parent() -> None:
    wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def worker_count(asked: int) -> int:
    """Processes for a request: as many as asked for, or one a core that this process may use and memory allows."""
    if asked:
        return asked
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, psutil.virtual_memory().available // _WORKER_BYTES))
