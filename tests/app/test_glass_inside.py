"""Inside the model, on the Glass page with a real engine: every view answers, all follow one token, or a sentence
says why there is nothing to see."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from tokenizers import Tokenizer

from core.spec.messages import TokenRecord

ROOT = Path(__file__).resolve().parents[2]
WAIT_MS = 120_000
ANSWER = " the length of the list."
VIEWS = ["lens", "attention", "heads", "residual", "embeddings", "neurons"]
# Built in another process: this one stays free of torch, as the window is.
SCRIPT = """
import sys
from pathlib import Path
import torch
from tests import tiny_tree
from tests.tiny_run import add_run, make_workspace
from core.data.shards import write_shards
from core.infer.open import open_engine
from core.model.decoder import Decoder
from core.spec.model import ModelSpec
from core.tokens.tokenizer import Tokenizer
root = Path(sys.argv[1])
workspace = make_workspace(root / "workspace")
run, corpus = workspace.path("runs", "tiny"), workspace.path("corpora", "texts")
write_shards(run, corpus, Tokenizer.load(run), held_out=corpus)
llama = add_run(workspace, "llama", ModelSpec(d_model=32, n_layers=2, n_heads=4, context=64))
try:
    from core.export.gguf import write_gguf
    model = open_engine("run:llama", workspace).model
    write_gguf(root / "elsewhere.gguf", model, llama / "tokenizer.json", "f32", "elsewhere", "a test")
except ImportError:
    pass
tree = tiny_tree.make_workspace(root)
tiny_tree.train(tree, "counted", tiny_tree.train_spec(tiny_tree.tiny("n-gram")))
"""

pytestmark = pytest.mark.skipif(not importlib.util.find_spec("torch"), reason="torch is not installed")


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    root = tmp_path_factory.mktemp("grown")
    (root / "tree").mkdir()
    subprocess.run([sys.executable, "-c", SCRIPT.replace("make_workspace(root)", 'make_workspace(root / "tree")'),
                    str(root)], cwd=ROOT, check=True)  # fmt: skip
    return root


def records_of(tokenizer_json: Path, text: str) -> list[TokenRecord]:
    cut = Tokenizer.from_file(str(tokenizer_json)).encode(text)
    return [TokenRecord(id, text[a:b].encode(), 0.5, 0.5, 1, 0.2, [])
            for id, (a, b) in zip(cut.ids, cut.offsets, strict=True)]  # fmt: skip


def look(qtbot, page, view: str):
    """The view on screen, once it shows something or says why not."""
    page.parts.setCurrentIndex(page.parts.keys().index("inside"))
    page.inside.tabs.setCurrentIndex(page.inside.tabs.keys().index(view))
    qtbot.waitUntil(lambda: not page.inside._waiting, timeout=WAIT_MS)
    return page.inside.views[view]


def opened(make_page, grown, source="run:tiny", answer=ANSWER):
    page = make_page(grown / "workspace")
    page.show_generation(source, "Return", records_of(grown / "workspace/runs/tiny/tokenizer.json", answer))
    return page


def test_every_view_shows_the_text_and_follows_the_token_chosen_in_any_of_them(qtbot, grown, make_page):
    page = opened(make_page, grown)
    inside = page.inside
    assert not inside._waiting and not inside._shown  # nothing is asked before it is looked at
    for view in VIEWS:
        made = look(qtbot, page, view)
        assert inside._stack.currentWidget() is made, inside.state.text.text()
        assert inside.sentence.text() == made.sentence and made.sentence.count(".") <= 4
    names = inside.views["lens"].names
    assert len(names) == len(inside.strip.tokens) and names[0] == "⟨start⟩"

    lens = look(qtbot, page, "lens")
    box = lens.grid.cell_box(0, 3)
    qtbot.mouseClick(lens.grid, Qt.MouseButton.LeftButton, pos=box.center().toPoint())
    assert inside.place == 3 and inside.strip.selection() == (3, 4)
    assert inside.views["residual"].grid.chosen_column == inside.views["neurons"].grid.chosen_column == 3
    assert inside.views["attention"].map.chosen_row == 3 and names[3] in inside.views["attention"].about.text()
    embeddings = inside.views["embeddings"]
    assert embeddings._ids[embeddings.map.chosen] == embeddings._text[3]
    first = inside._prompt_tokens
    assert page.answer.strip.selection() == (3 - first + 1, 3 - first + 2)  # the prompt is one token of that strip
    page.answer.strip.clicked.emit(2)
    assert inside.place == first + 1 and lens.grid.chosen_column == first + 1


def test_the_lens_changes_its_colours_and_stays_when_a_tuned_one_cannot_be_learnt(qtbot, grown, make_page):
    page = opened(make_page, grown)
    lens = look(qtbot, page, "lens")
    assert len(lens.grid.rows) == 3 and lens.grid.words[-1][1] in lens.grid.tell(2, 1)
    sure = lens.grid.values.copy()
    lens.shade._buttons["probability"].click()
    assert lens.grid.high == 1 and (lens.grid.values[:, :-1] != sure[:, :-1]).any()
    assert "logit lens →" not in lens.about.text()
    lens.kind._buttons["tuned"].click()
    qtbot.waitUntil(lambda: not page.inside._waiting, timeout=WAIT_MS)
    assert "too little held-out text" in page.inside.notice.text.text() and page.inside.notice.isVisible()
    assert lens.isVisible() and lens.kind.value() == "logit" and not lens._seen.tuned
    look(qtbot, page, "residual")
    assert not page.inside.notice.isVisible()


def test_a_head_chosen_on_a_map_is_shown_large_and_checkpoints_become_curves(qtbot, grown, make_page):
    page = opened(make_page, grown)
    heads = look(qtbot, page, "heads")
    assert "nats a token with all heads" in heads.about.text() and heads.worse.values.shape == (2, 4)
    heads.more.click()
    qtbot.waitUntil(lambda: heads.curves.scores.size > 0, timeout=WAIT_MS)
    assert heads.curves.steps.tolist() == [10, 20] and heads.curves.scores.shape == (2, 8)
    page.inside.choose_token(4)
    heads.effect._buttons["token"].click()
    qtbot.waitUntil(lambda: not page.inside._waiting, timeout=WAIT_MS)
    assert heads.names[4] in heads.about.text()
    heads.induction.clicked.emit(1, 2)
    assert page.inside.tabs.value() == "attention"
    qtbot.waitUntil(lambda: not page.inside._waiting, timeout=WAIT_MS)
    attention = page.inside.views["attention"]
    assert attention.thumbnails.head == (1, 2) and "Layer 2, head 3" in attention.about.text()
    attention.mode._buttons["token"].click()
    assert attention.map.values.shape == (8, len(attention.names))


def test_neurons_show_where_in_the_training_text_they_speak(qtbot, grown, make_page):
    page = opened(make_page, grown)
    neurons = look(qtbot, page, "neurons")
    assert neurons.layer.count() == 2 and neurons.examples.rowCount() > 0
    assert "▸" in neurons.examples.item(0, 1).text()
    neurons.layer.setCurrentIndex(1)
    neurons.layer.activated.emit(1)
    qtbot.waitUntil(lambda: neurons._seen.layer == 1, timeout=WAIT_MS)


@pytest.mark.skipif(not importlib.util.find_spec("llama_cpp"), reason="llama.cpp is not installed")
def test_a_gguf_from_elsewhere_shows_what_needs_no_corpus_and_says_why_the_rest_is_off(qtbot, grown, make_page):
    page = opened(make_page, grown, source=str(grown / "elsewhere.gguf"))
    for view in VIEWS:
        made = look(qtbot, page, view)
        assert page.inside._stack.currentWidget() is made, page.inside.state.text.text()
    neurons = page.inside.views["neurons"]
    assert "training text is not here" in neurons.about.text() and not neurons.examples.isVisible()
    heads, lens = look(qtbot, page, "heads"), page.inside.views["lens"]
    heads.more.click()
    qtbot.waitUntil(lambda: not page.inside._waiting, timeout=WAIT_MS)
    assert "no checkpoints of it" in page.inside.notice.text.text() and heads.isVisible()
    look(qtbot, page, "lens")
    lens.kind._buttons["tuned"].click()
    qtbot.waitUntil(lambda: not page.inside._waiting, timeout=WAIT_MS)
    assert "no held-out text" in page.inside.notice.text.text() and lens.kind.value() == "logit"
    assert "not known" in page.spans.state.title.text()


def test_a_model_of_counts_says_that_it_has_no_such_parts(qtbot, grown, make_page):
    page = make_page(grown / "tree" / "workspace")
    tokenizer = grown / "tree" / "workspace" / "runs" / "counted" / "tokenizer.json"
    page.show_generation("run:counted", "the", records_of(tokenizer, " frame keeps frost"))
    for view in ("lens", "embeddings"):
        look(qtbot, page, view)
        said = page.inside.state.text.text()
        assert ("no attention" in said) == (view == "lens") and said.startswith("counted")


def test_a_text_longer_than_the_context_is_told(qtbot, grown, make_page):
    page = opened(make_page, grown, answer=ANSWER * 20)
    look(qtbot, page, "lens")
    assert "more than the 64 this model can see" in page.inside.state.text.text()
