"""The views and forms of trained filters, on filters that their real jobs have made."""

import pytest
from PySide6.QtTest import QTest

from app.bootstrap import make_window
from app.views.filter_parts import parted, share_below
from core.jobs.registry import kind
from core.spec.filters import ClassifierSpec, ReferenceSpec
from tests.tiny_filters import make_workspace, run_job


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """Corpora, a reference and a classifier."""
    made = make_workspace(tmp_path_factory.mktemp("views"))
    run_job(made, "reference", "style", ReferenceSpec(corpus="novels", against="web", vocab_size=400, order=3))
    run_job(made, "classifier", "judge", ClassifierSpec(good="novels", candidates="web", folds=3))
    return made


@pytest.fixture
def window(qtbot, workspace):
    """The lab on that workspace, with its jobs read."""
    from PySide6.QtWidgets import QApplication

    window = make_window(QApplication.instance(), workspace.root)
    qtbot.addWidget(window)
    window.show()
    window.context.jobs.start()
    qtbot.waitUntil(lambda: len(window.context.jobs.jobs("reference", "classifier")) == 2, timeout=10_000)
    return window


def open_filter(window, workspace, name: str):
    """The view of one filter, as a click on it in the list shows it."""
    root = workspace.folder("filters", name).root
    window.show_page("data", job=root)
    QTest.qWait(50)
    page = window.page("data")
    return page.panel(window.context.jobs.job(root).kind)


def test_a_reference_shows_how_both_texts_are_spread_and_their_thirds(window, workspace):
    view = open_filter(window, workspace, "style")
    assert view.isVisible() and "90" in view.titles["candidates"].text() and "24" in view.titles["trusted"].text()
    assert "67 %" in view.says.text() and "100 %" in view.says.text()  # of the candidates; of the trusted text
    for part in ("head", "middle", "tail"):
        view.part.value_changed.emit(part)
        assert view.browser.model.rowCount() > 0
    assert view.browser.model.columnCount() == 2


def test_moving_the_limit_of_a_reference_moves_both_lines_and_says_what_stays(window, workspace):
    view = open_filter(window, workspace, "style")
    view.plots["trusted"].threshold_released.emit("most", 1.5)
    assert all(plot.thresholds[0].value == 1.5 for plot in view.plots.values())
    assert view.says.text().count(" 0 %") == 2
    assert not any(view.plots["candidates"].bins.kept)
    view.head_limit.click()
    assert "33 %" in view.says.text()


def test_the_same_scale_stands_under_both_texts(window, workspace):
    view = open_filter(window, workspace, "style")
    one, other = (view.plots[side].scale for side in ("trusted", "candidates"))
    assert one.low == pytest.approx(other.low, rel=0.3) and one.high == pytest.approx(other.high, rel=0.3)


def test_a_classifier_shows_its_measured_quality(window, workspace):
    view = open_filter(window, workspace, "judge")
    assert 0.75 < float(view.area.value.text()) < 0.92 and "0." in view.area.hint.text()
    assert view.roc.points[0] == (0, 0) and view.roc.points[-1] == (1, 1)
    assert view.features["good"].rows[0][1] > 0 > view.features["candidates"].rows[0][1]
    assert view.browser.model.rowCount() > 0


def test_moving_the_threshold_of_a_classifier_moves_every_figure(window, workspace):
    view = open_filter(window, workspace, "judge")
    view.plots["candidates"].threshold_released.emit("least", 0.0)
    everything = view.says.text()
    assert everything.count("100 %") == 2 and view.roc.mark == (1, 1)
    view.plots["good"].threshold_changed.emit("least", 0.6)
    assert view.says.text() != everything and view.plots["candidates"].thresholds[0].value == 0.6
    assert view.roc.mark[0] < view.roc.mark[1]
    view.try_threshold(0.9, rests=True)
    high = [line.value for line in view.browser.model.documents]
    view.try_threshold(0.1, rests=True)
    assert min(high) > max(line.value for line in view.browser.model.documents)


def test_a_view_does_not_forget_the_threshold_when_the_folder_is_read_again(window, workspace):
    view = open_filter(window, workspace, "judge")
    view.try_threshold(0.7, rests=True)
    view.refresh()
    assert view.threshold == 0.7 and view.plots["good"].thresholds[0].value == 0.7


def test_the_form_of_a_reference_offers_corpora_and_gives_a_spec(window, workspace, qtbot):
    window.show_page("data")
    page = window.page("data")
    form = page.form("reference")
    form.started.disconnect()  # nothing is to be started here
    page.show_form("reference", "sayings")
    with qtbot.waitSignal(form.started) as started:
        form.start.click()
    name, spec = started.args
    assert spec == ReferenceSpec(corpus="sayings") and name == "sayings-reference"


def test_the_form_of_a_classifier_never_offers_one_corpus_for_both_sides(window, workspace, qtbot):
    window.show_page("data")
    page = window.page("data")
    form = page.form("classifier")
    form.started.disconnect()
    page.show_form("classifier", "web")
    with qtbot.waitSignal(form.started) as started:
        form.start.click()
    assert started.args[1].candidates == "web" and started.args[1].good not in ("", "web")
    form.form.set_values({"good": "web"})
    assert not form.start.isEnabled() and "same corpus" in form.form.problem()


def test_every_kind_of_filter_names_a_view_and_a_form_of_its_own(window):
    kinds = window.page("data").kinds
    for name in ("reference", "classifier"):
        assert kinds[name].views and kinds[name].form and kind(name).spec_type()


def test_counts_are_parted_at_a_limit_and_shares_read_from_quantiles():
    assert parted([0, 1, 2, 4], [10, 10, 10], 3) == ([10, 10, 5], [0, 0, 5])
    assert parted([0, 1], [4], 0) == ([0], [4])
    quantiles = [1.0, 2.0, 4.0, 8.0, 16.0]
    assert [share_below(quantiles, value) for value in (0.5, 1, 3, 16, 99)] == [0, 0, 0.375, 1, 1]
    assert share_below([], 3) == 0


def test_a_rule_offers_only_filters_of_the_kind_it_needs(window, workspace):
    window.show_page("data")
    page = window.page("data")
    page.show_form("corpus")
    for rule, name, other in (("reference_perplexity", "style", "judge"), ("quality_classifier", "judge", "style")):
        row = page.importer.rules.add(rule)
        row.set_open(True)
        choices = row.form.rows["filter"].editor.control
        assert choices.findData(name) >= 0 and choices.findData(other) < 0
