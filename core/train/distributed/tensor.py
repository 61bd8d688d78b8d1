"""Parts of every matrix: attention by heads, feed-forward by hidden features. Source: arXiv:1909.08053."""

from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import Replicate, Shard
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    PrepareModuleInput,
    PrepareModuleOutput,
    RowwiseParallel,
    SequenceParallel,
    parallelize_module,
)

from core.model.attention import Attention
from core.model.block import Block
from core.model.decoder import Decoder

NORMS = ("attn_norm", "ff_norm", "attn_norm_out", "ff_norm_out")


def split_matrices(model: Decoder, mesh: DeviceMesh, sequence: bool) -> None:
    """Leave each process its part of the matrices of every block; embedding and head stay whole.

    Args:
        model: on its device, with the same weights in every process.
        mesh: one dimension.
        sequence: norms and residuals are shared out along the sequence too. Source: arXiv:2205.05198.
    """
    blocks = list(model.blocks)
    for block in blocks:
        parallelize_module(block, mesh, _plan(block, sequence))
    if sequence:
        parallelize_module(blocks[0], mesh, PrepareModuleInput(
            input_layouts=(Replicate(), *[None] * 5), desired_input_layouts=(Shard(1), *[None] * 5),
            use_local_output=True))  # fmt: skip
        parallelize_module(blocks[-1], mesh, PrepareModuleOutput(
            output_layouts=Shard(1), desired_output_layouts=Replicate()))  # fmt: skip
    if model.query_block is not None:
        parallelize_module(model.query_block, mesh, _plan(model.query_block, sequence=False, queries=True))
    for module in model.modules():
        if isinstance(module, Attention):
            module.heads, module.kv = module.heads // mesh.size(), module.kv // mesh.size()
    if model.slopes is not None:
        model.slopes = model.slopes.chunk(mesh.size())[mesh.get_local_rank()].clone()


def _plan(block: Block, sequence: bool, queries: bool = False) -> dict:
    """Columns in, rows out; with ``sequence`` what lies between the parts is a share of the tokens."""
    columns = {name: ColwiseParallel() for name in ("attn.q", "attn.k", "attn.v", "ff.up", "ff.gate")
               if _has(block, name)}  # fmt: skip
    between = Shard(1) if sequence else Replicate()
    plan = columns | {name: RowwiseParallel(output_layouts=between) for name in ("attn.o", "ff.down")}
    if block.attn.q_norm is not None:  # over the features of a head; heads are at dimension 1
        plan |= {f"attn.{name}": SequenceParallel(sequence_dim=1, use_local_output=True)
                 for name in ("q_norm", "k_norm")}  # fmt: skip
    if not queries:  # one gathering for queries, keys and values together
        plan["attn"] = PrepareModuleInput(
            input_layouts=(between, None, None, None), desired_input_layouts=(Replicate(), None, None, None))
    if sequence:
        plan |= {name: SequenceParallel(use_local_output=True) for name in NORMS if _has(block, name)}
    plan["ff"] = PrepareModuleInput(input_layouts=(between,), desired_input_layouts=(Replicate(),))
    return plan


def _has(block: nn.Module, name: str) -> bool:
    for part in name.split("."):
        block = getattr(block, part, None)
    return block is not None
