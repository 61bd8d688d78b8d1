"""What a shape costs, before anything is built: parameters, work, memory, cache."""

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QProgressBar, QWidget

from app.words import bytes_text, count_text, percent_text
from core.model.sizing import flops_per_token, inference_memory, parameters, training_memory
from core.spec.model import ModelSpec
from widgets import theme
from widgets.cards import Card, StatTile, Text


class SizingPanel(QWidget):
    """Four tiles, and on demand a card with a bar for each part; follows the spec as it is edited.

    Args:
        columns: tiles in a row.
        parts: make ``self.parts``, a card that the page places where it likes.
    """

    def __init__(self, *, columns: int = 4, parts: bool = False, parent: QWidget | None = None) -> None:
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
        self._bars: dict[str, tuple[QProgressBar, Text]] = {}
        self.parts = self._parts() if parts else None

    def set_spec(self, spec: ModelSpec, sequences: int = 16, precision: str = "fp32") -> None:
        """Show what this shape costs; ``sequences`` are computed at once while training."""
        parts = parameters(spec)
        flops = flops_per_token(spec)
        memory = training_memory(spec, sequences, precision == "bf16")["total"]
        self.total.set_value(count_text(parts["total"]), "", self.tr("exactly {count}").format(
            count=f"{parts['total']:,}"))  # fmt: skip
        self.flops.set_value(count_text(flops.training), "FLOP", self.tr("to train; answering takes a third"))
        self.memory.set_value(bytes_text(memory), "", self.tr("estimate for {count} sequences at once").format(
            count=sequences))  # fmt: skip
        cache = inference_memory(spec)["kv_cache"]
        length = self.tr("{count} tokens, float32").format(count=f"{spec.context:,}")
        self.cache.set_value(bytes_text(cache), "", length)
        for key, (bar, figure) in self._bars.items():
            share = parts[key] / parts["total"] if parts["total"] else 0
            bar.setValue(round(1000 * share))
            percent = percent_text(share, 1 if share < 0.01 else 0)
            figure.setText(f"{count_text(parts[key])} · {percent}" if parts[key] else "–")

    def _parts(self) -> Card:
        say = QCoreApplication.translate
        words = {
            "embedding": say("sizing", "Embedding"), "positions": say("sizing", "Positions"),
            "attention": say("sizing", "Attention"), "feed_forward": say("sizing", "Feed-forward"),
            "norms": say("sizing", "Norms"), "head": say("sizing", "Output head"),
        }  # fmt: skip
        card = Card(self.tr("Parameters by part"))
        for key, word in words.items():
            bar, figure = QProgressBar(), Text("", "caption", wrap=False)
            bar.setRange(0, 1000)
            bar.setTextVisible(False)
            bar.setAccessibleName(word)
            row = QHBoxLayout()
            row.addWidget(Text(word, "body", wrap=False), 1)
            row.addWidget(figure)
            card.body.addSpacing(theme.space(0.5))
            card.body.addLayout(row)
            card.body.addWidget(bar)
            self._bars[key] = (bar, figure)
        return card
