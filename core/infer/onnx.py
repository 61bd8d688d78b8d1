"""Our own ONNX exports, answered by ONNX Runtime with a key/value cache."""

from pathlib import Path

import numpy as np

from core.errors import LabError
from core.infer.engine import check_length

SPEC_KEY, TOKENIZER_KEY = "coldframe.spec", "coldframe.tokenizer"
END = 0  # <|endoftext|> starts every text of ours and ends every answer


class OnnxEngine:
    """An ONNX file written by the lab behind the Engine protocol.

    Args:
        path: the file; it carries its own tokenizer.
        threads: 0 = one a physical core, one core left free.
    Raises:
        LabError: no such file, not ONNX, cut short, or not written by the lab.
    """

    kind = "onnx"
    chat_template = None
    start_id = END
    end_ids = frozenset({END})

    def __init__(self, path: str | Path, threads: int = 0) -> None:
        self.path = Path(path)
        self.name = self.path.stem
        self._session = _open_session(self.path, threads)
        carried = self._session.get_modelmeta().custom_metadata_map
        if SPEC_KEY not in carried or TOKENIZER_KEY not in carried:
            raise LabError(
                "This ONNX file was not written by Coldframe: it carries no tokenizer.", str(path),
                "Choose an ONNX file that Coldframe exported.")
        self.spec = _read_spec(carried[SPEC_KEY], self.path)
        self._tokenizer = _read_tokenizer(carried[TOKENIZER_KEY])
        self.vocab_size, self.context = self.spec.vocab_size, self.spec.context
        self._past: list[np.ndarray] | None = None

    def encode(self, text: str, special: bool = False) -> list[int]:
        """Token ids of ``text``, no start token."""
        return self._tokenizer.encode(text, special=special)

    def token_bytes(self, id: int) -> bytes:
        """The exact bytes that this token adds to the text; empty for special tokens."""
        return self._tokenizer.token_bytes(id)

    def start(self, ids: list[int]) -> np.ndarray:
        """Forget everything, read ``ids``; the logits after the last, float32, (V,)."""
        check_length(self, ids, self.name)
        self._past = None
        return self._read(ids)[-1]

    def step(self, id: int) -> np.ndarray:
        """Read one more token; the logits after it, float32, (V,)."""
        if self._past is None:
            return self.start([id])
        if self._past[0].shape[3] >= self.context:
            raise LabError(
                "The model's context of {context} tokens is full.", self.name, "Start anew.", context=self.context)
        return self._read([id])[-1]

    def score(self, ids: list[int]) -> np.ndarray:
        """Logits after every position, float32, (T, V)."""
        check_length(self, ids, self.name)
        return self._session.run(["logits"], {"ids": np.array([ids], np.int64)})[0][0]

    def close(self) -> None:
        """Free the memory."""
        self._session = self._past = None

    def _read(self, ids: list[int]) -> np.ndarray:
        feed = {"ids": np.array([ids], np.int64)}
        if self._past is not None:
            feed |= dict(zip(("past_key", "past_value"), self._past, strict=True))
        logits, *self._past = self._session.run(["logits", "present_key", "present_value"], feed)
        return logits[0]


def _open_session(path: Path, threads: int):
    import onnxruntime

    from core.infer.gguf import spare_cores

    if not path.is_file():
        raise LabError("There is no such file.", str(path), "Check the path.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or spare_cores()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting threads leave the core to others
    options.log_severity_level = 4  # what goes wrong is raised; its warnings are for its developers
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises a dozen classes that share no base of their own
        raise LabError(
            "ONNX Runtime does not accept this file: {reason}.", str(path),
            "Get it again, or export the model again.", reason=str(error)[:200].rstrip(".")) from None


def _read_spec(text: str, path: Path):
    import json

    from core.spec.base import build
    from core.spec.model import ModelSpec

    return build(ModelSpec, json.loads(text), str(path))


def _read_tokenizer(text: str):
    import tempfile

    from core.tokens.tokenizer import Tokenizer

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tokenizer.json").write_text(text, "utf-8")
        return Tokenizer.load(Path(folder))
