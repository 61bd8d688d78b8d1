"""Calmer embeddings: only a share of the gradient reaches them."""

from torch import Tensor, nn


def shrink_embedding_gradient(model: nn.Module, share: float) -> None:
    """While training, the token embedding gives share * e + (1 - share) * stop_gradient(e); 1 = it stays as it is.

    The value is the same, the gradient of the embedding ``share`` times as long. An output layer that is tied to the
    embedding gets its gradient whole.

    Source: Zeng et al. 2022, GLM-130B, arXiv:2210.02414, section 3.3; Ding et al. 2021, CogView, arXiv:2105.13290.
    """
    if share < 1.0:
        model.embed.register_forward_hook(lambda module, _, out: shrunk(out, share) if module.training else out)


def shrunk(embedded: Tensor, share: float) -> Tensor:
    """share * e + (1 - share) * stop_gradient(e), of any shape."""
    return share * embedded + (1 - share) * embedded.detach()
