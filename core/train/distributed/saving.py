"""Checkpoints of a run over several processes: each writes its slices; any number of processes reads them again.

The folder is written under a temporary name by all and renamed by the first, so it is whole or absent.
See :mod:`core.model.shards` for what lies in it.
"""

import os
import shutil
from pathlib import Path

import msgspec
import torch
from safetensors.torch import save_file
from torch import Tensor

from core.errors import LabError
from core.model.shards import FORMAT, INDEX, Slices
from core.record.atomic import TEMPORARY, commit_dir, disk_error, write_json
from core.spec.retention import RetentionSpec
from core.train.checkpoint import (
    STATE,
    TrainState,
    candidates,
    metadata_of,
    name_and_retain,
    place,
    read_state,
    settle,
)
from core.train.distributed.parts import Part
from core.train.distributed.ranks import Alone
from core.train.distributed.spread import Spread
from core.train.ema import Average
from core.train.optimizers import optimizer_tensors, restore_optimizer

RANDOM = "random_state"  # of each process, by its rank


class Saving:
    """Writes and reads the pieces that this process holds.

    Args:
        optimizer: of the pieces of ``spread.owned``.
        average: of the weights, or None.
    """

    def __init__(self, spread: Spread, ranks: Alone, optimizer, average: Average | None) -> None:
        self.spread, self.ranks, self.optimizer, self.average = spread, ranks, optimizer, average

    def save(self, run: Path, state: TrainState, keep: int, rules: RetentionSpec) -> tuple[Path, list[int]]:
        """As :func:`core.train.checkpoint.save_checkpoint`, by all processes together."""
        final = place(run, state)
        if not self.ranks.told(final.exists()):
            self.write(final, state, metadata_of(self.spread.parts.spec, state))
        return final, name_and_retain(run, final, state, keep, rules) if self.ranks.first else []

    def restore(self, run: Path, seed: int, noted, at_most: int | None = None) -> TrainState | None:
        """As :func:`core.train.checkpoint.restore`, by all processes together."""
        found, newer = candidates(run, at_most) if self.ranks.first else ([], [])
        for name in self.ranks.told([path.name for path in found]):
            path = Path(run) / "checkpoints" / name
            try:
                state = self.read(path, seed)
            except LabError as error:
                if isinstance(error.__cause__, OSError):
                    raise
                if self.ranks.first:
                    noted(path, error)
                    shutil.rmtree(path, ignore_errors=True)  # damaged; the same step will be written again
                continue
            if self.ranks.first:
                settle(run, path, state, newer)
            return msgspec.convert(self.ranks.told(msgspec.to_builtins(state)), TrainState)
        if self.ranks.first:
            settle(run, None, None, newer)
        return None

    def write(self, final: Path, state: TrainState, metadata: dict[str, str]) -> None:
        """All processes together write a checkpoint.

        Raises:
            LabError: a disk is full; earlier checkpoints are untouched.
        """
        temporary = final.with_name(f"{TEMPORARY}{final.name}")
        self.ranks.first_does(lambda: self.ranks.first and _make_empty(temporary))
        pieces, problem = {}, None
        try:
            pieces = {kind: self._write_kind(temporary, kind, tensors) for kind, tensors in self._tensors().items()}
        except OSError as error:
            problem = _told(disk_error(error, final))
        found = self.ranks.gathered([pieces, problem])
        self._check(temporary, [problem for _, problem in found])
        self.ranks.first_does(lambda: self.ranks.first and _commit(
            temporary, final, state, {"format": FORMAT, "metadata": metadata, "tensors": _merged(found)}))

    def read(self, path: Path, seed: int) -> TrainState:
        """Put a checkpoint of any number of processes into this process's pieces.

        Args:
            seed: for the random numbers of processes that the checkpoint does not know.
        Raises:
            LabError: a file is missing or damaged, for whichever process.
        """
        problem, error = None, None
        try:
            state = read_state(path)
            self._read(path, state, seed)
        except LabError as found:
            problem, error = _told(found), found
        told = next((problem for problem in self.ranks.gathered(problem) if problem), None)
        if told is not None:
            raise error or _heard(told)
        return state

    def _tensors(self) -> dict[str, dict[str, tuple[Tensor, Part | None]]]:
        """By kind and name, what this process has to write, and of which parameter it is a piece (None: whole)."""
        spread, first = self.spread, self.ranks.first
        weights = {part.name: (part.local, part) for part in spread.parts.all if part.writes()}
        if first:
            kept = spread.model.state_dict() if spread.whole else {}
            weights |= {name: (kept[name], None) for name, _ in spread.model.named_buffers() if name in kept}
        apart = ("data", "shard") if spread.owned is not spread.parts else ()
        parts = {part.name: part for part in spread.owned.all if part.writes(unless=apart)}
        moments = {}
        for key, value in optimizer_tensors(spread.owned, self.optimizer).items():
            part = parts.get(key.rpartition("/")[0])
            if part is not None and part.whole:
                moments[key] = (value, None)
            elif part is not None and value.shape == part.local.shape:
                moments[key] = (value, part)
            elif part is not None and not any(part.offset):  # a count of steps: the same for all pieces
                moments[key] = (value, None)
        moments[f"{RANDOM}/{self.ranks.rank}"] = (torch.get_rng_state(), None)
        if self.spread.device == "cuda":
            moments[f"{RANDOM}_cuda/{self.ranks.rank}"] = (torch.cuda.get_rng_state(), None)
        found = {"model": weights, "optimizer": moments}
        if self.average is not None:
            found["ema"] = {part.name: (self.average.tensors[part.name], part)
                            for part in spread.parts.all if part.writes()}  # fmt: skip
        return found

    def _write_kind(self, folder: Path, kind: str, tensors: dict) -> dict:
        """One file, durably; returns what the index says of it."""
        name = f"{kind}-{self.ranks.rank:05d}-of-{self.ranks.world:05d}.safetensors"
        tensors = {key: found for key, found in tensors.items() if found[0].numel()}
        if not tensors:
            return {}
        save_file({key: value.detach().cpu().contiguous() for key, (value, _) in tensors.items()}, folder / name)
        with open(folder / name, "rb+") as file:
            os.fsync(file.fileno())
        return {key: [list(part.shape) if part else list(value.shape),
                      {"file": name, "offset": list(part.offset) if part else [0] * value.ndim,
                       "shape": list(value.shape)}] for key, (value, part) in tensors.items()}  # fmt: skip

    def _check(self, temporary: Path, problems: list[dict | None]) -> None:
        """If one could not write, all give up."""
        told = next((problem for problem in problems if problem), None)
        if told is not None:
            if self.ranks.first:
                shutil.rmtree(temporary, ignore_errors=True)
            raise _heard(told)

    @torch.no_grad()
    def _read(self, path: Path, state: TrainState, seed: int) -> None:
        spread = self.spread
        weights = Slices(path, "model")
        new = {part.name: weights.read(part.name, part.offset, tuple(part.local.shape)) for part in spread.parts.all}
        buffers = {name: weights.read(name) for name, _ in spread.model.named_buffers() if name in weights.names()}
        moments = Slices(path, "optimizer")
        restored = self._moments(moments)
        averages = Slices(path, "ema") if self.average is not None else None
        kept = {name: averages.read(name) for name in new} if averages else {}
        for part in spread.parts.all:  # nothing is changed before everything was read
            part.local.detach().copy_(new[part.name])
        for name, buffer in spread.model.named_buffers():
            if name in buffers:
                buffer.copy_(buffers[name])
        restore_optimizer(spread.owned, self.optimizer, restored)
        if averages:
            self.average.restore(kept)
        self._restore_random(moments, state, seed)

    def _moments(self, slices: Slices) -> dict[str, Tensor]:
        """The optimizer's state for the pieces that are updated here."""
        by_name: dict[str, list[str]] = {}
        for key in slices.names():
            by_name.setdefault(key.rpartition("/")[0], []).append(key)
        found = {}
        for part in self.spread.owned.all:
            for key in by_name.get(part.name, []):
                cut = not part.whole and slices.shape(key) == part.shape
                found[key] = slices.read(key, part.offset, tuple(part.local.shape)) if cut else slices.read(key)
        return found

    def _restore_random(self, slices: Slices, state: TrainState, seed: int) -> None:
        """As it was, if as many processes wrote the checkpoint; else new random numbers, others for each copy."""
        rank, names = self.ranks.rank, slices.names()
        if sum(name.startswith(f"{RANDOM}/") for name in names) == self.ranks.world:
            torch.set_rng_state(slices.read(f"{RANDOM}/{rank}"))
            if f"{RANDOM}_cuda/{rank}" in names and torch.cuda.is_available():
                torch.cuda.set_rng_state(slices.read(f"{RANDOM}_cuda/{rank}"))
        else:
            torch.manual_seed(1_000_003 * seed + 1009 * state.step + self.spread.copy)


def _make_empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise disk_error(error, folder) from error


def _merged(found: list) -> dict:
    """One index of what all processes wrote: each tensor's shape and slices."""
    index: dict[str, dict] = {}
    for pieces, _ in found:
        for kind, tensors in pieces.items():
            for name, (shape, piece) in tensors.items():
                entry = index.setdefault(kind, {}).setdefault(name, {"shape": shape, "slices": []})
                entry["slices"].append(piece)
    return index


def _commit(temporary: Path, final: Path, state: TrainState, index: dict) -> None:
    try:
        write_json(temporary / INDEX, index)
        (temporary / STATE).write_bytes(msgspec.json.encode(state))
        commit_dir(temporary, final)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise disk_error(error, final) from error


def _told(error: Exception) -> dict:
    if isinstance(error, LabError):
        values = {name: str(value) for name, value in error.values.items()}
        return {"problem": error.problem, "where": str(error.where), "remedy": error.remedy, "values": values,
                "system": isinstance(error.__cause__, OSError)}  # fmt: skip
    return {"problem": "The checkpoint could not be written ({error}).", "where": "", "remedy": "Resume the run.",
            "values": {"error": str(error)[:200]}}  # fmt: skip


def _heard(told: dict) -> LabError:
    """What another process met; an error of the system stays one."""
    error = LabError(told["problem"], told["where"], told["remedy"], **told["values"])
    error.__cause__ = OSError(told["problem"]) if told.get("system") else None
    return error
