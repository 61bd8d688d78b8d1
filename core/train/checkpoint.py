"""Complete checkpoints: weights, optimizer, random state and position, written whole or not at all.

A checkpoint is a folder ``checkpoints/step-00000200`` of model.safetensors, optimizer.safetensors and
state.json. ``checkpoints.json`` names the last and the best; it is renamed into place after them.
"""

import json
import shutil
from pathlib import Path

import msgspec
import torch
from safetensors.torch import save
from torch import Tensor

from core.errors import LabError
from core.model.decoder import Decoder
from core.model.loading import MODEL, read_tensors
from core.record.atomic import TEMPORARY, commit_dir, disk_error, write_json
from core.train.optimizers import optimizer_tensors, restore_optimizer

OPTIMIZER, STATE, POINTERS = "optimizer.safetensors", "state.json", "checkpoints.json"
RANDOM_STATE = "random_state"


class TrainState(msgspec.Struct, kw_only=True):
    """Where a run stands, besides its tensors."""

    step: int = 0
    tokens: int = 0
    elapsed_s: float = 0.0
    flops: float = 0.0
    val_loss: float | None = None  # the newest measurement
    val_bits_per_byte: float | None = None
    val_step: int | None = None
    best_loss: float | None = None
    best_step: int | None = None  # of the best checkpoint


def save_checkpoint(run: Path, model: Decoder, optimizer, state: TrainState, keep: int) -> tuple[Path, int]:
    """Write a checkpoint of this step, name it the last (and the best, if it is), drop old ones.

    Returns:
        Its folder and its size in bytes.
    Raises:
        LabError: the disk is full; all earlier checkpoints are untouched.
    """
    folder = Path(run) / "checkpoints"
    folder.mkdir(exist_ok=True)
    final = folder / f"step-{state.step:08d}"
    if state.val_step == state.step and (state.best_loss is None or state.val_loss < state.best_loss):
        state.best_loss, state.best_step = state.val_loss, state.step
    if not final.exists():  # after a resume the same step gives the same bytes, so what stands may stay
        _write(folder / f"{TEMPORARY}{final.name}", final, model, optimizer, state)
    names = {"last": final.name, "best": f"step-{state.best_step:08d}" if state.best_step is not None else final.name}
    write_json(Path(run) / POINTERS, names)
    _retain(folder, keep, set(names.values()))
    return final, sum(p.stat().st_size for p in final.iterdir())


def _write(temporary: Path, final: Path, model: Decoder, optimizer, state: TrainState) -> None:
    metadata = {"spec": msgspec.json.encode(model.spec).decode(), "step": str(state.step), "format": "pt"}
    weights = {name: p.detach().cpu().contiguous() for name, p in model.named_parameters()}
    moments = {**optimizer_tensors(model, optimizer), RANDOM_STATE: torch.get_rng_state()}
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir()
        (temporary / MODEL).write_bytes(canonical(save(weights, metadata)))
        (temporary / OPTIMIZER).write_bytes(canonical(save(moments)))
        (temporary / STATE).write_bytes(msgspec.json.encode(state))
        commit_dir(temporary, final)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise disk_error(error, final) from error


def canonical(data: bytes) -> bytes:
    """Safetensors with the metadata in alphabetical order: the library's own order changes from run to run."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    if "__metadata__" in header:
        header = {"__metadata__": dict(sorted(header.pop("__metadata__").items())), **header}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at a multiple of 8 bytes; their offsets count from there
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


def _retain(folder: Path, keep: int, needed: set[str]) -> None:
    """Keep the newest ``keep`` and those that are pointed at."""
    old = sorted(p for p in folder.glob("step-*") if p.is_dir())[:-keep]
    for path in old:
        if path.name not in needed:
            doomed = folder / f"{TEMPORARY}old-{path.name}"
            try:
                path.rename(doomed)  # gone at once for readers, whatever happens while it is deleted
                shutil.rmtree(doomed, ignore_errors=True)
            except OSError:
                pass  # held open by a reader (Windows): the next checkpoint tries again


def checkpoints(run: Path) -> list[Path]:
    """The checkpoint folders of a run, oldest first."""
    return sorted(p for p in (Path(run) / "checkpoints").glob("step-*") if p.is_dir())


def restore(run: Path, model: Decoder, optimizer, noted=lambda path, error: None) -> TrainState | None:
    """Put the newest readable checkpoint into the model, the optimizer and the random state.

    Args:
        noted: told of each checkpoint that could not be read, with the LabError.
    Returns:
        Where the run stands, or None when there is no readable checkpoint: it begins anew.
    """
    for path in reversed(checkpoints(run)):
        try:
            state, weights, moments = _read(path)
        except LabError as error:
            noted(path, error)
            shutil.rmtree(path, ignore_errors=True)  # damaged; the same step will be written again
            continue
        model.load_state_dict(weights)
        torch.set_rng_state(moments.pop(RANDOM_STATE))
        restore_optimizer(model, optimizer, moments)
        return state
    return None


def _read(path: Path) -> tuple[TrainState, dict[str, Tensor], dict[str, Tensor]]:
    weights, _ = read_tensors(path / MODEL)
    moments, _ = read_tensors(path / OPTIMIZER)
    try:
        state = msgspec.json.decode((path / STATE).read_bytes(), type=TrainState)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
        raise LabError(
            "This checkpoint's state is damaged ({error}).", str(path / STATE), "An earlier one is used.",
            error=str(error)) from None
    return state, weights, moments


def read_pointers(run: Path) -> dict[str, str]:
    """{"last": folder name, "best": folder name}; empty before the first checkpoint."""
    path = Path(run) / POINTERS
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}
