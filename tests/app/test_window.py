"""The window as a whole: quick, without the engine's libraries, in both languages and themes, never silent."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication

from app.bootstrap import make_window
from app.state.settings import Settings
from core.errors import LabError
from widgets import theme

ROOT = Path(__file__).resolve().parents[2]
FIRST_PAINT_S = 1.0
OPEN_AND_CLOSE = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
application = QApplication([])
from app.bootstrap import main
def look():
    window = application.topLevelWidgets()[0]
    for page in window.pages():
        window.show_page(page.id)
    loaded = {name.partition('.')[0] for name in sys.modules}
    print('loaded', sorted(loaded & {'torch', 'onnxruntime', 'onnx', 'llama_cpp', 'transformers', 'tokenizers'}))
    application.closeAllWindows()
QTimer.singleShot(200, look)
sys.exit(main(Path(sys.argv[1])))
"""


@pytest.fixture
def window(qtbot, tmp_path):
    made = make_window(QApplication.instance(), tmp_path / "workspace")
    made.show_page("home")
    made.show()
    yield made
    made.close()
    made.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)  # or later tests would dress it too
    if theme.mode() != "light":
        theme.apply(QApplication.instance(), "light")


def run_window(tmp_path, code: str = OPEN_AND_CLOSE) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "w")], cwd=ROOT, capture_output=True, text=True, timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLDFRAME_TIME_FIRST_PAINT": "1"})  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_page_opens_with_the_engines_libraries_absent(tmp_path):
    assert "loaded []" in run_window(tmp_path)


def test_the_first_paint_comes_within_a_second_of_processor_time(tmp_path):
    """Wall time on an idle machine; what counts here is processor time, which other tests cannot spoil."""
    run_window(tmp_path)  # warms the file cache and the byte code
    lines = run_window(tmp_path).splitlines()
    wall_s, cpu_s = (float(value) for value in next(x for x in lines if x.startswith("first_paint_s")).split()[1::2])
    assert cpu_s < FIRST_PAINT_S, f"{cpu_s} s of processor time, {wall_s} s by the clock"


def test_shortcuts_lead_to_the_pages_in_the_order_of_the_rail(window, qtbot):
    for number, entry in enumerate(window.pages(), start=1):
        qtbot.keyClick(window, Qt.Key(ord("0") + number), Qt.KeyboardModifier.ControlModifier)
        assert window._rail.current() == entry.id
        assert window._stack.currentWidget() is window.page(entry.id)


def test_every_page_has_a_title_and_one_sentence(window):
    for entry in window.pages():
        window.show_page(entry.id)
        page = window.page(entry.id)
        if entry.id != "home":  # its header belongs to what it shows: the cards or the story
            assert page.header.title.text() and page.header.sentence.text()


def test_a_change_of_language_is_live_and_loses_nothing_typed(window):
    window.show_page("architecture")
    window.page("architecture").form.set_values({"n_layers": 7})
    window.page("playground").editor.set_prompt({"input": "once upon a time"})
    window.set_language("zh_CN")
    assert window.page("architecture").header.title.text() == "架构"
    assert window.page("architecture").form.values()["n_layers"] == 7
    assert window.page("playground").editor.prompt()["input"] == "once upon a time"
    assert window._rail.current() == "architecture"
    window.set_language("en")
    assert window.page("architecture").header.title.text() == "Architecture"


def test_theme_and_language_are_remembered(window):
    window.set_theme("dark")
    window.set_language("zh_CN")
    assert theme.mode() == "dark"
    again = Settings()
    assert (again.theme, again.language) == ("dark", "zh_CN")
    window.set_language("en")


def test_an_unexpected_exception_becomes_a_notice_and_a_line_in_the_log(window, qtbot, tmp_path):
    import sys as system

    hook = system.excepthook.__self__
    hook.path = tmp_path / "window.log"
    try:
        raise RuntimeError("the roof is open")
    except RuntimeError as error:
        system.excepthook(type(error), error, error.__traceback__)
    assert "the roof is open" in window._notices.itemAt(0).widget().text.text()
    assert "Traceback" in hook.path.read_text("utf-8")


def test_an_error_is_shown_in_the_users_language_with_its_numbers(window):
    window.set_language("zh_CN")
    window.context.notify(LabError("The name {name} is taken.", "", "Choose another name.", name="x{y}"))
    assert window._notices.itemAt(0).widget().text.text() == "名称 x{y} 已被占用。请换一个名称。"
    window.set_language("en")


def test_a_job_that_cannot_start_is_a_notice_and_not_a_crash(window):
    from core.spec.tokenizer import TokenizerSpec

    assert window.context.start_job("tokenizer", "t", TokenizerSpec(corpus="nowhere")) is None
    assert "nowhere" in window._notices.itemAt(0).widget().text.text()


def test_another_workspace_replaces_what_is_shown(window, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    window.context.open_workspace(other)
    assert window.context.workspace.root == other
    assert window._rail.current() == "home"
    assert Settings().workspace == other


def test_a_pipeline_takes_a_name_that_is_free_for_each_of_its_stages(window):
    root = window.context.workspace.root
    for taken in ("pipelines/first", "pipelines/first-2", "corpora/first", "runs/first-3", "runs/first-9"):
        (root / taken).mkdir(parents=True)
    assert window.context._free_name("grow", "first") == "first-4"
    assert window.context._free_name("train", "first") == "first"


def test_demonstrations_come_from_a_file_and_a_bad_file_is_one_sentence(window, tmp_path):
    page, said = window.page("playground"), []
    page.context.noticed.connect(lambda text, tone: said.append((text, tone)))
    good, bad = tmp_path / "d.jsonl", tmp_path / "d.csv"
    good.write_text('{"question": "up", "answer": "down"}\n', "utf-8")
    bad.write_bytes(b"\xff\xfe\x00not utf-8\x80")
    page.import_demonstrations(str(good))
    page.import_demonstrations(str(bad))
    assert [row["output"] for row in page.editor.demonstrations.rows()] == ["down"]
    assert len(said) == 1 and "UTF-8" in said[0][0] and said[0][1] == "error"
