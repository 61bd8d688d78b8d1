"""From a run's answered questions to what a risk means for it: the chance to be right, and what abstaining would buy.

Torch-free, so that a page can tell it of any new answer.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from core.errors import LabError
from core.evaluate.detection import Isotonic, isotonic
from core.glass.answers import Answered
from core.glass.claims import sentences, token_range
from core.glass.inspection import ANSWERS, read_answers
from core.spec.token_record import TokenRecord

SMALLEST = 1e-12
SCORE = "likelihood"  # minus the log-probability of a short answer: the default score of doubt


class Calibration(msgspec.Struct, frozen=True):
    """What the risk of a short answer means for one run.

    Args:
        name: the questioning that it was learnt from.
        answers: how many it has.
        wrong: the chance to be wrong, by risk.
        risks, mistaken: of each answer, in the order of growing risk.
    """

    name: str
    answers: int
    wrong: Isotonic
    risks: list[float]
    mistaken: list[bool]

    def chance_right(self, risk: float) -> float:
        """P(correct) of an answer of this risk, by isotonic regression on all answers."""
        return 1.0 - float(self.wrong(np.array([risk]))[0])

    def curve(self) -> tuple[list[float], list[float]]:
        """Coverage and accuracy when only the surest answers are given: (0, 1], both as long as there are answers."""
        right = 1.0 - np.array(self.mistaken, np.float64)
        given = np.arange(1, len(right) + 1)
        return (given / len(right)).tolist(), (np.cumsum(right) / given).tolist()

    def abstaining(self, chance_wrong: float) -> tuple[float, float]:
        """Coverage and accuracy when answers with a higher chance to be wrong than this are withheld.

        Accuracy is that of the answers given; 1 where none is.
        """
        given = self.wrong(np.array(self.risks)) <= chance_wrong
        wrong = np.array(self.mistaken)[given]
        return float(given.mean()), float(1.0 - wrong.mean()) if len(wrong) else 1.0


def calibrate(folder: Path) -> Calibration | None:
    """What a finished questioning says of its run; None where it has no answers, or all are right, or all wrong."""
    try:
        answers = read_answers(Path(folder) / ANSWERS)
    except LabError:
        return None
    return of_answers(Path(folder).name, answers)


def of_answers(name: str, answers: Sequence[Answered]) -> Calibration | None:
    """The same from answers in memory."""
    risks = np.array([one.scores[SCORE] for one in answers])
    wrong = np.array([one.wrong for one in answers], bool)
    if not len(wrong) or wrong.all() or not wrong.any():
        return None
    order = np.argsort(risks, kind="stable")
    return Calibration(name, len(answers), isotonic(risks, wrong), risks[order].tolist(), wrong[order].tolist())


def short_risk(records: Sequence[TokenRecord]) -> float:
    """Minus the log-probability of an answer's first sentence, its end included, nats: what was calibrated."""
    pieces = [record.bytes for record in records]
    text = b"".join(pieces).decode("utf-8", "replace")
    found = sentences(text)
    last = token_range(pieces, *found[0])[1] if found else len(records)
    return -float(sum(np.log(max(record.probability, SMALLEST)) for record in records[:last]))
