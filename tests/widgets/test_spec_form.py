"""Forms follow their spec: every field, its range, its errors, both ways."""

import msgspec
import pytest
from PySide6.QtCore import Qt

from core.spec.base import fields
from core.spec.corpus import CorpusSpec
from core.spec.export import ExportSpec
from core.spec.files import preset, preset_names
from core.spec.filters import ReferenceSpec
from core.spec.grow import GrowSpec
from core.spec.model import ModelSpec
from core.spec.relevance import meaningful
from core.spec.sampling import SamplingSpec
from core.spec.tokenizer import TokenizerSpec
from core.spec.train import TrainSpec
from widgets.spec_form import SpecForm
from widgets.spec_words import meaning_text


@pytest.fixture
def train(qtbot):
    form = SpecForm(TrainSpec, {"steps": 500})
    qtbot.addWidget(form)
    form.set_choices("corpus", ["docs"])
    form.set_choices("tokenizer", ["bpe", ("wp", "WordPiece")])
    return form


def type_into(form, field, text):
    control = form.rows[field].editor.control
    control.setText(text)
    control.textEdited.emit(text)


SPECS = [TrainSpec, ModelSpec, CorpusSpec, TokenizerSpec, ExportSpec, SamplingSpec, GrowSpec]


@pytest.mark.parametrize("spec_type", SPECS)
def test_every_described_field_has_a_row(qtbot, spec_type):
    form = SpecForm(spec_type)
    qtbot.addWidget(form)
    for field in fields(spec_type):
        nested = any(name.startswith(f"{field.name}.") for name in form.rows)
        assert field.name in form.rows or nested or isinstance(field.default, dict), field.name


@pytest.mark.parametrize("name", preset_names("models"))
def test_a_preset_goes_through_a_form_unchanged(qtbot, name):
    values = preset("models", name).values
    form = SpecForm(ModelSpec, values)
    qtbot.addWidget(form)
    assert form.valid
    assert form.spec() == msgspec.convert(values, ModelSpec, strict=False)


def test_the_only_choices_are_taken_without_asking(train):
    assert train.valid
    assert (train.spec().corpus, train.spec().tokenizer, train.spec().steps) == ("docs", "bpe", 500)


def test_a_pick_with_nothing_to_pick_says_so(qtbot):
    form = SpecForm(ExportSpec)
    qtbot.addWidget(form)
    assert not form.valid and form.problem() and "run" not in form.values()


def test_an_edit_is_told_with_all_values_and_a_program_s_change_is_not(train, qtbot):
    with qtbot.assertNotEmitted(train.values_changed):
        train.set_values({"steps": 20})
    with qtbot.waitSignal(train.values_changed) as told:
        type_into(train, "learning_rate", "3e-4")
    assert told.args[0]["learning_rate"] == 3e-4 and told.args[0]["steps"] == 20


@pytest.mark.parametrize("text", ["30", "-1", "fast", "", "nan"])
def test_a_value_out_of_range_is_named_at_its_field(train, qtbot, text):
    with qtbot.waitSignal(train.validity_changed, check_params_cb=lambda valid: not valid):
        type_into(train, "learning_rate", text)
    assert train.spec() is None and train.rows["learning_rate"].wrong.text() == train.problem() != ""
    assert train.rows["learning_rate"].editor.control.property("wrong") is True
    with qtbot.waitSignal(train.validity_changed):
        type_into(train, "learning_rate", "0.001")
    assert train.rows["learning_rate"].wrong.text() == ""


@pytest.mark.parametrize("text,number", [("1e3", 1000), ("12_000", 12000), ("12,000", 12000), (" 7 ", 7)])
def test_whole_numbers_may_be_written_as_people_do(train, text, number):
    type_into(train, "steps", text)
    assert train.spec().steps == number


def test_an_impossible_combination_is_said_at_the_field_it_is_about(train):
    type_into(train, "model.n_heads", "7")
    row = train.rows["model.n_heads"]
    assert not train.valid and "7" in train.problem() and not train.problem().startswith("n_heads")
    assert row.wrong.text() == train.problem() and row.editor.control.property("wrong") is True
    type_into(train, "model.n_heads", "8")
    assert train.valid and row.wrong.text() == ""


def test_an_impossible_combination_about_no_field_is_said_under_the_form(train):
    type_into(train, "micro_batch", "3")
    assert not train.valid and train._notice.text.text() == train.problem() != ""


def test_what_is_wrong_is_never_folded_away(train):
    group = train._groups["model.kv_heads"][-1]
    assert not group.is_open()
    type_into(train, "model.kv_heads", "3")
    assert group.is_open() and train.rows["model.kv_heads"].wrong.text()


def shown(form):
    return {name for name, row in form.rows.items() if not row.isHidden()}


def test_fields_that_mean_nothing_for_the_others_values_are_hidden(qtbot):
    form = SpecForm(ModelSpec)
    qtbot.addWidget(form)
    assert {"n_heads", "rope_theta"} <= shown(form) and not {"weight_drop", "window", "encoder_layers"} & shown(form)
    form.set_values({"position": "alibi", "attention": "window"})
    assert "window" in shown(form) and "rope_theta" not in shown(form)
    form.set_values({"family": "lstm"})
    assert "weight_drop" in shown(form) and not {"n_heads", "position", "window", "experts.count"} & shown(form) - {
        "experts.count"}
    assert form._sections["experts."].isHidden() and not form._sections["objective."].isHidden()


def test_a_field_hangs_on_one_that_means_something_itself():
    values = {"family": "lstm", "position": "rope", "norm": "layer_norm"}
    assert not {"rope_theta", "norm_bias", "n_heads"} & meaningful(ModelSpec, values)
    assert {"rope_theta", "norm_bias", "n_heads"} <= meaningful(ModelSpec, values | {"family": "transformer"})


def test_arrow_keys_step_a_number(train, qtbot):
    qtbot.keyClick(train.rows["steps"].editor.control, Qt.Key.Key_Up)
    assert train.spec().steps == 501


def test_a_hidden_field_keeps_what_the_page_gave(qtbot):
    form = SpecForm(TrainSpec, {"corpus": "a", "tokenizer": "b", "model": {"n_layers": 9}}, hidden=("corpus", "model"))
    qtbot.addWidget(form)
    assert "corpus" not in form.rows and not any(name.startswith("model.") for name in form.rows)
    assert form.spec().corpus == "a" and form.spec().model.n_layers == 9


def test_cleaning_rules_can_be_switched_off_and_set(qtbot):
    form = SpecForm(CorpusSpec, {"sources": ["x"]})
    qtbot.addWidget(form)
    rows = form.rows["rules"].editor._rows
    rule = next(row for row in rows if row[0]["rule"] == "minimum_length")
    rule[1].setChecked(False)
    rule[2]["characters"].control.setText("99")
    rule[2]["characters"].edited.emit()
    found = next(r for r in form.spec().rules if type(r).__name__ == "MinimumLength")
    assert (found.on, found.characters) == (False, 99)


def test_formats_are_boxes_and_at_least_one_is_needed(qtbot):
    form = SpecForm(ExportSpec, {"run": "a"})
    qtbot.addWidget(form)
    boxes = form.rows["formats"].editor._boxes
    for name in list(boxes)[1:]:
        boxes[name].setChecked(False)
    assert form.spec().formats == [next(iter(boxes))]
    next(iter(boxes.values())).setChecked(False)
    assert not form.valid


def test_focusing_an_expert_field_opens_its_group(train):
    train.show()
    assert not train.rows["model.kv_heads"].isVisible()
    train.focus_field("model.kv_heads")
    assert train.rows["model.kv_heads"].isVisible()


def test_every_editor_has_a_name_and_an_explanation(train):
    for name, row in train.rows.items():
        assert row.editor.control.accessibleName(), name
        assert row.editor.control.toolTip(), name


def test_a_number_says_what_its_zero_means_and_a_share_is_told_as_per_cent(qtbot):
    by_name = {field.name: field for field in fields(TrainSpec)} | {field.name: field for field in fields(CorpusSpec)}
    assert meaning_text(by_name["budget_s"], 0) == "no budget"
    assert meaning_text(by_name["budget_s"], 60) == "s"
    assert meaning_text(by_name["held_out"], 0.05) == "5 %"
    form = SpecForm(TrainSpec)
    qtbot.addWidget(form)
    row = form.rows["budget_s"].editor
    row.control.setText("90")
    assert row.beside.text() == "s"
    row.control.setText("0")
    assert row.beside.text() == "no budget"
    row.control.setText("x")
    assert row.beside.text() == "s"


def test_a_pick_that_may_stay_empty_says_none(qtbot):
    form = SpecForm(ReferenceSpec)
    qtbot.addWidget(form)
    for field in ("corpus", "against"):
        form.set_choices(field, ["docs"])
    form.set_values({"corpus": "docs"})
    assert form.rows["against"].editor.control.currentText() == "None"
    assert form.spec().against == ""


def folds_over(form, field) -> list[str]:
    """Headings of the disclosures that a field lies in, outermost first."""
    return [fold.button.text() for fold in form._groups[field]]


def test_fields_for_experts_are_folded_by_what_they_are_about_and_only_once(train):
    assert folds_over(train, "optimizer") == []
    assert folds_over(train, "micro_batch") == ["Batches"]
    assert folds_over(train, "decay_share") == folds_over(train, "clip") == ["Optimizer and schedule"]
    assert folds_over(train, "guard.window") == ["Spikes"] and folds_over(train, "model.dropout") == ["Expert settings"]
    train.focus_field("guard.window")
    assert train.rows["guard.window"].isVisibleTo(train) and not train.rows["micro_batch"].isVisibleTo(train)


def test_what_is_folded_stands_above_the_next_heading(qtbot, train):
    train.resize(600, 2000)
    train.show()
    places = {name: train._groups[name][0].mapTo(train, train._groups[name][0].rect().topLeft()).y()
              for name in ("micro_batch", "clip", "recompute", "patience", "retention.every", "guard.window",
                           "mesh.data")}  # fmt: skip
    model = train.rows["model.d_model"]
    assert list(places.values()) == sorted(places.values())
    assert max(places.values()) < model.mapTo(train, model.rect().topLeft()).y()


@pytest.mark.parametrize(("optimizer", "shown"), [
    ("adamw", {"beta1", "beta2", "eps"}), ("muon", {"beta1", "beta2", "eps", "momentum"}),
    ("lion", {"beta1", "beta2"}), ("sgd", {"momentum"}), ("adafactor", set()),
])  # fmt: skip
def test_each_optimizer_shows_the_settings_that_it_has(optimizer, shown):
    known = {"beta1", "beta2", "eps", "momentum"}
    assert meaningful(TrainSpec, {"optimizer": optimizer}) & known == shown


@pytest.mark.parametrize(("schedule", "shown"), [
    ("cosine", {"final_lr_ratio"}), ("linear", {"final_lr_ratio"}), ("constant", set()), ("inverse_sqrt", set()),
    ("wsd", {"final_lr_ratio", "decay_share"}),
])  # fmt: skip
def test_each_schedule_shows_the_settings_that_it_has(schedule, shown):
    assert meaningful(TrainSpec, {"schedule": schedule}) & {"final_lr_ratio", "decay_share"} == shown
