"""What this process holds of each parameter: the local piece, where it lies in the whole, and who else has it."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor
from torch.distributed.tensor._utils import compute_local_shape_and_global_offset

SHARED_OUT = ("data", "shard", "tensor")  # dimensions of the mesh along which a piece of the stack is held


class Part:
    """One parameter, or a process's piece of it.

    Args:
        name: of the parameter in the whole model.
        parameter: as the model has it, an ordinary or a distributed tensor.
        mesh: of the run, with all dimensions.
    """

    def __init__(self, name: str, parameter: nn.Parameter, mesh: DeviceMesh) -> None:
        self.name, self.parameter, self.shape = name, parameter, tuple(parameter.shape)
        self.local, self.offset, cut = parameter, (0,) * parameter.ndim, set()
        if isinstance(parameter, DTensor):
            inner, placements = parameter.device_mesh, parameter.placements
            local = parameter.to_local().detach()
            self.local = nn.Parameter(local)  # shares its memory with the distributed one
            self.offset = tuple(compute_local_shape_and_global_offset(parameter.shape, inner, placements)[1])
            cut = {name for name, place in zip(inner.mesh_dim_names, placements) if not place.is_replicate()}
        others = [name for name in SHARED_OUT if name not in cut]
        self.replicas = 1
        for dimension in others:
            self.replicas *= mesh[dimension].size()
        self._replica = {dimension: mesh[dimension].get_local_rank() for dimension in others}
        self.counts = True  # in the gradient's norm, and among the weights that are written down

    @property
    def whole(self) -> bool:
        """Whether this process holds all of it."""
        return tuple(self.local.shape) == self.shape

    def writes(self, unless: tuple[str, ...] = ()) -> bool:
        """Whether this process writes the piece down: of those that hold the same, one does.

        Args:
            unless: dimensions along which no two processes hold the same.
        """
        return self.counts and not any(rank for dimension, rank in self._replica.items() if dimension not in unless)

    @property
    def gradient(self) -> Tensor | None:
        """The local piece of the gradient."""
        found = self.parameter.grad
        if not isinstance(found, DTensor):
            return found
        if found.placements != self.parameter.placements:  # sums that nobody has added up yet
            found = self.parameter.grad = found.redistribute(placements=self.parameter.placements)
        return found.to_local()

    def hand_over(self) -> None:
        """Give the gradient to the local piece, which the optimizer changes."""
        if self.local is not self.parameter:
            self.local.grad = self.gradient


class Parts:
    """All pieces of a model in this process; to an optimizer they look like a model."""

    def __init__(self, model: nn.Module, mesh: DeviceMesh) -> None:
        self.spec, self.model = model.spec, model
        self.all = [Part(name, parameter, mesh) for name, parameter in model.named_parameters()]

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Names in the whole model, and local pieces."""
        return iter([(part.name, part.local) for part in self.all])

    def parameters(self) -> Iterator[nn.Parameter]:
        """Local pieces."""
        return iter([part.local for part in self.all])

    def named_modules(self) -> Iterator[tuple[str, nn.Module]]:
        """The model's own; where parameters are whole, theirs are the local pieces."""
        return self.model.named_modules()

    def square_length(self) -> Tensor:
        """This process's share of the squared length of the gradient, float64 (1,)."""
        total = torch.zeros(1, dtype=torch.float64)
        for part in self.all:
            if part.counts and (found := part.gradient) is not None:
                total += found.detach().double().square().sum().cpu() / part.replicas
        return total

    def shrink(self, factor: float) -> None:
        """Multiply all gradients."""
        for part in self.all:
            if (found := part.gradient) is not None:
                found.detach().mul_(factor)


class OwnedParts(Parts):
    """ZeRO stage 1: of whole parameters each copy updates some, and sends them to the others.

    Source: Rajbhandari et al. 2020, arXiv:1910.02054.
    """

    def __init__(self, parts: Parts, group) -> None:
        self.spec, self.model, self.everything, self.group = parts.spec, parts.model, parts.all, group
        ranks = torch.distributed.get_process_group_ranks(group)
        mine = torch.distributed.get_rank(group)
        load, self.owners = [0] * len(ranks), {}
        for part in sorted(parts.all, key=lambda part: (-part.local.numel(), part.name)):
            owner = load.index(min(load))
            load[owner] += part.local.numel()
            self.owners[part.name] = ranks[owner]
        self.all = [part for part in parts.all if self.owners[part.name] == ranks[mine]]

    @torch.no_grad()
    def exchange(self) -> None:
        """After the optimizer's step: every copy gets what the others updated."""
        for owner in sorted(set(self.owners.values())):
            pieces = [part.local for part in self.everything if self.owners[part.name] == owner]
            flat = torch.cat([piece.detach().flatten() for piece in pieces])
            torch.distributed.broadcast(flat, owner, group=self.group)
            for piece, new in zip(pieces, flat.split([piece.numel() for piece in pieces])):
                piece.detach().copy_(new.view_as(piece))
