"""The architecture page: from the tree to a design, to a comparison, to training; and honest numbers on the way."""

import msgspec
import pytest
from PySide6.QtCore import Qt

from app.bootstrap import make_window
from app.state import family
from app.state.comparison import NOTHING, compare, values
from app.state.growth import CONTEXT, Probe, grow
from app.views.costs import CostColumn
from app.views.new_run import SYSTEM, NewRunForm
from app.views.side_by_side import MINE
from app.views.system_card import SystemCard
from app.words import bytes_text, count_text
from core.errors import LabError
from core.model.compute_optimal import LAWS, counted
from core.model.sizing import flops_per_token, inference_memory, parameters, training_memory
from core.spec.experts import Experts
from core.spec.model import ModelSpec
from widgets.family_tree import FamilyTree

SYSTEMS = family.systems()


@pytest.fixture(scope="module")
def window(qapp, tmp_path_factory):
    made = make_window(qapp, tmp_path_factory.mktemp("workspace"))
    made.resize(1280, 800)
    made.show()
    yield made
    made.close()


@pytest.fixture
def page(window):
    window.show_page("architecture")
    made = window.page("architecture")
    made.show_view("tree")
    return made


def type_into(form, field, text):
    control = form.rows[field].editor.control
    control.setText(text)
    control.textEdited.emit(text)


def test_the_tree_holds_all_77_and_grows_from_few_roots():
    found = family.entries()
    keys = {entry.key for entry in found}
    assert len(found) == 77 and all(entry.parent in keys | {""} and entry.idea for entry in found)
    for entry in found:
        line, up = [], entry.key
        while up and up not in line:
            line, up = [*line, up], family.parent(up)
        assert up == "", f"{entry.key} grew from itself"
        assert bool(entry.recipe) <= bool(entry.parent)
    assert {family.parent(key) for key in ("opt", "jurassic-1", "cpm-2", "codex")} == {"gpt-2", "gpt-3", "t5"}


def test_arrow_keys_reach_all_77(qtbot):
    tree = FamilyTree(family.entries())
    qtbot.addWidget(tree)
    tree.resize(716, 610)
    reached, waiting = set(), ["palm"]
    steps = ((-1, 0), (1, 0), (0, -1), (0, 1))
    while waiting:
        key = waiting.pop()
        if key not in reached:
            reached.add(key)
            tree.set_current(key)
            waiting += [tree._next(*step) for step in steps]
    assert len(reached) == 77


def test_each_card_says_its_idea_in_two_sentences_and_what_a_recipe_lacks():
    for key, found in family.presets().items():
        text = found.about
        assert text.count(". ") + text.endswith(".") == 2, key
        assert bool(SYSTEMS[key].not_yet) == SYSTEMS[key].recipe, key


def test_a_click_in_the_tree_shows_the_originals_numbers(page, qtbot):
    box = page.family_tree.tree.layout_of.boxes["bloom"]
    qtbot.mouseClick(page.family_tree.tree, Qt.MouseButton.LeftButton, pos=box.center().toPoint())
    card = page.family_tree.card
    grid = card._facts
    shown = {grid.itemAtPosition(row, column).widget().text() for row in range(grid.rowCount()) for column in (0, 1)
             if grid.itemAtPosition(row, column)}  # fmt: skip
    assert card.title.text() == "BLOOM" and {"14,336", "70", "250,880", "384 80G A100", "176 G"} <= shown
    assert card.recipe.isHidden()
    page.family_tree.choose("instructgpt")
    assert not card.recipe.isHidden() and "GPT-3" in card.base_link.text() and "PPO" in card.recipe.text.text()


def test_searching_and_return_choose_the_first_match(page, qtbot):
    page.family_tree.search.setText("blank")
    qtbot.keyClick(page.family_tree.search, Qt.Key.Key_Return)
    assert page.family_tree.card.key == page.family_tree.tree.matches()[0]
    page.family_tree.search.clear()


@pytest.mark.parametrize(("budget", "size"), [("1m", 1e6), ("10m", 1e7)])
def test_growing_a_system_puts_its_small_shape_into_the_form(page, budget, size):
    page.family_tree.choose("palm")
    page.family_tree.card.budgets[budget].click()
    spec = page.form.spec()
    assert parameters(spec)["total"] == pytest.approx(size, rel=0.15)
    assert (spec.parallel, spec.kv, spec.activation) == ("one_norm", 1, "swiglu")
    assert page.stack.currentWidget() is page.design and page.design.diagram.spec == spec
    assert "PaLM" in page.design.about.text() and page.design.start.currentData() is None


def test_memory_and_minutes_are_budgets_too():
    small = grow(SYSTEMS["gpt-2"].shape, "2gb")
    assert training_memory(small, 16)["total"] == pytest.approx(2e9, rel=0.2)
    slow, fast = (grow(SYSTEMS["gpt-2"].shape, "5min", 2048, speed) for speed in (1e9, 1e11))
    assert parameters(slow)["total"] < parameters(fast)["total"] and slow.context == CONTEXT
    spent = flops_per_token(fast).training * 20 * parameters(fast)["total"]
    assert spent == pytest.approx(1e11 * 300, rel=0.2)


def test_five_minutes_are_measured_first_and_then_grown(page, qtbot):
    page.family_tree.choose("nnlm")
    with qtbot.waitSignal(page.probe.measured, timeout=60_000):
        page.grow("nnlm", "5min")
        assert page.probe.busy
    assert page.form.spec().family == "window" and page.design.grown_from == "nnlm" and not page.probe.busy


def test_a_measurement_that_cannot_be_says_why(qtbot):
    probe = Probe()
    with qtbot.waitSignal(probe.failed, timeout=60_000) as told:
        probe.run(ModelSpec(d_model=65536, n_layers=512, n_heads=64, vocab_size=100))
    assert isinstance(told.args[0], LabError) and "free" in told.args[0].sentence()


def test_a_measurement_is_given_up_with_its_page(page, window, qtbot):
    page.grow("ulmfit", "5min")
    assert page.probe.busy
    window.set_language("zh_CN")
    try:
        again = window.page("architecture")
        before = again.form.spec()
        qtbot.wait(300)
        assert not again.probe.busy and again.form.spec() == before
    finally:
        window.set_language("en")


@pytest.mark.parametrize(("field", "text"), [("n_heads", "7"), ("experts.count", "1"), ("kv_heads", "3")])
def test_an_impossible_design_is_marked_at_its_field_while_it_is_typed(page, field, text):
    page.use_preset("llama-1m")
    type_into(page.form, field, text)
    assert page.form.spec() is None and not page.header.primary.isEnabled()
    marked = [name for name, row in page.form.rows.items() if row.wrong.text()]
    assert len(marked) == 1 and marked[0].split(".")[0] == field.split(".")[0]
    assert all(group.is_open() for group in page.form._groups[marked[0]])
    assert not page.design.problem.isHidden() and page.design.problem.text.text() == page.form.problem()
    page.use_preset("llama-1m")
    assert page.form.valid and page.header.primary.isEnabled() and page.design.problem.isHidden()


def test_an_objective_that_an_arrangement_cannot_learn_is_marked_at_the_task(page):
    page.use_preset("llama-1m")
    editor = page.form.rows["layout"].editor
    editor.set_value("encoder")
    editor.edited.emit()
    assert "encoder" in page.form.rows["objective.task"].wrong.text()


@pytest.mark.parametrize(("preset", "chosen", "typed", "marked", "words"), [
    ("llama-1m", {}, {"head_size": "7"}, "head_size", "must be even"),
    ("llama-1m", {"experts.router": "none"}, {"experts.count": "4"}, "experts.router", "need a router"),
    ("gpt2-1m", {}, {"n_positions": "64"}, "context", "longer than the 64 learned positions"),
    ("llama-1m", {"layout": "encoder", "objective.task": "prefix"}, {}, "objective.task", "cannot learn"),
])  # fmt: skip
def test_the_reason_stands_at_the_field_that_makes_a_design_impossible(page, preset, chosen, typed, marked, words):
    page.use_preset(preset)
    for field, choice in chosen.items():
        editor = page.form.rows[field].editor
        editor.set_value(choice)
        editor.edited.emit()
    for field, text in typed.items():
        type_into(page.form, field, text)
    wrong = {name: row.wrong.text() for name, row in page.form.rows.items() if row.wrong.text()}
    assert list(wrong) == [marked] and words in wrong[marked] and page.form.spec() is None
    assert not page.header.primary.isEnabled() and page.design.problem.text.text() == page.form.problem()
    page.use_preset("llama-1m")


def test_a_box_of_the_drawing_leads_to_its_field(page, qtbot):
    page.use_preset("llama-1m")
    part = next(part for part in page.design.diagram.parts if "d_ff" in part.fields)
    page.design.diagram.part_clicked.emit([name for name in part.fields if name == "d_ff"])
    assert page.form._groups["d_ff"][-1].is_open()


def test_the_design_survives_a_change_of_language(page, window):
    page.grow("glam", "1m")
    before = page.form.spec()
    window.set_language("zh_CN")
    again = window.page("architecture")
    try:
        assert again is not page and again.form.spec() == before and again.design.grown_from == "glam"
        assert again.views.value() == "design" and "GLaM" in again.design.about.text()
        assert "专家" in again.design.about.text()
    finally:
        window.set_language("en")


def test_two_designs_are_compared_field_by_field():
    palm, bloom = SYSTEMS["palm"].shape, SYSTEMS["bloom"].shape
    lines = {line.field: line for line in compare(palm, bloom)}
    assert (lines["position"].left, lines["position"].right) == ("RoPE", "ALiBi") and lines["position"].differs
    assert lines["kv_heads"].left == "1" and lines["kv_heads"].right == "112"
    assert lines["rope_theta"].right == NOTHING and not lines["norm"].differs
    assert not any(line.differs for line in compare(palm, palm))
    small = grow(palm, "1m")
    scaled = {line.field: line for line in compare(small, bloom, palm)}
    assert scaled["n_layers"].left == f"{small.n_layers} (118)" and scaled["kv_heads"].left == "1"


def test_values_without_meaning_are_not_compared():
    lstm = values(SYSTEMS["elmo"].shape)
    assert "n_heads" not in lstm and "experts.count" not in lstm and lstm["d_ff"] == "4,096"
    dense, sparse = values(ModelSpec()), values(ModelSpec(experts=Experts(count=4)))
    assert "experts.top" not in dense and sparse["experts.top"] == "2"
    assert "objective.mask_rate" not in dense and "objective.mask_rate" in values(SYSTEMS["bert"].shape)


def test_side_by_side_marks_differences_and_shows_the_originals(page):
    page.family_tree.card.compare_asked.emit("bert")
    beside = page.beside
    assert page.stack.currentWidget() is beside and "bert" in beside.chosen()
    beside.choose("palm", "bloom")
    texts = [[beside.table.item(row, column).text() for column in range(4)] for row in range(beside.table.rowCount())]
    assert ["≠", "Positions", "RoPE", "ALiBi"] in texts and ["≠", "Hardware", "6144 TPU v4", "384 80G A100"] in texts
    assert all(row[0] == "≠" for row in texts)
    beside.only.setChecked(False)
    assert beside.table.rowCount() == len(beside.lines) > len(texts)
    beside.only.setChecked(True)
    beside.scale.set_value("10m")
    beside.refresh()
    assert "540 G" in beside.sizes[0].text() and "(118)" in beside.table.item(
        next(r for r in range(beside.table.rowCount()) if beside.table.item(r, 1).text() == "Layers"), 2).text()
    beside.scale.set_value("original")
    beside.refresh()


def test_my_design_stands_beside_the_system_it_grew_from(page):
    page.grow("t5", "1m")
    page.beside.choose(MINE, "t5")
    layers = next(line for line in page.beside.lines if line.field == "n_layers")
    assert layers.left.endswith("(24)") and layers.right == "24"
    assert page.beside.diagrams[0].spec == page.form.spec()


def test_costs_are_those_of_the_engine(qtbot):
    spec = grow(SYSTEMS["glam"].shape, "10m")
    column = CostColumn()
    qtbot.addWidget(column)
    column.set_spec(spec)
    parts, memory = parameters(spec), training_memory(spec, 16)
    assert column.parts.total.text() == count_text(parts["total"]) and f"{parts['total']:,}" in column.parts.note.text()
    assert "for one token" in column.parts.note.text()
    assert ("Weights", bytes_text(memory["weights"])) in column.training.rows()
    assert column.training.total.text() == bytes_text(memory["total"])
    flops = flops_per_token(spec)
    assert ("Backward", count_text(flops.training - flops.forward)) in column.work.rows()
    column.length.setValue(64)
    assert column.answering.rows()[1][1] == bytes_text(inference_memory(spec, 64)["kv_cache"])


def test_three_laws_stand_side_by_side_and_say_where_they_were_fitted(qtbot):
    column = CostColumn()
    qtbot.addWidget(column)
    spec = grow(SYSTEMS["gpt-2"].shape, "1m")
    column.set_spec(spec)
    rows = column.reading.rows()
    assert [name.split(" · ")[0] for name, _ in rows] == ["Kaplan", "Hoffmann", "Besiroglu"]
    assert [figure for _, figure in rows] == [count_text(law.tokens(counted(law, spec))) for law in LAWS]
    assert "Hoffmann, Besiroglu" in column.reading.note.text()
    column.set_spec(SYSTEMS["gpt-2"].shape)
    assert "Out of range" not in column.reading.note.text() or "Kaplan" in column.reading.note.text()


def test_time_is_an_estimate_that_is_measured_and_forgotten_when_the_design_changes(qtbot):
    column = CostColumn()
    qtbot.addWidget(column)
    column.set_spec(ModelSpec(d_model=16, n_layers=1, n_heads=2, context=16, vocab_size=64))
    with qtbot.waitSignal(column.probe.measured, timeout=60_000):
        column.measure.click()
    assert len(column.time.rows()) == 4 and "stimate" in column.time.note.text()
    column.set_spec(ModelSpec(d_model=32, n_layers=1, n_heads=2, context=16, vocab_size=64))
    assert column.time.rows() == []


@pytest.mark.parametrize("key", ["n-gram", "word2vec", "elmo", "xlnet", "gshard"])
def test_every_kind_of_design_has_a_card_and_costs(qtbot, key):
    card, column = SystemCard(), CostColumn()
    for widget in (card, column):
        qtbot.addWidget(widget)
    card.show_system(key)
    column.set_spec(grow(SYSTEMS[key].shape, "1m"))
    assert card.title.text() == SYSTEMS[key].name and column.parts.note.text()
    assert card.budgets["5min"].isHidden() == (key == "n-gram")


def test_training_offers_the_systems_and_takes_a_design(window, qtbot):
    form = NewRunForm(window.context)
    qtbot.addWidget(form)
    form.use_preset(SYSTEM + "bloom")
    assert form.form.values()["model"]["position"] == "alibi" and form.form.values()["model"]["vocab_size"] == 0
    assert form.shape.findData(SYSTEM + "glam") > 0 and form.shape.findData(SYSTEM + "n-gram") < 0
    spec = grow(SYSTEMS["t5"].shape, "1m")
    form.use_model(msgspec.to_builtins(spec))
    assert form.form.values()["model"]["layout"] == "encoder_decoder"
