"""How much memory this process holds, ever held, and took for what it did since some moment."""

import os
import re
from pathlib import Path

import psutil
import torch

CLEAR = Path("/proc/self/clear_refs")  # Linux: writing 5 makes the peak begin anew at what is held now
STATUS = Path("/proc/self/status")


def peak_memory() -> int:
    """Most bytes of memory this process ever held (on Linux: since the last :class:`Growth` began)."""
    found = re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text()) if STATUS.is_file() else None
    if found:  # what getrusage says there may be the peak of the process that started this one
        return int(found[1]) * 1024
    try:
        import resource

        unit = 1 if os.uname().sysname == "Darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    except ImportError:  # Windows
        return psutil.Process().memory_info().peak_wset


class Growth:
    """Memory taken since this was made: before the model, so that libraries and text are not counted as its own.

    Args:
        device: "cpu" or "cuda"; on a GPU it is the memory of tensors there that counts.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.device = device
        if device == "cuda":
            torch.cuda.reset_peak_memory_stats()
            self.before = torch.cuda.memory_allocated()
            return
        _step_once()
        try:
            CLEAR.write_text("5")
        except OSError:
            pass  # elsewhere an earlier peak, if there was a higher one, counts as well
        self.before = psutil.Process().memory_info().rss

    def n_bytes(self) -> int:
        """The most bytes held at once since then, beyond what was held then."""
        peak = torch.cuda.max_memory_allocated() if self.device == "cuda" else peak_memory()
        return max(0, peak - self.before)


def _step_once() -> None:
    """A step of nothing: what torch loads for its first one (some 200 MB) belongs to no model."""
    weights = torch.ones(8, 8, requires_grad=True)
    optimizer = torch.optim.AdamW([weights])
    torch.nn.functional.cross_entropy(torch.nn.functional.gelu(weights @ weights), torch.arange(8)).backward()
    optimizer.step()
