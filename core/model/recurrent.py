"""Language models that read one token after the other and keep a state: LSTMs, one-way or two-way."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.model.head import Head
from core.spec.model import ModelSpec


class State:
    """What an LSTM remembers: each layer's output and cell, and how many tokens it has read."""

    def __init__(self) -> None:
        self.layers: list[tuple[Tensor, Tensor] | None] = []
        self.length = 0


class LstmStack(nn.Module):
    """LSTM layers of one direction, with dropped recurrent weights while training.

    Source: Hochreiter & Schmidhuber 1997; weight drop: Merity et al. 2018, arXiv:1708.02182; projection: Sak et
    al. 2014, arXiv:1402.1128.
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        cell, layers = spec.d_ff or spec.d_model, spec.n_layers
        inside = spec.d_model if spec.projected else cell
        self.cells = nn.ModuleList(
            nn.LSTM(
                spec.embed if layer == 0 else inside, cell if spec.projected or layer < layers - 1 else spec.d_model,
                batch_first=True, proj_size=spec.d_model if spec.projected and cell != spec.d_model else 0)
            for layer in range(layers))
        self.weight_drop, self.dropout = spec.weight_drop, nn.Dropout(spec.dropout)

    def forward(self, x: Tensor, state: State | None = None) -> Tensor:
        """x (B, T, E) -> (B, T, D); ``state`` is read and renewed when given."""
        kept = []
        for layer, cell in enumerate(self.cells):
            before = state.layers[layer] if state is not None and state.layers else None
            x, after = self._read(cell, x, before)
            x = self.dropout(x)
            kept.append(after)
        if state is not None:
            state.layers, state.length = kept, state.length + x.shape[1]
        return x

    def _read(self, cell: nn.LSTM, x: Tensor, before: tuple | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        if not (self.training and self.weight_drop):
            return cell(x, before)
        weights = [F.dropout(w, self.weight_drop) if name.startswith("weight_hh") else w
                   for name, w in cell.named_parameters()]  # fmt: skip
        width = cell.proj_size or cell.hidden_size
        first = x.new_zeros(1, x.shape[0], width), x.new_zeros(1, x.shape[0], cell.hidden_size)
        out, h, c = torch._VF.lstm(x, before or first, weights, True, 1, 0.0, True, False, True)
        return out, (h, c)


class RecurrentModel(Head):
    """An LSTM language model; with the layout "encoder" two of them, the second reading backwards (ELMo's biLM).

    Source: Peters et al. 2018, arXiv:1802.05365; Howard & Ruder 2018, ULMFiT, arXiv:1801.06146.
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.spec = spec
        self.embed = nn.Embedding(spec.vocab_size, spec.embed)
        self.dropout = nn.Dropout(spec.dropout)
        self.forwards = LstmStack(spec)
        self.backwards = LstmStack(spec) if spec.layout == "encoder" else None
        self.add_head(spec)

    def hidden(self, ids: Tensor, state: State | None = None) -> Tensor:
        """ids (B, T) int64 -> what the forward direction knows after each token, (B, T, D)."""
        return self.forwards(self.dropout(self.embed(ids)), state)

    def forward(self, ids: Tensor, state: State | None = None) -> Tensor:
        """ids (B, T) int64 -> logits of the next token, (B, T, V) float32."""
        return self.logits(self.hidden(ids, state)).float()

    def predictions(self, ids: Tensor) -> Tensor:
        """Logits of the next token, (B, T, V) float32."""
        return self(ids)

    def loss(self, ids: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy, nats a token, float32 scalar; two-way, the mean of both directions."""
        ahead = self.loss_of(self.hidden(ids), targets)
        if self.backwards is None:
            return ahead
        turned = torch.cat([ids[:, :1], targets.clamp(min=0)], dim=1).flip(1)  # the whole window, last token first
        behind = self.backwards(self.dropout(self.embed(turned[:, :-1])))
        return (ahead + self.loss_of(behind, turned[:, 1:])) / 2

    def use_kernels(self, paths: dict[str, str]) -> None:
        """Choose whose arithmetic runs: {"loss": "torch" | "ours"}."""
        self.loss_path = paths.get("loss", "torch")
