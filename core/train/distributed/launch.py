"""How a run over several processes is started: the ``torchrun`` line, a script for SLURM, and by this machine itself.

No torch here: the window shows the lines.
"""

import os
import shlex
import sys
import tempfile
import uuid
from pathlib import Path

import msgspec

from core.errors import LabError
from core.spec.train import TrainSpec

ROOT = Path(__file__).resolve().parents[3]
PORT = 29500  # where the machines of a cluster meet, on the first of them
GRACE_S = 300  # before the time is up SLURM asks for the end, so that a checkpoint is written


class Cluster(msgspec.Struct, frozen=True):
    """What the lines need to know of the machines.

    Attributes:
        nodes: machines.
        gpus: whether each process has a GPU; otherwise they compute on processors.
        hours: the most time that SLURM gives.
        partition: of SLURM; empty = its default.
        cores: processor cores of each process.
    """

    nodes: int = 1
    gpus: bool = True
    hours: int = 24
    partition: str = ""
    cores: int = 8


def per_node(spec: TrainSpec, nodes: int) -> int:
    """Processes on each machine.

    Raises:
        LabError: they cannot be shared out evenly.
    """
    if spec.mesh.world % nodes:
        raise LabError(
            "{world} processes cannot be shared out evenly among {nodes} machines.", "mesh",
            "Choose a number of machines that divides {world}.", world=spec.mesh.world, nodes=nodes)
    return spec.mesh.world // nodes


def torchrun_line(spec: TrainSpec, folder: Path, nodes: int = 1, host: str = "HOST") -> str:
    """The line to type on each machine, for a POSIX shell; resuming is the same line again.

    On one machine the processes meet over a file, and no port is opened to other machines. On several they meet at
    ``host``, the first of them, and ``folder`` has to be on a drive that all share.

    Raises:
        LabError: the processes cannot be shared out evenly.
    """
    count = str(per_node(spec, nodes))
    work = ["-m", "core.jobs.worker", str(folder)]
    if nodes == 1:
        line = ["torchrun", "--nproc-per-node", count, *FILE_MEETING, "--rdzv-endpoint"]
        return f"cd {shlex.quote(str(ROOT))} && {PRIVATE}=1 {shlex.join(line)} \"$(mktemp -u)\" {shlex.join(work)}"
    line = ["torchrun", "--nnodes", str(nodes), "--nproc-per-node", count, "--rdzv-backend", "c10d", "--rdzv-id",
            Path(folder).name, "--rdzv-endpoint", f"{host}:{PORT}", *work]  # fmt: skip
    return f"cd {shlex.quote(str(ROOT))} && {shlex.join(line)}"


FILE_MEETING = ("--rdzv-backend", "c10d", "--rdzv-conf", "store_type=file")
PRIVATE = "TORCH_DISABLE_SHARE_RDZV_TCP_STORE"  # else torchrun listens on every network card


def slurm_script(spec: TrainSpec, folder: Path, cluster: Cluster = Cluster()) -> str:
    """A script for ``sbatch``. Submitted again after the time was up, it goes on from the last checkpoint.

    Raises:
        LabError: the processes cannot be shared out evenly.
    """
    count = per_node(spec, cluster.nodes)
    settings = {
        "job-name": Path(folder).name, "nodes": cluster.nodes, "ntasks-per-node": 1,
        **({"gpus-per-node": count} if cluster.gpus else {}), "cpus-per-task": count * cluster.cores,
        **({"partition": cluster.partition} if cluster.partition else {}),
        "time": f"{cluster.hours}:00:00", "signal": f"TERM@{GRACE_S}", "output": f"{folder}/slurm-%j.log",
    }  # fmt: skip
    head = "\n".join(f"#SBATCH --{name}={shlex.quote(str(value))}" for name, value in settings.items())
    work = shlex.join(["-m", "core.jobs.worker", str(folder)])
    activate = Path(sys.prefix) / "bin" / "activate"
    return f"""#!/bin/bash
{head}

set -eu
cd {shlex.quote(str(ROOT))}
. {shlex.quote(str(activate))}
export OMP_NUM_THREADS={cluster.cores}
first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
srun torchrun --nnodes "$SLURM_NNODES" --nproc-per-node {count} \\
    --rdzv-backend c10d --rdzv-id "$SLURM_JOB_ID" --rdzv-endpoint "$first:{PORT}" \\
    {work}
"""


def command_here(world: int, arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    """What starts all processes of a run on this machine, and the environment that this needs.

    Args:
        arguments: of ``python -m core.jobs.worker``.
    """
    meeting = Path(tempfile.gettempdir()) / f"coldframe-{uuid.uuid4().hex}"
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(world), *FILE_MEETING,
               "--rdzv-endpoint", str(meeting), "-m", "core.jobs.worker", *arguments]  # fmt: skip
    return command, {**os.environ, PRIVATE: "1", "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}


def started_as_one_of_several() -> bool:
    """Whether ``torchrun`` started this process."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1
