"""The vectors of tokens, drawn on the two axes along which they differ most."""

from pathlib import Path

import numpy as np

from core.errors import LabError


def principal_axes(rows: np.ndarray, count: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Places on the first principal axes, (n, count), and the share of the variance that each holds, (count,).

    The sign of an axis is chosen so that its greatest weight is positive: the same picture each time.

    Source: Hotelling 1933, doi:10.1037/h0071325.
    """
    centred = rows.astype(np.float64) - rows.mean(0)
    variances, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :count]
    axes = axes * np.sign(axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])])
    total = max(float(variances.sum()), 1e-30)
    return centred @ axes, variances[::-1][:count].clip(0) / total


def chosen_tokens(of_text: list[int], vocab: int, most: int) -> tuple[list[int], int]:
    """Ids to draw, those of the text first, then others evenly over the vocabulary; and how many are of the text."""
    first = list(dict.fromkeys(of_text))[:most]
    rest = np.linspace(0, vocab - 1, min(vocab, most)).astype(int).tolist()
    known = set(first)
    return (first + [id for id in rest if id not in known])[:most], len(first)


def table_of(engine) -> np.ndarray:
    """The embedding matrix of an opened model, float32 (V, E): of a run, or of the file that llama.cpp answers from.

    Raises:
        LabError: the model has none that could be read.
    """
    if engine.kind == "gguf":
        return _of_gguf(engine.path)
    embed = getattr(getattr(engine, "model", None), "embed", None)
    if embed is None:
        raise LabError(
            "{name} has no table of token vectors that could be drawn.", "", "Open a run of a neural model.",
            name=engine.name)  # fmt: skip
    return embed.weight.detach().float().cpu().numpy()[: engine.vocab_size]


def _of_gguf(path: Path) -> np.ndarray:
    """``token_embd.weight`` of a GGUF file, whatever it is quantized to."""
    from core.infer.gguf_header import read_header
    from core.infer.gguf_model import read_tensor

    for tensor in read_header(path).tensors:
        if tensor.name == "token_embd.weight":
            return read_tensor(path, tensor)
    raise LabError("This file holds no table of token vectors.", str(path), "Open another model.")
