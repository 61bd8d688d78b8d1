"""GGUF models, answered by llama.cpp in a child process that may die without taking us along."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from core.errors import LabError
from core.infer.engine import check_length
from core.infer.gguf_header import read_header
from core.record.channel import read_frame, write_frame

ROOT = Path(__file__).resolve().parents[2]
LARGEST_CONTEXT = 4096  # a foreign model may have been trained on far more than memory holds


class LlamaProcess:
    """The channel to one llama.cpp child; every method of the child is a verb here.

    Args:
        python: whose llama_cpp it loads; this one's unless said otherwise.
    """

    def __init__(self, python: str = sys.executable) -> None:
        self._complaints = tempfile.TemporaryFile()  # a file, not a pipe: nobody has to drain it
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        self._process = subprocess.Popen(
            [python, "-m", "core.infer.llama_child"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._complaints,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "GGML_NO_BACKTRACE": "1"},
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )  # fmt: skip
        self.doing = ""

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def call(self, verb: str, **request):
        """Ask, wait, and return the answer.

        Raises:
            LabError: the child said why it cannot, or it died (what it was doing and its last words).
        """
        self._ask(verb, request)
        return self._reply()["ok"]

    def rows(self, verb: str, **request) -> bytes:
        """Ask for something that comes in several blocks; all of them joined."""
        self._ask(verb, request)
        blocks = []
        while True:
            reply = self._reply()
            blocks.append(reply["rows"])
            if not reply["more"]:
                return b"".join(blocks)

    def _ask(self, verb: str, request: dict) -> None:
        self.doing = verb
        if self._process.stdin.closed:
            raise self._death()
        try:
            write_frame(self._process.stdin, {"verb": verb, **request})
        except OSError:
            raise self._death() from None

    def _reply(self) -> dict:
        try:
            reply = read_frame(self._process.stdout)
        except (OSError, EOFError):
            reply = None
        if reply is None:
            raise self._death()
        if "error" in reply:
            error = reply["error"]
            raise LabError(error["problem"], error["where"], error["remedy"], **error["values"])
        return reply

    def _death(self) -> LabError:
        code = self._process.wait()
        if self._complaints.closed:
            last_words = ""
        else:
            self._complaints.seek(0)
            last_words = self._complaints.read()[-600:].decode("utf-8", "replace").strip()
        return LabError(
            "llama.cpp ended while it was asked to {doing} (exit status {code}). Its last words: {last_words}",
            "", "Load the model again; python main.py doctor checks the installation.",
            doing=self.doing, code=code, last_words=last_words or "none")

    def close(self) -> None:
        """End the child; safe to call twice."""
        process = self._process
        if not process.stdin.closed:
            try:
                process.stdin.close()
            except OSError:
                pass  # it is dead already
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        self._complaints.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class GgufEngine:
    """Any GGUF language model behind the Engine protocol.

    Args:
        path: the file.
        context: most tokens to see at once; 0 = as trained, at most 4,096.
        exact: float32 cache, no flash attention, processor only: for comparing, not for speed.
        threads: 0 = one a physical core, one core left free.
    Raises:
        LabError: not a GGUF, cut short, or of a kind that llama.cpp cannot run.
    """

    kind = "gguf"

    def __init__(self, path: str | Path, context: int = 0, exact: bool = False, threads: int = 0) -> None:
        path = Path(path)
        metadata = check_language_model(path)
        self._child = LlamaProcess()
        try:
            self._introduce(path, self._child.call(
                "load", path=str(path), n_ctx=context or default_context(metadata), exact=exact,
                threads=threads or spare_cores()))
        except LabError:
            self._child.close()
            raise

    def _introduce(self, path: Path, about: dict) -> None:
        self.path, self.name = path, path.stem
        self.vocab_size, self.context = about["n_vocab"], about["n_ctx"]
        self.end_ids = frozenset(about["ends"])
        self.start_id = about["bos"] if about["add_bos"] and about["bos"] >= 0 else None
        self.chat_template, self.architecture = about["chat_template"], about["architecture"]
        self.end_text = about["end_text"]  # what chat templates call eos_token
        self._pieces: list[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the llama.cpp child."""
        return self._child.pid

    def encode(self, text: str, special: bool = False) -> list[int]:
        """Token ids of ``text``, no start token."""
        return self._child.call("encode", text=text.encode("utf-8", "replace").decode(), special=special)

    def token_bytes(self, id: int) -> bytes:
        """The exact bytes that this token adds to the text; empty for special tokens."""
        if self._pieces is None:
            self._pieces = self._child.call("token_bytes")
        return self._pieces[id]

    def start(self, ids: list[int]) -> np.ndarray:
        """Forget everything, read ``ids``; the logits after the last, float32, (V,)."""
        check_length(self, ids, self.name)
        return np.frombuffer(self._child.call("start", ids=[int(id) for id in ids]), "<f4")

    def step(self, id: int) -> np.ndarray:
        """Read one more token; the logits after it, float32, (V,)."""
        return np.frombuffer(self._child.call("step", id=int(id)), "<f4")

    def score(self, ids: list[int]) -> np.ndarray:
        """Logits after every position, float32, (T, V)."""
        check_length(self, ids, self.name)
        rows = self._child.rows("score", ids=[int(id) for id in ids])
        return np.frombuffer(rows, "<f4").reshape(len(ids), self.vocab_size)

    def close(self) -> None:
        """End the child process."""
        self._child.close()


def default_context(metadata: dict) -> int:
    """Tokens to see at once where nobody says how many: as trained, at most 4,096."""
    return min(int(metadata.get(f"{metadata['general.architecture']}.context_length", LARGEST_CONTEXT)),
               LARGEST_CONTEXT)  # fmt: skip


def spare_cores() -> int:
    """Processor cores worth a thread each; one is left to the window and to a job that trains meanwhile.

    llama.cpp's threads wait for each other in a spin: on 2 busy cores a second thread makes it ten times slower.
    """
    import psutil

    return max(1, (psutil.cpu_count(logical=False) or os.cpu_count() or 1) - 1)


def check_language_model(path: Path) -> dict:
    """Metadata of a GGUF language model, checked before llama.cpp sees the file.

    Raises:
        LabError: no such file, another format, cut short, or not a language model.
    """
    import gguf

    header = read_header(path)
    architecture = header.metadata.get("general.architecture")
    if architecture not in gguf.MODEL_ARCH_NAMES.values():
        raise LabError(
            "This GGUF holds a model of the kind {architecture}, which llama.cpp does not know as a language model.",
            str(path), "Choose a GGUF of a language model.", architecture=str(architecture))
    if "tokenizer.ggml.model" not in header.metadata or not header.tensors:
        raise LabError(
            "This GGUF has no {part}, so it is not a whole language model.", str(path),
            "Choose the model's main file.", part="tokenizer" if header.tensors else "weights")
    return header.metadata
