"""A decoder cut into pieces of its stack, one a process; batches pass through them in micro-batches.

Source: Huang et al. 2019, GPipe, arXiv:1811.06965; Narayanan et al. 2019, PipeDream (one forward, one backward).
"""

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.pipelining import PipelineStage, Schedule1F1B, ScheduleGPipe

from core.model.decoder import Decoder

PASSES = 4  # micro-batches a stage, where the spec does not say how many sequences one has


class Stage(nn.Module):
    """Some blocks of a decoder; the first stage has the embedding, the last has the norm and the head.

    The parameters keep the names that they have in the whole model.
    """

    def __init__(self, model: Decoder, index: int, count: int) -> None:
        super().__init__()
        self.first, self.last = index == 0, index == count - 1
        bounds = [round(place * len(model.blocks) / count) for place in range(count + 1)]
        self.layers = range(bounds[index], bounds[index + 1])
        model.blocks = nn.ModuleDict({str(layer): model.blocks[layer] for layer in self.layers})
        if not self.first:
            model.positions = model.segments = model.embed_norm = model.embed_up = None
        if not self.last:
            model.final_norm = model.head = model.transform = model.embed_down = model.head_bias = None
        self.tied = model.spec.tied_head
        if not self.first and not (self.last and self.tied):
            model.embed = None
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """Token ids (B, T) or what the stage before gave (B, T, D) -> (B, T, D)."""
        model = self.model
        if self.first:
            x = model.way_in(model.embed(x), 0)
        places = model.places(0, x.shape[1], x)
        if model.recompute:
            places.note_masks(block.attn.banded for block in model.blocks.values())
        for layer in self.layers:
            x = model.through(model.blocks[str(layer)], x, places, None, layer, None, None)
        return model.final_norm(x) if self.last and model.final_norm is not None else x


class Pipeline:
    """The stages of one pipeline.

    Args:
        mesh: of the pipeline, one dimension.
    """

    def __init__(self, model: Decoder, mesh: DeviceMesh, device: str) -> None:
        self.group, self.device = mesh.get_group(), device
        self.ranks = dist.get_process_group_ranks(self.group)
        self.index, self.count = mesh.get_local_rank(), mesh.size()
        self.stage = Stage(model, self.index, self.count)
        self.ends = dist.new_group([self.ranks[0], self.ranks[-1]], use_local_synchronization=True) \
            if self.stage.tied and (self.stage.first or self.stage.last) else None  # fmt: skip
        self._schedules: dict[tuple, object] = {}
        self._asked = 1.0

    def gradients(self, ids: Tensor, targets: Tensor, micro: int, asked: float) -> float:
        """Forward and backward of a copy's share of a batch.

        Args:
            ids, targets: int64 (B, T).
            micro: sequences that pass at once; 0 = a few passes a stage.
            asked: by how much the summed loss is divided: targets that count, of all copies.
        Returns:
            The sum of the losses divided by ``asked``.
        """
        self._asked, losses = asked, []
        schedule = self._schedule(len(ids), micro, ids.shape[1])
        given = (ids,) if self.stage.first else ()
        wanted = {"target": targets, "losses": losses} if self.stage.last else {}
        schedule.step(*given, **wanted, return_outputs=False)
        if self.ends is not None:
            dist.all_reduce(self.stage.model.embed.weight.grad, group=self.ends)
        total = torch.stack([loss.detach() for loss in losses]).sum() if losses else torch.zeros((), device=self.device)
        dist.broadcast(total, self.ranks[-1], group=self.group)
        return float(total)

    def logits(self, ids: Tensor) -> Tensor:
        """ids (B, T) -> logits (B, T, V) float32, in every process; the stages work one after the other."""
        model, shape = self.stage.model, (*ids.shape, self.stage.model.spec.d_model)
        x = ids if self.stage.first else torch.empty(shape, device=self.device)
        if not self.stage.first:
            dist.recv(x, self.ranks[self.index - 1])
        x = self.stage(x)
        if self.stage.last:
            logits = model.logits(x).float().contiguous()
        else:
            dist.send(x.contiguous(), self.ranks[self.index + 1])
            logits = torch.empty(*ids.shape, model.spec.vocab_size, device=self.device)
        dist.broadcast(logits, self.ranks[-1], group=self.group)
        return logits

    def _loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        return self.stage.model.loss_of(hidden, targets) * ((targets >= 0).sum() / self._asked)

    def _schedule(self, rows: int, micro: int, length: int):
        """One schedule a shape; a batch that cannot fill the pipeline goes forward first, then backward."""
        passes = rows // micro if micro else max(n for n in range(1, PASSES * self.count + 1) if rows % n == 0)
        key = (rows, passes, length)
        if key not in self._schedules:
            stage = PipelineStage(self.stage, self.index, self.count, torch.device(self.device), group=self.group)
            kind = Schedule1F1B if passes >= self.count else ScheduleGPipe
            self._schedules[key] = kind(stage, passes, loss_fn=self._loss, scale_grads=False)
        return self._schedules[key]
