"""The causes of an answer on the Glass page: offered, looked for by a real job, listed, found again."""

import importlib.util
import shutil
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from tokenizers import Tokenizer

from app.pages.glass_causes import CausesPanel
from app.pages.glass_spans import DocumentPane
from app.state.context import AppContext
from app.state.settings import Settings
from core.data.documents import Documents
from core.spec.glass import SpanDocument
from core.spec.messages import TokenRecord
from core.train.sightings import Seen
from widgets import theme

ROOT = Path(__file__).resolve().parents[2]
WAIT_MS = 90_000
pytestmark = pytest.mark.skipif(not importlib.util.find_spec("torch"), reason="torch is not installed")


@pytest.fixture
def panel(qtbot, grown, tmp_path):
    root = tmp_path / "workspace"
    shutil.copytree(grown, root)
    theme.apply(QApplication.instance(), "light")
    context = AppContext(root, Settings())
    with qtbot.waitSignal(context.jobs.loaded, timeout=WAIT_MS):
        context.jobs.start()
    panel = CausesPanel(context)
    qtbot.addWidget(panel)
    panel.resize(1000, 500)
    panel.show()
    yield panel
    context.close()


def records_of(root: Path, text: str) -> list[TokenRecord]:
    cut = Tokenizer.from_file(str(root / "runs" / "tiny" / "tokenizer.json")).encode(text)
    return [TokenRecord(id, text[a:b].encode(), 0.5, 0.5, 1, 0.2, [])
            for id, (a, b) in zip(cut.ids, cut.offsets, strict=True)]  # fmt: skip


def test_causes_are_looked_for_on_request_and_listed_with_their_documents(qtbot, grown, panel):
    answer = records_of(grown, " the length of the string.")
    panel.show_answer("tiny", "Return", answer)
    assert panel.state.action.text() == "Look for causes" and panel.causes.job("tiny", "Return", [1]) is None
    panel.state.action.click()
    qtbot.waitUntil(lambda: panel._stack.currentIndex() == 2, timeout=WAIT_MS)

    result = panel._result
    assert result.compared == result.passages == 3 and result.steps == [10, 20]
    assert "3 of 3 passages compared at 2 checkpoints" in panel.told.text()
    assert max(abs(one.influence) for one in [*result.towards, *result.away]) == 1
    listed = panel._listed()
    assert panel.table.rowCount() == len(listed) > 0
    assert panel.table.item(0, 1).text() == f"{listed[0].influence:+.2f}".replace("-", "−")
    text = Documents(panel.context.workspace.folder("corpora", "texts").root, "kept")[listed[0].row].text
    assert panel.document.text.toPlainText() == text
    assert f"{listed[0].source}:1" in panel.document.origin.text()

    panel.show_answer("tiny", "Return", records_of(grown, " something else"))
    assert panel.state.action.text() == "Look for causes"  # of another answer
    panel.show_answer("tiny", "Return", answer)
    assert panel._stack.currentIndex() == 2  # found again, without a new job
    assert len(panel.context.jobs.jobs("influence")) == 1


def test_what_cannot_be_looked_for_is_said(qtbot, grown, panel):
    panel.show_answer("", "Return", records_of(grown, " the"))
    assert "not known here" in panel.state.title.text() and panel.state.action.isHidden()
    panel.show_answer("tiny", "Return", [])
    assert "being written" in panel.state.title.text()
    panel.show_answer("tiny", "Return", records_of(grown, " the" * 100))
    panel.state.action.click()
    qtbot.waitUntil(lambda: panel.state.title.text() == "The causes could not be looked for", timeout=WAIT_MS)
    assert "more than the 64 that the model sees at once" in panel.state.text.text()
    assert panel.state.action.isVisible()  # to try again


@pytest.mark.parametrize(("seen", "told"), [
    (Seen(12, 31, 980, 1000), "in 12 training sequences, from step 31 to step 980"),
    (Seen(1, 7, 7, 1000), "in one training sequence, of step 7"),
    (Seen(0, 0, 0, 1000), "in no sequence of the first 1,000 training steps"),
    (Seen(9, 2, 90, 100, whole=False), "in 9 sequences of the first 100 training steps, from step 2 on"),
])
def test_a_document_says_which_training_steps_read_it(qtbot, grown, seen, told):
    class Known:
        def seen(self, first, end):
            assert (first, end) == (41, 44)
            return seen

    pane = DocumentPane()
    qtbot.addWidget(pane)
    place = SpanDocument(row=0, source="texts/0.txt", line=1, snippet="the", match=(0, 3), start=0, end=6, token=41)
    pane.show_places([place], Documents(grown / "corpora" / "texts", "kept"), 3, Known())
    assert pane.origin.text().endswith(told)
    pane.show_places([place], Documents(grown / "corpora" / "texts", "kept"))
    assert "sequence" not in pane.origin.text()
