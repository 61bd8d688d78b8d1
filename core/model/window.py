"""The first neural language model: a hidden layer over the last few embedded tokens."""

from torch import Tensor, nn
from torch.nn import functional as F

from core.model.feed_forward import ACTIVATIONS
from core.model.head import Head
from core.spec.model import ModelSpec


class WindowModel(Head):
    """The next token from the last ``window`` ones. Source: Bengio et al. 2003, JMLR 3."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.spec = spec
        self.embed = nn.Embedding(spec.vocab_size, spec.embed)
        self.mix = nn.Conv1d(spec.embed, spec.d_model, spec.window)  # one hidden layer, the same at every place
        self.activation = ACTIVATIONS.get(spec.activation, F.tanh)
        self.dropout = nn.Dropout(spec.dropout)
        self.add_head(spec)

    def hidden(self, ids: Tensor) -> Tensor:
        """ids (B, T) int64 -> (B, T, D); before the text stand zeros."""
        x = F.pad(self.embed(ids).transpose(1, 2), (self.spec.window - 1, 0))  # (B, E, window - 1 + T)
        return self.dropout(self.activation(self.mix(x).transpose(1, 2)))

    def forward(self, ids: Tensor) -> Tensor:
        """ids (B, T) int64 -> logits of the next token, (B, T, V) float32."""
        return self.logits(self.hidden(ids)).float()

    def predictions(self, ids: Tensor) -> Tensor:
        """Logits of the next token, (B, T, V) float32."""
        return self(ids)

    def loss(self, ids: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy, nats a token, float32 scalar; negative targets do not count."""
        return self.loss_of(self.hidden(ids), targets)

    def use_kernels(self, paths: dict[str, str]) -> None:
        """Choose whose arithmetic runs: {"loss": "torch" | "ours"}."""
        self.loss_path = paths.get("loss", "torch")
