"""The processes of one run, and how they come to the same decisions."""

import json
import math
import os
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psutil
import torch
import torch.distributed as dist

from core.errors import LabError
from core.record.control import Control, Request, StopRequested
from core.record.folder import JobFolder
from core.spec.train import TrainSpec

PATIENCE = timedelta(days=2)  # one process may encode a large corpus while the others wait for it


class Alone:
    """A run in one process: there is nobody to ask."""

    rank, world, first = 0, 1, True

    def agree(self, *values: float) -> list[float]:
        """The numbers as the first process has them."""
        return list(values)

    def told(self, value):
        """What the first process has, of anything that JSON can say."""
        return value

    def gathered(self, value) -> list:
        """What each process has, of anything that JSON can say, in order."""
        return [value]

    def first_does(self, act: Callable):
        """Let the first process act, then the others; whatever stops the first stops all."""
        return act()

    def share(self, folder: JobFolder, emit: Callable, control: Control | None) -> tuple:
        """Folder, log and requests as all processes may use them."""
        return folder, emit, control

    def metrics(self, open_file: Callable):
        """Where records go to."""
        return open_file()

    def leave(self) -> None:
        """Say goodbye."""


ALONE = Alone()


class Ranks(Alone):
    """A run in several processes, joined into the default process group."""

    def __init__(self) -> None:
        self.rank, self.world = dist.get_rank(), dist.get_world_size()
        self.first = self.rank == 0

    def agree(self, *values: float) -> list[float]:
        """As in :class:`Alone`; None becomes NaN."""
        told = torch.tensor([float("nan") if v is None else v for v in values], dtype=torch.float64)
        dist.broadcast(told, 0)
        return told.tolist()

    def told(self, value):
        """As in :class:`Alone`."""
        data = json.dumps(value).encode() if self.first else b""
        size = int(self.agree(len(data))[0])
        buffer = torch.frombuffer(bytearray(data), dtype=torch.uint8) if self.first else torch.empty(
            size, dtype=torch.uint8)  # fmt: skip
        dist.broadcast(buffer, 0)
        return value if self.first else json.loads(buffer.numpy().tobytes())

    def gathered(self, value) -> list:
        """As in :class:`Alone`."""
        data = torch.frombuffer(bytearray(json.dumps(value).encode()), dtype=torch.uint8)
        sizes = [torch.empty(1, dtype=torch.int64) for _ in range(self.world)]
        dist.all_gather(sizes, torch.tensor([len(data)]))
        longest = int(max(sizes))
        rooms = [torch.empty(longest, dtype=torch.uint8) for _ in range(self.world)]
        dist.all_gather(rooms, torch.nn.functional.pad(data, (0, longest - len(data))))
        return [json.loads(room[: int(size)].numpy().tobytes()) for room, size in zip(rooms, sizes)]

    def first_does(self, act: Callable):
        """As in :class:`Alone`.

        Raises:
            StopRequested: the first process was asked to stop meanwhile.
            LabError: it failed.
        """
        result = failure = None
        if self.first:
            try:
                result = act()
            except (LabError, StopRequested) as error:
                failure = error
        heard = self.told(_spoken(failure))
        if failure is not None:
            raise failure
        if heard is not None:
            raise StopRequested(heard["step"]) if "step" in heard else LabError(
                heard["problem"], heard["where"], heard["remedy"], **heard["values"])  # fmt: skip
        return result if self.first else act()

    def share(self, folder: JobFolder, emit: Callable, control: Control | None) -> tuple:
        """As in :class:`Alone`: the first process speaks, writes and hears for all."""
        return (SharedFolder(folder.root, self), emit if self.first else lambda event: None,
                SharedControl(control, self))  # fmt: skip

    def metrics(self, open_file: Callable):
        """As in :class:`Alone`; what the first one finds in the file all know."""
        writer = open_file() if self.first else None
        path, rows = self.told([str(writer.path), writer.rows] if writer else None)
        return writer or NoMetrics(Path(path), rows)

    def leave(self) -> None:
        """Wait for each other and part."""
        dist.barrier()
        dist.destroy_process_group()


def _spoken(failure: Exception | None) -> dict | None:
    if isinstance(failure, StopRequested):
        return {"step": failure.step}
    if isinstance(failure, LabError):
        values = {name: str(value) for name, value in failure.values.items()}
        return {"problem": failure.problem, "where": str(failure.where), "remedy": failure.remedy, "values": values}
    return None


def launched() -> bool:
    """Whether ``torchrun`` started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def join(spec: TrainSpec, device: str) -> Alone:
    """This process's place among those of the run.

    Raises:
        LabError: as many processes were started as the mesh does not have.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world != spec.mesh.world:
        raise LabError(
            "This run is laid out over {asked} processes, and {world} were started.", "mesh",
            "Start it with torchrun --nproc-per-node {asked}, or change the mesh.", asked=spec.mesh.world, world=world)
    if world == 1:
        return ALONE
    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    backend = "cpu:gloo,cuda:nccl" if device == "cuda" else "gloo"
    if os.environ.get("GROUP_WORLD_SIZE", "1") == "1":
        _stay_on_this_machine()
        dist.init_process_group(
            backend, init_method=_meeting_file().as_uri(), rank=int(os.environ["RANK"]), world_size=world,
            timeout=PATIENCE)  # fmt: skip
    else:
        dist.init_process_group(backend, timeout=PATIENCE)
    return Ranks()


def _stay_on_this_machine() -> None:
    """No port is open to other machines when all processes are on this one."""
    if os.path.exists("/sys/class/net/lo"):
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        os.environ.setdefault("NCCL_SOCKET_IFNAME", "lo")


def _meeting_file() -> Path:
    """A file that all processes of this ``torchrun``, and nobody else, know: it and its moment of birth name it."""
    parent = psutil.Process(os.getppid())
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    return Path(tempfile.gettempdir()) / f"coldframe-{parent.pid}-{int(parent.create_time() * 1000)}-{attempt}"


class SharedControl:
    """Requests that the first process reads and all answer; the same as :class:`core.record.control.Control`."""

    def __init__(self, control: Control | None, ranks: Ranks) -> None:
        self._control, self._ranks = control, ranks
        self.stop_requested = self.paused = False

    def check(self, step: int = 0) -> None:
        """For work that the first process does alone."""
        if self._ranks.first:
            self._control.check(step)

    def poll(self) -> list[Request]:
        """New requests, the same for all."""
        found = self._control.poll() if self._ranks.first else []
        mine = [len(found), self._control.stop_requested, self._control.paused] if self._ranks.first else [0, 0, 0]
        count, stop, paused = self._ranks.agree(*mine)
        self.stop_requested, self.paused = bool(stop), bool(paused)
        if not count:
            return []
        told = self._ranks.told([[r.id, r.name, r.args] for r in found])
        return found if self._ranks.first else [Request(*item) for item in told]


class SharedFolder(JobFolder):
    """A job's folder whose choices the first process writes; the others keep them in mind."""

    def __init__(self, path: Path, ranks: Ranks) -> None:
        super().__init__(path)
        self._ranks = ranks
        self._choices = ranks.told(super().read_choices())

    @property
    def until(self) -> int | None:
        """As the first process reads it."""
        step = self._ranks.agree(super().until if self._ranks.first else None)[0]
        return None if math.isnan(step) else int(step)

    def read_choices(self) -> dict:
        """What was decided by measuring; the same for all."""
        return json.loads(json.dumps(self._choices))

    def write_choices(self, choices: dict) -> None:
        """Keep a decision that all have come to."""
        self._choices = json.loads(json.dumps(choices))
        if self._ranks.first:
            super().write_choices(choices)

    def write_summary(self, summary: dict) -> None:
        """The first process's business."""
        if self._ranks.first:
            super().write_summary(summary)


class NoMetrics:
    """What the other processes write their records to: nothing. They may read the first one's file."""

    def __init__(self, path: Path, rows: int) -> None:
        self.path, self.rows = path, rows

    def append(self, **values: float) -> None:
        """Nothing."""
        self.rows += 1

    def sync(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""

