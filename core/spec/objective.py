"""What a model learns to predict."""

from typing import Annotated, Literal

from core.spec.base import Spec, about

Task = Literal[
    "causal", "prefix", "masked", "span_corruption", "infilling", "denoisers", "blank_infilling", "permutation",
    "replaced", "unilm", "skip_gram", "cbow"]
SENTINELS = 100  # stand-ins for hidden spans; as many as T5's
HIDING = "task=masked|replaced|unilm|span_corruption|infilling|blank_infilling"  # objectives that hide a share
MODES = 3  # UL2 tells the model which of its three denoisers made a text


class Objective(Spec):
    """The training objective and its settings."""

    task: Annotated[Task, about(
        "Task", "Predict the next token (causal), the rest of a text whose beginning is read both ways (prefix), "
        "masked tokens, masked spans, tokens in a random order (permutation), which tokens were replaced, or the "
        "neighbours of a word.")] = "causal"
    mask_rate: Annotated[float, about(
        "Masked share", "Share of tokens hidden or corrupted.", low=0.01, high=0.95,
        source="Devlin et al. 2019, arXiv:1810.04805", when=HIDING)] = 0.15
    mask_unit: Annotated[Literal["token", "word", "span"], about(
        "What is masked", "Single tokens, whole words, or spans of several tokens.",
        source="Cui et al. 2019, arXiv:1906.08101; Joshi et al. 2020, SpanBERT, arXiv:1907.10529",
        when="task=masked|replaced|unilm")] = "token"
    span_length: Annotated[float, about(
        "Mean span", "Mean length of a masked span.", low=1.0, high=256.0, unit="tokens",
        source="Raffel et al. 2020, arXiv:1910.10683",
        when="mask_unit=span,task=span_corruption|infilling|blank_infilling")] = 3.0
    kept_share: Annotated[float, about(
        "Left as they are", "Of the chosen tokens, the share shown unchanged.", low=0.0, high=1.0,
        when="task=masked|unilm")] = 0.1
    random_share: Annotated[float, about(
        "Replaced at random", "Of the chosen tokens, the share replaced by any other token.", low=0.0,
        high=1.0, when="task=masked|unilm")] = 0.1
    generator_share: Annotated[float, about(
        "Generator's width", "Width of ELECTRA's generator as a share of the model's.", low=0.05, high=1.0,
        source="Clark et al. 2020, ELECTRA, arXiv:2003.10555", when="task=replaced")] = 0.25
    replaced_weight: Annotated[float, about(
        "Weight of replaced tokens", "Of the loss that tells replaced tokens, beside the generator's.", low=0.0,
        high=1000.0, source="Clark et al. 2020, ELECTRA, arXiv:2003.10555", when="task=replaced")] = 50.0
    negatives: Annotated[int, about(
        "Negative samples", "Random words against which each true neighbour is told.", low=1, high=1000,
        source="Mikolov et al. 2013, arXiv:1310.4546", when="task=skip_gram|cbow")] = 5
    subwords: Annotated[bool, about(
        "Character n-grams", "A word's vector is the sum of those of its character n-grams (fastText).",
        source="Bojanowski et al. 2017, arXiv:1607.04606", when="task=skip_gram|cbow")] = False

    @property
    def extra_tokens(self) -> int:
        """Tokens it needs beside the tokenizer's own: a mask, sentinels, marks of a mode."""
        return {"masked": 1, "replaced": 1, "unilm": 1, "infilling": 1, "blank_infilling": 2,
                "span_corruption": SENTINELS, "denoisers": SENTINELS + MODES}.get(self.task, 0)  # fmt: skip
