"""Which words of an answer stand verbatim in the text its model was trained on, and where.

After OLMoTrace (Liu et al. 2025, arXiv:2504.07096): the maximal spans of whole words that occur in
the training tokens. A match is not a cause: it shows where a wording stands, not why the model
chose it.

    tracer = Tracer.open(workspace, run)            # LabError when the run has no finished index
    found = tracer.attribute(output_ids, prompt)    # core.spec.glass.Attribution
"""

import math
import re
import time
from collections.abc import Sequence

import msgspec
import numpy as np

from core.data.documents import Documents
from core.data.shards import TokenShard
from core.errors import LabError
from core.glass.document_ranking import DocumentRanking
from core.glass.index_job import attribution_index
from core.glass.ranking import bm25
from core.glass.suffix_array import BOUNDARY, SuffixArray
from core.glass.training_text import tokenizer_hash, training_documents
from core.glass.words import Cut, words
from core.record.folder import Workspace
from core.spec.glass import Attribution, AttributionRules, Span, SpanDocument, Support
from core.tokens.tokenizer import Tokenizer

SNIPPET_CHARACTERS = 80  # on each side of a span
SCORED_CHARACTERS = 2000  # on each side: what of a document is ranked, so that a book costs no more than a page
CLOSEST = 10  # documents named where no wording is found
_SPACE = re.compile(r"\s")


class Tracer:
    """A run's training text, opened for asking where wordings come from."""

    def __init__(self, run: str, index: SuffixArray, shard: TokenShard, documents: Documents, tokenizer: Tokenizer,
                 ranking: DocumentRanking | None = None):  # fmt: skip
        self.run, self.index, self.tokens, self.documents, self.tokenizer, self.ranking = (
            run, index, shard.tokens, documents, tokenizer, ranking)
        self.doc_starts, self.doc_rows = np.array(shard.doc_starts, np.int64), shard.doc_ids

    @classmethod
    def open(cls, workspace: Workspace, run: str) -> "Tracer":
        """Open the newest finished index of ``run``.

        Raises:
            LabError: no index was built yet, it no longer fits the run's tokens or its tokenizer, or the corpus is
                not the one that the run was trained on.
        """
        folder = attribution_index(workspace, run)
        if folder is None:
            raise LabError("The training text of {run} is not indexed yet.", "", "Build its index first.", run=run)
        run_folder = workspace.folder("runs", run)
        shard = TokenShard.open(run_folder.path(), "train")
        return cls(
            run,
            SuffixArray(shard.tokens, folder, tokenizer_hash(run_folder)),
            shard,
            training_documents(workspace, run_folder),
            Tokenizer.load(run_folder.path()),
            DocumentRanking.open(folder),
        )

    def attribute(
        self, ids: Sequence[int], prompt: str = "", rules: AttributionRules = AttributionRules()
    ) -> Attribution:
        """The verbatim spans of the answer ``ids`` to ``prompt``, and how each of its tokens is supported."""
        began = time.perf_counter()
        ids = [int(id) for id in ids]
        cut = Cut([b"" if id == BOUNDARY else self.tokenizer.token_bytes(id) for id in ids], prompt)
        ranges = [
            (start, end) for start, end in maximal_spans(self.index, ids, cut)
            if len(words(cut.text(start, end))) >= rules.min_words
            and len(cut.text(start, end).strip()) >= rules.min_characters
        ]  # fmt: skip
        rows = self.index.rows([ids[start:end] for start, end in ranges])
        spans = self._with_documents(self._spans(ids, cut, ranges, rows, rules), rows, cut, prompt, rules)
        support = token_support(self.index, ids, cut, ranges)
        closest = [] if spans else self.closest(f"{prompt} {cut.text(0, len(ids))}")
        return Attribution(
            run=self.run, training_tokens=len(self.index), spans=spans, support=support, closest=closest,
            elapsed_s=time.perf_counter() - began,
        )  # fmt: skip

    def closest(self, text: str, limit: int = CLOSEST) -> list[SpanDocument]:
        """The documents that share the most words with a text, closest first; none where they were not ranked."""
        found = []
        for row, score in self.ranking.closest(text, limit) if self.ranking else ():
            document = self.documents[row]
            beginning = " ".join(document.text[: 2 * SNIPPET_CHARACTERS].split())
            found.append(SpanDocument(
                row=row, source=document.source, line=document.line, snippet=beginning, match=(0, 0), score=score,
                start=0, end=0))  # fmt: skip
        return found

    def _spans(
        self, ids: list[int], cut: Cut, ranges: list[tuple[int, int]], rows: np.ndarray, rules: AttributionRules
    ) -> list[Span]:
        """Count the spans, mark the rare ones as kept, and number the groups of overlapping ones."""
        sums = np.concatenate([[0.0], np.cumsum(self.index.log10_chances(ids))])
        chances = [float(sums[end] - sums[start]) for start, end in ranges]
        limit = len(ranges) if len(ids) <= rules.keep_all_tokens else math.ceil(rules.keep_share * len(ids))
        kept = set(sorted(range(len(ranges)), key=chances.__getitem__)[:limit])
        counts = np.diff(rows)[:, 0].tolist()
        spans, group, reach = [], -1, 0
        for i, (start, end) in enumerate(ranges):
            if start >= reach:
                group += 1
            reach = max(reach, end)
            spans.append(Span(
                start=start, end=end, count=counts[i], text=cut.text(start, end), documents=[],
                kept=i in kept, log10_chance=chances[i], group=group,
            ))  # fmt: skip
        return spans

    def _with_documents(
        self, spans: list[Span], rows: np.ndarray, cut: Cut, prompt: str, rules: AttributionRules
    ) -> list[Span]:
        """Fill in the documents of the kept spans, closest to prompt and answer first."""
        around: dict[int, str] = {}
        found = {}
        for i, span in enumerate(spans):
            if span.kept:
                data = cut.bytes(span.start, span.end)
                offsets = self._one_offset_a_document(*rows[i].tolist(), rules.documents)
                found[i] = [self._place(offset, span.end - span.start, data, around) for offset in offsets]
        documents = sorted(around)
        scores = bm25(f"{prompt} {cut.text(0, len(cut.offsets) - 1)}", [around[row] for row in documents])
        score_of = dict(zip(documents, scores, strict=True))
        for i, places in found.items():
            scored = [msgspec.structs.replace(place, score=score_of[place.row]) for place in places]
            ranked = sorted(scored, key=lambda place: (-place.score, place.row))
            spans[i] = msgspec.structs.replace(spans[i], documents=ranked)
        return spans

    def _one_offset_a_document(self, low: int, high: int, limit: int) -> list[int]:
        """Offsets of the rows [low, high) in up to ``limit`` different documents; a sample when there are more."""
        offsets = self.index.places(low, high, limit * 8)  # several matches may share a document
        owners = np.searchsorted(self.doc_starts, offsets, side="right")
        _, first = np.unique(owners, return_index=True)
        return offsets[first][:limit].tolist()

    def _place(self, offset: int, length: int, data: bytes, around: dict[int, str]) -> SpanDocument:
        """Where the match at ``offset`` stands in its kept document, to the character.

        Args:
            around: by document the text around its first match, filled in here.
        """
        owner = int(np.searchsorted(self.doc_starts, offset, side="right")) - 1
        row, first = int(self.doc_rows[owner]), int(self.doc_starts[owner]) + 1
        document = self.documents[row]
        text = document.text
        before = self.tokens[first:offset]
        # the text before the match is as long as its tokens' bytes
        start, end = exact_place(text, int(self.tokenizer.byte_lengths[before].sum()), data)
        if start < 0:
            start, end = folded_place(text, b"".join(map(self.tokenizer.token_bytes, before.tolist())), data)
        around.setdefault(row, text[max(start - SCORED_CHARACTERS, 0) : max(end, 0) + SCORED_CHARACTERS])
        snippet, match = _snippet(text, start, end, data)
        return SpanDocument(
            row=row, source=document.source, line=document.line, snippet=snippet, match=match, start=start, end=end,
            text_line=text.count("\n", 0, max(start, 0)) + 1, token=offset,
        )  # fmt: skip


def maximal_spans(index: SuffixArray, ids: list[int], cut: Cut) -> list[tuple[int, int]]:
    """Token ranges of whole words that occur verbatim in the training tokens and lie in no longer such range.

    A full stop may only end a span; a line break or a special token is in none.
    """
    n, limits = len(ids), _limits(cut, len(ids))
    starts = [start for start in range(n) if cut.edges[start] and not cut.breaks[start]]
    lengths = index.reach(ids, starts, [limits[start] for start in starts]).tolist()
    spans, reach = [], 0
    for start, length in zip(starts, lengths, strict=True):
        end = start + length
        while end > start and not cut.edges[end]:
            end -= 1
        if end > max(reach, start):
            spans.append((start, end))
            reach = end
    return spans


def _limits(cut: Cut, n: int) -> list[int]:
    """Where a span that begins at each token has to end at the latest."""
    limits = [n] * (n + 1)
    for i in reversed(range(n)):
        limits[i] = i if cut.breaks[i] else i + 1 if cut.stops[i] else limits[i + 1]
    return limits


def token_support(index: SuffixArray, ids: list[int], cut: Cut, ranges: list[tuple[int, int]]) -> list[Support]:
    """How each token stands to the training text: see ``core.spec.glass.Support``."""
    support: list[Support] = ["blank"] * len(ids)
    looked_up = [(start, end) for start, end in cut.segments() if words(cut.text(start, end))]
    found = index.rows([ids[start:end] for start, end in looked_up])
    for (start, end), (low, high) in zip(looked_up, found.tolist(), strict=True):
        support[start:end] = ["parts" if low < high else "absent"] * (end - start)
    for start, end in ranges:
        support[start:end] = ["verbatim"] * (end - start)
    return support


def exact_place(text: str, start_byte: int, data: bytes) -> tuple[int, int]:
    """Characters [start, end) of ``text`` where ``data`` stands at a byte offset; (-1, -1) if it does not."""
    encoded = text.encode("utf-8")
    if encoded[start_byte : start_byte + len(data)] != data:
        return -1, -1
    start = len(encoded[:start_byte].decode("utf-8"))
    return start, start + len(data.decode("utf-8"))


def folded_place(text: str, before: bytes, data: bytes) -> tuple[int, int]:
    """The same for tokenizers that fold white space (WordPiece) or do not know every character.

    White space is left out of the comparison, and of several occurrences the one closest to where
    ``before`` would end is taken; (-1, -1) if there is none.
    """
    places = [place for place, character in enumerate(text) if not character.isspace()]
    packed = "".join(text[place] for place in places)
    wanted, expected = _packed(data), len(_packed(before))
    near = [place for place in (packed.rfind(wanted, 0, expected + len(wanted)), packed.find(wanted, expected))
            if place >= 0]  # fmt: skip
    if not wanted or not near:
        return -1, -1
    start = min(near, key=lambda place: abs(place - expected))
    return places[start], places[start + len(wanted) - 1] + 1


def _packed(data: bytes) -> str:
    return "".join(data.decode("utf-8", "replace").split())


def _snippet(text: str, start: int, end: int, data: bytes) -> tuple[str, tuple[int, int]]:
    """The match with a little of the text around it, on one line, and where it stands in there."""
    if start < 0:
        words_alone = data.decode("utf-8", "replace")
        return words_alone, (0, len(words_alone))
    first, last = max(start - SNIPPET_CHARACTERS, 0), min(end + SNIPPET_CHARACTERS, len(text))
    return _SPACE.sub(" ", text[first:last]), (start - first, end - first)
