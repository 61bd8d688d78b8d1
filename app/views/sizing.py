"""What a shape costs, before anything is built: parameters, work, memory, cache."""

from PySide6.QtWidgets import QGridLayout, QWidget

from app.words import bytes_text, count_text
from core.model.sizing import flops_per_token, inference_memory, parameters, training_memory
from core.spec.model import ModelSpec
from widgets import theme
from widgets.cards import StatTile


class SizingPanel(QWidget):
    """Four tiles that follow the spec as it is edited; app/views/costs.py tells the same by cause.

    Args:
        columns: tiles in a row.
    """

    def __init__(self, *, columns: int = 4, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.total = StatTile(self.tr("Parameters"), term="parameters")
        self.flops = StatTile(self.tr("Work per token"), term="FLOPs")
        self.memory = StatTile(self.tr("Memory to train"), term="peak memory")
        self.cache = StatTile(self.tr("Cache at full context"), term="KV cache")
        grid = QGridLayout()
        grid.setSpacing(theme.space(1))
        for index, tile in enumerate((self.total, self.flops, self.memory, self.cache)):
            grid.addWidget(tile, index // columns, index % columns)
            grid.setColumnStretch(index % columns, 1)
        grid.setContentsMargins(0, 0, 0, 0)
        self.setLayout(grid)

    def set_spec(self, spec: ModelSpec, sequences: int = 16, precision: str = "fp32") -> None:
        """Show what this shape costs; ``sequences`` are computed at once while training."""
        parts = parameters(spec)
        flops = flops_per_token(spec)
        memory = training_memory(spec, sequences, precision in ("bf16", "bf16_weights", "fp16"))["total"]
        self.total.set_value(count_text(parts["total"]), "", self.tr("exactly {count}").format(
            count=f"{parts['total']:,}"))  # fmt: skip
        self.flops.set_value(count_text(flops.training), "FLOP", self.tr("to train; answering takes a third"))
        self.memory.set_value(bytes_text(memory), "", self.tr("estimate for {count} sequences at once").format(
            count=sequences))  # fmt: skip
        cache = inference_memory(spec)["kv_cache"] if spec.family == "transformer" and spec.writes else 0
        length = self.tr("{count} tokens, float32").format(count=f"{spec.context:,}")
        self.cache.set_value(bytes_text(cache), "", length)
