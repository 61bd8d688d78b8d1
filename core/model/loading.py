"""Weights on disk: safetensors only, nothing is ever unpickled."""

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from core.errors import LabError
from core.model.build import build_model
from core.model.decoder import Decoder
from core.model.shards import Slices, damaged, is_sharded, unreadable
from core.spec.base import build
from core.spec.model import ModelSpec

MODEL = "model.safetensors"


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All tensors of a safetensors file, and its metadata.

    Raises:
        LabError: missing, truncated, or not safetensors.
    """
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}
    except OSError as error:
        raise unreadable(path, error) from (error if Path(path).exists() else None)
    except SafetensorError as error:
        raise damaged(path, error) from None


def read_weights(checkpoint: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The weights in a checkpoint folder, whole, whether one process wrote them or several; and their metadata.

    Instead of the folder it may be a file in it that holds weights of the same names.

    Raises:
        LabError: a file is missing or damaged.
    """
    if Path(checkpoint).is_file():  # the average of the weights, beside them
        return read_tensors(Path(checkpoint))
    if not is_sharded(checkpoint):
        return read_tensors(Path(checkpoint) / MODEL)
    slices = Slices(checkpoint, "model")
    return slices.all(), slices.metadata


def load_decoder(checkpoint: Path, device: str = "cpu") -> tuple[Decoder, ModelSpec, int]:
    """The model in a checkpoint folder, ready to answer: (decoder in eval mode, its spec, its step).

    Raises:
        LabError: the file is damaged, or was not written by the lab.
    """
    path = Path(checkpoint) if Path(checkpoint).is_file() else Path(checkpoint) / MODEL
    tensors, metadata = read_weights(checkpoint)
    if "spec" not in metadata:
        raise LabError(
            "This safetensors file was not written by Coldframe: it names no model shape.", str(path),
            "Open a checkpoint of a run of the lab.")
    spec = build(ModelSpec, json.loads(metadata["spec"]), str(path))
    if spec.family == "ngram":
        raise LabError(
            "An n-gram model is a table of counts: it has no weights that could be used here.", str(path),
            "Talk to it in the playground, or choose a run of a neural model.")
    model = build_model(spec)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise LabError(
            "The weights do not fit the shape they claim ({error}).", str(path), "Use another checkpoint.",
            error=str(error).splitlines()[-1].strip()[:200]) from None
    return model.to(device).eval(), spec, int(metadata.get("step", 0))
