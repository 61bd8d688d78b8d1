"""Rules tried on a sample: the same sample each time, the same verdicts as the job, only what changed run again."""

import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from core.data import preview as preview_module
from core.data.job import run
from core.data.preview import Preview
from core.data.report import read_report
from core.data.sample import DOCUMENTS, draw_sample
from core.errors import LabError
from core.record.folder import Workspace
from core.spec.corpus import CorpusSpec
from core.spec.rules.duplicates import ExactDuplicates
from core.spec.rules.text import FixText, MinimumLength

ROOT = Path(__file__).resolve().parents[2]
RULES = [FixText(), MinimumLength(characters=40), ExactDuplicates()]


@pytest.fixture
def text_folder(tmp_path):
    folder = tmp_path / "text"
    folder.mkdir()
    for number in range(60):
        words = " ".join(f"word{number}x{i}" for i in range(number))
        (folder / f"{number:02d}.txt").write_text(f"{words} na\u00c3\u00afve caf\u00c3\u00a9" if number % 2 else words)
    (folder / "copy.txt").write_text((folder / "40.txt").read_text())
    (folder / "picture.png").write_bytes(b"\x89PNG")
    return folder


def spec_of(folder, rules=RULES):
    return CorpusSpec(sources=[str(folder)], rules=rules, workers=1)


def test_a_sample_of_everything_is_judged_as_the_job_judges(text_folder, tmp_path):
    answer = Preview(tmp_path).run(1, spec_of(text_folder))
    assert answer.whole
    folder = Workspace(tmp_path / "ws").create("corpus", "c", spec_of(text_folder))
    run(spec_of(text_folder), folder, lambda event: None, _NoControl())
    report = read_report(folder.root)
    assert answer.steps == report["steps"]
    assert answer.histograms == report["histograms"]
    assert sum(fate.rule != "" for fate in answer.fates) == sum(report["rejected"].values()) - sum(
        answer.refused.values())  # fmt: skip


class _NoControl:
    def check(self, *_, **__):
        return None

    poll = check


def test_the_sample_is_the_same_each_time_and_spread_over_the_files(tmp_path):
    for number in range(300):
        (tmp_path / f"{number:03d}.txt").write_text("\n\n".join(f"{number} {i} " + "text " * 40 for i in range(40)))
    spec = CorpusSpec(sources=[str(tmp_path)], split="blank-line")
    one, other = draw_sample(spec), draw_sample(spec)
    assert one.raws == other.raws and not one.whole
    assert len(one.raws) <= DOCUMENTS
    files = {Path(raw.source).name for raw in one.raws}
    assert len(files) >= 50 and min(files) < "050" and max(files) > "250"
    assert one.documents_estimated == pytest.approx(300 * 40, rel=0.1)


def test_a_huge_file_is_not_read_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr("core.data.sample.READ_BYTES", 1 << 20)
    (tmp_path / "big.txt").write_text("A line of text in a big file.\n\n" * 300_000)
    sample = draw_sample(CorpusSpec(sources=[str(tmp_path)]))
    assert sample.bytes_read < 3 << 20 and not sample.whole
    assert sample.documents_estimated > 3 * sample.seen


def test_only_rules_after_the_change_run_again(text_folder, tmp_path, monkeypatch):
    ran = []
    real = Preview._run_rule
    monkeypatch.setattr(Preview, "_run_rule", lambda self, rule, *rest: ran.append(rule) or real(self, rule, *rest))
    preview = Preview(tmp_path)
    first = preview.run(1, spec_of(text_folder))
    assert ran == RULES
    ran.clear()
    stricter = [RULES[0], MinimumLength(characters=200), RULES[2]]
    second = preview.run(2, spec_of(text_folder, stricter), first.sample)
    assert ran == stricter[1:] and second.texts is None
    assert second.steps[1]["documents_out"] < first.steps[1]["documents_out"]
    ran.clear()
    assert preview.run(3, spec_of(text_folder)).steps == first.steps and ran == []  # undone: it is remembered


def test_a_text_that_a_rule_has_seen_is_not_judged_again(text_folder, tmp_path, monkeypatch):
    judged = []
    real = preview_module._judged
    monkeypatch.setattr(preview_module, "_judged", lambda judge, draft: judged.append(draft.text) or real(judge, draft))
    preview = Preview(tmp_path)
    everything = preview.run(1, spec_of(text_folder))
    assert len(judged) > 100
    judged.clear()
    reordered = preview.run(2, spec_of(text_folder, [RULES[2], RULES[0], RULES[1]]))
    assert judged == []  # each text is as before wherever the rule stands
    assert reordered.steps[-1]["documents_out"] == everything.steps[-1]["documents_out"]


def test_a_change_of_sources_is_sampled_anew(text_folder, tmp_path):
    preview = Preview(tmp_path)
    first = preview.run(1, spec_of(text_folder))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "one.txt").write_text("something else " * 10)
    second = preview.run(2, spec_of(tmp_path / "other"), first.sample)
    assert second.sample != first.sample and second.documents == 1 and second.texts is not None


def test_switched_off_rules_do_nothing(text_folder, tmp_path):
    off = [replace(rule, on=False) for rule in RULES]
    answer = Preview(tmp_path).run(1, spec_of(text_folder, off))
    assert answer.steps == [] and all(not fate.rule for fate in answer.fates)


def test_a_fate_says_why_and_what_was_changed(text_folder, tmp_path):
    answer = Preview(tmp_path).run(1, spec_of(text_folder))
    names = [Path(source).name for source, _ in answer.sources]
    fates = dict(zip(names, answer.fates, strict=True))
    short = fates["01.txt"]
    assert (short.rule, short.measure, short.limit) == ("minimum_length", "characters", 40)
    assert short.value == len(answer.texts[short.row].replace("\u00c3\u00af", "ï").replace("\u00c3\u00a9", "é").strip())
    assert fates["31.txt"].text.endswith("naïve café") and fates["30.txt"].text is None
    assert {fates["40.txt"].rule, fates["copy.txt"].rule} == {"", "exact_duplicates"}


def test_counting_opens_nothing(text_folder, tmp_path):
    counted = Preview(tmp_path).count(7, [str(text_folder)])
    assert (counted.id, counted.files, counted.unknown) == (7, 61, {".png": 1})
    assert counted.endings == {".txt": 61} and counted.n_bytes == sum(
        path.stat().st_size for path in text_folder.glob("*.txt"))  # fmt: skip


def test_a_preview_that_is_no_longer_wanted_ends_early(text_folder, tmp_path):
    def stop():
        raise LabError("stop")

    with pytest.raises(LabError):
        Preview(tmp_path).run(1, spec_of(text_folder), check=stop)


def test_a_missing_source_is_one_sentence(tmp_path):
    with pytest.raises(LabError, match="no such file"):
        Preview(tmp_path).run(1, spec_of(tmp_path / "nowhere"))


def test_the_way_of_the_preview_needs_no_torch(text_folder, tmp_path):
    program = """
import sys
from pathlib import Path
from core.jobs.session import Session
from core.spec import messages as m
from core.spec.corpus import CorpusSpec
sent = []
session = Session(Path(sys.argv[1]), sent.append)
session.take(m.CountSources(id=1, sources=[sys.argv[2]]))
session.take(m.CleanPreview(id=2, spec=CorpusSpec(sources=[sys.argv[2]])))
session.take(m.CleanPreview(id=3, spec=CorpusSpec(sources=["/no/where"])))
session._waiting.put(None)
session.work()
print([type(event).__name__ for event in sent], "torch" in sys.modules, "numpy" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "ws"), str(text_folder)], cwd=ROOT, capture_output=True,
        text=True, timeout=60, check=True)  # fmt: skip
    assert "['SourcesCounted', 'CleanPreviewed', 'Problem'] False True" in done.stdout, done.stdout + done.stderr
