"""The command line as a person or a script meets it: output, exit status, one sentence for a mistake."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.cli import demo, words
from core.cli.entry import run
from core.cli.follow import Screen
from core.record import events as ev
from core.record.folder import Workspace
from core.record.view import read_view

ROOT = Path(__file__).resolve().parents[2]
TEXT = "The quick brown fox jumps over the lazy dog, again and again, until the evening comes. "


def no_window(*_args, **_options):
    raise AssertionError("the window must not open here")


def main(*arguments: str, timeout_s: float = 60, **environment) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "main.py", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=timeout_s,
        env={**os.environ, **environment})  # fmt: skip


@pytest.fixture
def texts(tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    for number in range(4):
        (folder / f"{number}.txt").write_text(f"Document {number}. {TEXT}")
    (folder / "copy.txt").write_text(f"Document 0. {TEXT}")
    (folder / "tiny.txt").write_text("short")
    return folder


def test_clean_prints_exactly_one_json_object(texts, tmp_path):
    done = main("clean", str(texts), "--workspace", str(tmp_path / "w"), "--name", "c", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["documents_read"], result["documents_kept"]) == (6, 4)
    assert result["rejected"] == {"minimum_length": 1, "exact_duplicates": 1}
    assert result["bytes_read"] > result["bytes_kept"] > 0 and result["elapsed_s"] >= 0
    assert done.stderr  # progress went elsewhere


def test_a_wrong_request_costs_one_sentence_and_status_2(tmp_path, capsys):
    for arguments in (
        ["clean", str(tmp_path / "nowhere"), "--workspace", str(tmp_path)],
        ["clean", "--workspace", str(tmp_path)],
        ["train", "absent", "--tokenizer", "t", "--workspace", str(tmp_path)],
        ["train", "absent", "--tokenizer", "t", "--steps", "0", "--workspace", str(tmp_path)],
        ["train", "--preset", "absent", "--workspace", str(tmp_path)],
        ["resume", "absent", "--workspace", str(tmp_path)],
        ["generate", "--source", "run:absent", "--prompt", "x", "--workspace", str(tmp_path)],
        ["generate", "--source", str(tmp_path / "absent.gguf"), "--prompt", "x"],
    ):
        assert run(arguments, no_window) == 2, arguments
        output = capsys.readouterr()
        assert output.out == "" and output.err.strip(), arguments
        assert "Traceback" not in output.err


def test_an_unknown_option_is_answered_with_the_nearest_one(capsys):
    with pytest.raises(SystemExit) as left:
        run(["train", "c", "--tokeniser", "t"], no_window)
    assert left.value.code == 2
    error = capsys.readouterr().err
    assert "Did you mean --tokenizer?" in error and error.count("\n") == 1


def test_an_option_of_another_verb_is_not_offered_in_its_own_place(capsys):
    with pytest.raises(SystemExit):
        run(["inspect", "--out", "elsewhere"], no_window)
    error = capsys.readouterr().err
    assert "Other verbs have --out, this one does not." in error and "Did you mean" not in error


def test_no_verb_opens_the_window_and_demo_starts_in_it(monkeypatch, tmp_path):
    opened = []
    monkeypatch.setattr(demo, "has_display", lambda: True)
    window = lambda workspace, start_demo=False: opened.append((workspace, start_demo)) or 0  # noqa: E731
    assert run([], window) == 0
    assert run(["demo", "--out", str(tmp_path)], window) == 0
    assert opened == [(None, False), (tmp_path, True)]


def test_no_display_and_no_verb_is_said_in_a_sentence():
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}  # fmt: skip
    done = subprocess.run([sys.executable, "main.py"], cwd=ROOT, capture_output=True, text=True, env=environment)
    if sys.platform.startswith("linux"):
        assert done.returncode == 2 and "no display" in done.stderr


def test_a_detached_job_goes_on_and_can_be_found_later(texts, tmp_path):
    done = main("clean", str(texts), "--workspace", str(tmp_path), "--name", "c", "--detach", "--json")
    folder = Path(json.loads(done.stdout)["folder"])
    deadline = time.monotonic() + 30
    while read_view(folder).state != "completed" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert read_view(folder).state == "completed"


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C as a signal")
@pytest.mark.parametrize(("presses", "state", "said"), [
    (1, "completed", "The job goes on in"),
    (2, "stopped", "resume"),
])  # fmt: skip
def test_one_ctrl_c_leaves_the_job_running_and_two_stop_it(tmp_path, presses, state, said):
    lines = tmp_path / "many.txt"
    lines.write_text(TEXT)
    slow = tmp_path / "slow.py"
    slow.write_text(SLOW_WORKER.format(root=str(ROOT)))
    terminal = subprocess.Popen(
        [sys.executable, str(slow), str(tmp_path / "w"), str(lines)], stderr=subprocess.PIPE, text=True, cwd=ROOT)
    folder = tmp_path / "w" / "corpora" / "c"
    deadline = time.monotonic() + 30
    while "started" not in _log(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    for _ in range(presses):
        terminal.send_signal(signal.SIGINT)
        time.sleep(0.7)
    _, error = terminal.communicate(timeout=30)
    assert terminal.returncode == 1
    assert said in error
    while read_view(folder).live and time.monotonic() < deadline + 30:
        time.sleep(0.1)
    assert read_view(folder).state == state


def _log(folder: Path) -> str:
    path = folder / "events.jsonl"
    return path.read_text() if path.is_file() else ""


# A real worker process on a real folder, whose work is to wait five seconds in steps that can be stopped.
SLOW_WORKER = '''
import signal, sys, time
sys.path.insert(0, "{root}")
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are born deaf to Ctrl-C
from core.jobs import registry

def run(spec, folder, emit, control):
    for step in range(50):
        control.check(step)
        time.sleep(0.1)
    return {{}}

registry.KINDS["corpus"] = registry.Kind("core.spec.corpus:CorpusSpec", "__main__:run")
if sys.argv[1] == "worker":
    from core.jobs.worker import main
    sys.exit(main(sys.argv[2]))
import subprocess
import core.cli.follow as follow
from core.cli.entry import run as command
follow.launch = lambda folder: subprocess.Popen(
    [sys.executable, __file__, "worker", str(folder.root)], start_new_session=True)
sys.exit(command(["clean", sys.argv[2], "--workspace", sys.argv[1], "--name", "c"], None))
'''


def test_the_demo_reports_what_its_stages_measured(tmp_path):
    workspace = Workspace(tmp_path)
    for room in ("corpora", "exports"):
        (tmp_path / room / "first").mkdir(parents=True)
        (tmp_path / room / "first" / "spec.toml").write_text('kind = "x"\n[spec]\n')
    from core.record.log import EventLog

    corpus = EventLog(tmp_path / "corpora" / "first" / "events.jsonl")
    corpus(ev.Funnel(documents_read=5, documents_kept=4, bytes_read=9, bytes_kept=8, rejected={"short": 1}))
    exports = EventLog(tmp_path / "exports" / "first" / "events.jsonl")
    exports(ev.Verified(format="onnx", file="a.onnx", bytes=7, max_logit_difference=1e-5, top1_agreement=1.0,
                        perplexity=12.5, verdict="Answers alike in {share}.", values={"share": "all"}, within=True))
    grown = {
        "tokenizer": {"vocab_size": 300, "bytes_per_token": 2.5, "kind": "bpe"},
        "train": {"parameters": 10, "first_val_bits_per_byte": 4.0, "last_val_bits_per_byte": 2.0, "tokens_per_s": 9.0,
                  "steps": 3},
    }  # fmt: skip
    assert demo.report(workspace, "first", grown, 12.345) == {
        "corpus": {"documents_read": 5, "documents_kept": 4, "rejected": {"short": 1}},
        "tokenizer": {"vocab_size": 300, "bytes_per_token": 2.5},
        "model": {"parameters": 10},
        "train": {"first_val_bits_per_byte": 4.0, "last_val_bits_per_byte": 2.0, "tokens_per_s": 9.0},
        "exports": [{"format": "onnx", "file": str(tmp_path / "exports" / "first" / "a.onnx"), "bytes": 7,
                     "max_logit_difference": 1e-5, "top1_agreement": 1.0, "perplexity": 12.5,
                     "verdict": "Answers alike in all."}],
        "elapsed_s": 12.3,
    }  # fmt: skip


def test_every_lasting_line_is_one_line_and_progress_shows_its_share():
    lines = [
        words.lasting(ev.Sampled(step=3, prompt="a", text="two\nlines " * 40)),
        words.lasting(ev.FileSkipped(path="a.txt", problem="It holds {what}.", values={"what": "no text"})),
        words.lasting(ev.Verified(format="onnx", file="a", bytes=1_200_000, max_logit_difference=2e-5,
                                  top1_agreement=0.9975, verdict="Good.")),
        words.passing(ev.Progress(done=1500, total=2000, unit="steps")),
    ]  # fmt: skip
    assert all(line and "\n" not in line for line in lines)
    assert "a.txt: It holds no text." in lines[1]
    assert "1.2 MB" in lines[2] and "99.75%" in lines[2]
    assert "75%" in lines[3] and "1,500 of 2,000 steps" in lines[3]


def test_a_screen_that_is_a_file_gets_few_progress_lines():
    stream = io.StringIO()
    screen = Screen(stream)
    for number in range(100):
        screen.progress(f"{number} %")
    screen.line("done")
    assert stream.getvalue().splitlines() == ["0 %", "done"]


def test_bench_says_lane_machine_and_rows(monkeypatch, capsys):
    import core.kernels.bench
    import core.kernels.library

    row = {"name": "attention", "unit": "ms", "ours": 1.0, "rival": 2.0, "rival_name": "torch", "ratio": 2.0,
           "spread": [1.9, 2.1]}  # fmt: skip
    monkeypatch.setattr(core.kernels.library, "load", lambda: None)
    monkeypatch.setattr(core.kernels.bench, "bench_kernels", lambda threads, seconds, say: [row])
    assert run(["bench", "kernels", "--json"], no_window) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["lane"] == "kernels" and report["rows"] == [row] and "threads" in report["machine"]
    assert run(["bench", "kernels"], no_window) == 0
    assert "2.00" in capsys.readouterr().out
