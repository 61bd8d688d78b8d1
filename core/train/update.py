"""One change of the weights: gradients in micro-batches, clipping, the optimizer's step.

The trainer looks at the loss and the gradient between the two halves, and applies or discards.
"""

import torch

from core.train.choices import autocast


class Update:
    """Carries out updates for a run.

    Args:
        run: everything prepared by ``core.train.job``: spec, model, optimizer, precision, device.
    """

    def __init__(self, run, expert_use) -> None:
        self.run, self.expert_use = run, expert_use
        self.model, self.optimizer = run.model, run.optimizer

    def gradients(self, batch: dict) -> tuple[float, float]:
        """Forward and backward in micro-batches, and clipping.

        Args:
            batch: tensors by name, each (B, ...).
        Returns:
            The mean loss (nats a token asked for) and the gradient's norm before clipping.
        """
        rows, micro = len(batch["targets"]), self.run.micro_batch
        total = 0.0
        for start in range(0, rows, micro):
            part = {name: tensor[start : start + micro].to(self.run.device) for name, tensor in batch.items()}
            share = len(part["targets"]) / rows
            with autocast(self.run.precision, self.run.device):
                loss = self.model.loss(**part) * share
            self.expert_use.add()
            loss.backward()
            total += float(loss.detach())
        limit = self.run.spec.clip or float("inf")
        return total, float(torch.nn.utils.clip_grad_norm_(self.model.parameters(), limit))

    def apply(self, rate: float) -> None:
        """Take the optimizer's step at this learning rate."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.discard()

    def discard(self) -> None:
        """Forget the gradients."""
        self.optimizer.zero_grad(set_to_none=True)
