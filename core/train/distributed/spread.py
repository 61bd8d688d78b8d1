"""A model laid out over the mesh of its run: one face for copies, shards, parts of matrices and pipelines."""

from contextlib import nullcontext

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method
from torch.nn.parallel import DistributedDataParallel

from core.spec.train import TrainSpec
from core.train.distributed.parts import OwnedParts, Parts


class Spread:
    """What the trainer needs of a model that several processes hold together.

    Args:
        model: whole, with the same weights in every process; it is divided in place.
        device: "cpu" or "cuda".
    """

    def __init__(self, model: nn.Module, spec: TrainSpec, device: str) -> None:
        mesh = spec.mesh
        self.spec, self.model, self.device = spec, model, device
        self.mesh = init_device_mesh(
            device, (mesh.pipeline, mesh.data, mesh.shard, mesh.tensor),
            mesh_dim_names=("pipeline", "data", "shard", "tensor"))  # fmt: skip
        self.copies = mesh.copies
        self.copy = self.mesh["data"].get_local_rank() * mesh.shard + self.mesh["shard"].get_local_rank()
        self.group = self.mesh["data", "shard"]._flatten("copies").get_group()
        self.pipeline = None
        if mesh.tensor > 1:  # these engines take seconds to import
            from core.train.distributed.tensor import split_matrices

            split_matrices(model, self.mesh["tensor"], mesh.sequence)
        if mesh.pipeline > 1:
            from core.train.distributed.stages import Pipeline

            self.pipeline = Pipeline(model, self.mesh["pipeline"], device)
        if mesh.fully_sharded:
            self._shard()
        self.parts = Parts(model, self.mesh)
        if self.pipeline is not None and self.pipeline.stage.tied and not self.pipeline.stage.first:
            for part in self.parts.all:
                if part.name == "embed.weight":  # the first stage has it, too
                    part.counts = False
        self.owned = OwnedParts(self.parts, self.group) if mesh.shard > 1 and mesh.zero == 1 else self.parts
        self._copied: DistributedDataParallel | None = None

    @property
    def whole(self) -> bool:
        """Whether this process can compute with the model alone."""
        return not self.spec.mesh.splits_weights and self.pipeline is None

    def _shard(self) -> None:
        """FSDP: each block is gathered when its turn comes. Source: Zhao et al. 2023, arXiv:2304.11277."""
        mesh = self.mesh["data", "shard"] if self.spec.mesh.data > 1 else self.mesh["shard"]
        again = self.spec.mesh.zero == 3
        for block in self.model.blocks:
            fully_shard(block, mesh=mesh, reshard_after_forward=again)
        fully_shard(self.model, mesh=mesh, reshard_after_forward=False)
        register_fsdp_forward_method(self.model, "loss")

    def share(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """This copy's rows of a batch that all copies have."""
        each = len(batch["targets"]) // self.copies
        return {name: part[self.copy * each : (self.copy + 1) * each] for name, part in batch.items()}

    def loss(self, batch: dict[str, Tensor], last: bool) -> Tensor:
        """Of this copy's rows; its gradients are averaged over the copies in the backward pass.

        Args:
            last: whether this is the step's last micro-batch: gradients of the others stay at home until then.
        """
        if self.spec.mesh.fully_sharded:
            self.model.set_requires_gradient_sync(last)
            return self.model.loss(**batch)
        if self.copies == 1 or not self.whole:
            return self.model.loss(**batch)
        if self._copied is None:
            self._copied = DistributedDataParallel(
                _Loss(self.model), process_group=self.group, forward_sync_buffers=False,
                find_unused_parameters=self.spec.model.experts.count > 0)  # fmt: skip
        with nullcontext() if last else self._copied.no_sync():
            return self._copied(batch)

    @torch.no_grad()
    def average(self) -> None:
        """Average gradients over the copies where neither DDP nor FSDP has done it: pipelines, parts of matrices."""
        if self.copies == 1 or self.spec.mesh.fully_sharded or self.whole:
            return
        found = [part.gradient for part in self.parts.all if part.gradient is not None]
        flat = torch.cat([gradient.flatten() for gradient in found])
        dist.all_reduce(flat, group=self.group)
        for gradient, new in zip(found, flat.div_(self.copies).split([gradient.numel() for gradient in found])):
            gradient.copy_(new.view_as(gradient))

    def summed(self, value: float) -> float:
        """The sum over the copies."""
        total = torch.tensor([value], dtype=torch.float64)
        dist.all_reduce(total, group=self.group)
        return float(total)

    def clip(self, limit: float) -> float:
        """Shorten the gradient of the whole model to ``limit`` (0 = no limit); returns its length before."""
        total = self.parts.square_length()
        dist.all_reduce(total)
        norm = float(total.sqrt())
        if limit and norm > limit:
            self.parts.shrink(limit / (norm + 1e-6))
        return norm

    def hand_over(self) -> None:
        """Give the gradients to the pieces that the optimizer changes."""
        for part in self.owned.all:
            part.hand_over()

    def exchange(self) -> None:
        """After the optimizer's step: what only one copy updated goes to the others."""
        if isinstance(self.owned, OwnedParts):
            self.owned.exchange()

    def forget_gradients(self) -> None:
        """Free them."""
        for part in self.parts.all:
            part.parameter.grad = part.local.grad = None

    def forget_gathered(self) -> None:
        """After looking: what FSDP gathered is given free, so that the weights are read anew."""
        for module in self.model.modules():
            if isinstance(module, FSDPModule):
                module.reshard()


class _Loss(nn.Module):
    """The loss as a forward pass, which is what DDP can wrap."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        return self.model.loss(**batch)


class Reader(nn.Module):
    """The divided model as one that reads: ids in, logits out, the same in every process.

    Stands in for the model where text is measured or drawn; every process has to call it alike.
    """

    def __init__(self, spread: Spread) -> None:
        super().__init__()
        self.model, self.spec, self._spread = spread.model, spread.model.spec, spread

    def forward(self, ids: Tensor) -> Tensor:
        """ids (B, T) int64 -> logits (B, T, V) float32."""
        spread, length = self._spread, ids.shape[1]
        if spread.pipeline is not None:
            run = spread.pipeline.logits
        else:
            run = self.model
        if spread.spec.mesh.sequence:  # nothing sees what is put behind it
            ids = nn.functional.pad(ids, (0, -length % spread.spec.mesh.tensor))
        logits = run(ids)[:, :length]
        spread.forget_gathered()
        return logits

    def predictions(self, ids: Tensor) -> Tensor:
        """Logits of what the objective asks at each place, (B, T, V) float32."""
        return self(ids)


class Rereader:
    """Writes with a divided model: without a cache, the whole text is read again for each token."""

    def __init__(self, reader: Reader, device: str) -> None:
        self.reader, self.device, self.ids = reader, device, []

    @property
    def length(self) -> int:
        """Tokens read and written so far."""
        return len(self.ids)

    def start(self, ids: list[int]) -> Tensor:
        """Forget everything, read ``ids``; the logits after the last, float32, (V,)."""
        self.ids = list(ids)
        return self._read()

    def step(self, id: int) -> Tensor:
        """Read one more token; the logits after it, float32, (V,)."""
        self.ids.append(id)
        return self._read()

    def _read(self) -> Tensor:
        return self.reader(torch.tensor([self.ids], device=self.device))[0, -1]
