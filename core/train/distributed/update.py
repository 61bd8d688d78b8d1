"""One change of the weights of a model that several processes hold together: the same mathematics as in one."""

from torch import Tensor

from core.train.distributed.spread import Spread
from core.train.precision import autocast


class SpreadUpdate:
    """Does what :class:`core.train.update.Update` does, for all processes of a run at once.

    Every process is given the same batch and takes its rows. Losses are weighted by the targets that count, so their
    sum over the copies is the mean over the batch's micro-batches, as in one process.

    Args:
        run: everything prepared by ``core.train.job``, with its spread.
    """

    overflowed = False  # fp16 alone knows that
    clips_in_step = False

    def __init__(self, run, spread: Spread, expert_use) -> None:
        self.run, self.spread, self.expert_use = run, spread, expert_use
        self.optimizer = run.optimizer

    def gradients(self, batch: dict[str, Tensor], state=None) -> tuple[float, float]:
        """Forward and backward of this process's rows, and clipping by the whole gradient's norm.

        Returns:
            The mean loss of the whole batch and the norm of its gradient, the same numbers in every process.
        """
        loss = self._through_pipeline(batch) if self.spread.pipeline else self._by_micro_batches(batch)
        self.spread.average()
        norm = self.spread.clip(self.run.spec.clip)
        loss, norm = self.run.ranks.agree(self.spread.summed(loss), norm)
        return loss, norm

    def _by_micro_batches(self, batch: dict[str, Tensor]) -> float:
        """This copy's share of the loss."""
        rows, micro, copies, total = len(batch["targets"]), self.run.micro_batch, self.spread.copies, 0.0
        for start in range(0, rows, micro):
            part = {name: tensor[start : start + micro] for name, tensor in batch.items()}
            mine = self.spread.share(part)
            weight = _asked(mine) / _asked(part) * len(part["targets"]) / rows
            mine = {name: tensor.to(self.run.device) for name, tensor in mine.items()}
            with autocast(self.run.precision, self.run.device):
                loss = self.spread.loss(mine, last=start + micro >= rows) * weight
            self.expert_use.add()
            (loss * copies).backward()  # the engines average over the copies
            total += float(loss.detach())
        return total

    def _through_pipeline(self, batch: dict[str, Tensor]) -> float:
        """This copy's share of the loss; its micro-batches pass one behind the other."""
        mine, copies = self.spread.share(batch), self.spread.copies
        ids, targets = (mine[name].to(self.run.device) for name in ("ids", "targets"))
        micro = self.run.spec.micro_batch // copies  # 0: the pipeline chooses
        with autocast(self.run.precision, self.run.device):
            return self.spread.pipeline.gradients(ids, targets, micro, _asked(batch) / copies) / copies

    def apply(self, rate: float, state) -> None:
        """Take the optimizer's step at this learning rate."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.spread.hand_over()
        self.optimizer.step()
        self.spread.exchange()
        if self.run.average is not None:
            self.run.average.add(self.spread.parts, state.step + 1)
        self.discard()

    def discard(self) -> None:
        """Forget the gradients."""
        self.spread.forget_gradients()


def _asked(batch: dict[str, Tensor]) -> int:
    """How many targets of a batch count."""
    return max(1, int((batch["targets"] >= 0).sum()))
