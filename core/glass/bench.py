"""Our index against infini-gram on the same tokens, in turn, on one thread: ``python main.py bench index``.

infini-gram (Liu et al. 2024, arXiv:2401.17377; Apache-2.0) is measured as its package ships it: its own indexing script
and program build, its own engine answers.
"""

import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from core.data.rival import python_docs
from core.errors import LabError
from core.glass.suffix_array import BOUNDARY, SuffixArray, build
from core.kernels import suffix
from core.spec.tokenizer import TokenizerSpec
from core.tokens.kinds import Tokenizer, train

RIVAL = "infini-gram"
VOCABULARY, TRAINED_ON = 8192, 1500  # documents that the tokenizer is trained on
PIECE_TOKENS, DOCUMENT_TOKENS = (8, 64), 400
LOOKUPS, LONGEST = 2000, 8  # n-grams in a round, and tokens of the longest
ANSWER_TOKENS = 458  # of OLMoTrace's mean answer (arXiv:2504.07096)
SEPARATOR = 0xFFFF  # infini-gram's token between documents


def bench_index(tokens: int = 10_000_000, seconds: float = 60.0) -> list[dict]:
    """Build both indexes, then look up the same n-grams in both.

    Args:
        tokens: of the text that is indexed.
        seconds: about how long the lookups may take; building takes what it takes, once each.
    Returns:
        rows {name, unit, ours, rival, rival_name, ratio, spread}; ratio > 1 means that ours is better; spread = the
        ratio's own quartiles over the rounds (of a build: the ratio itself).
    Raises:
        LabError: the kernels are not built or infini-gram is not installed; remedy: how to mend it.
    """
    if not suffix.built():
        raise LabError("The C++ kernels have not been built.", "core/kernels/cpu",
                       'Install a C++ compiler and run "python -m core.kernels.build".')
    text, _ = bench_text(tokens)
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder, "ours"), Path(folder, "theirs")
        began = time.perf_counter()
        build(text, ours, "bench")
        ours_s = time.perf_counter() - began
        theirs_s = build_rival(text, theirs)
        built, size = f"build, {tokens / 1e6:g} M tokens", text.nbytes / 1e6
        rows = [_row(built, "MB/s", size / ours_s, size / theirs_s, higher=True)]
        text.tofile(Path(folder, "text.bin"))
        mapped = np.memmap(Path(folder, "text.bin"), np.uint16, "r")
        engine = open_rival(theirs)
        index = SuffixArray(mapped, ours)
        rows += _lookups(index, engine, ngrams(text), seconds / 2)
        return rows + [_traces(index, engine, text, seconds / 2)]


def bench_text(tokens: int) -> tuple[np.ndarray, Tokenizer]:
    """Tokens of Python's documentation, uint16, pieces of it in random order where it is too short; their tokenizer."""
    texts = python_docs(1 << 30)
    library = train(TokenizerSpec(corpus="", vocab_size=VOCABULARY), texts[:: max(1, len(texts) // TRAINED_ON)],
                    Counter())
    real = np.concatenate([np.array([BOUNDARY, *encoded.ids], np.uint16) for at in range(0, len(texts), 256)
                           for encoded in library.encode_batch(texts[at : at + 256], add_special_tokens=False)])
    if len(real) >= tokens:
        return real[:tokens], library
    random = np.random.default_rng(0)
    text = np.empty(tokens, np.uint16)
    text[: len(real)], at = real, len(real)
    words = real[real != BOUNDARY]
    while at < tokens:
        length = min(int(random.integers(*PIECE_TOKENS)), tokens - at)
        place = int(random.integers(len(words) - length))
        text[at : at + length] = words[place : place + length]
        if random.random() < length / DOCUMENT_TOKENS:
            text[at] = BOUNDARY
        at += length
    return text, library


def make_answer(text: np.ndarray, random: np.random.Generator) -> list[int]:
    """An answer that is partly text and partly noise: 40 tokens of the one, then 20 of the other."""
    answer = random.integers(1, VOCABULARY, ANSWER_TOKENS)
    for at in range(0, ANSWER_TOKENS - 40, 60):
        place = int(random.integers(len(text) - 40))
        answer[at : at + 40] = text[place : place + 40]
    answer[answer == BOUNDARY] = 1
    return answer.tolist()


def ngrams(text: np.ndarray) -> list[list[int]]:
    """N-grams of one to eight tokens that stand in the text, every other one with another last token."""
    random = np.random.default_rng(1)
    found = []
    while len(found) < LOOKUPS:
        place, length = int(random.integers(len(text) - LONGEST)), int(random.integers(1, LONGEST + 1))
        ngram = text[place : place + length].tolist()
        if BOUNDARY not in ngram:
            found.append([*ngram[:-1], int(random.integers(1, VOCABULARY))] if len(found) % 2 else ngram)
    return found


def build_rival(text: np.ndarray, folder: Path) -> float:
    """Index the text as infini-gram's own script does, given tokens instead of words; returns its seconds.

    Raises:
        LabError: it is not installed, or its script failed.
    """
    import resource  # only where infini-gram is, too

    import_rival()
    folder.mkdir()
    tokens = np.where(text == BOUNDARY, SEPARATOR, text).astype(np.uint16)
    tokens.tofile(folder / "tokenized.0")
    (np.flatnonzero(text == BOUNDARY) * text.itemsize).astype(np.uint64).tofile(folder / "offset.0")
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    done = subprocess.run(
        [sys.executable, "-m", "infini_gram.indexing", "--data_dir", folder, "--save_dir", folder, "--cpus", "1",
         "--mem", "8", "--ulimit", str(files)], capture_output=True, text=True)  # fmt: skip
    took = re.search(r"Step 2 \(build_sa\): Done. Took ([\d.]+) seconds", done.stdout)
    if took is None:
        raise LabError("infini-gram could not index the text.", "bench", "It said last: {said}",
                       said=done.stderr.strip()[-300:])
    return float(took.group(1))


def open_rival(folder: Path):
    """infini-gram's engine over an index."""
    engine = import_rival()
    return engine.InfiniGramEngine(index_dir=str(folder), eos_token_id=VOCABULARY, token_dtype="u16")


def import_rival():
    """infini-gram's module.

    Raises:
        LabError: it is not installed, or has no build for this machine.
    """
    try:
        from infini_gram import engine
    except ImportError as problem:
        raise LabError(
            "infini-gram, which is measured against, is not installed ({reason}).", "bench",
            "Run: pip install -r requirements-dev.txt", reason=str(problem)) from None
    return engine


def _lookups(index: SuffixArray, engine, asked: list[list[int]], seconds: float) -> list[dict]:
    """Median and 99th percentile of a count, microseconds."""
    for ngram in asked[:200]:
        theirs = engine.count(ngram)["count"]
        if index.count(ngram) != theirs:
            raise LabError("Ours and infini-gram's count differ ({ours}, {theirs}).", "bench", "This is a defect.",
                           ours=index.count(ngram), theirs=theirs)
    times, end = [], time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        times.append([_percentiles([_timed(count, ngram) for ngram in asked]) for count in (index.count, engine.count)])
    rows = []
    for place, name in enumerate(("count, median", "count, 99th percentile")):
        ours, theirs = ([1e6 * round[who][place] for round in times] for who in (0, 1))
        rows.append(_row(name, "µs", statistics.median(ours), statistics.median(theirs),
                         ratios=[b / a for a, b in zip(ours, theirs, strict=True)]))  # fmt: skip
    return rows


def _traces(index: SuffixArray, engine, text: np.ndarray, seconds: float) -> dict:
    """All maximal spans of an answer, with their counts, milliseconds."""
    ids, times, end = make_answer(text, np.random.default_rng(2)), [], time.perf_counter() + seconds
    n = len(ids)

    def ours() -> None:
        reach = index.reach(ids, range(n), [n] * n)
        ends = np.arange(n) + reach
        maximal = np.flatnonzero(ends > np.maximum.accumulate(np.concatenate([[0], ends[:-1]])))
        index.rows([ids[i : ends[i]] for i in maximal])

    def theirs() -> None:
        engine.attribute(input_ids=ids, delim_ids=[], min_len=1, max_cnt=1 << 40, enforce_bow=False)

    while len(times) < 3 or time.perf_counter() < end:
        times.append((1e3 * _timed(ours), 1e3 * _timed(theirs)))
    medians = [statistics.median(column) for column in zip(*times, strict=True)]
    return _row(f"spans of {n} tokens", "ms", *medians, ratios=[b / a for a, b in times])


def _timed(call: Callable, *arguments) -> float:
    start = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - start


def _percentiles(times: list[float]) -> tuple[float, float]:
    return float(np.percentile(times, 50)), float(np.percentile(times, 99))


def _row(name: str, unit: str, ours: float, rival: float, higher: bool = False, ratios: list[float] = ()) -> dict:
    ratio = ours / rival if higher else rival / ours
    low, _, high = statistics.quantiles(ratios, n=4) if ratios else (ratio,) * 3
    return {"name": name, "unit": unit, "ours": round(ours, 3), "rival": round(rival, 3), "rival_name": RIVAL,
            "ratio": round(ratio, 3), "spread": [round(low, 3), round(high, 3)]}
