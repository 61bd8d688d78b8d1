"""Pictures of every page with real data: ``python tests/screenshots.py`` makes those of the README.

A model is grown first (a few minutes) unless ``--workspace`` names a folder that holds one.
``--all --out DIR`` renders every page at both sizes, light and dark, in English and Chinese.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QLocale  # noqa: E402
from PySide6.QtTest import QTest  # noqa: E402
from PySide6.QtWidgets import QApplication  # noqa: E402

from app.pages.page import scroll_to  # noqa: E402
from core.spec.base import build  # noqa: E402
from core.spec.corpus import CorpusSpec  # noqa: E402
from core.spec.files import preset  # noqa: E402

SIZES = ((1280, 800), (1920, 1080))
NAMES = ("home", "story", "data", "data-measures", "cleaning", "cleaning-rejected", "architecture",
         "architecture-design", "architecture-beside", "training", "new-run", "playground", "glass",
         "export")  # fmt: skip
README = (
    ("home", "light", "en"), ("story", "light", "en"), ("training", "light", "en"), ("data", "light", "en"),
    ("cleaning", "light", "en"), ("cleaning-rejected", "light", "en"),
    ("architecture", "light", "en"), ("playground", "dark", "en"), ("glass", "dark", "en"), ("export", "light", "en"),
    ("story", "dark", "zh"), ("home", "dark", "zh"),
)  # fmt: skip
PROMPT = "Return the"
CLEANED, BUILT_IN = "python-docs", "builtin:python-docs"


class Studio:
    """One window that is led from page to page and photographed."""

    def __init__(self, workspace: Path) -> None:
        from app.bootstrap import make_window

        self.application = QApplication.instance() or QApplication([])
        self.window = make_window(self.application, workspace)
        self.window.show_page("home")
        self.window.show()
        self.window.context.jobs.start()
        QTest.qWait(1000)

    def dress(self, size: tuple[int, int], mode: str, language: str) -> None:
        """Size, theme and language of what follows."""
        self.window.resize(*size)
        if self.window.languages.current != language:
            self.window.set_language(language)
        self.window.set_theme(mode)
        QTest.qWait(200)

    def grow(self) -> None:
        """Grow the first model as a person does, and wait for it."""
        self.window.page("home").grow_card.chosen.emit()
        self.wait(lambda: (job := self.model()) is not None and not job.view.live, 900)
        if self.model().view.state != "completed":
            raise SystemExit(f"the model could not be grown: {self.model().view.error}")

    def clean(self) -> None:
        """Clean part of the built-in corpus with every rule, unless the workspace has it."""
        jobs = self.window.context.jobs
        if CLEANED not in jobs.names("corpus"):
            values = preset("data", "everything").values | {"sources": [BUILT_IN], "max_documents": 1500}
            self.window.context.start_job("corpus", CLEANED, build(CorpusSpec, values))
            self.wait(lambda: CLEANED in jobs.names("corpus"), 300)

    def model(self):
        """The newest pipeline."""
        return next(iter(self.window.context.jobs.jobs("grow")), None)

    def take(self, name: str, path: Path) -> None:
        """Lead the window to a page with something on it, and save its picture."""
        getattr(self, "show_" + name.replace("-", "_"))()
        QTest.qWait(900)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.window.grab().save(str(path))
        print(path, flush=True)

    def show_home(self) -> None:
        self.window.show_page("home")
        self.window.page("home").show_cards()

    def show_story(self) -> None:
        self.window.show_page("home", job=self.model().root)
        self.window.page("home")._story.show_stage("train")

    def show_data(self) -> None:
        self.clean()
        self.window.show_page("data", job=self.window.context.jobs.named("corpus", CLEANED).root)
        self.window.page("data").corpus.browse("rejected")
        QTest.qWait(300)
        self.window.page("data").corpus.reject_browser.show_document(0)

    def show_data_measures(self) -> None:
        self.show_data()
        corpus = self.window.page("data").corpus
        corpus.browse("measures")
        self.scroll_down()

    def show_cleaning(self) -> None:
        """The cleaning lab on the built-in corpus, one rule opened."""
        page = self.window.page("data")
        self.window.show_page("data", new=True)
        lab = page.importer
        if lab.pane.answer is None:
            lab.use_preset("gopher")
            lab.use_built_in()
            self.wait(lambda: lab.pane.answer is not None and not lab.preview.busy, 120)
        lab.pane.show_part("funnel")
        lab.rules.rows[0].set_open(True)
        scroll_to(lab.rules.rows[0])

    def show_cleaning_rejected(self) -> None:
        self.show_cleaning()
        pane = self.window.page("data").importer.pane
        pane.show_rule(pane.answer.steps[0]["rule"])
        QTest.qWait(300)
        pane.rejected.show_document(0)

    def scroll_down(self) -> None:
        """To the end of what the data page shows."""
        page = self.window.page("data")
        QTest.qWait(200)
        bar = page.stack.currentWidget().verticalScrollBar()
        bar.setValue(bar.maximum())

    def show_architecture(self) -> None:
        self.window.show_page("architecture")
        self.window.page("architecture").show_view("tree")

    def show_architecture_design(self) -> None:
        self.window.show_page("architecture")
        self.window.page("architecture").grow("palm", "10m")

    def show_architecture_beside(self) -> None:
        self.window.show_page("architecture")
        page = self.window.page("architecture")
        page.show_view("beside")
        page.beside.choose("palm", "bloom")

    def show_training(self) -> None:
        self.window.show_page("training", job=self.window.context.jobs.jobs("train")[0].root)

    def show_new_run(self) -> None:
        self.window.show_page("training", new=True)

    def show_playground(self) -> None:
        self.window.show_page("playground", source=f"run:{self.model().name}")
        page = self.window.page("playground")
        if page._finished is None:
            page.editor.set_prompt({"template": "plain", "input": PROMPT})
            page.ask()
            self.wait(lambda: page._finished is not None, 120)

    def show_glass(self) -> None:
        self.window.show_page("glass", source=f"run:{self.model().name}", prompt=PROMPT)
        page = self.window.page("glass")
        if page.look is None:
            page.generate()
            self.wait(lambda: page.look is not None and page.look.found is not None, 120)

    def show_export(self) -> None:
        self.window.show_page("export", job=self.window.context.jobs.jobs("export")[0].root)

    def wait(self, condition, timeout_s: float) -> None:
        """Let the window live until something is true."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                raise SystemExit("a picture's content did not come in time")
            QTest.qWait(100)


def main() -> None:
    """Take the pictures that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, help="a workspace with a grown model")
    parser.add_argument("--out", type=Path, default=ROOT / "assets" / "screenshots")
    parser.add_argument("--all", action="store_true", help="every page, size, theme and language")
    parser.add_argument("--only", default="", help="names of pages, separated by commas")
    asked = parser.parse_args()
    QLocale.setDefault(QLocale(QLocale.Language.English))
    os.environ["COLDFRAME_SETTINGS"] = str(Path(tempfile.mkdtemp()) / "settings.ini")
    studio = Studio(asked.workspace or Path(tempfile.mkdtemp()) / "Coldframe")
    if studio.model() is None:
        studio.grow()
    shots = [(SIZES[0], *shot) for shot in README]
    if asked.all:
        shots = [(size, name, mode, language) for language in ("en", "zh") for mode in ("light", "dark")
                 for size in SIZES for name in NAMES]  # fmt: skip
    if asked.only:
        shots = [shot for shot in shots if shot[1] in asked.only.split(",")]
    for size, name, mode, language in shots:
        studio.dress(size, mode, {"zh": "zh_CN"}.get(language, language))
        large = f"-{size[0]}x{size[1]}" if size != SIZES[0] else ""
        studio.take(name, asked.out / f"{name}-{mode}-{language}{large}.png")
    studio.window.close()


if __name__ == "__main__":
    main()
