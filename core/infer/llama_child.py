"""llama.cpp in a process of its own: it aborts where others raise, so nobody else may load it.

Run as ``python -m core.infer.llama_child``; requests and replies are frames on standard input
and output (core.record.channel). A request is ``{"verb": name, ...}``; replies are
``{"ok": value}``, ``{"rows": float32 bytes, "more": bool}`` or ``{"error": {...}}``.
This is the only module that imports llama_cpp.
"""

import collections
import ctypes
import os
import time

import numpy as np

from core.errors import LabError
from core.record.channel import read_frame, take_stdio, write_frame

ROWS_AT_ONCE = 256  # positions decoded in one call when all their logits are wanted
READ_AT_ONCE = 512  # positions decoded in one call when only the last logits are wanted
F32_CACHE, F16_CACHE = 0, 1  # ggml types of the key/value cache
QUANTIZED = {"f16": 1, "q4_0": 2, "q8_0": 7, "q4_k_m": 15}  # llama_ftype
KEPT_LEVELS = (3, 4)  # ggml's warnings and errors; 5 only continues a line


class Llama:
    """One loaded model and its context; every method name is a verb of the channel."""

    def __init__(self, library) -> None:
        self.lib = library
        self.complaints: collections.deque[str] = collections.deque(maxlen=8)
        self._log = library.llama_log_callback(self._keep_complaint)  # a reference, or it is collected
        library.llama_log_set(self._log, ctypes.c_void_p(0))
        library.llama_backend_init()
        self.model = self.context = self.vocab = self.batch = None
        self.n_ctx = self.n_vocab = self.position = 0

    def _keep_complaint(self, level: int, text: bytes, _user_data) -> None:
        if level in KEPT_LEVELS:
            line = text.decode("utf-8", "replace").strip()
            if line:
                self.complaints.append(line)
                os.write(2, (line + "\n").encode())

    def load(self, path: str, n_ctx: int = 0, exact: bool = False, threads: int = 2) -> dict:
        """Open a model; ``exact`` keeps the cache in float32 and computes on the processor alone."""
        lib = self.lib
        settings = lib.llama_model_default_params()
        if exact:
            settings.n_gpu_layers = 0
        self._open(path, settings)
        if lib.llama_model_has_encoder(self.model) or not lib.llama_model_has_decoder(self.model):
            raise LabError(
                "This model reads text but does not continue it.", path, "Choose a model that generates text.")
        trained = lib.llama_model_n_ctx_train(self.model)
        self.n_ctx = min(n_ctx or trained, trained)
        self.context = lib.llama_init_from_model(self.model, self._context_settings(exact, threads))
        if not self.context:
            raise self._refusal(path)
        self.batch = lib.llama_batch_init(READ_AT_ONCE, 0, 1)
        return self.info()

    def read_vocabulary(self, path: str) -> dict:
        """Open a model's tokenizer alone, for whoever computes the model without llama.cpp."""
        settings = self.lib.llama_model_default_params()
        settings.vocab_only = True
        self._open(path, settings)
        return self.info()

    def _open(self, path: str, settings) -> None:
        self.model = self.lib.llama_model_load_from_file(os.fsencode(path), settings)
        if not self.model:
            raise self._refusal(path)
        self.vocab = self.lib.llama_model_get_vocab(self.model)
        self.n_vocab = self.lib.llama_vocab_n_tokens(self.vocab)

    def _context_settings(self, exact: bool, threads: int):
        settings = self.lib.llama_context_default_params()
        settings.n_ctx, settings.n_batch, settings.n_ubatch = self.n_ctx, READ_AT_ONCE, READ_AT_ONCE
        settings.n_threads = settings.n_threads_batch = threads
        settings.type_k = settings.type_v = F32_CACHE if exact else F16_CACHE
        if exact:
            settings.flash_attn_type = 0
            settings.offload_kqv = settings.op_offload = False
        return settings

    def _refusal(self, path: str) -> LabError:
        reason = "; ".join(self.complaints) or "no reason given"
        return LabError(
            "llama.cpp does not accept this file: {reason}.", path,
            "Get the file again, or export the model again.", reason=reason[-400:].rstrip("."))

    def info(self) -> dict:
        """What a person or a sampler needs to know of the loaded model."""
        lib, vocab = self.lib, self.vocab
        template = lib.llama_model_chat_template(self.model, None)
        text = ctypes.create_string_buffer(256)
        lib.llama_model_meta_val_str(self.model, b"general.architecture", text, 256)
        return {
            "n_vocab": self.n_vocab,
            "n_ctx": self.n_ctx,
            "n_ctx_train": lib.llama_model_n_ctx_train(self.model),
            "bos": lib.llama_vocab_bos(vocab),
            "eos": lib.llama_vocab_eos(vocab),
            "end_text": self._text(lib.llama_vocab_eos(vocab)),
            "ends": [id for id in range(self.n_vocab) if lib.llama_vocab_is_eog(vocab, id)],
            "add_bos": bool(lib.llama_vocab_get_add_bos(vocab)),
            "chat_template": template.decode("utf-8", "replace") if template else None,
            "architecture": text.value.decode("utf-8", "replace"),
        }

    def _text(self, id: int) -> str:
        """A token as the vocabulary writes it, special tokens too."""
        return (self.lib.llama_vocab_get_text(self.vocab, id) or b"").decode("utf-8", "replace") if id >= 0 else ""

    def encode(self, text: str, special: bool = False) -> list[int]:
        """Token ids of ``text`` with no start or end token added."""
        data = text.encode("utf-8", "replace")
        room = len(data) + 16
        while True:
            ids = (ctypes.c_int32 * room)()
            count = self.lib.llama_tokenize(self.vocab, data, len(data), ids, room, False, special)
            if count >= 0:
                return list(ids[:count])
            room = -count

    def token_bytes(self, ids: list[int] | None = None) -> list[bytes]:
        """The bytes that each token adds to the text; all tokens unless ``ids`` are given."""
        return [self._piece(id) for id in (range(self.n_vocab) if ids is None else ids)]

    def _piece(self, id: int) -> bytes:
        room = 64
        while True:
            buffer = ctypes.create_string_buffer(room)
            count = self.lib.llama_token_to_piece(self.vocab, id, buffer, room, 0, False)
            if count >= 0:
                return buffer.raw[:count]
            room = -count

    def start(self, ids: list[int]) -> bytes:
        """Forget everything, read ``ids``; the logits after the last, float32."""
        self._forget(len(ids))
        for begin in range(0, len(ids), READ_AT_ONCE):
            self._decode(ids[begin : begin + READ_AT_ONCE], every=False)
        return self._rows(1)

    def step(self, id: int) -> bytes:
        """Read one more token; the logits after it, float32."""
        if self.position >= self.n_ctx:
            raise LabError("The model's context of {n_ctx} tokens is full.", "", "Start anew.", n_ctx=self.n_ctx)
        self._decode([id], every=False)
        return self._rows(1)

    def time_steps(self, ids: list[int], count: int) -> float:
        """Read ``ids``, then seconds that ``count`` more tokens take, each the likeliest; for measuring."""
        self.start(ids)
        next_id = self._likeliest()
        begin = time.perf_counter()
        for _ in range(count):
            self._decode([next_id], every=False)
            next_id = self._likeliest()
        return time.perf_counter() - begin

    def _likeliest(self) -> int:
        row = np.ctypeslib.as_array(self.lib.llama_get_logits(self.context), (self.n_vocab,))
        return int(row.argmax())

    def system(self) -> str:
        """What the library was built for, in its own words."""
        return self.lib.llama_print_system_info().decode("utf-8", "replace")

    def score(self, ids: list[int]):
        """Logits after every position, float32, a block of rows at a time."""
        self._forget(len(ids))
        for begin in range(0, len(ids), ROWS_AT_ONCE):
            block = ids[begin : begin + ROWS_AT_ONCE]
            self._decode(block, every=True)
            yield self._rows(len(block))

    def _forget(self, coming: int) -> None:
        if not 0 < coming <= self.n_ctx:
            raise LabError(
                "The text has {tokens} tokens, but this model reads between 1 and {n_ctx}.", "",
                "Shorten it, or choose a model with a longer context.", tokens=coming, n_ctx=self.n_ctx)
        self.lib.llama_memory_clear(self.lib.llama_get_memory(self.context), True)
        self.position = 0

    def _decode(self, ids: list[int], every: bool) -> None:
        batch = self.batch
        batch.n_tokens = len(ids)
        for row, id in enumerate(ids):
            if not 0 <= id < self.n_vocab:  # llama.cpp would refuse the whole batch without naming it
                raise LabError("There is no token {id} in this model.", "", "Encode the text anew.", id=id)
            batch.token[row], batch.pos[row] = id, self.position + row
            batch.n_seq_id[row], batch.seq_id[row][0] = 1, 0
            batch.logits[row] = every or row == len(ids) - 1
        status = self.lib.llama_decode(self.context, batch)
        if status:
            raise LabError(
                "llama.cpp could not compute this (status {status}): {reason}.", "",
                "Load the model again, with a shorter text.", status=status, reason="; ".join(self.complaints))
        self.position += len(ids)

    def _rows(self, count: int) -> bytes:
        """The last ``count`` rows of logits as float32 bytes."""
        return ctypes.string_at(self.lib.llama_get_logits(self.context), count * self.n_vocab * 4)

    def quantize(self, source: str, target: str, type: str, threads: int = 2) -> None:
        """Write ``source`` (F32 or F16) as ``target`` with llama.cpp's own quantizer."""
        settings = self.lib.llama_model_quantize_default_params()
        settings.ftype, settings.nthread = QUANTIZED[type], threads
        settings.pure = type == "q4_0"  # else its head would be Q6_K
        if self.lib.llama_model_quantize(os.fsencode(source), os.fsencode(target), settings):
            raise LabError(
                "llama.cpp could not quantize the model: {reason}.", target,
                "Choose another format, or free some disk space.",
                reason="; ".join(self.complaints)[-400:].rstrip(".") or "no reason given")


VERBS = ("load", "read_vocabulary", "info", "encode", "token_bytes", "start", "step", "score", "quantize",
         "time_steps", "system")


def answer(llama: Llama, request: dict, out) -> None:
    """Carry out one request and write its reply, or its replies."""
    verb = request.pop("verb")
    try:
        if verb not in VERBS:
            raise LabError("There is no verb {verb}.", "", "", verb=verb)
        value = getattr(llama, verb)(**request)
        if verb == "score":
            for rows in value:
                write_frame(out, {"rows": rows, "more": True})
            write_frame(out, {"rows": b"", "more": False})
        else:
            write_frame(out, {"ok": value})
    except LabError as error:
        write_frame(out, {"error": {
            "problem": error.problem, "where": error.where, "remedy": error.remedy, "values": error.values}})
    except (ValueError, TypeError, OSError, MemoryError) as error:
        write_frame(out, {"error": {
            "problem": "llama.cpp could not do this: {reason}.", "where": "", "remedy": "Load the model again.",
            "values": {"reason": repr(error)}}})


def main() -> None:
    """Serve requests until standard input ends."""
    incoming, outgoing = take_stdio()
    os.environ["GGML_NO_BACKTRACE"] = "1"  # its backtrace starts a debugger and can hang
    try:
        import llama_cpp
    except (ImportError, OSError, RuntimeError) as error:
        read_frame(incoming)
        write_frame(outgoing, {"error": {
            "problem": "llama.cpp cannot be used here: {reason}.", "where": "llama-cpp-python",
            "remedy": "Install it as the README says; python main.py doctor checks it.",
            "values": {"reason": str(error)}}})
        return
    llama = Llama(llama_cpp)
    while (request := read_frame(incoming)) is not None:
        answer(llama, request, outgoing)


if __name__ == "__main__":
    main()
