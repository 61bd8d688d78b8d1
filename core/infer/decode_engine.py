"""GGUF models computed by our own decoder; llama.cpp, in its child, only reads and writes their text."""

from pathlib import Path

import numpy as np

from core.errors import LabError
from core.infer.engine import check_length
from core.infer.gguf import GgufEngine, LlamaProcess, check_language_model, default_context, spare_cores
from core.infer.gguf_header import read_header
from core.infer.gguf_weights import open_weights, plan
from core.kernels import decode


def computes(path: str | Path) -> bool:
    """Whether our decoder runs this file: it was built, and the file's design and number formats are among its own.

    The environment's COLDFRAME_ISA=none leaves every file to llama.cpp.

    Raises:
        LabError: not a GGUF, or cut short.
    """
    return decode.built() and plan(read_header(Path(path))) is not None


class DecodeEngine(GgufEngine):
    """One GGUF of the Llama or GPT-2 shape in F32, F16, Q8_0 or Q4_0 behind the Engine protocol.

    Args:
        path: a file that ``computes`` accepts.
        context: most tokens to see at once; 0 = as trained, at most 4,096.
        cache: of keys and values: "f32"; "bf16" for half the memory; or "int8" for little more than a quarter.
        threads: 0 = one a physical core, one core left free.
    Raises:
        LabError: not a GGUF, cut short, llama.cpp cannot read its tokenizer, or its heads do not suit the cache.
    """

    def __init__(self, path: str | Path, context: int = 0, cache: str = "f32", threads: int = 0) -> None:
        path = Path(path)
        metadata = check_language_model(path)
        sizes = plan(read_header(path))
        assert sizes is not None, "a file for llama.cpp"
        if cache == "int8" and sizes.head_size % decode.PANEL:
            raise LabError(
                "This model has heads of {size} features; a cache of 8 bits needs a multiple of {multiple}.", path.name,
                "Choose bf16.", size=sizes.head_size, multiple=decode.PANEL)
        self._child = LlamaProcess()
        try:
            self._introduce(path, self._child.call("read_vocabulary", path=str(path)))
        except LabError:
            self._child.close()
            raise
        self.context = min(context or default_context(metadata), sizes.context)
        self.vocab_size = sizes.vocab
        self._model = open_weights(path, sizes, self.context, cache, threads or spare_cores())

    def start(self, ids: list[int]) -> np.ndarray:
        """Forget everything, read ``ids``; the logits after the last, float32, (V,)."""
        self._begin(ids)
        return self._model.read(ids)[0]

    def step(self, id: int) -> np.ndarray:
        """Read one more token; the logits after it, float32, (V,)."""
        self._check_ids([id])
        if self._model.position >= self.context:
            raise LabError(
                "The model's context of {context} tokens is full.", self.name, "Start anew.", context=self.context)
        return self._model.read([id])[0]

    def score(self, ids: list[int]) -> np.ndarray:
        """Logits after every position, float32, (T, V)."""
        self._begin(ids)
        return self._model.read(ids, "all")

    def close(self) -> None:
        """Let go of the weights, and end the child process."""
        self._model = None
        super().close()

    def _begin(self, ids: list[int]) -> None:
        check_length(self, ids, self.name)
        self._check_ids(ids)
        self._model.forget()

    def _check_ids(self, ids: list[int]) -> None:
        wrong = next((id for id in ids if not 0 <= id < self.vocab_size), None)
        if wrong is not None:
            raise LabError("There is no token {id} in this model.", self.name, "Encode the text anew.", id=wrong)
