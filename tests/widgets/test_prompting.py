"""Prompt editor, sampler, layer diagram and parity table."""

import csv

import pytest
from PySide6.QtCore import Qt

from core.spec.base import build
from core.spec.model import ModelSpec
from core.spec.sampling import SamplingSpec
from widgets.layer_diagram import LayerDiagram
from widgets.parity_table import ParityTable, cell_text
from widgets.prompt_editor import PromptEditor, PromptTemplate
from widgets.sampler_panel import SamplerPanel

TEMPLATES = [PromptTemplate("plain", "Plain"), PromptTemplate("chat", "Chat", "A talk.", frozenset({"system"})),
             PromptTemplate("cot", "Steps", "", frozenset({"instruction", "demonstrations", "reasoning"}))]  # fmt: skip
SHOWN = {"input": "2+2", "output": "4", "reasoning": "Add."}


@pytest.fixture
def editor(qtbot):
    made = PromptEditor(TEMPLATES)
    qtbot.addWidget(made)
    made.show()
    return made


def test_a_template_shows_only_the_fields_it_uses(editor):
    assert not editor.system.isVisible() and not editor.demonstrations.isVisible()
    editor.set_prompt({"template": "chat"})
    assert editor.system.isVisible() and not editor.instruction.isVisible()
    editor.set_prompt({"template": "cot"})
    assert editor.demonstrations.isVisible() and not editor.demonstrations.table.isColumnHidden(1)


def test_a_prompt_goes_in_and_comes_out_without_telling(editor, qtbot):
    prompt = {"template": "cot", "system": "", "instruction": "Do it.", "input": "3+3", "demonstrations": [SHOWN]}
    with qtbot.assertNotEmitted(editor.prompt_changed):
        editor.set_prompt(prompt)
    assert editor.prompt() == prompt


def test_fields_of_another_template_do_not_leak_into_the_prompt(editor):
    editor.set_prompt({"template": "cot", "demonstrations": [SHOWN], "system": "x"})
    editor.set_prompt({"template": "plain"})
    assert editor.prompt()["demonstrations"] == [] and editor.prompt()["system"] == ""


def test_control_return_submits_and_a_busy_button_stops(editor, qtbot):
    editor.set_prompt({"input": "hello"})
    with qtbot.waitSignal(editor.submitted, check_params_cb=lambda prompt: prompt["input"] == "hello"):
        qtbot.keyClick(editor.input, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    editor.set_busy(True)
    with qtbot.waitSignal(editor.stop_clicked), qtbot.assertNotEmitted(editor.submitted):
        editor.button.click()


def test_demonstrations_are_added_typed_removed_and_added(editor, qtbot):
    editor.set_prompt({"template": "cot"})
    table = editor.demonstrations
    table.add_button.click()
    with qtbot.waitSignal(editor.prompt_changed):
        table.table.item(0, 0).setText("hot")
    table.table.item(0, 2).setText("cold")
    editor.add_demonstrations([
        {"input": "up", "output": "down"}, {"input": "a, b", "output": "c", "reasoning": "why"}])
    assert [row["input"] for row in editor.prompt()["demonstrations"]] == ["hot", "up", "a, b"]
    table.table.setCurrentCell(1, 0)
    table.remove_button.click()
    assert [row["output"] for row in table.rows()] == ["cold", "c"]


def test_choosing_a_template_is_told(editor, qtbot):
    with qtbot.waitSignal(editor.template_chosen, check_params_cb=lambda name: name == "chat"):
        editor.choice.setCurrentIndex(1)
        editor.choice.activated.emit(1)


@pytest.fixture
def sampler(qtbot):
    made = SamplerPanel()
    qtbot.addWidget(made)
    return made


def test_sampler_settings_begin_as_the_spec_says_and_make_one(sampler):
    assert build(SamplingSpec, sampler.values()) == SamplingSpec()


def test_a_slider_and_its_number_move_together(sampler, qtbot):
    with qtbot.waitSignal(sampler.settings_changed, check_params_cb=lambda values: values["temperature"] == 1.5):
        sampler.sliders["temperature"].setValue(30)
    assert sampler.lines["temperature"].text() == "1.5"
    sampler.lines["top_k"].setText("7")
    with qtbot.waitSignal(sampler.settings_changed):
        sampler.lines["top_k"].editingFinished.emit()
    assert sampler.sliders["top_k"].value() == 7


def test_a_number_beyond_the_slider_is_kept_and_nonsense_is_marked(sampler):
    sampler.set_values({"top_k": 5000, "max_tokens": 9})
    assert sampler.values()["top_k"] == 5000 and sampler.values()["max_tokens"] == 9
    sampler.lines["seed"].setText("soon")
    sampler.lines["seed"].editingFinished.emit()
    assert sampler.lines["seed"].property("wrong") is True and sampler.values()["seed"] == SamplingSpec().seed


@pytest.fixture
def diagram(qtbot):
    made = LayerDiagram(ModelSpec(d_model=64, n_heads=4, kv_heads=2, n_layers=3))
    qtbot.addWidget(made)
    made.resize(made.sizeHint())
    made.show()
    return made


def test_the_diagram_tells_the_fields_behind_a_box(diagram, qtbot):
    part = next(part for part in diagram.parts if "n_heads" in part.fields)
    assert "4" in part.detail and "2" in part.detail
    with qtbot.waitSignal(diagram.part_clicked, check_params_cb=lambda names: "kv_heads" in names):
        qtbot.mouseClick(diagram, Qt.MouseButton.LeftButton, pos=part.box.center().toPoint())


def test_every_field_that_shapes_a_model_is_behind_some_box(diagram):
    diagram.set_spec(ModelSpec(position="learned"))
    behind = {name for part in diagram.parts for name in part.fields}
    assert {"d_model", "n_heads", "kv_heads", "d_ff", "activation", "norm", "position", "tied_head"} <= behind


@pytest.mark.parametrize("position,boxes", [("rope", 7), ("learned", 8), ("sinusoidal", 8), ("none", 7)])
def test_positions_have_a_box_only_when_they_are_added(diagram, position, boxes):
    diagram.set_spec(ModelSpec(position=position))
    assert len(diagram.parts) == boxes
    diagram.grab()


def test_boxes_do_not_overlap_and_no_model_draws_nothing(diagram):
    for above, below in zip(diagram.parts, diagram.parts[1:]):
        assert above.box.bottom() < below.box.top()
    diagram.set_spec(None)
    assert diagram.parts == []
    diagram.grab()


ROWS = [{"format": "gguf-f32", "file": "/x/m.gguf", "bytes": 4_200_000, "max_logit_difference": 8e-6,
         "top1_agreement": 1.0, "perplexity": 14.2, "tokens_per_s": 8210.0, "verdict": "The same.", "within": True},
        {"format": "onnx", "file": "/x/m.onnx", "bytes": 10, "within": None}]  # fmt: skip


@pytest.fixture
def parity(qtbot):
    made = ParityTable()
    qtbot.addWidget(made)
    made.set_rows(ROWS)
    return made


def test_a_verdict_has_words_and_a_sign_and_a_pending_row_says_so(parity):
    cells = [[parity.table.item(row, column).text() for column in range(7)] for row in range(2)]
    assert cells[0] == ["GGUF F32", "4.2 MB", "8.0e-6", "100.00 %", "14.200", "8,210", "The same."]
    assert cells[1][2:6] == ["–"] * 4 and cells[1][6]
    assert not parity.table.item(0, 6).icon().isNull()


def test_the_table_is_copied_and_saved_with_full_precision(parity, qtbot, tmp_path, qapp):
    parity.copy_button.click()
    assert "8e-06" in qapp.clipboard().text() and "m.gguf" in qapp.clipboard().text()
    with qtbot.waitSignal(parity.exported):
        parity.save(str(tmp_path / "p.csv"))
    saved = list(csv.DictReader((tmp_path / "p.csv").open(encoding="utf-8-sig")))
    assert float(saved[0]["max_logit_difference"]) == 8e-6 and saved[1]["perplexity"] == ""


def test_small_and_large_differences_are_both_readable():
    assert [cell_text("max_logit_difference", v) for v in (0.0, 8e-6, 0.11, 1.9)] == ["0", "8.0e-6", "0.11", "1.9"]
