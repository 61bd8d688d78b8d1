"""Cleaning in passes over shards: the same bytes however it is cut short, and whoever does the work."""

import json
import os
import random
from contextlib import suppress

import psutil
import pytest

from core.data import intake, job
from core.data.documents import Document, Documents
from core.data.filters.rules import Rules, run_sample
from core.data.filters.verdict import Draft
from core.data.readers.document import Raw, Reading
from core.data.readers.folder import gather
from core.data.split import Splitter
from core.data.stages import Blobs, Held, Result, Stages
from core.data.tally import Tally
from core.errors import LabError
from core.record.control import Control, StopRequested, request
from core.record.events import FileSkipped, Funnel, Noted, Progress
from core.record.folder import Workspace
from core.spec.corpus import CorpusSpec
from core.spec.rules.duplicates import Decontaminate, ExactDuplicates
from core.spec.rules.keywords import WordList
from core.spec.rules.text import FixText, MinimumLength

OUTPUTS = ("kept.jsonl", "kept.idx", "rejected.jsonl", "rejected.idx", "report.json")
RULES = [FixText(), MinimumLength(characters=40), ExactDuplicates(), MinimumLength(characters=60), ExactDuplicates()]
WORDS = "the frame keeps frost from young plants and lets morning light through its old glass".split()


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


@pytest.fixture
def text(tmp_path, monkeypatch):
    """A folder of files of every sort, in shards of 6 kB: twelve of them."""
    monkeypatch.setattr(intake, "SHARD_BYTES", 6000)
    folder, draw = tmp_path / "in", random.Random(3)
    folder.mkdir()
    documents = [" ".join(draw.choices(WORDS, k=draw.randint(2, 40))) for _ in range(400)]
    documents += draw.choices(documents, k=100) + ["x\x07" * 30, "知否知否，应是绿肥红瘦。" * 5]
    draw.shuffle(documents)
    (folder / "a.jsonl").write_text("".join(json.dumps({"text": d}) + "\n" for d in documents[:250]))
    (folder / "b.txt").write_bytes(b"")
    (folder / "c.jsonl").write_text("".join(
        "not json\n" if i % 50 == 7 else json.dumps({"text": d}) + "\n" for i, d in enumerate(documents[250:])))
    (folder / "d.txt").write_bytes(" ".join(WORDS).encode() * 3 + b"\xff")
    return folder


def clean(tmp_path, name="c", emit=None, **asked):
    """Run (or take up) the job on tmp_path/in; the folder and the result."""
    spec = CorpusSpec(**{"sources": [str(tmp_path / "in")], "rules": RULES, "workers": 1, **asked})
    workspace = Workspace(tmp_path / "ws")
    path = workspace.path("corpora", name)
    folder = workspace.folder("corpora", name) if path.exists() else workspace.create("corpus", name, spec)
    emit = emit or (lambda event: None)
    return folder.root, job.run(spec, folder, emit, Control(folder.root, emit))


def workers():
    """Living worker processes of this one."""
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):  # a zombie has no command line
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
    return found


def outputs(root):
    return {name: (root / name).read_bytes() for name in OUTPUTS}


def test_what_comes_out_is_in_reading_order_and_complete(tmp_path, text):
    root, result = clean(tmp_path)
    kept, rejected = list(Documents(root)), list(Documents(root, "rejected"))
    assert sorted(d.row for d in kept + rejected) == list(range(result["documents_read"]))
    for documents in (kept, rejected):
        assert [d.id for d in documents] == list(range(len(documents)))
        assert [d.row for d in documents] == sorted(d.row for d in documents)
    assert set(result["rejected"]) == {"unreadable", "minimum_length", "exact_duplicates"}
    short = next(d for d in rejected if d.rule == "minimum_length")
    assert (short.measure, short.value, short.limit) == ("characters", len(short.text), 40)
    assert all(d.measure and d.value is not None and d.limit is not None for d in rejected)


def test_shards_and_memory_come_to_the_same_as_one_pass_over_all_at_once(tmp_path, text):
    root, result = clean(tmp_path)
    report = json.loads((root / "report.json").read_text())
    whole = sorted((*Documents(root), *(d for d in Documents(root, "rejected") if d.rule != "unreadable")),
                   key=lambda d: d.row)
    drafts = [Draft(raw.text) for raw in _raw(text) if isinstance(raw, Raw)]
    sample = run_sample(RULES, drafts)
    assert [isinstance(d, Document) for d in whole] == [reason is None for reason in sample.outcomes]
    assert [d.text for d in whole] == [draft.text for draft in drafts]
    assert report["steps"] == sample.steps and report["histograms"] == sample.histograms
    assert result["bytes_kept"] == sample.steps[-1]["bytes_out"]


def _raw(folder):
    reading = Reading(lambda event: None, lambda n: None)
    for origin in gather([str(folder)]).origins:
        try:
            yield from origin.read(origin, reading)
        except LabError:
            pass


@pytest.mark.parametrize("at", [0, 3, 14, 24, 27])
def test_a_job_killed_anywhere_and_taken_up_again_leaves_the_same_bytes(tmp_path, text, monkeypatch, at):
    monkeypatch.setattr(job, "_REPORT_EVERY_S", 0.0)
    calm, result = clean(tmp_path, "calm")
    writes, put = [], Stages.write

    def count_and_die(stages, stage, shard, *rest):
        if len(writes) == at:
            raise Killed
        writes.append((stage, shard))
        put(stages, stage, shard, *rest)

    monkeypatch.setattr(Stages, "write", count_and_die)
    with pytest.raises(Killed):
        clean(tmp_path, "killed")
    before, writes[:] = list(writes), [None] * 1000
    monkeypatch.setattr(Stages, "write", lambda stages, *rest: (writes.append(rest[:2]), put(stages, *rest)))
    root, again = clean(tmp_path, "killed")
    assert outputs(root) == outputs(calm) and again["files_skipped"] == result["files_skipped"] == 1
    assert not set(before) & set(writes[1000:])  # what was finished is not done again


def test_a_job_killed_while_it_decides_or_merges_leaves_the_same_bytes(tmp_path, text, monkeypatch):
    calm, _ = clean(tmp_path, "calm")
    for name, target in (("a", "core.data.dedup.exact.FingerprintSet.add"), ("b", "core.data.job.merge"),
                         ("c", "core.data.documents.DocumentWriter.commit"), ("d", "core.data.job.write_json")):
        with monkeypatch.context() as patch:
            patch.setattr(target, _die)
            with pytest.raises(Killed):
                clean(tmp_path, name)
        assert outputs(clean(tmp_path, name)[0]) == outputs(calm)


def _die(*_args):
    raise Killed


def test_a_job_killed_after_its_report_stood_is_not_done_again(tmp_path, text, monkeypatch):
    _, first = clean(tmp_path)
    (tmp_path / "ws/corpora/c" / "work" / "0").mkdir(parents=True)
    monkeypatch.setattr(job, "gather", _die)
    root, second = clean(tmp_path)
    assert second | {"elapsed_s": 0} == first | {"elapsed_s": 0} and not (root / "work").exists()


def test_changed_sources_begin_the_work_anew(tmp_path, text, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("core.data.job.merge", _die)
        with pytest.raises(Killed):
            clean(tmp_path)
    (text / "e.txt").write_text("one more file, which was not there before: " + " ".join(WORDS))
    root, _ = clean(tmp_path)
    assert outputs(root) == outputs(clean(tmp_path, "other")[0])


def test_a_changed_list_of_words_begins_the_work_anew(tmp_path, text, monkeypatch):
    words = tmp_path / "words.txt"
    words.write_text("frost\n")
    asked = {"rules": [WordList(file=str(words), per_thousand=20.0), ExactDuplicates()]}
    with monkeypatch.context() as patch:
        patch.setattr("core.data.job.merge", _die)
        with pytest.raises(Killed):
            clean(tmp_path, **asked)
    words.write_text("lets\nlight\n")
    root, _ = clean(tmp_path, **asked)
    assert outputs(root) == outputs(clean(tmp_path, "other", **asked)[0])


def test_any_number_of_processes_leaves_the_same_bytes_and_ends_with_the_job(tmp_path, text, monkeypatch):
    alone, _ = clean(tmp_path, "alone")
    monkeypatch.setattr(job, "_ALONE_BYTES", 0)
    events = []
    crew, _ = clean(tmp_path, "crew", events.append, workers=3)
    assert outputs(crew) == outputs(alone)
    assert not workers()
    last = [e for e in events if isinstance(e, Funnel)][-1]
    assert last.documents_kept == len(Documents(crew))


def test_a_worker_that_dies_is_told_in_one_sentence_and_the_job_can_be_taken_up(tmp_path, text, monkeypatch):
    calm, _ = clean(tmp_path, "calm")
    monkeypatch.setattr(job, "_ALONE_BYTES", 0)
    monkeypatch.setattr(job, "_REPORT_EVERY_S", 0.0)

    def kill_one(event):
        if isinstance(event, Funnel) and event.documents_read:
            for child in workers():
                child.kill()

    with pytest.raises(LabError, match="process ended before its work was done") as caught:
        clean(tmp_path, "killed", kill_one, workers=2)
    assert "Resume" in caught.value.remedy
    assert outputs(clean(tmp_path, "killed", workers=2)[0]) == outputs(calm)


def test_a_stopped_job_goes_on_and_leaves_the_same_bytes(tmp_path, text, monkeypatch):
    calm, _ = clean(tmp_path, "calm")
    monkeypatch.setattr(job, "_REPORT_EVERY_S", 0.0)
    root = tmp_path / "ws/corpora/stopped"

    def stop_soon(event):
        if isinstance(event, Progress) and event.done > 0 and not list(root.glob("asked")):
            (root / "asked").touch()
            request(root, "stop")

    with pytest.raises(StopRequested):
        clean(tmp_path, "stopped", stop_soon)
    assert not (root / "kept.jsonl").exists() and (root / "work").is_dir()
    assert outputs(clean(tmp_path, "stopped")[0]) == outputs(calm)


def test_progress_never_goes_back_within_a_phase_nor_beyond_its_total(tmp_path, text, monkeypatch):
    monkeypatch.setattr(job, "_REPORT_EVERY_S", 0.0)
    events = []
    clean(tmp_path, emit=events.append)
    done = 0.0
    for event in events:
        if not isinstance(event, Progress):
            done = 0.0 if type(event).__name__ == "Phase" else done
            continue
        assert done <= event.done <= event.total
        done = event.done
    names = [e.name for e in events if type(e).__name__ == "Phase"]
    assert names[:3] == ["Listing files", "Reading and cleaning", "Comparing all documents"]


def test_what_an_earlier_attempt_told_of_a_file_is_not_told_again(tmp_path, text, monkeypatch):
    (text / "a.jsonl").write_bytes((text / "a.jsonl").read_bytes() + b"\xff\n")
    told, put = [], Stages.write

    def die_at_three(stages, stage, shard, *rest):
        if (stage, shard) == (0, 2):
            raise Killed
        put(stages, stage, shard, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(Stages, "write", die_at_three)
        with pytest.raises(Killed):
            clean(tmp_path, emit=told.append)
    clean(tmp_path, emit=told.append)
    notes = [e.values["path"] for e in told if isinstance(e, Noted) and "path" in e.values]
    assert [os.path.basename(path) for path in notes] == ["a.jsonl", "d.txt"]
    assert len([e for e in told if isinstance(e, FileSkipped)]) == 1


def test_reading_stops_at_the_number_of_documents_also_when_it_is_taken_up_there(tmp_path, text, monkeypatch):
    calm, _ = clean(tmp_path, "calm", max_documents=73)
    monkeypatch.setattr(intake, "SHARD_DOCUMENTS", 73)
    put = Stages.write

    def die_after_first(stages, stage, shard, *rest):
        if stage:
            raise Killed
        put(stages, stage, shard, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(Stages, "write", die_after_first)
        with pytest.raises(Killed):
            clean(tmp_path, "killed", max_documents=73)
    root, result = clean(tmp_path, "killed", max_documents=73)
    assert result["documents_read"] == 73 and outputs(root)["kept.jsonl"] == outputs(calm)["kept.jsonl"]


def test_a_shard_on_disk_comes_back_as_it_was(tmp_path):
    stages = Stages(tmp_path)
    stages.prepare({}, 2)
    held = [Held(5, "텍스트\0", "s", 3, True, 0.25, [{"start": 1}], b"m"), Held(9, "", "s", 1)]
    aside, notes = Blobs.pack([1, 2**40], [b"", b"two"]), Blobs.pack([], [])
    stages.write(0, 0, held, aside, Result(tally=Tally(documents_read=4), notes=notes))
    assert stages.documents(0, 0) == held and list(stages.aside(0, 0)) == [(1, b""), (2**40, b"two")]
    assert stages.result(0, 0).tally.documents_read == 4 and stages.shards() == 1
    stages.write(1, 0, [], aside, Result(tally=Tally()))
    assert not (stages.root / "0" / "000000.documents").exists() and stages.is_done(0, 0)


def test_rules_that_see_the_whole_corpus_part_the_passes():
    passes = Rules(RULES).passes
    assert [(part.opening and part.opening.index, [s.index for s in part.filters], part.closing and part.closing.index)
            for part in passes] == [(None, [0, 1], 2), (2, [3], 4), (4, [], None)]


def test_small_corpora_start_no_process(tmp_path, text, monkeypatch):
    monkeypatch.setattr(job, "Crew", _die)
    assert clean(tmp_path, workers=4)[1]["documents_kept"]


def test_what_a_small_corpus_comes_to_hold_out_after_all_is_free_of_overlap_too(tmp_path):
    """By chance none of twelve documents is held out at once; then one is, and its near-copy must not stay."""
    draw = random.Random(1)
    starts = [" ".join(f"word{draw.randrange(500)}" for _ in range(60)) for _ in range(6)]
    texts = starts + [f"{start} {' '.join(f'other{draw.randrange(500)}' for _ in range(40))}" for start in starts]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    mended = 0
    for seed in range(6):
        spec = CorpusSpec(sources=[str(tmp_path / "a.jsonl")], rules=[Decontaminate()], seed=seed, workers=1)
        mended += not any(Splitter(0.05, seed).number(Draft(text)) < 0.05 for text in texts)
        folder = Workspace(tmp_path).create("corpus", f"c{seed}", spec)
        job.run(spec, folder, lambda event: None, Control(folder.root, lambda event: None))
        kept = {"train": [], "held_out": []}
        for document in Documents(folder.root):
            kept[document.split].append(document.text[: min(map(len, starts))])
        assert kept["held_out"] and not set(kept["held_out"]) & set(kept["train"])
    assert mended  # or nothing was tried
