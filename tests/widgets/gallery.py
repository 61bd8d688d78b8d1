"""Renders every widget to PNG, light and dark, English and Chinese, so that a person can look at them.

    python tests/widgets/gallery.py FOLDER
"""

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from PySide6.QtCore import QCoreApplication, QPoint, QPointF, QTranslator  # noqa: E402
from PySide6.QtWidgets import QApplication, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget  # noqa: E402

from core.spec.corpus import CorpusSpec  # noqa: E402
from core.spec.model import ModelSpec  # noqa: E402
from core.spec.train import TrainSpec  # noqa: E402
from widgets import cards, controls, job_strip, navigation_rail, theme  # noqa: E402
from widgets.document_browser import DocumentBrowser  # noqa: E402
from widgets.funnel import Funnel  # noqa: E402
from widgets.layer_diagram import LayerDiagram  # noqa: E402
from widgets.loss_plot import LossPlot  # noqa: E402
from widgets.notice import Notice  # noqa: E402
from widgets.parity_table import ParityTable  # noqa: E402
from widgets.path_picker import PathPicker  # noqa: E402
from widgets.prompt_editor import PromptEditor, PromptTemplate  # noqa: E402
from widgets.sampler_panel import SamplerPanel  # noqa: E402
from widgets.spec_form import SpecForm  # noqa: E402
from widgets.token_legend import TokenLegend  # noqa: E402
from widgets.token_strip import TokenStrip  # noqa: E402
from widgets.tokens import StripToken  # noqa: E402

WORDS = {  # what pages would say; the widgets' own words come from the catalogue
    "zh": {
        "Training": "训练", "Grow a model and watch it learn.": "培育一个模型，看它学习。",
        "Start training": "开始训练", "Open folder": "打开文件夹", "Grow your first model": "培育你的第一个模型",
        "A real corpus, a tokenizer and a small model, in five minutes, with one click.":
            "真实语料、分词器与小模型，五分钟，一次点击。",
        "About 4 minutes on this machine": "在这台机器上约 4 分钟", "Parameters": "参数量", "Time left": "剩余时间",
        "estimate": "估计", "No corpus yet": "还没有语料", "Import a corpus": "导入语料",
        "A corpus is cleaned text for a model to learn from. Drop a folder, or begin with Python's own documentation.":
            "语料是供模型学习的干净文本。拖入一个文件夹，或从 Python 自带文档开始。",
        "The worker ended without saying why.": "工作进程没有说明原因就结束了。", "Home": "首页", "Data": "数据",
        "Architecture": "结构", "Playground": "试验场", "Glass": "透视", "Dark": "深色", "Language": "语言",
        "{name}": "{name}",
    }
}  # fmt: skip


class Catalogue(QTranslator):
    """All Chinese catalogues, context ignored, as the window loads them."""

    def __init__(self) -> None:
        super().__init__()
        self.words = dict(WORDS["zh"])
        for path in sorted((ROOT / "assets/translations/zh_CN").glob("*.json")):
            self.words |= json.loads(path.read_text("utf-8"))

    def translate(self, context, text, disambiguation=None, n=-1) -> str:
        return self.words.get(text)  # None lets the English stand

    def isEmpty(self) -> bool:
        return False


def t(text: str) -> str:
    """A page's text."""
    return QCoreApplication.translate("gallery", text)


def basics() -> QWidget:
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(24, 24, 24, 24)
    column.setSpacing(16)
    column.addWidget(cards.PageHeader(t("Training"), t("Grow a model and watch it learn."), t("Start training"),
                                      {"open": t("Open folder")}, primary_icon="play"))  # fmt: skip
    row = QHBoxLayout()
    for icon in ("cold-frame", "playground", "folder"):
        row.addWidget(cards.ActionCard(
            icon, t("Grow your first model"),
            t("A real corpus, a tokenizer and a small model, in five minutes, with one click."),
            t("About 4 minutes on this machine")))  # fmt: skip
    column.addLayout(row)
    row = QHBoxLayout()
    for label, value, unit, hint, term in (
        (t("Parameters"), "1.05", "M", "", "parameters"), (t("Time left"), "3:42", "", t("estimate"), ""),
        ("", "41,200", "", "", "tokens/s"), ("", "2.81", "", "", "bits per byte"),
    ):  # fmt: skip
        row.addWidget(cards.StatTile(label, value, unit, hint, term=term))
    column.addLayout(row)
    row = QHBoxLayout()
    for state in controls.STATES:
        row.addWidget(controls.Badge(state))
    row.addStretch(1)
    column.addLayout(row)
    for level in ("info", "good", "warning", "error"):
        column.addWidget(Notice(level, t("The worker ended without saying why."), t("Open folder"), closable=True))
    column.addWidget(Notice("error", t("The worker ended without saying why."), details="Traceback\n  …\nMemoryError"))
    column.addWidget(PathPicker())
    column.addStretch(1)
    return page


def shell() -> QWidget:
    page = QWidget()
    places = [("home", "Home"), ("data", "Data"), ("architecture", "Architecture"), ("training", "Training"),
              ("playground", "Playground"), ("glass", "Glass"), ("export", "Export")]  # fmt: skip
    rail = navigation_rail.NavigationRail(
        [navigation_rail.RailEntry(icon, t(text), icon) for icon, text in places],
        [navigation_rail.RailEntry("mode", t("Dark"), "moon"), navigation_rail.RailEntry("tongue", "中文", "language")])
    rail.set_current("training")
    rail.set_badge("training", "2")
    strip = job_strip.JobStrip()
    strip.set_jobs([
        job_strip.JobEntry("1", "llama-1m", "running", "Training · 640 / 1,000", 0.64, "41,200 tok/s", "1:12"),
        job_strip.JobEntry("2", "python-docs", "paused", "Cleaning", 0.2), job_strip.JobEntry("3", "bpe", "crashed"),
        job_strip.JobEntry("4", "x", "queued")])  # fmt: skip
    empty = cards.EmptyState("data", t("No corpus yet"), t(
        "A corpus is cleaned text for a model to learn from. Drop a folder, or begin with Python's own documentation."),
        t("Import a corpus"))  # fmt: skip
    grid = QGridLayout(page)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setSpacing(0)
    grid.addWidget(rail, 0, 0)
    grid.addWidget(empty, 0, 1)
    grid.addWidget(strip, 1, 0, 1, 2)
    return page


def forms() -> QWidget:
    page = QWidget()
    row = QHBoxLayout(page)
    row.setContentsMargins(24, 24, 24, 24)
    row.setSpacing(24)
    train = SpecForm(TrainSpec, {"steps": 500, "model": {"n_heads": 7}})
    train.set_choices("corpus", ["python-docs"])
    train.set_choices("tokenizer", ["bpe-2048"])
    train.rows["learning_rate"].editor.control.setText("30")
    train.rows["learning_rate"].editor.control.textEdited.emit("30")
    corpus = SpecForm(CorpusSpec, {"sources": ["builtin:python-docs"]})
    right = QVBoxLayout()
    right.addWidget(corpus)
    right.addWidget(SamplerPanel())
    row.addWidget(train, 1)
    row.addLayout(right, 1)
    row.addWidget(LayerDiagram(ModelSpec(d_model=192, n_layers=6, n_heads=6, kv_heads=2)))
    return page


def rows(n: int, offset: float) -> dict:
    """A believable run."""
    rng, step = np.random.default_rng(1), np.arange(1.0, n + 1)
    loss = 2.3 + offset + 5.5 * (step / n * 3000 / 30 + 1) ** -0.6 + rng.normal(0, 0.09, n)
    held = np.full(n, np.nan)
    held[:: n // 20] = loss[:: n // 20] + 0.12
    return {"step": step, "tokens": step * 4096, "flops": step * 2.5e10, "elapsed_s": step * 0.11, "loss": loss,
            "val_loss": held, "val_bits_per_byte": held / 2.4, "lr": 1e-3 * np.minimum(step / 50, 1),
            "grad_norm": rng.lognormal(-0.5, 0.25, n), "tokens_per_s": rng.normal(41000, 500, n)}  # fmt: skip


def curves() -> QWidget:
    plot = LossPlot()
    plot.append("llama-1m", rows(2000, 0.0))
    plot.append("gpt2-1m", rows(1600, 0.25))
    plot.set_events("llama-1m", [("checkpoint", k * 400, f"checkpoint {k * 400}") for k in range(1, 5)]
                    + [("pause", 900, "paused"), ("resume", 1000, "resumed")])  # fmt: skip
    plot.set_smoothing(0.55)
    plot.setContentsMargins(16, 16, 16, 16)
    plot.resize(1280, 800)
    plot.show()
    QApplication.processEvents()
    plot.repaint_curves()
    plot.canvas.hover(QPointF(700, 300))
    return plot


def strip_tokens() -> list[StripToken]:
    rng = np.random.default_rng(4)
    text = "The function returns| a| new| list| of| the| items| in| the| dictionary|,| sorted| by| key|.\n"
    text += "\n|def| flat|ten|(items|):\n|    return| [|x| for| y| in| items| for| x| in| y|]\n"
    text += "|模型|说|中文|，|也|会| 🌱| 发芽|。|"
    tokens = [StripToken(part, prompt=index == 0) for index, part in enumerate(text.split("|"))]
    tokens += [StripToken(b"\xe4"), StripToken(b"\xbd\xa0"), StripToken("\t"), StripToken("unbelievablylong" * 9)]
    made = []
    for index, token in enumerate(tokens):
        p = float(rng.beta(1.2, 0.7))
        rest = sorted(rng.dirichlet(np.ones(9)) * (1 - p), reverse=True)
        names = [" the", " a", "\n", " it", "模", b"\xe4", " and", "##", " of"]
        top = sorted([(token.data, p), *zip(names, rest)], key=lambda pair: -pair[1])
        rank = int(rng.choice([1, 1, 2, 5, 40, 300, 4000]))
        known = {} if token.prompt else {"probability": p, "rank": rank, "entropy": float(rng.uniform(0, 5))}
        made.append(StripToken(token.data, top=tuple(top), prompt=token.prompt, id=index, **known))
    return made


def tokens() -> QWidget:
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(24, 24, 24, 24)
    for mode in ("probability", "rank", "entropy"):
        strip = TokenStrip(mode)
        strip.set_tokens(strip_tokens())
        strip.set_marks([(3, 9, "verbatim"), (11, 12, "unsure"), (13, 14, "unsupported"), (20, 22, "unsupported")])
        marks = ("verbatim", "unsure", "unsupported") if mode == "probability" else ()
        column.addWidget(TokenLegend(mode, marks))
        column.addWidget(strip)
    page.resize(1280, 800)
    page.show()
    QApplication.processEvents()
    strip._popup.show_token(strip_tokens()[8], QPoint(500, 40), QPoint(500, 10))
    return page


def documents() -> QWidget:
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(24, 24, 24, 24)
    column.setSpacing(16)
    funnel = Funnel()
    fallen = {"fix_text": 12, "minimum_length": 671, "exact_duplicates": 208}
    funnel.set_counts(4812, 3921, 8_412_332, 7_102_441, fallen)
    docs = [SimpleNamespace(
        id=i, text=f"Return the {i}th item.\n" + "Long explanation of what it does. " * 20, line=10 * i + 1,
        source=f"/usr/lib/python3.11/json/decoder{i}.py", rule="minimum_length",
        reason="shorter than {least} characters", values={"least": 64}) for i in range(3000)]  # fmt: skip
    browser = DocumentBrowser(reasons=True)
    browser.set_documents(docs)
    browser.set_rules({"minimum_length": "Minimum length"})
    browser.show_document(5, 11, 14)
    column.addWidget(funnel)
    column.addWidget(browser, 1)
    return page


def prompting() -> QWidget:
    page = QWidget()
    column = QVBoxLayout(page)
    column.setContentsMargins(24, 24, 24, 24)
    column.setSpacing(16)
    editor = PromptEditor([PromptTemplate("cot", "Chain of thought, few-shot",
                                          "The examples show the steps before the answer.",
                                          frozenset({"instruction", "demonstrations", "reasoning"}))])  # fmt: skip
    editor.set_prompt({"instruction": "Answer yes or no.", "input": "Is the coin still heads up?", "demonstrations": [
        {"input": "Mia flips it.", "reasoning": "Flipped 1 time; 1 is odd.", "output": "no"},
        {"input": "Omar and Priya flip it.", "reasoning": "Flipped 2 times; 2 is even.", "output": "yes"}]})
    parity = ParityTable()
    kinds = [("gguf-f32", 4.2e6, 8e-6, 1.0, 14.214, 8210, True),
             ("gguf-f16", 2.1e6, 6.1e-3, 0.9991, 14.215, 9120, True),
             ("gguf-q8_0", 1.2e6, 0.11, 0.9902, 14.231, 11800, True),
             ("gguf-q4_k_m", 0.9e6, 1.9, 0.948, 15.02, 12990, False),
             ("onnx", 4.3e6, None, None, None, None, None)]  # fmt: skip
    keys = ("format", "bytes", "max_logit_difference", "top1_agreement", "perplexity", "tokens_per_s", "within")
    verdicts = {True: "Answers as the trained model does.", False: "Clearly worse than the trained model.", None: ""}
    parity.set_rows([dict(zip(keys, kind)) | {"verdict": verdicts[kind[-1]]} for kind in kinds])
    column.addWidget(editor)
    column.addWidget(parity)
    column.addStretch(1)
    return page


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    app = QApplication([])
    catalogue = Catalogue()
    for language in ("en", "zh"):
        if language == "zh":
            app.installTranslator(catalogue)
        for mode in ("light", "dark"):
            theme.apply(app, mode)
            for make in (basics, shell, forms, curves, tokens, documents, prompting):
                page = make()
                page.resize(1280, 800)
                page.setAutoFillBackground(True)
                page.grab()
                app.processEvents()
                page.grab().save(str(folder / f"{make.__name__}-{mode}-{language}.png"))
                page.close()


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "gallery"))
