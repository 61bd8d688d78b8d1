"""From windows of text to what a model is shown and asked: one function an objective.

Each makes one example of a window of tokens and a random generator that follows from seed and place alone,
so a resumed run asks the same again. An example is a dictionary of arrays; :class:`Asking` stacks them.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from core.spec.model import ModelSpec
from core.spec.objective import SENTINELS, Objective
from core.train.noise import choose_spans, choose_tokens, corrupt, infill

NONE = -1  # a target that does not count
# Rate and mean length of hidden spans: two R, then four X; S is the seventh. Tay et al. 2022, arXiv:2205.05131, table 1
UL2 = ((0.15, 3.0), (0.15, 8.0), (0.5, 3.0), (0.5, 8.0), (0.15, 64.0), (0.5, 64.0))
REGULAR = 2  # of them
XLNET_SHARE = 1 / 6  # of tokens predicted. Yang et al. 2019, arXiv:1906.08237, section 2.3


class Asking:
    """Makes a model's batch of windows of text.

    Args:
        spec: the model, its vocabulary resolved.
        vocab: tokens of the tokenizer; what the objective adds comes after them.
        word_starts: whether a token begins a word, bool (vocab,).
        seed: fixes what is hidden.
    """

    def __init__(self, spec: ModelSpec, vocab: int, word_starts: np.ndarray, seed: int) -> None:
        self.spec, self.vocab, self.word_starts, self.seed = spec, vocab, word_starts, seed
        self.objective: Objective = spec.objective
        self.two_stacks = spec.layout == "encoder_decoder" and spec.family == "transformer"
        self._make: Callable = getattr(self, f"_{self.objective.task}")

    def __call__(self, windows: np.ndarray, first: int) -> dict[str, Tensor]:
        """The batch of windows (B, T + 1) int64, the first of which is number ``first`` of the run.

        Returns:
            "targets" (B, T) with -1 where nothing is asked, and what the model's ``loss`` takes beside them.
        """
        examples = [self._make(window, np.random.default_rng([self.seed, 1, first + row]))
                    for row, window in enumerate(windows)]  # fmt: skip
        batch = {name: _stacked([e[name] for e in examples], name) for name in examples[0]}
        lengths = batch.pop("source_length", None)
        if lengths is not None and int(lengths.min()) < batch["source"].shape[1]:
            batch["source_padding"] = torch.arange(batch["source"].shape[1])[None] >= lengths[:, None]
        return batch

    # One stack.

    def _causal(self, window: np.ndarray, rng: np.random.Generator) -> dict:
        if self.two_stacks:
            return self._prefix(window, rng)
        return {"ids": window[:-1], "targets": window[1:]}

    def _prefix(self, window: np.ndarray, rng: np.random.Generator) -> dict:
        """The beginning, of random length, is read both ways; the rest is predicted."""
        length = int(rng.integers(1, len(window) - 1))
        if self.two_stacks:
            return _source_and_target(window[:length], window[length:])
        return _read_and_write(window[:length], window[length:])

    def _masked(self, window: np.ndarray, rng: np.random.Generator) -> dict:
        tokens, settings = window[:-1], self.objective
        chosen = self._chosen(tokens, rng)
        shown, draw = tokens.copy(), rng.random(len(tokens))
        random_below = settings.kept_share + settings.random_share
        shown[chosen & (draw >= random_below)] = self.vocab
        swapped = chosen & (draw >= settings.kept_share) & (draw < random_below)
        shown[swapped] = rng.integers(1, max(2, self.vocab), int(swapped.sum()))
        return {"ids": shown, "targets": np.where(chosen, tokens, NONE)}

    def _replaced(self, window: np.ndarray, rng: np.random.Generator) -> dict:
        tokens = window[:-1]
        chosen = self._chosen(tokens, rng)
        return {"ids": np.where(chosen, self.vocab, tokens), "targets": np.where(chosen, tokens, NONE),
                "original": tokens}  # fmt: skip

    def _unilm(self, window: np.ndarray, rng: np.random.Generator) -> dict:
        """Masked tokens under four masks in turn: two-way, one-way either side, and a source with its target.

        Source: Dong et al. 2019, UniLM, arXiv:1905.03197, section 2.3 (shares 1/3, 1/6, 1/6, 1/3).
        """
        example = self._masked(window, rng)
        length = len(example["ids"])
        place = np.arange(length)
        mode = rng.random()
        if mode < 1 / 3:
            allowed = np.ones((length, length), bool)
        elif mode < 1 / 2:
            allowed = place[None, :] <= place[:, None]
        elif mode < 2 / 3:
            allowed = place[None, :] >= place[:, None]
        else:
            source = place < int(rng.integers(1, length))
            allowed = source[None, :] | (~source[:, None] & (place[None, :] <= place[:, None]))
        return example | {"allowed": allowed}

    def _permutation(self, window: np.ndarray, rng: np.random.Generator) -> dict:
        tokens = window[:-1]
        asked = rng.permutation(len(tokens))[: max(1, round(XLNET_SHARE * len(tokens)))]
        rank, targets = np.full(len(tokens), -1), np.full(len(tokens), NONE)
        rank[asked], targets[asked] = np.arange(len(asked)), tokens[asked]
        return {"ids": tokens, "targets": targets, "rank": rank}

    def _blank_infilling(self, window: np.ndarray, rng: np.random.Generator) -> dict:
        """GLM's two kinds of blank: short spans to restore, or the whole rest of the text to write.

        Source: Du et al. 2022, GLM, arXiv:2103.10360; Zeng et al. 2022, GLM-130B, arXiv:2210.02414 (30 and 70 %).
        """
        mask, begin = self.vocab, self.vocab + 1
        room = self.spec.context
        if rng.random() < 0.7:
            length = int(rng.integers(1, room - 2))
            return _read_and_write(np.append(window[:length], mask), np.append(begin, window[length : room - 1]), room)
        tokens = window[: int(room / (1 + 2 / self.objective.span_length * self.objective.mask_rate)) - 2]
        spans = choose_spans(len(tokens), self.objective.mask_rate, self.objective.span_length, rng)
        source, _ = corrupt(tokens, spans, [mask] * (len(spans) + 1))
        written = np.concatenate([np.append(begin, tokens[start:end]) for start, end in spans])
        return _read_and_write(source, written, room)

    # Two stacks.

    def _span_corruption(self, window: np.ndarray, rng: np.random.Generator) -> dict:
        source, target = self._corrupted(window[: self.spec.context], self.objective.mask_rate,
                                         self.objective.span_length, rng)  # fmt: skip
        return _source_and_target(source, target)

    def _infilling(self, window: np.ndarray, rng: np.random.Generator) -> dict:
        text = window[: self.spec.context]
        hidden = infill(text, self.objective.mask_rate, self.objective.span_length, self.vocab, rng)
        return _source_and_target(hidden[: self.spec.context], text)

    def _denoisers(self, window: np.ndarray, rng: np.random.Generator) -> dict:
        """R (as T5), X (much or long hidden) and S (the end, a quarter on average), told by a token at the front."""
        text = window[: self.spec.context - 1]
        kind = int(rng.integers(0, len(UL2) + 1))
        if kind == len(UL2):  # S
            length = len(text) - int(rng.integers(1, max(2, len(text) // 2)))
            source, target, mode = text[:length], text[length:], 2
        else:
            room = len(text) if self.two_stacks else len(text) // 2
            source, target = self._corrupted(text[:room], *UL2[kind], rng)
            mode = int(kind >= REGULAR)
        source = np.append(self.vocab + SENTINELS + mode, source)
        if self.two_stacks:
            return _source_and_target(source, target)
        return _read_and_write(source, target, self.spec.context)

    def _corrupted(self, text: np.ndarray, rate: float, span: float, rng: np.random.Generator) -> tuple:
        spans = choose_spans(len(text), rate, span, rng)[: SENTINELS - 1]
        return corrupt(text, spans, [self.vocab + i for i in range(SENTINELS)])

    def _chosen(self, tokens: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        settings = self.objective
        return choose_tokens(
            tokens, settings.mask_rate, settings.mask_unit, settings.span_length, self.word_starts, rng)

    # Word vectors.

    def _skip_gram(self, window: np.ndarray, rng: np.random.Generator) -> dict:
        return {"ids": window, "targets": window, "noise": rng.random((len(window), self.objective.negatives))}

    _cbow = _skip_gram


def _source_and_target(source: np.ndarray, target: np.ndarray) -> dict:
    """For two stacks: the decoder is shown the target moved right by one, a document's end (0) first."""
    return {"source": source, "source_length": np.asarray(len(source)), "ids": np.append(0, target[:-1]),
            "targets": target}  # fmt: skip


def _read_and_write(source: np.ndarray, target: np.ndarray, room: int = 0) -> dict:
    """For one stack: the source is read both ways, the target is predicted token by token behind it."""
    text = np.concatenate([source, target])
    text = text[: room + 1] if room else text
    targets = text[1:].copy()
    targets[: len(source) - 1] = NONE
    return {"ids": text[:-1], "targets": targets, "prefix": np.asarray(len(source))}


def _stacked(rows: list[np.ndarray], name: str) -> Tensor:
    """Rows of different lengths as one tensor; the shorter ones end in zeros (targets: in -1)."""
    longest = max(row.shape[-1] if row.ndim else 0 for row in rows)
    if any(row.ndim and row.shape[-1] != longest for row in rows):
        fill = NONE if name == "targets" else 0
        rows = [np.pad(row, (0, longest - len(row)), constant_values=fill) for row in rows]
    stacked = torch.from_numpy(np.stack(rows))
    return stacked if stacked.dtype in (torch.bool, torch.float64) else stacked.long()
