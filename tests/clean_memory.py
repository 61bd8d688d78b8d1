"""Clean a large made-up corpus and print the peak memory of all processes together, and the speed.

    python tests/clean_memory.py [--megabytes 2000] [--workers 0] [--rules everything] [--without RULE ...]

The corpus is made in a temporary folder (English-like documents, a tenth of them copies or near copies) and
deleted afterwards, like what is made of it. Memory is the sum of the resident sets of the coordinator and its
workers, looked at ten times a second; pages that several processes share count for each of them.
"""

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np  # noqa: E402
import psutil  # noqa: E402

from core.jobs import launch  # noqa: E402
from core.record.folder import Workspace  # noqa: E402
from core.record.log import read_events  # noqa: E402
from core.record.view import read_view  # noqa: E402
from core.spec.base import build  # noqa: E402
from core.spec.corpus import CorpusSpec  # noqa: E402
from core.spec.files import preset  # noqa: E402

FILE_BYTES = 50_000_000
SYLLABLES = "ba be bi bo bu da de di do du ka ke ki ko la le li lo ma me mi mo na ne no ra re ri ro sa se ta te".split()
COMMON = "the and of to in that have with be is was he for it on as at his her they".split()


def make(folder: Path, megabytes: float, seed: int = 0) -> int:
    """Write JSON lines of about so many megabytes in all; returns the bytes."""
    draw, words = np.random.default_rng(seed), _vocabulary(random.Random(seed))
    made, number, recent = 0, 0, []
    while made < megabytes * 1_000_000:
        with open(folder / f"{number:04d}.jsonl", "w", encoding="utf-8") as file:
            while file.tell() < min(FILE_BYTES, megabytes * 1_000_000 - made):
                file.write("".join(json.dumps({"text": _document(draw, words, recent)}) + "\n" for _ in range(100)))
            made += file.tell()
        number += 1
    return made


def _vocabulary(draw: random.Random) -> list[str]:
    """Words of which one in three is a common one, and one in twelve ends a sentence or a line."""
    made = ["".join(draw.choices(SYLLABLES, k=draw.randint(1, 4))) for _ in range(30_000)]
    made += draw.choices(COMMON, k=15_000)
    return [word + draw.choices(("", ".", ".\n"), (44, 3, 1))[0] for word in made]


def _document(draw: np.random.Generator, words: list[str], recent: list[str]) -> str:
    kind = draw.random()
    if recent and kind < 0.05:
        return recent[draw.integers(len(recent))]
    if recent and kind < 0.10:
        before = recent[draw.integers(len(recent))].split(" ")
        before[draw.integers(len(before))] = "another"
        return " ".join(before)
    text = " ".join([words[i] for i in draw.integers(len(words), size=draw.integers(60, 600)).tolist()])
    recent.append(text)
    del recent[:-500]
    return text


class Watch(threading.Thread):
    """The largest sum of resident sets of a process and its children."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.process, self.peak_bytes, self.peak_one, self.done = psutil.Process(pid), 0, 0, False

    def run(self) -> None:
        while not self.done:
            try:
                family = [self.process, *self.process.children(recursive=True)]
                sizes = [member.memory_info().rss for member in family]
            except psutil.NoSuchProcess:
                sizes = [0]
            self.peak_bytes, self.peak_one = max(self.peak_bytes, sum(sizes)), max(self.peak_one, max(sizes))
            time.sleep(0.1)


def phases(folder: Path) -> dict[str, float]:
    """Seconds between the phases that the job told."""
    told = [(record.t, getattr(record.event, "name", type(record.event).__name__))
            for record in read_events(folder / "events.jsonl")[0]
            if type(record.event).__name__ in ("Phase", "Completed", "Failed")]
    return {f"{i}. {name}": round(after - t, 1) for i, ((t, name), (after, _)) in enumerate(zip(told, told[1:]))}


def main() -> int:
    """Make, clean, watch, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--rules", default="everything", help="a preset of presets/data")
    parser.add_argument("--without", nargs="*", default=[], help="rules of the preset to leave out")
    parser.add_argument("--keep", type=Path, help="make the corpus here and leave it, or take the one that is here")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clean-memory-") as root:
        text = asked.keep or Path(root) / "text"
        if not text.is_dir():
            text.mkdir(parents=True)
            make(text, asked.megabytes)
        n_bytes = sum(path.stat().st_size for path in text.iterdir())
        values = dict(preset("data", asked.rules).values)
        values["rules"] = [rule for rule in values["rules"] if rule["rule"] not in asked.without]
        spec = build(CorpusSpec, {**values, "sources": [str(text)], "workers": asked.workers})
        folder = Workspace(Path(root) / "workspace").create("corpus", "made", spec)
        started = time.monotonic()
        process = launch.launch(folder)
        watch = Watch(process.pid)
        watch.start()
        process.wait()
        watch.done, elapsed_s = True, time.monotonic() - started
        view = read_view(folder.root)
        print({"megabytes": round(n_bytes / 1e6), "state": view.state, "elapsed_s": round(elapsed_s, 1),
               "mb_per_s": round(n_bytes / 1e6 / elapsed_s, 1), "peak_mb_all": round(watch.peak_bytes / 1e6),
               "peak_mb_one": round(watch.peak_one / 1e6), "rejected": view.result.get("rejected"),
               "documents_read": view.result.get("documents_read"), "phases_s": phases(folder.root)})
        if view.error:
            print(view.error)
        if view.error:
            print(folder.path("stderr.log").read_text()[-3000:])
        return 0 if view.state == "completed" and watch.peak_bytes < 1.5e9 else 1


if __name__ == "__main__":
    sys.exit(main())
