"""How the next token is chosen: what the playground and the command line let a person set."""

from typing import Annotated

import msgspec

from core.spec.base import Spec, about


class SamplingSpec(Spec):
    """Settings of one generation; the defaults are llama.cpp's, except that the seed is fixed."""

    temperature: Annotated[float, about(
        "Temperature", "How bold the choice is: 0 always takes the likeliest token, 1 follows the model's own "
        "probabilities, more flattens them.", low=0.0, high=10.0,
        source="Ackley, Hinton & Sejnowski 1985")] = 0.8
    top_k: Annotated[int, about(
        "Top-k", "Only the k likeliest tokens may be chosen. 0 = all.", low=0, high=1_000_000, unit="tokens",
        source="Fan et al. 2018, arXiv:1805.04833")] = 40
    top_p: Annotated[float, about(
        "Top-p", "Only the smallest set of likeliest tokens that together reach this probability may be chosen. "
        "1 = all.", low=0.0, high=1.0, source="Holtzman et al. 2020, arXiv:1904.09751")] = 0.95
    min_p: Annotated[float, about(
        "Min-p", "Only tokens at least this fraction as likely as the likeliest one may be chosen. 0 = all.",
        low=0.0, high=1.0, source="Nguyen et al. 2024, arXiv:2407.01082")] = 0.05
    repetition_penalty: Annotated[float, about(
        "Repetition penalty", "Tokens seen lately become less likely by this factor. 1 = off.",
        low=0.1, high=10.0, source="Keskar et al. 2019, CTRL, arXiv:1909.05858")] = 1.0
    repetition_window: Annotated[int, about(
        "Repetition window", "How many of the latest tokens count as seen lately, the prompt's included.",
        low=0, high=1_000_000, unit="tokens", expert=True)] = 64
    max_tokens: Annotated[int, about(
        "Most tokens", "The answer ends here at the latest.", low=1, high=1_000_000, unit="tokens")] = 128
    seed: Annotated[int, about(
        "Seed", "The same seed, model and prompt give the same answer.", low=0, high=(1 << 63) - 1)] = 1
    stop: Annotated[list[str], about(
        "Stop at", "The answer ends just before any of these texts.")] = msgspec.field(default_factory=list)


GREEDY = SamplingSpec(temperature=0.0, top_k=0, top_p=1.0, min_p=0.0)
