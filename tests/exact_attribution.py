"""Whether attribution is exact: every span it reports, on planted and random text, against brute force.

    python tests/exact_attribution.py [--spans 10000] [--seed 0]

Answers are made of planted stretches of the training text (8 tokens or more, whole words of one sentence) among random
words. For each the spans are worked out by brute force, and what is reported has to be exactly these: nothing that does
not stand in the training tokens, nothing shorter than it could be, each place shown holding the span to the character.
Prints what was compared; exit status 1 if anything differs.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np  # noqa: E402

from core.glass.attribution import Tracer, maximal_spans  # noqa: E402
from core.glass.words import Cut  # noqa: E402
from core.spec.glass import AttributionRules  # noqa: E402
from tests.made_tracer import make_tracer  # noqa: E402

EVERYTHING = AttributionRules(min_words=1, min_characters=1, keep_all_tokens=1 << 20, documents=1000)
PLANTED_TOKENS = 8
SYLLABLES = "ba de fi go lu mo ne pa ri so ta vu ze zo 的 模 é".split()


def make_texts(draw: random.Random, documents: int) -> list[str]:
    """Documents of frequent and rare words, with whole sentences that return here and there."""
    words = ["".join(draw.choices(SYLLABLES, k=draw.randint(1, 4))) for _ in range(400)]
    ranks = [1 / (1 + place) for place in range(len(words))]
    sentences = [" ".join(draw.choices(words, ranks, k=draw.randint(4, 30))) for _ in range(documents * 4)]
    return ["".join(draw.choice(sentences) + draw.choice((". ", ".\n", ", ", "! ")) for _ in range(draw.randint(1, 8)))
            for _ in range(documents)]


def make_answer(draw: random.Random, tracer: Tracer, planted: int) -> tuple[list[int], list[tuple[int, int]]]:
    """Token ids of an answer, and where in it a stretch of the training text was planted."""
    ids, places = [], []
    while len(places) < planted:
        ids += [draw.randrange(1, tracer.tokenizer.vocab_size) for _ in range(draw.randint(0, 6))]
        row = draw.randrange(len(tracer.doc_starts))
        first = int(tracer.doc_starts[row]) + 1
        last = int(tracer.doc_starts[row + 1]) if row + 1 < len(tracer.doc_starts) else len(tracer.tokens)
        document = np.asarray(tracer.tokens[first:last]).tolist()
        begins = [i for i, id in enumerate(document) if tracer.tokenizer.token_bytes(id).startswith(b" ")]
        begin = draw.choice(begins or [0])
        end = min((i for i in begins if i >= begin + draw.randint(PLANTED_TOKENS, 30)), default=len(document))
        places.append((len(ids), len(ids) + end - begin))
        ids += document[begin:end]
    return ids, places


def reach_by_hand(tokens: np.ndarray, ids: list[int], start: int) -> list[int]:
    """How often ``ids[start : start + 1]``, ``ids[start : start + 2]`` and so on stand in the tokens, while they do."""
    places, counts = np.flatnonzero(tokens == ids[start]) if ids[start] else np.zeros(0, int), []
    while len(places):
        counts.append(len(places))
        length = len(counts)
        if start + length == len(ids) or ids[start + length] == 0:
            break
        places = places[places + length < len(tokens)]
        places = places[tokens[places + length] == ids[start + length]]
    return counts


def spans_by_hand(tokens: np.ndarray, ids: list[int], cut: Cut) -> dict[tuple[int, int], int]:
    """Every allowed verbatim range that lies in no other one, and how often it occurs."""
    allowed = {}
    for start in range(len(ids)):
        for length, count in enumerate(reach_by_hand(tokens, ids, start), 1):
            end = start + length
            if cut.breaks[end - 1] or any(cut.stops[start : end - 1]):
                break
            if cut.edges[start] and cut.edges[end]:
                allowed[start, end] = count
    return {(a, b): count for (a, b), count in allowed.items()
            if not any(c <= a and b <= d and (c, d) != (a, b) for c, d in allowed)}  # fmt: skip


def compare(tracer: Tracer, ids: list[int], planted: list[tuple[int, int]]) -> dict[str, int]:
    """Trace one answer both ways; counts of what was compared, and of what differs."""
    tokens = np.asarray(tracer.tokens)
    cut = Cut([b"" if id == 0 else tracer.tokenizer.token_bytes(id) for id in ids])
    expected, found = spans_by_hand(tokens, ids, cut), maximal_spans(tracer.index, ids, cut)
    wrong = len(set(found) ^ set(expected))
    offsets = 0
    for start, end in found:
        places = tracer.index.locate(ids[start:end])
        offsets += len(places)
        wrong += len(places) != expected.get((start, end), -1)
        wrong += sum(tokens[place : place + end - start].tolist() != ids[start:end] for place in places)
    shown = 0
    for span in tracer.attribute(ids, rules=EVERYTHING).spans:
        wrong += span.count != expected.get((span.start, span.end), -1)
        for place in span.documents:
            shown += 1
            text = tracer.documents[place.row].text
            wrong += text[place.start : place.end] != span.text
            wrong += tokens[place.token : place.token + span.end - span.start].tolist() != ids[span.start : span.end]
    whole = [(a, b) for a, b in planted if all_of_one_sentence(cut, a, b)]
    missed = sum(not any(c <= a and b <= d for c, d in found) for a, b in whole)
    return {"answers": 1, "spans": len(found), "planted": len(whole), "offsets": offsets, "documents": shown,
            "wrong": wrong, "missed": missed}  # fmt: skip


def all_of_one_sentence(cut: Cut, start: int, end: int) -> bool:
    """Whether a planted stretch is one that has to be found: long enough, whole words, one sentence."""
    return (end - start >= PLANTED_TOKENS and cut.edges[start] and cut.edges[end] and not any(cut.breaks[start:end])
            and not any(cut.stops[start : end - 1]))  # fmt: skip


def run(folder: Path, spans: int, seed: int, documents: int = 400) -> dict[str, int]:
    """Compare until so many spans were reported; returns the sums."""
    draw = random.Random(seed)
    tracer = make_tracer(folder, make_texts(draw, documents), vocab_size=600)
    sums = {"tokens": len(tracer.tokens), "spans": 0}
    while sums["spans"] < spans:
        for name, value in compare(tracer, *make_answer(draw, tracer, planted=3)).items():
            sums[name] = sums.get(name, 0) + value
    return sums


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--spans", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        sums = run(Path(folder), args.spans, args.seed)
    print(", ".join(f"{value:,} {name}" for name, value in sums.items()), f"in {time.perf_counter() - began:.0f} s")
    return int(sums["wrong"] + sums["missed"] > 0)


if __name__ == "__main__":
    sys.exit(main())
