"""The verb that measures detectors on a labelled file: judge."""

import argparse
from pathlib import Path

from core.cli.options import add_workspace, default_workspace
from core.errors import LabError


def add_verbs(add_verb) -> None:
    """Add the verb."""
    parser = add_verb("judge", judge, "measure detectors on a file of labelled answers: HaluEval, TruthfulQA, "
                      "RAGTruth, FActScore, or your own")
    add_workspace(parser)
    parser.add_argument("file", type=Path, metavar="FILE", help=(
        'as it was published; your own: lines of JSON with "answer", "wrong", and "scores" of any detectors'))
    parser.add_argument("--source", default="", metavar="MODEL", help=(
        "run:NAME, a .gguf or .onnx file, or smollm2: how likely it finds each answer after its question"))
    parser.add_argument("--most", type=int, default=2000, metavar="N", help="answers at most (default 2000)")


def judge(args: argparse.Namespace, _open_window) -> dict:
    """Print a table of detectors, always with the length of the answer as a baseline."""
    import numpy as np

    from core.evaluate.detector_bench import Answers, bench, held_out
    from core.evaluate.detector_table import markdown
    from core.evaluate.labelled import read_labelled

    name, labelled = read_labelled(args.file)
    if len(labelled) > args.most:
        chosen = np.sort(np.random.default_rng(0).permutation(len(labelled))[: args.most])
        labelled = [labelled[int(place)] for place in chosen]
    scores = {"answer_length": np.array([float(len(one.answer)) for one in labelled])}
    for detector in labelled[0].scores:
        try:
            scores[detector] = np.array([one.scores[detector] for one in labelled])
        except KeyError:
            raise LabError("Not every line has a score of {name}.", str(args.file), "Give each line the same scores.",
                           name=detector) from None  # fmt: skip
    if args.source:
        scores |= _asked(args, labelled)
    answers = Answers(scores, np.array([one.wrong for one in labelled]), np.array([one.kind for one in labelled]))
    kinds = sorted({one.kind for one in labelled} - {""})[:8]
    table = bench([answers], [held_out(answers, 0).p_wrong], {kind: (kind,) for kind in kinds})
    if not args.json:
        print(f"{name}: {table.answers:,} answers, {table.wrong:,} of them wrong.\n")
        print("\n".join(markdown(table, str)))
    return {"format": name, "answers": table.answers, "wrong": table.wrong, "detectors": {
        row.name: {"auroc": row.auroc.value, "low": row.auroc.low, "high": row.auroc.high, "ece": row.ece,
                   "average_precision": row.average_precision, "rejection": row.rejection} for row in table.rows}}


def _asked(args: argparse.Namespace, labelled: list) -> dict:
    """What a model makes of each answer, read after its question: {detector: scores (n,)}."""
    import numpy as np

    from core.glass.reading import read_answer
    from core.infer.open import open_engine
    from core.record.folder import Workspace

    engine = open_engine(args.source, Workspace(args.workspace or default_workspace()))
    try:
        found = [read_answer(engine, one.question, one.answer) for one in labelled]
    finally:
        engine.close()
    return {name: np.array([one[name] for one in found]) for name in found[0]}
