"""Kill a cleaning with SIGKILL at random moments, now its coordinator and now a worker, and compare the bytes.

    python tests/kill_cleaning.py [--kills 20] [--megabytes 12] [--workers 2] [--rules everything] [--seed 0]

One cleaning runs undisturbed in one process; another of the same text is killed and resumed over and over.
Prints one line a kill and a last line with the verdict; exit status 1 if a byte differs, if a process
outlives its coordinator, or if a killed worker is not told in one sentence. Shards are small, so that there
are many of them.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import psutil  # noqa: E402
from clean_memory import make  # noqa: E402

from core.record.folder import JobFolder, Workspace  # noqa: E402
from core.record.lineage import sha256_file  # noqa: E402
from core.record.view import read_view  # noqa: E402
from core.spec.base import build  # noqa: E402
from core.spec.corpus import CorpusSpec  # noqa: E402
from core.spec.files import preset  # noqa: E402

SHARD_BYTES = 400_000
OUTPUTS = ("kept.jsonl", "kept.idx", "rejected.jsonl", "rejected.idx", "report.json", "pairs.jsonl")
GONE_S = 10.0  # in which the workers of a killed coordinator must be gone


def work(folder: str) -> int:
    """What the real worker process does, with small shards and processes for little text too."""
    from core.data import intake, job
    from core.jobs.worker import main as run_worker

    intake.SHARD_BYTES, job._ALONE_BYTES = SHARD_BYTES, 0
    return run_worker(folder)


def launch(folder: JobFolder) -> psutil.Popen:
    """Start a coordinator on a folder."""
    with open(folder.path("stderr.log"), "ab") as said:
        return psutil.Popen([sys.executable, __file__, "--work", str(folder.root)], stdout=said, stderr=said, cwd=ROOT,
                            env={**os.environ, "PYTHONPATH": str(ROOT)})


def workers(coordinator: psutil.Process) -> list[psutil.Process]:
    """The living worker processes of a coordinator."""
    found = []
    with suppress(psutil.NoSuchProcess):
        for child in coordinator.children():
            with suppress(psutil.NoSuchProcess):
                if "spawn_main" in " ".join(child.cmdline()):
                    found.append(child)
    return found


def kill_once(folder: JobFolder, draw: random.Random, longest_s: float, say) -> tuple[str, list[str]]:
    """Launch and kill after at most a while; ("coordinator" | "worker" | "", what was wrong)."""
    coordinator = launch(folder)
    if draw.random() < 0.8:  # most kills hit it at work, the others while it gets ready
        while coordinator.poll() is None and not workers(coordinator):
            time.sleep(0.02)
    deadline = time.monotonic() + draw.uniform(0.0, longest_s)
    while time.monotonic() < deadline and coordinator.poll() is None:
        time.sleep(0.01)
    if coordinator.poll() is not None:
        return "", []
    family = workers(coordinator)
    if family and draw.random() < 0.4:
        with suppress(psutil.NoSuchProcess):
            draw.choice(family).kill()
        coordinator.wait()
        view = read_view(folder.root)
        told = view.error.problem if view.error else view.state
        say(f"killed a worker: {view.state}, {view.phase}: {told}")
        return "worker", [] if view.state == "completed" or "process ended" in told else [f"said {told}"]
    coordinator.kill()
    coordinator.wait()
    say(f"killed the coordinator of {len(family)}: {read_view(folder.root).phase}")
    _, left = psutil.wait_procs(family, timeout=GONE_S)
    return "coordinator", [f"{len(left)} processes outlived it"] if left else []


def compare(kills: int, megabytes: float, count: int, rules: str, seed: int, say=print) -> dict:
    """Run once undisturbed, then again and again with kills; returns what was found."""
    with tempfile.TemporaryDirectory() as root:
        text, draw = Path(root) / "text", random.Random(seed)
        text.mkdir()
        make(text, megabytes, seed)
        workspace = Workspace(Path(root) / "workspace")
        values = {**preset("data", rules).values, "sources": [str(text)]}
        calm = workspace.create("corpus", "calm", build(CorpusSpec, {**values, "workers": 1}))
        started = time.monotonic()
        _finish(calm)
        longest_s, victims, wrong, runs = (time.monotonic() - started) / 3, [], [], 0
        while len(victims) < kills:
            runs += 1
            killed = workspace.create("corpus", f"killed-{runs}", build(CorpusSpec, {**values, "workers": count}))
            while len(victims) < kills:
                victim, problems = kill_once(killed, draw, longest_s, say)
                wrong += problems
                if not victim:
                    break  # it came to its end first
                victims.append(victim)
            _finish(killed)
            wrong += [f"{name} differs" for name in OUTPUTS if _sum(calm, name) != _sum(killed, name)]
        return {"kills": len(victims), "workers_killed": victims.count("worker"), "runs": runs, "wrong": wrong,
                "result": read_view(calm.root).result}


def _finish(folder: JobFolder) -> None:
    if read_view(folder.root).state != "completed":
        assert launch(folder).wait() == 0, read_view(folder.root).error


def _sum(folder: JobFolder, name: str) -> str:
    path = folder.path(name)
    return sha256_file(path) if path.is_file() else ""


def main() -> int:
    """Parse the command line, run, print the verdict."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--megabytes", type=float, default=12)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rules", default="everything", help="a preset of presets/data")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        return work(asked.work)
    found = compare(asked.kills, asked.megabytes, asked.workers, asked.rules, asked.seed)
    print(found)
    print(f"{found['kills']} kills: {'WRONG' if found['wrong'] else 'byte-identical, no process left behind'}")
    return 1 if found["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
