"""Clean a large made-up corpus and print the peak memory of all processes together, and the speed.

    python tests/clean_memory.py [--megabytes 2000] [--workers 0] [--rules everything] [--keep DIR]

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

import psutil  # noqa: E402

from core.jobs import launch  # noqa: E402
from core.record.folder import Workspace  # noqa: E402
from core.record.log import read_events  # noqa: E402
from core.record.view import read_view  # noqa: E402
from core.spec.base import build  # noqa: E402
from core.spec.corpus import CorpusSpec, gentle  # noqa: E402
from core.spec.files import preset  # noqa: E402

FILE_BYTES = 50_000_000
SYLLABLES = "ba be bi bo bu da de di do du ka ke ki ko la le li lo ma me mi mo na ne no ra re ri ro sa se ta te".split()
COMMON = "the and of to in that have with be is was he for it on as at his her they".split()


def make(folder: Path, megabytes: int, seed: int = 0) -> int:
    """Write JSON lines of about so many megabytes in all; returns the bytes."""
    draw = random.Random(seed)
    words = ["".join(draw.choices(SYLLABLES, k=draw.randint(1, 4))) for _ in range(30_000)]
    made, number, recent = 0, 0, []
    while made < megabytes * 1_000_000:
        with open(folder / f"{number:04d}.jsonl", "w", encoding="utf-8") as file:
            while file.tell() < min(FILE_BYTES, megabytes * 1_000_000 - made):
                file.write("".join(json.dumps({"text": _document(draw, words, recent)}) + "\n" for _ in range(100)))
            made += file.tell()
        number += 1
    return made


def _document(draw: random.Random, words: list[str], recent: list[str]) -> str:
    kind = draw.random()
    if recent and kind < 0.05:
        return draw.choice(recent)
    if recent and kind < 0.10:
        parts = draw.choice(recent).split(". ")
        parts[draw.randrange(len(parts))] = _sentence(draw, words)
        return ". ".join(parts)
    sentences = [_sentence(draw, words) for _ in range(draw.randint(5, 40))]
    text = "".join(sentence + (".\n" if draw.random() < 0.2 else ". ") for sentence in sentences)
    recent.append(text)
    del recent[:-500]
    return text


def _sentence(draw: random.Random, words: list[str]) -> str:
    some = draw.choices(words, k=draw.randint(4, 12)) + draw.choices(COMMON, k=draw.randint(3, 8))
    draw.shuffle(some)
    return " ".join(some).capitalize()


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
    parser.add_argument("--rules", default="gentle", help="a preset of presets/data")
    parser.add_argument("--keep", type=Path, help="make the corpus here and leave it, or take the one that is here")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clean-memory-") as root:
        text = asked.keep or Path(root) / "text"
        if not text.is_dir():
            text.mkdir(parents=True)
            make(text, asked.megabytes)
        n_bytes = sum(path.stat().st_size for path in text.iterdir())
        values = preset("data", asked.rules).values if asked.rules != "gentle" else {"rules": gentle()}
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
