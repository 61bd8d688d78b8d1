"""Batches made ahead: while a step is computed, a thread makes the next one and sends it on its way to the GPU."""

from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

from core.train.batches import Examples


class Prefetch(Examples):
    """Examples that expect to be asked for what follows.

    What a step is shown follows from its place alone, so a batch made ahead is the one that would be made in time, and
    one that nobody asks for is dropped: a return to a checkpoint, or another batch size.

    Args:
        examples: what is made ahead; it keeps no state, so that a thread may call it.
        device: "cuda": through pinned memory, on a stream of its own, so that the copy hides behind the step.
    """

    def __init__(self, examples: Examples, device: str) -> None:
        super().__init__(examples.batches, examples.asking)
        self._device = device
        self._stream = torch.cuda.Stream() if device == "cuda" else None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._ahead: tuple[tuple[int, int], Future] | None = None

    def __call__(self, first: int, count: int) -> dict[str, Tensor]:
        """See Examples; on a GPU the tensors are there already."""
        expected, self._ahead = self._ahead, None
        if expected is not None and expected[0] == (first, count):
            batch, arrived = expected[1].result()
        else:
            batch, arrived = self._make(first, count)
        self._ahead = (first + count, count), self._worker.submit(self._make, first + count, count)
        if arrived is not None:
            now = torch.cuda.current_stream()
            now.wait_event(arrived)
            for tensor in batch.values():
                tensor.record_stream(now)
        return batch

    def close(self) -> None:
        """End the thread."""
        self._worker.shutdown(cancel_futures=True)

    def _make(self, first: int, count: int) -> tuple[dict[str, Tensor], object]:
        """A batch, and the event of its arrival on the GPU (None on the processor)."""
        batch = super().__call__(first, count)
        if self._stream is None:
            return batch, None
        with torch.cuda.stream(self._stream):
            sent = {name: tensor.pin_memory().to(self._device, non_blocking=True) for name, tensor in batch.items()}
            return sent, self._stream.record_event()
