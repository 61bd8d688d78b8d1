"""A weaker model of the same tokens, to be contrasted with a run: its own past, or a smaller relative."""

from pathlib import Path

from core.errors import LabError
from core.glass.training_text import tokenizer_hash
from core.infer.sources import checkpoint_path
from core.record.folder import Workspace

YOUNG = 0.5  # an earlier checkpoint is an amateur where it has seen at most this share of the training


def find_amateur(workspace: Workspace, run: str, step: int | None) -> str:
    """The source of an amateur: the run's earliest kept checkpoint, or else the smallest run with its tokenizer.

    Args:
        step: of the checkpoint that is to be contrasted; None = it was not trained in steps.
    Raises:
        LabError: there is none.
    """
    folder = workspace.folder("runs", run)
    kept = sorted(int(path.name.removeprefix("step-")) for path in folder.path("checkpoints").glob("step-*"))
    if step and kept and kept[0] <= YOUNG * step:
        return f"run:{run}@step-{kept[0]:08d}"
    tokens, own = tokenizer_hash(folder), _bytes(folder.root)
    others = [(size, other.name) for other in workspace.jobs("runs")
              if other.name != run and tokenizer_hash(other) == tokens and 0 < (size := _bytes(other.root)) < own]
    if not others:
        raise LabError(
            "There is no weaker model to contrast {run} with: it keeps no early checkpoint, and no smaller run shares "
            "its tokenizer.", "", "Train a smaller model with the same tokenizer, or keep more checkpoints.",
            run=run)  # fmt: skip
    return f"run:{min(others)[1]}@last"


def _bytes(run: Path) -> int:
    """Size of a run's last weights; 0 where it has none."""
    try:
        return (checkpoint_path(run, "last") / "model.safetensors").stat().st_size
    except (LabError, OSError):
        return 0
