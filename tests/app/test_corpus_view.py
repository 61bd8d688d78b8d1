"""A corpus on the page: live while it is made, then in documents, bytes and tokens, part by part."""

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication

from app.bootstrap import make_window
from core.data.job import run
from core.data.report import read_report
from core.record import events as ev
from core.record.lineage import write_outputs
from core.record.log import EventLog
from core.spec.corpus import CorpusSpec
from core.spec.rules.duplicates import ExactDuplicates, NearDuplicates
from core.spec.rules.text import FixText, MinimumLength
from core.spec.tokenizer import TokenizerSpec
from core.spec.world import WorldSpec


class NoControl:
    def check(self, *_, **__):
        return None


@pytest.fixture
def window(qtbot, tmp_path):
    made = make_window(QApplication.instance(), tmp_path / "workspace")
    made.show_page("data")
    made.show()
    yield made
    made.close()
    made.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def read_all(qtbot, window):
    with qtbot.waitSignal(window.context.jobs.loaded):
        window.context.jobs.look_for_new()


@pytest.fixture
def corpus(window, tmp_path, qtbot):
    """Sixty documents, of which five are short and two are copies; cleaned for real."""
    text = tmp_path / "text"
    text.mkdir()
    for number in range(60):
        (text / f"{number:02d}.txt").write_text(f"{number} " * (5 if number < 5 else 60))
    for number in (30, 31):
        (text / f"copy{number}.txt").write_text((text / f"{number}.txt").read_text())
    spec = CorpusSpec(sources=[str(text)], rules=[FixText(), MinimumLength(), ExactDuplicates()], workers=1)
    folder = window.context.workspace.create("corpus", "docs", spec)
    log = EventLog(folder.path("events.jsonl"))
    log(ev.Started(pid=1, attempt=1))
    log(ev.Completed(result=run(spec, folder, log, NoControl())))
    write_outputs(folder.root)
    read_all(qtbot, window)
    window.show_page("data", job=folder.root)
    return folder


def test_the_funnel_is_that_of_the_report(window, corpus):
    view, report = window.page("data").corpus, read_report(corpus.root)
    lines = [(line.step.key, line.step.documents, line.step.fallen) for line in view.funnel.lines]
    assert lines == [("", 62, 0), ("fix_text", 62, 0), ("minimum_length", 57, 5), ("exact_duplicates", 55, 2),
                     ("kept", 55, 0)]  # fmt: skip
    assert view.funnel.line("kept").step.n_bytes == report["bytes_kept"]
    assert view.kept.value.text() == "55"


def test_tokens_are_an_estimate_until_a_tokenizer_counts_them(window, corpus, qtbot):
    view = window.page("data").corpus
    assert view.tokens.value.text().startswith("≈") and "estimate" in view.tokens.hint.text()
    made = window.context.workspace.create("tokenizer", "cutter", TokenizerSpec(corpus="docs"))
    log = EventLog(made.path("events.jsonl"))
    log(ev.Started(pid=1, attempt=1))
    log(ev.Completed(result={"vocab_size": 300, "bytes_per_token": 2.0}))
    read_all(qtbot, window)
    view.refresh()
    n_bytes = read_report(corpus.root)["bytes_kept"]
    assert not view.tokens.value.text().startswith("≈") and "cutter" in view.tokens.hint.text()
    assert view.funnel.line("kept").step.tokens == pytest.approx(n_bytes / 2)


def test_only_parts_with_something_in_them_are_offered(window, corpus):
    buttons = window.page("data").corpus.documents.which._buttons
    assert {part for part, button in buttons.items() if not button.isHidden()} == {"kept", "rejected", "measures"}


def test_a_rule_opens_its_documents_with_value_limit_and_cleaning(window, corpus, qtbot):
    view = window.page("data").corpus
    view.funnel.line("minimum_length").click()
    browser = view.reject_browser
    qtbot.waitUntil(lambda: browser.model.rowCount() == 5)
    browser._order_by(browser.model.columns.index("measured"))
    qtbot.waitUntil(lambda: not browser.model.scanning)
    values = [browser.model.index(row, browser.model.columns.index("measured")).data() for row in range(5)]
    assert values == sorted(values, key=int, reverse=True)
    assert {browser.model.index(row, browser.model.columns.index("limit")).data() for row in range(5)} == {"64"}
    browser.table.selectRow(0)
    assert browser.trail.text() == "Passed: Mend broken characters. Set aside by: Minimum length"


def test_measures_show_the_threshold_that_was_set(window, corpus):
    view = window.page("data").corpus
    view.browse("measures")
    plot = view.documents.measures.plots["minimum_length.characters"]
    assert plot.thresholds[0].value == 64 and plot.bins.total == pytest.approx(62)
    assert not plot.movable


def test_a_live_corpus_shows_its_funnel_and_its_speed(window, qtbot):
    spec = CorpusSpec(sources=["x"], rules=[FixText(), NearDuplicates()])
    folder = window.context.workspace.create("corpus", "now", spec)
    log = EventLog(folder.path("events.jsonl"))
    log(ev.Started(pid=1, attempt=1))
    log(ev.Funnel(documents_read=40, documents_kept=30, bytes_read=4000, bytes_kept=3000, rejected={"fix_text": 10}))
    log(ev.Progress(done=4e6, total=4e7, unit="bytes"))
    read_all(qtbot, window)
    job = window.context.jobs.job(folder.root)
    job.view = job.view.__class__(**{f: getattr(job.view, f) for f in job.view.__struct_fields__} | {
        "state": "running", "error": None})  # fmt: skip
    window.page("data").show_job(folder.root)
    view = window.page("data").corpus
    assert [line.step.key for line in view.funnel.lines] == ["", "fix_text", "near_duplicates", "kept"]
    assert view.taken.label.text() == "Speed" and view.documents.isHidden()


def test_a_world_shows_its_documents_under_what_is_true_in_it(window, qtbot):
    from core.data.worlds.job import run as make

    spec = WorldSpec(size=20)
    folder = window.context.workspace.create("world", "people", spec)
    log = EventLog(folder.path("events.jsonl"))
    log(ev.Started(pid=1, attempt=1))
    log(ev.Completed(result=make(spec, folder, log, NoControl())))
    read_all(qtbot, window)
    window.show_page("data", job=folder.root)
    panel = window.page("data").panel("world")
    corpus = panel.views[-1]
    assert corpus.root == folder.root and corpus.head.isHidden() and corpus.funnel_card.isHidden()
    assert corpus.documents.kept_browser.model.rowCount() > 0
    window.show_page("data", corpus="people")
    assert window.page("data")._shown() is panel


def test_a_bar_of_the_funnel_brings_its_documents_into_view(window, corpus, qtbot):
    window.resize(1280, 500)
    page = window.page("data")
    bar = page.stack.currentWidget().verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 100)
    assert bar.value() == 0
    page.corpus.funnel.rule_clicked.emit("exact_duplicates")
    qtbot.waitUntil(lambda: bar.value() > 100)


def test_a_part_that_found_nothing_says_so(window, tmp_path, qtbot):
    text = tmp_path / "apart"
    text.mkdir()
    for number in range(8):
        (text / f"{number}.txt").write_text(" ".join(f"word{number}-{place}" for place in range(80)))
    spec = CorpusSpec(sources=[str(text)], rules=[NearDuplicates()], workers=1)
    folder = window.context.workspace.create("corpus", "apart", spec)
    log = EventLog(folder.path("events.jsonl"))
    log(ev.Started(pid=1, attempt=1))
    log(ev.Completed(result=run(spec, folder, log, NoControl())))
    write_outputs(folder.root)
    read_all(qtbot, window)
    window.show_page("data", job=folder.root)
    documents = window.page("data").corpus.documents
    for _ in range(2):  # the second time it has been read before
        documents.show_part("pairs")
        assert documents.nothing.isVisible() and "alike" in documents.nothing.text()
        documents.show_part("kept")
        assert not documents.nothing.isVisible() and documents.kept_browser.isVisible()
