"""One token and how sure a model was of it: what every engine tells of every token that it writes or reads."""

import msgspec


class TokenRecord(msgspec.Struct, frozen=True):
    """One token of an answer or of a scored text, and how sure the model was of it.

    Everything is captured in the decode itself: before the samplers as the model gave it, after them as the token was
    drawn. A scored text was not drawn: its ``sampled_rank`` is 0.
    """

    id: int
    bytes: bytes
    probability: float  # before the samplers: softmax of the raw logits
    sampled_probability: float  # after the samplers: what it was really drawn with
    rank: int  # 1 = the likeliest by raw logits
    entropy: float  # nats, of the raw distribution
    top: list[tuple[int, bytes, float]]  # up to 10 likeliest: id, bytes, probability
    sampled_rank: int = 0  # the same three of the distribution that the token was drawn from
    sampled_entropy: float = 0.0
    sampled_top: list[tuple[int, bytes, float]] = []


def margin(top: list[tuple[int, bytes, float]]) -> float:
    """How far the likeliest token is ahead of the second, 0 to 1: near 0 it was a toss-up.

    Source: Scheffer et al. 2001, Active Hidden Markov Models for Information Extraction.
    """
    first, second = ([share for _, _, share in top[:2]] + [0.0, 0.0])[:2]
    return first - second
