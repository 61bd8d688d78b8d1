"""A step as two CUDA graphs: recorded once, then replayed without Python or a launch an operation between.

For a small model on a GPU most of a step is telling the GPU what to do. One graph holds forward, backward and clipping,
one the optimizer; between them the guard looks, as it always does.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from core.record.events import Noted
from core.train.optimizers.adamw import AdamW
from core.train.precision import Arithmetic
from core.train.update import Update

Work = Callable[[], None]


def record(work: Work) -> Work:
    """Record what ``work`` asks of the GPU, without doing it; what is returned does it.

    Raises:
        RuntimeError: some of it cannot be recorded: it waits for a number, say.
    """
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # the thread that makes batches goes on
        work()
    return graph.replay


def fits(model: nn.Module, optimizer: torch.optim.Optimizer, precision: str) -> bool:
    """Whether every step asks for the same: nothing drawn or routed, no scale of the loss, AdamW by torch."""
    spec = model.spec
    return (spec.family == "transformer" and not spec.experts.count and not spec.dropout and precision != "fp16"
            and spec.objective.task != "replaced"
            and isinstance(optimizer, AdamW) and optimizer.path == "torch")  # fmt: skip


class GraphedUpdate(Update):
    """Updates replayed where the batch is like the one recorded, and otherwise carried out step by step.

    The first update of a shape is carried out (it makes the optimizer's state and what libraries keep), the second is
    recorded. What cannot be recorded is said once, and the run goes on without.

    Args:
        emit: told when recording failed.
        record: how work is recorded; tests have their own.
    """

    def __init__(self, run, arithmetic: Arithmetic, expert_use, emit, record: Callable[[Work], Work] = record) -> None:
        super().__init__(run, arithmetic, expert_use)
        self._emit, self._record = emit, record
        self._replay: Work | None = None
        self._optimize: Work | None = None
        self._shape: tuple = ()  # of the batch that is recorded, or was seen once
        self._batch: dict[str, Tensor] = {}
        self._gradients: list[Tensor | None] = []
        self._found = torch.zeros(2, device=run.device)  # loss and norm
        self._failed = self._replayed = False
        for group in self.optimizer.param_groups:
            group["capturable"] = run.device == "cuda"
        self._rate = torch.zeros((), device=run.device)

    def gradients(self, batch: dict, state) -> tuple[float, float]:
        """As in Update."""
        shape = (self.run.micro_batch, *((name, tuple(tensor.shape)) for name, tensor in sorted(batch.items())))
        looked_at = getattr(self.arithmetic.working, "looked_at", False)  # hooks are no part of a graph
        again = shape == self._shape
        self._replayed = not self._failed and not looked_at and again and self._ready(batch)
        if not self._replayed:
            if not again:
                self._shape, self._replay, self._optimize = shape, None, None
            return super().gradients(batch, state)
        for name, tensor in batch.items():
            self._batch[name].copy_(tensor, non_blocking=True)
        self._link()
        self._replay()
        self._gradients = [parameter.grad for parameter in self.model.parameters()]
        total, norm = self._found.tolist()
        self.overflowed = False
        return total, norm

    def apply(self, rate: float, state) -> None:
        """As in Update."""
        if not self._replayed or not self._optimizer_ready():
            return super().apply(rate, state)
        self._rate.fill_(rate)
        self._set_rate(self._rate)
        self._optimize()
        self._set_rate(rate)
        if self.run.average is not None:
            self.run.average.add(self.model, state.step + 1)
        self.discard()

    def _ready(self, batch: dict) -> bool:
        """Record forward, backward and clipping, if that has not been done."""
        if self._replay is None:
            self._batch = {name: tensor.to(self.run.device).clone() for name, tensor in batch.items()}
            self._replay = self._try(self._compute)
            self._gradients = [parameter.grad for parameter in self.model.parameters()]
        return self._replay is not None

    def _optimizer_ready(self) -> bool:
        """Record the optimizer's step, if that has not been done."""
        if self._optimize is None:
            self._set_rate(self._rate)  # the graph reads the rate where it lies
            self._optimize = self._try(self.optimizer.step)
        return self._optimize is not None

    def _try(self, work: Work) -> Work | None:
        try:
            return self._record(work)
        except RuntimeError as error:
            self._failed = True
            self.discard()
            self._emit(Noted(text="The step is not replayed as a CUDA graph: {reason}",
                             values={"reason": str(error).splitlines()[0][:200]}))
            return None

    def _compute(self) -> None:
        """What is recorded: gradients of the whole batch into memory that stays, loss and norm into ``_found``."""
        for parameter in self.model.parameters():
            parameter.grad = None
        rows, micro = len(self._batch["targets"]), self.run.micro_batch
        self.arithmetic.refresh()
        total = torch.zeros((), device=self.run.device)
        for start in range(0, rows, micro):
            part = {name: tensor[start : start + micro] for name, tensor in self._batch.items()}
            loss = self.arithmetic.loss(**part) * (len(part["targets"]) / rows)
            self.arithmetic.backward(loss)
            total = total + loss.detach()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.run.spec.clip or float("inf"))
        self._found.copy_(torch.stack([total.float(), norm.float()]))

    def _set_rate(self, rate: float | Tensor) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def _link(self) -> None:
        """Give the weights the gradients that the graph writes."""
        for parameter, gradient in zip(self.model.parameters(), self._gradients, strict=True):
            parameter.grad = gradient
