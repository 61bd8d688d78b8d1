"""Claims, drawn answers and mitigations on the Glass page, with a real engine behind it."""

import importlib.util

import msgspec
import pytest

from app.pages.glass import GlassPage
from core.evaluate.labelled import read_labelled
from core.glass.answers import Answered
from core.glass.questions import Label, Question
from core.spec.doubt import ClaimsSeen, MitigationSeen, Refusal
from core.spec.messages import Marked, Token
from core.spec.token_record import TokenRecord

WAIT_MS = 60_000
PROMPT, ANSWER = "Return", " the length of the list. Zebra met Okapi in 1815."
pytestmark = pytest.mark.skipif(not importlib.util.find_spec("torch"), reason="torch is not installed")


def records_of(root, text, probability=0.5):
    from tokenizers import Tokenizer

    cut = Tokenizer.from_file(str(root / "runs" / "tiny" / "tokenizer.json")).encode(text)
    return [TokenRecord(id, text[a:b].encode(), probability, probability, 1, 0.2, [])
            for id, (a, b) in zip(cut.ids, cut.offsets, strict=True)]  # fmt: skip


def show(page: GlassPage, part: str):
    page.parts.setCurrentIndex(page.parts.keys().index(part))
    return page.below.views[part][1]


def wait(qtbot, panel):
    qtbot.waitUntil(lambda: not panel.exams.waits(), timeout=WAIT_MS)


@pytest.fixture
def page(grown, make_page):
    made = make_page(grown)
    made.show_generation("run:tiny", PROMPT, records_of(grown, ANSWER))
    return made


def test_claims_are_listed_judged_and_taken_back(qtbot, page):
    claims = show(page, "claims")
    wait(qtbot, claims)
    assert [row.claim.text for row in claims.rows] == ["Return the length of the list.", "Zebra met Okapi in 1815."]
    assert "not indexed yet" in claims.told.text()  # and the claims are there all the same
    page.build_index()
    qtbot.waitUntil(lambda: claims.rows[0].claim.support is not None and not claims.exams.waits(), timeout=WAIT_MS)
    first, second = claims.rows
    assert (first.claim.support, second.claim.support) == ("verbatim", "absent")
    assert "Okapi" in second.facts.text() and "50 %" in second.facts.text()
    assert "never names: 1." in claims.told.text()
    second.verdict.value_changed.emit("wrong")
    first.verdict.value_changed.emit("right")
    assert (first.verdict.value(), second.verdict.value()) == ("right", "wrong") and claims.undo.isEnabled()
    (read,) = read_labelled(page.context.workspace.root / "reviews" / "response.jsonl")[1]
    assert read.wrong and read.answer == ANSWER
    claims.undo.click()
    claims.undo.click()
    assert (first.verdict.value(), second.verdict.value()) == ("", "") and not claims.undo.isEnabled()
    first.chosen.emit()
    assert page.answer.strip.text() == " the length of the list."
    assert "Return the length of the list" in claims.documents.text.toPlainText()


def test_a_judgement_is_still_there_when_the_page_is_made_anew(qtbot, page, grown):
    claims = show(page, "claims")
    wait(qtbot, claims)
    claims.rows[1].verdict.value_changed.emit("unverifiable")
    page.show_generation("run:tiny", PROMPT, records_of(grown, ANSWER))
    wait(qtbot, claims)
    assert [row.verdict.value() for row in claims.rows] == ["", "unverifiable"]


def test_ten_drawn_answers_are_counted_by_their_words(qtbot, page):
    again = show(page, "again")
    assert again._found.isHidden() and "asked once" in again.state.title.text()
    again.draw.click()
    wait(qtbot, again)
    assert sum(int(figure) for _, figure in again.clusters.rows()) == 10
    assert "of 10 drawn answers" in again.told.text() and again._grid.count() == 9
    again.truth.click()
    wait(qtbot, again)
    assert not again.notice.isHidden() and "more than the 64" in again.notice.text.text()  # its context is too short
    assert not again._found.isHidden()


def test_every_mitigation_stands_beside_the_others_or_says_why_not(qtbot, page):
    tried = show(page, "mitigations")
    assert "not questioned yet" in tried.many.state.title.text()
    tried.try_all.click()
    wait(qtbot, tried)
    assert set(tried.shown()) == {"plain", "limits", "dola"}
    assert "no weaker model" in tried.rows.text("contrastive")
    assert "not indexed yet" in tried.rows.text("retrieval")


def test_a_model_from_elsewhere_is_told_what_it_lacks(qtbot, page):
    tried = page.below.mitigations
    page.look.source = "/somewhere/model.gguf"
    tried.show_look(page.look)
    assert "no questions with known answers" in tried.many.state.title.text() and tried.many.start.isHidden()
    refusal = Refusal("{name} has no text.", "", {"name": "It"})
    tried._on_found("retrieval", MitigationSeen("retrieval", refusal=refusal))
    assert tried.rows.text("retrieval") == "It has no text."
    claims = page.below.claims
    claims._on_found("claims", ClaimsSeen([], Refusal("Never mind.")))
    assert "no claim" in claims.state.title.text()


def test_a_questioned_run_has_its_risk_told_as_a_chance(qtbot, grown, make_page):
    page = make_page(None)
    root = page.context.workspace.root
    folder = root / "evaluations" / "asked"
    folder.mkdir(parents=True)
    (folder / "spec.toml").write_text('kind = "question"\n[spec]\nrun = "tiny"\n')
    lines = [Answered(
        question=Question(id=n, prompt="p", subject="s", others=[]), label=Label(truth="t", stratum="s", stated=1),
        answer="t", wrong=n >= 50, log_p=[-n / 10], entropy=[0.0], samples=[], sample_log_p=[], others=[],
        scores={"likelihood": n / 10}) for n in range(100)]  # fmt: skip
    (folder / "answers.jsonl").write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in lines))
    (folder / "events.jsonl").write_text(
        '{"v":1,"seq":0,"t":1.0,"event":"started","kind":"question","pid":1}\n'
        '{"v":1,"seq":1,"t":2.0,"event":"completed","result":{}}\n')  # fmt: skip
    qtbot.waitUntil(lambda: page.questionings.calibration("tiny") is not None, timeout=WAIT_MS)
    page.show_generation("run:tiny", "p", records_of(grown, " Zebra.", probability=0.9))
    assert "right with 100 %, by 100 answers" in page.tiles.risk.hint.text()
    assert page.summary.text.text().startswith("Of 100 marked answers of this run")
    assert page.summary.property("level") == "info"
    page.show_generation("run:tiny", "p", records_of(grown, " Zebra Zebra Zebra Zebra.", probability=0.2))
    assert "right with 0 %" in page.summary.text.text() and page.summary.property("level") == "warning"
    many = page.below.mitigations.many
    assert not many.found.isHidden() and "100 questions" in many.told.text()
    many.slider.setValue(0)
    assert "50 % are given" in many.threshold.text() and "100 % are right" in many.threshold.text()
    assert many.curve.mark == (0.5, 1.0)


def test_spans_are_marked_while_the_answer_is_written_and_not_afterwards(grown, make_page):
    page = make_page(grown)
    page.generate()
    for record in records_of(grown, ANSWER):
        page._on_token(Token(id=page._waiting["generate"], index=0, text="", record=record))
    page._on_marked(Marked(id=page._waiting["generate"], spans=[(0, 3), (5, 6)]))
    marked = [place - 1 for place, token in enumerate(page.answer.strip.tokens) if token.mark == "verbatim"]
    assert marked == [0, 1, 2, 5]
    page._on_marked(Marked(id=-7, spans=[]))  # of another answer
    assert page.answer.strip.tokens[1].mark == "verbatim"
