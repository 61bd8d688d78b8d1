"""An n-gram model as one safetensors file, as a training run keeps it; no torch."""

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from core.errors import LabError
from core.model.ngram.model import NgramModel

NGRAM = "ngram"  # the key of the metadata under which order, boundary and discounts stand


def to_bytes(model: NgramModel, metadata: dict[str, str]) -> bytes:
    """The tables as tensors "keys-2", "log_p-1", "log_gamma-1" and so on, with ``metadata`` beside them."""
    tensors = {f"{name}-{level}": array for name, arrays in model.arrays().items() for level, array in arrays.items()}
    settings = {"order": model.order, "vocab_size": model.vocab_size, "boundary": model.boundary,
                "discounts": model.discounts}  # fmt: skip
    return save(tensors, {**metadata, NGRAM: json.dumps(settings)})


def from_file(path: Path) -> tuple[NgramModel, dict[str, str]]:
    """The model of a file, and the file's metadata.

    Raises:
        LabError: it is damaged, or holds no n-gram model.
    """
    try:
        with safe_open(path, "np") as file:
            metadata = file.metadata() or {}
            settings = json.loads(metadata[NGRAM])
            order = settings["order"]

            def level(name: str, first: int, last: int) -> list:
                return [file.get_tensor(f"{name}-{n}") for n in range(first, last + 1)]

            model = NgramModel(
                settings["vocab_size"], settings["boundary"], level("keys", 2, order), level("log_p", 1, order),
                level("log_gamma", 1, order - 1), [tuple(found) for found in settings["discounts"]])
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise LabError("This n-gram model cannot be read.", str(path), "Train it again.") from error
    return model, metadata
