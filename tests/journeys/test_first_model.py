"""The first quarter of an hour, in small: one click from text to files that answer as the model does."""

import pytest

from core.spec.files import Preset

from .conftest import click

SHAPE = {"d_model": 32, "n_layers": 1, "n_heads": 2, "context": 32, "norm": "rms_norm", "position": "rope",
         "activation": "swiglu"}  # fmt: skip
TRAIN = {"steps": 20, "batch_size": 4, "validate_every": 10, "validation_tokens": 512, "checkpoint_every": 10,
         "sample_prompt": "The", "sample_tokens": 8, "warmup_steps": 2, "threads": 1, "precision": "fp32",
         "kernels": "torch"}  # fmt: skip


@pytest.fixture
def small_preset(text_folder, monkeypatch):
    """The one-click preset, cut down to seconds: own text, a tiny shape, two formats."""
    values = {"corpus": {"sources": [str(text_folder)], "held_out": 0.2},
              "tokenizer": {"kind": "bpe", "vocab_size": 300}, "model": SHAPE, "train": TRAIN,
              "formats": ["gguf-f32", "onnx"]}  # fmt: skip
    small = Preset(name="first-model", title="", about="", source="", values=values)
    monkeypatch.setattr("app.pages.home.preset", lambda room, name: small)


def test_one_click_grows_a_model_that_can_be_talked_to_and_looked_into(qtbot, open_window, small_preset):
    window = open_window()
    home, jobs = window.page("home"), window.context.jobs
    click(qtbot, home.grow_card)  # click 1
    qtbot.waitUntil(lambda: jobs.named("grow", "first-model") is not None, timeout=10_000)
    qtbot.waitUntil(lambda: not jobs.named("grow", "first-model").view.live, timeout=120_000)
    view = jobs.named("grow", "first-model").view
    assert view.state == "completed", view.error
    story = home._story
    qtbot.waitUntil(lambda: story.panels.currentIndex() == 4, timeout=5000)
    corpus = jobs.named("corpus", "first-model").view.funnel
    assert corpus.documents_read == 42 and corpus.rejected == {"exact_duplicates": 1, "minimum_length": 1}
    assert [row["within"] for row in story.parity.table_rows()] == [True, True]
    click(qtbot, story.track.tiles["train"])  # click 2
    assert list(story.curve.tail.column("step")) == list(range(21))
    assert len(jobs.named("train", "first-model").view.samples) == 2

    click(qtbot, home._story_header.primary)  # click 3: talk to it
    playground = window.page("playground")
    assert playground.source() == "run:first-model"
    playground.sampler.set_values({"max_tokens": 12})
    click(qtbot, playground.editor.button)  # click 4
    qtbot.waitUntil(lambda: playground._finished is not None, timeout=60_000)
    assert 0 < len(playground.records) <= 12
    assert all(0 <= record.probability <= 1 and len(record.top) == 10 for record in playground.records)

    click(qtbot, playground.to_glass)  # click 5: open in Glass
    glass = window.page("glass")
    assert window._stack.currentWidget() is glass
    assert glass.look.records == playground.records
    qtbot.waitUntil(lambda: glass.look.found is not None, timeout=30_000)
    assert (window.context.workspace.root / "exports" / "first-model" / "Modelfile").is_file()


def test_growing_can_be_stopped_and_goes_on_where_it_was(qtbot, open_window, small_preset, monkeypatch):
    monkeypatch.setitem(TRAIN, "steps", 100_000)
    window = open_window()
    home, jobs = window.page("home"), window.context.jobs
    click(qtbot, home.grow_card)
    qtbot.waitUntil(lambda: bool((job := jobs.named("train", "first-model")) and job.view.done > 20), timeout=60_000)
    click(qtbot, home._story_header.secondary["stop"])
    qtbot.waitUntil(lambda: jobs.named("grow", "first-model").view.state == "stopped", timeout=30_000)
    step = jobs.named("train", "first-model").view.checkpoints[-1].step
    qtbot.waitUntil(lambda: home._story.notice.action.isVisible(), timeout=5000)
    click(qtbot, home._story.notice.action)  # Resume
    qtbot.waitUntil(lambda: jobs.named("train", "first-model").view.done > step + 5, timeout=60_000)
    assert ("resumed", step) in jobs.named("train", "first-model").view.marks
