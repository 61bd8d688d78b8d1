"""What the routers of a run did, as shares, and in a sentence."""

import numpy as np
from PySide6.QtCore import QCoreApplication

from app.words import percent_text
from core.errors import join_sentences
from core.record.events import ExpertsUsed

COLUMNS = 96  # stretches shown at most; more are drawn together
BUSY, IDLE = 2.0, 0.1  # times the even share beyond which an expert is said to do too much, or next to nothing


def shares(events: tuple[ExpertsUsed, ...]) -> tuple[list[int], np.ndarray]:
    """The step at which each stretch ended, and each expert's share of its block's tokens: (S, blocks, experts)."""
    if not events:
        return [], np.zeros((0, 0, 0))
    use = np.array([event.use for event in events], float)
    steps = [event.step for event in events]
    if len(events) > COLUMNS:
        parts = np.array_split(np.arange(len(events)), COLUMNS)
        use, steps = np.array([use[part].sum(0) for part in parts]), [steps[part[-1]] for part in parts]
    return steps, use / np.maximum(use.sum(-1, keepdims=True), 1)


def sentence(events: tuple[ExpertsUsed, ...]) -> str:
    """How even the use was at last, and how many choices found their expert full."""
    say = QCoreApplication.translate
    if not events:
        return say("experts", "The first measurement will tell how evenly the experts are used.")
    last = np.array(events[-1].use, float)
    now, even = last / np.maximum(last.sum(-1, keepdims=True), 1), 1 / last.shape[1]
    words = say("experts", "At step {step} the busiest expert takes {most} of its block's tokens and the idlest "
                "{least}; shared evenly it would be {even}.").format(
        step=f"{events[-1].step:,}", most=percent_text(now.max(), 1), least=percent_text(now.min(), 1),
        even=percent_text(even, 1))  # fmt: skip
    idle, chosen = int((now < IDLE * even).sum()), last.sum()
    verdict = ""
    if idle:
        verdict = say("experts", "{count} experts get next to nothing: a larger balance loss spreads the tokens.")
        verdict = verdict.format(count=idle)
    elif now.max() > BUSY * even:
        verdict = say("experts", "One takes more than twice its share: a larger balance loss spreads the tokens.")
    dropped = sum(events[-1].dropped)
    full = say("experts", "{share} of the choices found their expert full and passed it by.").format(
        share=percent_text(dropped / chosen, 1)) if dropped and chosen else ""  # fmt: skip
    return join_sentences(words, verdict, full)
