"""A workspace with small corpora, and trained filters made from them by their real jobs."""

from pathlib import Path

import numpy as np

from core.data.documents import Document, DocumentWriter
from core.jobs.registry import kind
from core.record.control import Control
from core.record.events import Completed, Event, Started
from core.record.folder import JobFolder, Workspace
from core.record.lineage import write_outputs
from core.record.log import EventLog
from core.spec.corpus import CorpusSpec

_SUBJECTS = "the old farmer|a young teacher|her brother|the quiet girl|my neighbour|the captain".split("|")
_VERBS = "carries|paints|remembers|opens|watches|mends".split("|")
_OBJECTS = "the wooden door|a small boat|the long letter|two green apples|his father's clock|the road home".split("|")
_TIMES = "every morning|in the evening|before the rain|when nobody looks|after supper|on Sundays".split("|")
_SAYINGS = ("学而时习之，不亦说乎。", "有朋自远方来，不亦乐乎。", "温故而知新，可以为师矣。", "三人行，必有我师焉。",
            "逝者如斯夫，不舍昼夜。")  # fmt: skip


def prose(rng: np.random.Generator, sentences: int) -> str:
    """Sentences of a small grammar."""
    made = [" ".join(str(rng.choice(words)) for words in (_SUBJECTS, _VERBS, _OBJECTS, _TIMES)) + "."
            for _ in range(sentences)]  # fmt: skip
    return "\n".join(made)


def shuffled(rng: np.random.Generator, sentences: int) -> str:
    """The same words in no order."""
    words = prose(rng, sentences).split()
    rng.shuffle(words)
    return " ".join(words)


def chinese(rng: np.random.Generator, sentences: int) -> str:
    """Old sayings, one after the other."""
    return "".join(str(rng.choice(_SAYINGS)) for _ in range(sentences))


def advertising(rng: np.random.Generator, sentences: int) -> str:
    """What good text is not."""
    words = "buy now|click here|best price|log in|cookies|free offer|subscribe|home page".split("|")
    return " | ".join(str(rng.choice(words)) for _ in range(4 * sentences))


def add_corpus(workspace: Workspace, name: str, texts: list[str], held_out_every: int = 5) -> JobFolder:
    """A finished corpus of these texts; 0 holds nothing out."""
    folder = workspace.create("corpus", name, CorpusSpec(sources=["somewhere.txt"]))
    for which in ("kept", "rejected"):
        writer = DocumentWriter(folder.root, which)
        for row, text in enumerate(texts if which == "kept" else []):
            held_out = held_out_every and row % held_out_every == 0
            writer.add(Document(
                id=row, text=text, source="somewhere.txt", line=row + 1, split="held_out" if held_out else "train"))
        writer.commit()
    write_outputs(folder.root)
    log = EventLog(folder.path("events.jsonl"))
    log(Started(pid=0, attempt=1))
    log(Completed(result={"documents_kept": len(texts)}))
    log.close()
    return folder


def run_job(workspace: Workspace, job_kind: str, name: str, spec) -> tuple[JobFolder, dict, list[Event]]:
    """Run a job in this process, to its end; its folder, its result, and what it said."""
    folder, told = workspace.create(job_kind, name, spec), []
    log = EventLog(folder.path("events.jsonl"))
    log(Started(pid=0, attempt=1))

    def emit(event: Event) -> None:
        told.append(event)
        log(event)

    result = kind(job_kind).run_function()(spec, folder, emit, Control(folder.root, emit))
    write_outputs(folder.root)
    log(Completed(result=result))
    log.close()
    return folder, result, told


def make_texts(maker, count: int, seed: int = 0, sentences: int = 6) -> list[str]:
    """Texts of one kind."""
    rng = np.random.default_rng(seed)
    return [maker(rng, sentences) for _ in range(count)]


def make_workspace(root: Path) -> Workspace:
    """Corpora: ``novels`` (good), ``web`` (good and bad), ``sayings`` (Chinese)."""
    workspace = Workspace(root)
    add_corpus(workspace, "novels", make_texts(prose, 120))
    web = make_texts(prose, 30, 1) + make_texts(shuffled, 30, 2) + make_texts(advertising, 30, 3)
    add_corpus(workspace, "web", web, held_out_every=0)
    add_corpus(workspace, "sayings", make_texts(chinese, 60, 4))
    return workspace
