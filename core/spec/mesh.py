"""How a run is laid out over several devices."""

from typing import Annotated

from core.spec.base import Spec, about


class MeshSpec(Spec):
    """Processes along each direction of a device mesh; 1 everywhere = a run in one process.

    Their product is the world size that ``torchrun`` has to start.
    """

    data: Annotated[int, about(
        "Copies", "Data parallel: each holds the whole model and takes its share of the batch.",
        low=1, high=65536, source="Li et al. 2020, PyTorch Distributed, arXiv:2006.15704", expert=True)] = 1
    shard: Annotated[int, about(
        "Shards", "Fully sharded data parallel: each takes its share of the batch and holds its share of the weights, "
        "gradients and optimizer state.", low=1, high=65536,
        source="Rajbhandari et al. 2020, ZeRO, arXiv:1910.02054", expert=True)] = 1
    zero: Annotated[int, about(
        "ZeRO stage", "What is sharded: 1 = the optimizer's state; 2 = gradients, too, and weights between two steps; "
        "3 = weights at every moment.", low=1, high=3,
        source="Rajbhandari et al. 2020, ZeRO, arXiv:1910.02054", expert=True)] = 3
    tensor: Annotated[int, about(
        "Tensor parallel", "Each holds a part of every matrix: columns, then rows.", low=1, high=1024,
        source="Shoeybi et al. 2019, Megatron-LM, arXiv:1909.08053", expert=True)] = 1
    sequence: Annotated[bool, about(
        "Sequence parallel", "Norms between the matrices are shared out along the sequence, too.",
        source="Korthikanti et al. 2022, arXiv:2205.05198", expert=True)] = False
    pipeline: Annotated[int, about(
        "Pipeline", "Each holds some of the layers, and the batch passes in micro-batches.", low=1, high=1024,
        source="Huang et al. 2019, GPipe, arXiv:1811.06965", expert=True)] = 1

    @property
    def world(self) -> int:
        """Processes in all."""
        return self.data * self.shard * self.tensor * self.pipeline

    @property
    def copies(self) -> int:
        """Among how many processes a batch is shared out."""
        return self.data * self.shard

    @property
    def fully_sharded(self) -> bool:
        """Whether the copies hold a share of the weights each (FSDP), not all of them."""
        return self.shard > 1 and self.zero > 1

    @property
    def splits_weights(self) -> bool:
        """Whether a process holds a part of a matrix only."""
        return self.fully_sharded or self.tensor > 1
