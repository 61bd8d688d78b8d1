"""Complete checkpoints: weights, optimizer, random state and position, written whole or not at all.

A checkpoint is a folder ``checkpoints/step-00000200`` of model.safetensors, optimizer.safetensors,
state.json, and ema.safetensors where an average of the weights is kept. ``checkpoints.json`` names the last and the
best; it is renamed into place after them.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import torch
from safetensors.torch import save
from torch import Tensor

from core.errors import LabError
from core.model.decoder import Decoder
from core.model.loading import MODEL, read_tensors, read_weights
from core.model.shards import Slices, is_sharded
from core.record.atomic import TEMPORARY, clear_leftovers, commit_dir, disk_error, remove_dir, write_json
from core.spec.model import ModelSpec
from core.spec.retention import RetentionSpec
from core.train.ema import Average
from core.train.optimizers import optimizer_tensors, restore_optimizer
from core.train.precision import FIRST_SCALE
from core.train.retention import kept

OPTIMIZER, STATE, POINTERS, EMA = "optimizer.safetensors", "state.json", "checkpoints.json", "ema.safetensors"
RANDOM_STATE, CUDA_RANDOM_STATE = "random_state", "random_state_cuda"


class TrainState(msgspec.Struct, kw_only=True):
    """Where a run stands, besides its tensors."""

    step: int = 0
    tokens: int = 0
    elapsed_s: float = 0.0  # of the steps alone
    wall_s: float = 0.0  # with measurements and checkpoints, without pauses
    flops: float = 0.0
    energy_j: float = 0.0  # by the processor's meter, where it has one
    val_loss: float | None = None  # the newest measurement
    val_bits_per_byte: float | None = None
    val_step: int | None = None
    best_loss: float | None = None
    best_step: int | None = None  # of the best checkpoint
    least_loss: float | None = None  # of all measurements
    no_better: int = 0  # measurements since then
    val_loss_ema: float | None = None  # of the average of the weights, measured with val_loss
    loss_scale: float = FIRST_SCALE  # of fp16
    scaled_well: int = 0  # steps since that scale was last changed
    overflows: int = 0  # steps that changed nothing because the scale was too large


def save_checkpoint(
    run: Path, model: Decoder, optimizer, state: TrainState, keep: int, rules: RetentionSpec = RetentionSpec(),
    average: Average | None = None,
) -> tuple[Path, list[int]]:  # fmt: skip
    """Write a checkpoint of this step, name it the last (and the best, if it is), drop those that need not stay.

    Args:
        keep: how many of the newest stay.
        rules: which others do.
        average: of the weights, kept beside them.
    Returns:
        Its folder, and the steps of the checkpoints that were dropped.
    Raises:
        LabError: the disk is full; all earlier checkpoints are untouched.
    """
    final = place(run, state)
    if not final.exists():  # after a resume the same step gives the same bytes, so what stands may stay
        _write(final.with_name(f"{TEMPORARY}{final.name}"), final, model, optimizer, state, average)
    return final, name_and_retain(run, final, state, keep, rules)


def place(run: Path, state: TrainState) -> Path:
    """Where the checkpoint of this step belongs; if it is the best by validation, the state remembers it."""
    folder = Path(run) / "checkpoints"
    folder.mkdir(exist_ok=True)
    if state.val_step == state.step and (state.best_loss is None or state.val_loss < state.best_loss):
        state.best_loss, state.best_step = state.val_loss, state.step
    return folder / f"step-{state.step:08d}"


def name_and_retain(run: Path, final: Path, state: TrainState, keep: int, rules: RetentionSpec) -> list[int]:
    """Point at a checkpoint that was written, and drop those that need not stay; returns their steps."""
    names = _point(Path(run), final.name, state)
    return _retain(final.parent, keep, rules, set(names.values()))


def save_counted(
    run: Path, content: Callable[[dict[str, str]], bytes], spec: ModelSpec, state: TrainState
) -> tuple[Path, int]:  # fmt: skip
    """Write a model that was counted, not trained step by step: one checkpoint, the last and the best.

    Args:
        content: makes the bytes of model.safetensors from the metadata that every checkpoint has.
    Returns:
        Its folder, and its size in bytes.
    Raises:
        LabError: the disk is full.
    """
    folder = Path(run) / "checkpoints"
    folder.mkdir(exist_ok=True)
    final, temporary = folder / f"step-{state.step:08d}", folder / f"{TEMPORARY}step-{state.step:08d}"
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir()
        _write_parts(temporary / MODEL, canonical(content(metadata_of(spec, state))))
        (temporary / STATE).write_bytes(msgspec.json.encode(state))
        shutil.rmtree(final, ignore_errors=True)  # of an attempt that was cut short after it: the same bytes
        commit_dir(temporary, final)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise disk_error(error, final) from error
    _point(Path(run), final.name, state)
    return final, sum(file.stat().st_size for file in final.iterdir())


def metadata_of(spec: ModelSpec, state: TrainState) -> dict[str, str]:
    return {"spec": msgspec.json.encode(spec).decode(), "step": str(state.step), "format": "pt"}


def _point(run: Path, last: str, state: TrainState) -> dict[str, str]:
    names = {"last": last, "best": f"step-{state.best_step:08d}" if state.best_step is not None else last}
    write_json(run / POINTERS, names)
    return names


def _write(
    temporary: Path, final: Path, model: Decoder, optimizer, state: TrainState, average: Average | None
) -> None:  # fmt: skip
    metadata = metadata_of(model.spec, state)
    moments = {**optimizer_tensors(model, optimizer), **_random_states(model)}
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir()
        _write_parts(temporary / MODEL, canonical(save(_on_processor(model), metadata)))
        if average is not None:
            with average.shown(model):
                _write_parts(temporary / EMA, canonical(save(_on_processor(model), metadata)))
        _write_parts(temporary / OPTIMIZER, canonical(save(moments)))
        (temporary / STATE).write_bytes(msgspec.json.encode(state))
        commit_dir(temporary, final)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise disk_error(error, final) from error


def _on_processor(model: Decoder) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in saved_tensors(model).items()}


def saved_tensors(model: Decoder) -> dict[str, Tensor]:
    """What makes a model: its parameters, each once, and what it keeps beside them (the counts of word vectors)."""
    kept = model.state_dict(keep_vars=True)
    return {**dict(model.named_parameters()), **{name: kept[name] for name, _ in model.named_buffers() if name in kept}}


def _write_parts(path: Path, parts: tuple) -> None:
    with open(path, "wb") as file:
        for part in parts:
            file.write(part)


def _random_states(model: Decoder) -> dict[str, Tensor]:
    """Of the processor, and of the GPU where dropout draws from it."""
    states = {RANDOM_STATE: torch.get_rng_state()}
    if next(model.parameters()).is_cuda:
        states[CUDA_RANDOM_STATE] = torch.cuda.get_rng_state()
    return states


def canonical(data: bytes) -> tuple[bytes, memoryview]:
    """Safetensors with the metadata in alphabetical order: the library's own order changes from run to run.

    Returns:
        The new head, and the tensors' bytes without a copy: at this moment memory is short enough.
    """
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    if "__metadata__" in header:
        header = {"__metadata__": dict(sorted(header.pop("__metadata__").items())), **header}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at a multiple of 8 bytes; their offsets count from there
    return len(text).to_bytes(8, "little") + text, memoryview(data)[8 + size :]


def _retain(folder: Path, keep: int, rules: RetentionSpec, needed: set[str]) -> list[int]:
    """Drop the checkpoints that no rule keeps and nothing points at; returns their steps."""
    found = {int(path.name.removeprefix("step-")): path for path in checkpoints(folder.parent)}
    stay, dropped = kept({step: _measured(path, step) for step, path in found.items()}, keep, rules), []
    for step, path in found.items():
        if step not in stay and path.name not in needed:
            doomed = folder / f"{TEMPORARY}old-{path.name}"
            try:
                path.rename(doomed)  # gone at once for readers, whatever happens while it is deleted
            except OSError:
                continue  # held open by a reader (Windows): the next checkpoint tries again
            shutil.rmtree(doomed, ignore_errors=True)
            dropped.append(step)
    return dropped


def _measured(path: Path, step: int) -> float | None:
    """Validation loss of a checkpoint, if it was measured at its own step."""
    try:
        state = msgspec.json.decode((path / STATE).read_bytes(), type=TrainState)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        return None
    return state.val_loss if state.val_step == step else None


def checkpoints(run: Path) -> list[Path]:
    """The checkpoint folders of a run, oldest first."""
    return sorted(p for p in (Path(run) / "checkpoints").glob("step-*") if p.is_dir())


def restore(
    run: Path, model: Decoder, optimizer, noted=lambda path, error: None, average: Average | None = None,
    at_most: int | None = None,
) -> TrainState | None:  # fmt: skip
    """Put the newest readable checkpoint into the model, the optimizer, the average and the random state.

    Args:
        noted: told of each checkpoint that could not be read, with the LabError.
        average: of the weights, if the run keeps one.
        at_most: checkpoints of later steps do not count, and are removed; None = all count.
    Returns:
        Where the run stands, or None when there is no readable checkpoint: it begins anew.
    Raises:
        LabError: the system refuses to read (not the file is at fault), so nothing is dropped.
    """
    found, newer = candidates(run, at_most)
    for path in found:
        try:
            state = _load(path, model, optimizer, average)
        except LabError as error:
            if isinstance(error.__cause__, OSError):
                raise
            noted(path, error)
            shutil.rmtree(path, ignore_errors=True)  # damaged; the same step will be written again
            continue
        settle(run, path, state, newer)
        return state
    settle(run, None, None, newer)
    return None


def candidates(run: Path, at_most: int | None) -> tuple[list[Path], list[Path]]:
    """Checkpoints that a run may go on from, the newest first, and those of later steps than it may."""
    clear_leftovers(Path(run) / "checkpoints")
    found = checkpoints(run)
    newer = [path for path in found if at_most is not None and step_of(path) > at_most]
    return found[: len(found) - len(newer)][::-1], newer


def settle(run: Path, path: Path | None, state: TrainState | None, newer: list[Path]) -> None:
    """Make a checkpoint the last one of its run; None = there is none, the run begins anew."""
    if path is None:
        (Path(run) / POINTERS).unlink(missing_ok=True)
    else:
        if state.best_step is not None and not path.with_name(f"step-{state.best_step:08d}").is_dir():
            state.best_step = state.best_loss = None  # it was dropped for a better one that is damaged now
        _point(Path(run), path.name, state)  # a kill may have come between a checkpoint and its name
    _remove(newer)


def _load(path: Path, model: Decoder, optimizer, average: Average | None) -> TrainState:
    state, weights, moments = _read(path)
    kept = _read_average(path) if average is not None else {}
    model.load_state_dict(weights)
    _restore_random(moments)
    restore_optimizer(model, optimizer, moments)
    if average is not None:
        average.restore(kept)
    return state


def step_of(checkpoint: Path) -> int:
    """The step that a checkpoint's folder is named after."""
    return int(checkpoint.name.removeprefix("step-"))


def _remove(paths: list[Path]) -> None:
    """Take checkpoints away, each at once and durably; they must not be found again."""
    for path in paths:
        remove_dir(path)


def _restore_random(moments: dict[str, Tensor]) -> None:
    torch.set_rng_state(moments.pop(RANDOM_STATE))
    on_gpu = moments.pop(CUDA_RANDOM_STATE, None)
    if on_gpu is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(on_gpu)


def _read(path: Path) -> tuple[TrainState, dict[str, Tensor], dict[str, Tensor]]:
    """State, weights and the optimizer's tensors, whole, whether one process wrote them or several."""
    weights, _ = read_weights(path)
    if is_sharded(path):
        slices = Slices(path, "optimizer")
        moments = slices.all()
        others = {name for name in moments if name.startswith((f"{RANDOM_STATE}/", f"{CUDA_RANDOM_STATE}/"))}
        moments |= {name.removesuffix("/0"): moments[name] for name in others if name.endswith("/0")}
        moments = {name: tensor for name, tensor in moments.items() if name not in others}
    else:
        moments, _ = read_tensors(path / OPTIMIZER)
    return read_state(path), weights, moments


def _read_average(path: Path) -> dict[str, Tensor]:
    return Slices(path, "ema").all() if is_sharded(path) else read_tensors(path / EMA)[0]


def read_state(path: Path) -> TrainState:
    """Where the run stood at a checkpoint.

    Raises:
        LabError: the file is missing or damaged.
    """
    try:
        return msgspec.json.decode((path / STATE).read_bytes(), type=TrainState)
    except (FileNotFoundError, msgspec.DecodeError, msgspec.ValidationError) as error:
        raise LabError(
            "This checkpoint's state is damaged ({error}).", str(path / STATE), "An earlier one is used.",
            error=str(error)) from None


def read_pointers(run: Path) -> dict[str, str]:
    """{"last": folder name, "best": folder name}; empty before the first checkpoint."""
    path = Path(run) / POINTERS
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}
