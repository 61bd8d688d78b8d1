"""Examinations of an answer by the opened model and its training text: each request of core.spec.doubt answered.

    Examination(opened).answer(request, check)
"""

from collections.abc import Callable, Sequence

import msgspec

from core.data.worlds.facts import FactTable
from core.errors import LabError
from core.glass import consistency
from core.glass.claim_support import ClaimSupport
from core.glass.claims import split_claims, token_range
from core.glass.fact_book import FactBook
from core.glass.mitigation import Mitigations
from core.infer.batch import read_many
from core.infer.engine import begin
from core.spec import doubt
from core.spec.messages import Examine

SPARE_TOKENS = 8  # of a drawn answer beyond the length of the one that it is compared with


class Examination:
    """Answers examinations; keeps what the last model was asked about.

    Args:
        opened: holds ``engine``, ``run``, ``workspace`` and ``tracer()``.
    """

    def __init__(self, opened) -> None:
        self._opened = opened
        self._book: tuple[str, FactBook | None] = ("", None)
        self._mitigations: Mitigations | None = None
        self._support: tuple[object, ClaimSupport] | None = None
        self._answers = {
            doubt.ClaimsExam: self._claims, doubt.SamplesExam: self._samples, doubt.TruthExam: self._truth,
            doubt.MitigationExam: self._mitigation,
        }  # fmt: skip

    def answer(self, request: Examine, check: Callable[[], None] = lambda: None) -> doubt.AnyExamined:
        """What the examination found.

        Args:
            check: called now and then; may raise to stop.
        Raises:
            LabError: this model does not allow it, or prompt and answer do not fit into its context.
        """
        return self._answers[type(request.exam)](request, check)

    def _prompt_ids(self, request: Examine) -> list[int]:
        engine = self._opened.engine
        return begin(engine, engine.encode(request.prompt) if request.prompt_ids is None else request.prompt_ids)

    def _text(self, ids: Sequence[int]) -> str:
        return b"".join(map(self._opened.engine.token_bytes, ids)).decode("utf-8", "replace")

    def _claims(self, request: Examine, check) -> doubt.ClaimsSeen:
        claims = split_claims(self._text(request.ids), request.prompt)
        book = self._fact_book()
        if book is not None:
            claims = [book.read(claim) for claim in claims]
        try:
            support = self._claim_support()
            return doubt.ClaimsSeen([support.judge(claim) for claim in claims if check() is None])
        except LabError as error:
            return doubt.ClaimsSeen(claims, doubt.Refusal(error.problem, error.remedy, error.values))

    def _claim_support(self) -> ClaimSupport:
        tracer = self._opened.tracer()
        if self._support is None or self._support[0] is not tracer:
            self._support = (tracer, ClaimSupport(tracer))
        return self._support[1]

    def _fact_book(self) -> FactBook | None:
        """The table of the world that the run was trained on; None where it was trained on something else."""
        run = self._opened.run
        if not run:
            return None
        workspace = self._opened.workspace
        corpus = workspace.folder("runs", run).request["spec"].get("corpus", "")
        if self._book[0] != corpus:
            self._book = (corpus, None)
            try:
                with FactTable(workspace.path("corpora", corpus)) as table:
                    self._book = (corpus, FactBook(table))
            except LabError:
                pass  # no world: sentences are read by rule alone
        return self._book[1]

    def _samples(self, request: Examine, check) -> doubt.SamplesSeen:
        exam, prompt = request.exam, self._prompt_ids(request)
        most = min(exam.most_tokens, len(request.ids) + SPARE_TOKENS)
        drawn = consistency.draw_answers(self._opened.engine, prompt, exam.samples, most, exam.seed, check)
        answer = self._text(request.ids)
        first = consistency.first_sentence(answer)
        pieces = [self._opened.engine.token_bytes(id) for id in request.ids]
        _, last = token_range(pieces, 0, answer.find(first) + len(first))
        sentence = list(request.ids[: last or len(request.ids)])
        total = read_many(self._opened.engine, [(prompt, sentence)], check)[0]
        return consistency.compare(answer, total / max(len(sentence), 1), drawn)

    def _truth(self, request: Examine, check) -> doubt.TruthSeen:
        return consistency.ask_whether_true(self._opened.engine, request.prompt, self._text(request.ids).strip())

    def _mitigation(self, request: Examine, check) -> doubt.MitigationSeen:
        opened = self._opened
        if self._mitigations is None or self._mitigations.engine is not opened.engine:
            if self._mitigations is not None:
                self._mitigations.close()
            self._mitigations = Mitigations(opened.workspace, opened.engine, opened.run, opened.tracer)

        def cancelled() -> bool:
            check()
            return False

        seen = self._mitigations.try_one(request.exam, self._prompt_ids(request), cancelled)
        return msgspec.structs.replace(seen, name=request.exam.name)
