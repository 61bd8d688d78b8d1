"""What a shape costs, before anything is built: parameters, work, memory, cache."""

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from app.words import bytes_text, count_text, percent_text
from core.model.sizing import flops_per_token, inference_memory, parameters, training_memory
from core.spec.model import ModelSpec
from widgets import theme
from widgets.cards import Card, StatTile, Text


class SizingPanel(QWidget):
    """Four tiles and a bar for each part of the parameters; follows the spec as it is edited."""

    def __init__(self, *, columns: int = 4, parts: bool = True, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.total = StatTile(self.tr("Parameters"), term="parameters")
        self.flops = StatTile(self.tr("Work per token"), term="FLOPs")
        self.memory = StatTile(self.tr("Memory to train"), term="peak memory")
        self.cache = StatTile(self.tr("Cache at full context"), term="KV cache")
        grid = QGridLayout()
        grid.setSpacing(theme.space(1))
        for index, tile in enumerate((self.total, self.flops, self.memory, self.cache)):
            grid.addWidget(tile, index // columns, index % columns)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1))
        column.addLayout(grid)
        self._bars: dict[str, tuple[Text, QProgressBar, Text]] = {}
        if parts:
            column.addWidget(self._parts())

    def set_spec(self, spec: ModelSpec, sequences: int = 16, precision: str = "fp32") -> None:
        """Show what this shape costs; ``sequences`` are computed at once while training."""
        parts = parameters(spec)
        flops = flops_per_token(spec)
        memory = training_memory(spec, sequences, precision == "bf16")["total"]
        self.total.set_value(count_text(parts["total"]), "", self.tr("exactly {count}").format(
            count=f"{parts['total']:,}"))  # fmt: skip
        self.flops.set_value(count_text(flops.training), "FLOP", self.tr("forward and backward; answering takes a third"))
        self.memory.set_value(bytes_text(memory), "", self.tr("estimate for {count} sequences at once").format(
            count=sequences))  # fmt: skip
        cache = inference_memory(spec)["kv_cache"]
        self.cache.set_value(bytes_text(cache), "", self.tr("{count} tokens, float32").format(count=f"{spec.context:,}"))
        for key, (label, bar, figure) in self._bars.items():
            share = parts[key] / parts["total"] if parts["total"] else 0
            bar.setValue(round(1000 * share))
            figure.setText(f"{count_text(parts[key])} · {percent_text(share)}" if parts[key] else "–")

    def _parts(self) -> Card:
        say = QCoreApplication.translate
        words = {
            "embedding": say("sizing", "Token embedding"), "positions": say("sizing", "Positions"),
            "attention": say("sizing", "Attention"), "feed_forward": say("sizing", "Feed-forward"),
            "norms": say("sizing", "Norms"), "head": say("sizing", "Output head"),
        }  # fmt: skip
        card = Card(self.tr("Where the parameters are"))
        for key, word in words.items():
            label, bar, figure = Text(word, "body", wrap=False), QProgressBar(), Text("", "caption", wrap=False)
            label.setFixedWidth(theme.space(16))
            figure.setFixedWidth(theme.space(13))
            bar.setRange(0, 1000)
            bar.setTextVisible(False)
            bar.setAccessibleName(word)
            row = QHBoxLayout()
            row.setSpacing(theme.space(1))
            for widget, stretch in ((label, 0), (bar, 1), (figure, 0)):
                row.addWidget(widget, stretch)
            card.body.addLayout(row)
            self._bars[key] = (label, bar, figure)
        return card
