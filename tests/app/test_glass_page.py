"""The Glass page with a real engine: an answer is shaded, traced to its training text, and doubted in words."""

import importlib.util
import shutil
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from app.pages.glass import GlassPage
from app.pages.glass_answer import marks
from app.pages.glass_panels import percent, shortened
from core.data.documents import Documents
from core.spec.glass import SpanDocument
from core.spec.messages import TokenRecord

ROOT = Path(__file__).resolve().parents[2]
WAIT_MS = 60_000
ANSWER = " the length of the list. Zebra"
pytestmark = pytest.mark.skipif(not importlib.util.find_spec("torch"), reason="torch is not installed")


def records_of(root: Path, text: str, probability: float = 0.9) -> list[TokenRecord]:
    """The records that a model would have left had it written ``text``, all of one probability."""
    cut = Tokenizer.from_file(str(root / "runs" / "tiny" / "tokenizer.json")).encode(text)
    return [
        TokenRecord(id, text[a:b].encode(), probability, probability, 1, 0.2, [])
        for id, (a, b) in zip(cut.ids, cut.offsets, strict=True)
    ]


def marked_text(page) -> str:
    selections = page.spans.documents.text.extraSelections()
    return selections[0].cursor.selectedText()


def test_building_the_index_from_the_page_leads_to_the_marked_training_text(qtbot, grown, make_page):
    page = make_page(grown)
    page.show_generation("run:tiny", "Return", records_of(grown, ANSWER, probability=0.02))
    assert "not indexed yet" in page.spans.state.title.text()
    assert page.look.support is None and page.doubts.title.text() == "Unsure"
    assert page.summary.action.text() == page.spans.state.action.text() == "Build the index"
    page.summary.action.click()
    assert page.summary.action.isHidden()
    qtbot.waitUntil(lambda: page.look.found is not None, timeout=WAIT_MS)

    span = page.look.found.spans[0]
    assert span.text == " the length of the list." and span.count == 1
    assert marked_text(page) == span.text
    assert page.spans.table.item(0, 0).text() == span.text.strip()
    assert "texts/0.txt:1" in page.spans.documents.origin.text()
    assert page.answer.strip.text() == span.text  # the chosen span is chosen in the answer as well
    assert page.doubts.title.text() == "Unsupported and unsure"
    assert page.doubts._words.count() == 1 and "Zebra" in page.doubts._words.itemAt(0).widget().text()
    assert "“Zebra”" in page.summary.text.text()


def test_a_generation_is_shaded_token_by_token_and_summed_up(qtbot, grown, make_page):
    page = make_page(grown)
    page.ask.question.setPlainText("Return the")
    page.ask.sampler.set_values({**page.ask.sampler.values(), "max_tokens": 12})
    page.header.primary.click()
    assert page.header.primary.text() == "Stop"
    qtbot.waitUntil(lambda: page.look.finished, timeout=WAIT_MS)
    assert page.header.primary.text() == "Generate and look"
    assert len(page.look.records) == len(page.answer.strip.tokens) - 1 == 12
    assert page.answer.strip.tokens[0].data.decode() == "Return the"
    assert page.tiles.perplexity.value.text() not in ("", "–")
    assert "12 tokens" in page.summary.text.text()


def test_a_model_from_elsewhere_shows_its_doubts_and_says_that_its_text_is_not_known(grown, make_page):
    page = make_page(grown)
    page.show_generation("/somewhere/model.gguf", "Return", records_of(grown, ANSWER, probability=0.02))
    assert "not known" in page.spans.state.title.text()
    assert page.spans.state.action.isHidden()
    assert page.tiles.verbatim.value.text() == "–" and page.tiles.risk.value.text() != "–"
    assert {token.mark for token in page.answer.strip.tokens[1:]} == {"unsure"}


def test_an_answer_from_the_playground_takes_the_place_of_one_that_is_being_written(qtbot, grown, make_page):
    page = make_page(grown)
    page.generate()
    page.show_generation("/somewhere/model.gguf", "Return", records_of(grown, ANSWER))
    with qtbot.waitSignal(page.context.session.finished, timeout=WAIT_MS) as ended:
        pass
    assert ended.args[0].reason == "cancelled"
    assert b"".join(record.bytes for record in page.look.records) == ANSWER.encode()
    assert page.header.primary.text() == "Generate and look"


def test_a_problem_of_the_engine_is_told_in_one_sentence(qtbot, grown, make_page):
    page = make_page(grown)
    shutil.rmtree(page.context.workspace.root / "runs" / "tiny" / "checkpoints")
    page.header.primary.click()
    qtbot.waitUntil(lambda: not page.summary.isHidden(), timeout=WAIT_MS)
    assert "checkpoint" in page.summary.text.text()
    assert page.header.primary.text() == "Generate and look"


def test_what_was_looked_at_survives_a_change_of_language(grown, make_page):
    page = make_page(grown)
    page.show_generation("/somewhere/model.gguf", "Return", records_of(grown, ANSWER))
    other = GlassPage(page.context)
    other.restore(page.remember())
    assert other.look is page.look
    assert other.summary.text.text() == page.summary.text.text()
    assert other.ask.question.toPlainText() == "Return"
    other.deleteLater()


def test_without_a_model_the_page_says_what_to_do_first(qtbot, make_page, monkeypatch):
    monkeypatch.setattr("core.infer.sources.smollm2_path", lambda: None)
    page = make_page(None)
    assert not page._no_model.isHidden() and page._content.isHidden()
    with qtbot.waitSignal(page.context.navigation_requested) as asked:
        page._no_model.action.click()
    assert asked.args[0] == "home"


def test_the_place_is_marked_to_the_character_beyond_emoji_and_line_breaks(qtbot, grown, make_page):
    page = make_page(grown)
    corpus = Documents(grown / "corpora" / "texts", "kept")
    start = corpus[0].text.index("Raises")
    place = SpanDocument(0, "texts/0.txt", 1, "Raises", (0, 6), start=start, end=start + 6)
    page.spans.documents.show_places([place], corpus)
    assert marked_text(page) == "Raises"
    fox = corpus[2].text.index("🦊")
    page.spans.documents.show_places([SpanDocument(2, "x", 1, "🦊", (0, 1), start=fox, end=fox + 1)], corpus)
    assert marked_text(page) == "🦊"


def test_marks_tell_verbatim_unsure_and_unsupported_apart():
    sure, unsure = (TokenRecord(1, b"x", p, p, 1, 0.1, []) for p in (0.9, 0.01))
    records = [sure, unsure, unsure, unsure, unsure, sure]
    support = ["verbatim", "verbatim", "absent", "blank", "parts", "parts"]
    assert marks(records, support) == [
        (0, 2, "verbatim"), (2, 3, "unsupported"), (3, 4, "unsure"), (4, 5, "unsupported"),
    ]  # fmt: skip
    assert marks(records, None) == [(i, i + 1, "unsure") for i in (1, 2, 3, 4)]


def test_small_numbers_and_long_words_stay_readable():
    assert (percent(0.347), percent(0.0213), percent(0.00049)) == ("35 %", "2.1 %", "0.049 %")
    assert shortened("a  b\nc") == "a b c"
    assert shortened("x" * 30) == "x" * 19 + "…"


def test_one_switch_shows_what_was_left_after_the_samplers(grown, make_page):
    page = make_page(grown)
    drawn = TokenRecord(1, b"x", 0.2, 0.9, 3, 2.5, [(2, b"y", 0.5), (1, b"x", 0.2)], 1, 0.3, [(1, b"x", 0.9)])
    page.show_generation("/somewhere/model.gguf", "Return", [drawn])
    shown = page.answer.strip.tokens[1]
    assert (shown.probability, shown.rank, shown.entropy, shown.mark) == (0.2, 3, 2.5, "")
    assert shown.margin == pytest.approx(0.3) and not page.answer.stage.isHidden()
    page.answer.stage.set_value("after")
    page.answer.stage.value_changed.emit("after")
    shown = page.answer.strip.tokens[1]
    assert (shown.probability, shown.rank, shown.entropy) == (0.9, 1, 0.3) and shown.margin == 0.9
    page.show_generation("/somewhere/model.gguf", "Return", records_of(grown, ANSWER))  # read, not drawn
    assert page.answer.stage.isHidden() and page.answer.strip.tokens[1].probability == 0.9
