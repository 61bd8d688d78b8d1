"""One change of the weights: gradients in micro-batches, clipping, the optimizer's step.

The trainer looks at the loss and the gradient between the two halves, and applies or discards.
"""

from core.train.optimizers.adamw import clip_gradients, shrinks_in_step
from core.train.precision import Arithmetic, LossScale


class Update:
    """Carries out updates for a run.

    Args:
        run: everything prepared by ``core.train.job``: spec, model, optimizer, device.
        arithmetic: how forward and backward of its model run.
    """

    def __init__(self, run, arithmetic: Arithmetic, expert_use) -> None:
        self.run, self.arithmetic, self.expert_use = run, arithmetic, expert_use
        self.model, self.optimizer = run.model, run.optimizer
        self.scale = LossScale(arithmetic.precision)
        self.clips_in_step = shrinks_in_step(self.optimizer)  # so that gradients lie there as they were computed
        if self.clips_in_step:
            self.optimizer.rounded = dict(arithmetic.pairs)
        self.overflowed = False  # whether the step at hand will change nothing

    def gradients(self, batch: dict, state) -> tuple[float, float]:
        """Forward and backward in micro-batches, and clipping.

        Args:
            batch: tensors by name, each (B, ...).
            state: where the run stands: the scale of the loss is part of it.
        Returns:
            The mean loss (nats a token asked for) and the gradient's norm before clipping.
        """
        rows, micro, scale = len(batch["targets"]), self.run.micro_batch, self.scale.of(state)
        total = 0.0
        self.arithmetic.refresh()
        for start in range(0, rows, micro):
            part = {name: tensor[start : start + micro].to(self.run.device) for name, tensor in batch.items()}
            share = len(part["targets"]) / rows
            loss = self.arithmetic.loss(**part) * share
            self.expert_use.add()
            self.arithmetic.backward(loss if scale == 1.0 else loss * scale)
            total += float(loss.detach())
        self.scale.undo(self.model, state)
        norm = clip_gradients(self.optimizer, self.model.parameters(), self.run.spec.clip)
        self.overflowed = self.scale.overflowed(total, norm, state)
        return total, norm

    def apply(self, rate: float, state) -> None:
        """Take the optimizer's step at this learning rate; after an overflow only the scale of the loss learns."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        if not self.overflowed:
            self.optimizer.step()
            self.arithmetic.current = self.clips_in_step  # the step rounded what it changed
            if self.run.average is not None:
                self.run.average.add(self.model, state.step + 1)
        self.scale.learn(self.overflowed, state)
        self.discard()

    def discard(self) -> None:
        """Forget the gradients."""
        self.optimizer.zero_grad(set_to_none=True)
        self.arithmetic.forget()
