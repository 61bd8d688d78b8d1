"""Queue runs, kill workers and the runner with SIGKILL hundreds of times, and compare every run with its calm twin.

    python tests/kill_the_queue.py [--kills 300] [--steps 150] [--seed 0] [--cores 2]

Every run is one of a handful of settings (optimizers, precisions, an average of the weights, growing batches); runs
are queued until enough kills have struck, and then all are let to their end. What must hold: whatever stood in a
log before a kill stands in it afterwards, at most its torn last line cut off; its numbers have no gap; every
checkpoint that a run names can be read at every moment; every run ends, with the bytes of a run that nobody touched.

Prints a line every ten kills and the verdict; exit status 1 if anything of this did not hold.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import msgspec  # noqa: E402
import psutil  # noqa: E402

from core.errors import LabError  # noqa: E402
from core.jobs import launch, queue  # noqa: E402
from core.model.loading import load_decoder  # noqa: E402
from core.record.folder import JobFolder, Workspace  # noqa: E402
from core.record.lineage import sha256_file  # noqa: E402
from core.record.lock import is_alive  # noqa: E402
from core.record.log import read_events  # noqa: E402
from core.record.metrics import read_metrics  # noqa: E402
from core.record.tickets import read_ticket, read_tickets  # noqa: E402
from core.record.view import read_view  # noqa: E402
from core.spec.train import TrainSpec  # noqa: E402
from core.train.checkpoint import read_pointers  # noqa: E402
from tests.kill_and_resume import finish, prepare, train_spec  # noqa: E402

SETTINGS = {
    "adamw": {},
    "muon": {"optimizer": "muon", "precision": "fp32"},
    "lion": {"optimizer": "lion", "schedule": "wsd"},
    "averaged": {"ema_decay": 0.9, "batch_ramp_from": 2, "batch_ramp_steps": 40},
    "adafactor": {"optimizer": "adafactor", "precision": "fp32", "clip": 0.5},
}
RUNNER_SHARE = 0.1  # of the kills
AT_ONCE = 6  # runs in the queue
GIVE_UP_S = 3600.0


class Verdict(msgspec.Struct):
    """What was found."""

    kills: int = 0
    runner_kills: int = 0
    looks: int = 0
    runs: int = 0
    lost: list[str] = []
    unreadable: list[str] = []
    different: list[str] = []

    @property
    def good(self) -> bool:
        """Whether everything held."""
        return not (self.lost or self.unreadable or self.different) and self.kills > 0


def spec_of(name: str, steps: int) -> TrainSpec:
    """One of the settings; single-threaded, so that two runs share the machine."""
    return msgspec.structs.replace(train_spec(steps), threads=1, sample_tokens=0, kernels="torch", **SETTINGS[name])


class Ordeal:
    """A workspace whose queue is killed again and again."""

    def __init__(self, workspace: Workspace, steps: int, seed: int, cores: int, say=print) -> None:
        self.workspace, self.steps, self.say = workspace, steps, say
        self.draw, self.verdict = random.Random(seed), Verdict()
        self.twins = {name: launch.start(workspace, "train", f"calm-{name}", spec_of(name, steps)) for name in SETTINGS}
        for twin in self.twins.values():
            finish(twin)
        queue.set_limits(workspace, cores=cores)
        self.runs: dict[str, JobFolder] = {}
        self.seen: dict[str, bytes] = {}  # each run's log as it was last read, whole lines

    def go(self, kills: int) -> Verdict:
        """Kill that often, then let everything end, and compare."""
        while self.verdict.kills < kills:
            self.top_up()
            self.strike()
        deadline = time.monotonic() + GIVE_UP_S
        while any(read_view(run.root).state != "completed" for run in self.runs.values()):
            assert time.monotonic() < deadline, "the queue does not end"
            self.top_up(new=False)
            time.sleep(0.5)
        for name, run in self.runs.items():
            self.look(run)
            self.compare(run, self.twins[name.split("-")[0]])
        self.verdict.runs = len(self.runs)
        return self.verdict

    def top_up(self, new: bool = True) -> None:
        """As a person would: queue more runs, queue again what crashed too often, see that a runner lives."""
        for run in self.runs.values():
            if read_ticket(run.root) is None and not is_alive(run.root) and read_view(run.root).state != "completed":
                try:
                    queue.add(self.workspace, run)
                except LabError:
                    pass  # it has just ended
        while new and len(read_tickets(self.workspace.root)) < AT_ONCE:
            name = f"{list(SETTINGS)[len(self.runs) % len(SETTINGS)]}-{len(self.runs)}"
            self.runs[name] = queue.queue(
                self.workspace, "train", name, spec_of(name.split("-")[0], self.steps))
        queue.ensure_runner(self.workspace)

    def strike(self) -> None:
        """Wait a random while, then kill a worker that is at work, or the runner."""
        time.sleep(self.draw.uniform(0.05, 1.2))
        runners = [process for process in _processes() if "core.jobs.runner" in process[1]]
        if runners and self.draw.random() < RUNNER_SHARE:
            self.verdict.runner_kills += _kill(runners[0][0])
            return
        workers = {run.root: pid for pid, words in _processes() for run in self.runs.values() if str(run.root) in words}
        if not workers:
            return
        root = self.draw.choice(sorted(workers))
        if self.draw.random() < 0.6:  # most kills hit it at work, the others while it gets ready
            _await_rows(root, workers[root])
            time.sleep(self.draw.uniform(0.0, 0.8))
        struck = _kill(workers[root])
        self.verdict.kills += struck
        self.look(JobFolder(root))
        if struck and self.verdict.kills % 10 == 0:
            states = dict(Counter(read_view(run.root).state for run in self.runs.values()))
            found = self.verdict
            self.say(f"{found.kills} kills of workers, {found.runner_kills} of the runner: {states}", flush=True)

    def look(self, run: JobFolder) -> None:
        """Read everything of a run, and hold its log against what it was."""
        self.verdict.looks += 1
        path = run.path("events.jsonl")
        data = path.read_bytes() if path.is_file() else b""
        before, whole = self.seen.get(run.name, b""), data[: data.rfind(b"\n") + 1]
        if not whole.startswith(before):
            self.verdict.lost.append(f"{run.name}: what stood in the log is gone")
        self.seen[run.name] = whole
        numbers = [record.seq for record in read_events(path)[0]]
        if numbers != list(range(len(numbers))) or len(numbers) != whole.count(b"\n"):
            self.verdict.lost.append(f"{run.name}: a gap in the log")
        try:
            if run.path("metrics.bin").is_file():
                read_metrics(run.path("metrics.bin"))
            for name in set(read_pointers(run.root).values()):
                load_decoder(run.path("checkpoints", name))
        except Exception as error:  # whatever it is, it goes into the verdict
            if not is_alive(run.root):  # else it may have been replaced at this moment
                self.verdict.unreadable.append(f"{run.name}: {type(error).__name__}: {error}")

    def compare(self, run: JobFolder, twin: JobFolder) -> None:
        """The weights, the moments, and a record for every step."""
        name = read_pointers(twin.root)["last"]
        for file in sorted(twin.path("checkpoints", name).glob("*.safetensors")):
            other = run.path("checkpoints", name, file.name)
            if not other.is_file() or sha256_file(file) != sha256_file(other):
                self.verdict.different.append(f"{run.name}: {file.name}")
        if read_metrics(run.path("metrics.bin"))[1][:, 0].tolist() != list(range(self.steps + 1)):
            self.verdict.different.append(f"{run.name}: its records")


def _processes() -> list[tuple[int, str]]:
    """Process number and command line of every worker and runner."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline"]):
        words = " ".join(process.info["cmdline"] or [])
        if "core.jobs." in words:
            found.append((process.info["pid"], words))
    return found


def _kill(pid: int) -> int:
    try:
        process = psutil.Process(pid)
        process.kill()
        process.wait(10)
    except (psutil.NoSuchProcess, psutil.TimeoutExpired):
        return 0
    return 1


def _await_rows(root: Path, pid: int) -> None:
    """Wait until a worker makes steps (or has ended)."""
    path = root / "metrics.bin"
    before = path.stat().st_mtime_ns if path.exists() else 0
    while psutil.pid_exists(pid) and (not path.exists() or path.stat().st_mtime_ns == before):
        time.sleep(0.02)


def endure(kills: int, steps: int, seed: int, cores: int, say=print) -> Verdict:
    """The whole ordeal in a workspace of its own."""
    with tempfile.TemporaryDirectory() as root:
        return Ordeal(prepare(Path(root)), steps, seed, cores, say).go(kills)


def main() -> int:
    """Parse the command line, run, print the verdict."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cores", type=int, default=2)
    asked = parser.parse_args()
    start = time.monotonic()
    found = endure(asked.kills, asked.steps, asked.seed, asked.cores)
    print(msgspec.to_builtins(found))
    print(f"{found.kills} kills of workers and {found.runner_kills} of the runner in {time.monotonic() - start:.0f} s, "
          f"{found.runs} runs: {'nothing lost, all byte-identical' if found.good else 'NOT GOOD'}")
    return 0 if found.good else 1


if __name__ == "__main__":
    sys.exit(main())
