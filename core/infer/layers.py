"""What every layer of a decoder would say next, token by token, with a key/value cache."""

import numpy as np
import torch

from core.model.attention import KVCache
from core.model.decoder import Decoder


class LayerReader:
    """Reads on with a plain decoder and looks at what each of its blocks leaves behind.

    Args:
        model: in eval mode; weights and answers stay as they are.
    """

    def __init__(self, model: Decoder) -> None:
        self.model = model
        self.device = next(model.parameters()).device
        self.cache = KVCache(model.spec, device=self.device)

    def start(self, ids: list[int]) -> np.ndarray:
        """Forget everything, read ``ids``; see ``step``."""
        self.cache.length = 0
        return self._read(ids)

    def step(self, id: int) -> np.ndarray:
        """Read one more token: logits of the embedding, of every block and, last, of the model itself, float32.

        The vectors of embedding and blocks go into the output matrix as they are; the model's own go through its last
        norm first: (layers + 1, V).
        """
        return self._read([id])

    def _read(self, ids: list[int]) -> np.ndarray:
        left: list[torch.Tensor] = []

        def entered(_, args: tuple, __) -> None:
            if not left:
                left.append(args[0][0, -1])

        def done(_, __, out: torch.Tensor) -> None:
            left.append(out[0, -1])

        handles = []
        for block in dict.fromkeys(self.model.blocks):
            handles += [block.register_forward_pre_hook(entered, with_kwargs=True), block.register_forward_hook(done)]
        try:
            with torch.inference_mode():
                hidden = self.model.hidden(torch.tensor([ids], device=self.device), self.cache)[0, -1]
                said = self.model.logits(torch.stack([*left[:-1], hidden]))
                return said.float().cpu().numpy()
        finally:
            for handle in handles:
                handle.remove()
