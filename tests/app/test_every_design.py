"""Every shape and every recipe of the tree on the page itself: drawn, within the form's reach, and trained."""

import msgspec
import pytest
from PySide6.QtCore import QPointF, Qt

from app.bootstrap import make_window
from app.state import family
from app.state.growth import MOST_STEPS, PARAMETERS, grow
from core.errors import LabError
from core.model.sizing import flops_per_token, parameters, training_memory
from core.record.lineage import write_outputs
from core.spec.base import build, fields
from core.spec.files import write_toml
from core.spec.relevance import meaningful

SYSTEMS = family.systems()
SHAPES = [key for key, system in SYSTEMS.items() if not system.recipe]
RECIPES = [key for key, system in SYSTEMS.items() if system.recipe]
SIZED = [key for key in SHAPES if SYSTEMS[key].shape.family != "ngram"]
DOZEN = ("nnlm", "word2vec", "elmo", "bert", "albert", "electra", "xlnet", "bart", "gpt-3", "glam", "palm", "llama")
FAST, SLOW = 8e10, 2e10  # FLOP/s, as a probe finds them on two processor cores


@pytest.fixture(scope="module")
def window(qapp, tmp_path_factory):
    root = tmp_path_factory.mktemp("workspace")
    made = make_window(qapp, root)
    made.resize(1280, 800)
    made.show()
    made.show_page("architecture")
    yield made
    made.close()


@pytest.fixture
def page(window):
    window.show_page("architecture")
    return window.page("architecture")


def means(spec):
    """Dotted names of the fields that mean something for a design."""
    found = set()
    for prefix, part in (("", spec), ("experts.", spec.experts), ("objective.", spec.objective)):
        plain = {field.name: getattr(part, field.name) for field in fields(type(part))}
        kinds = {field.name: field.kind for field in fields(type(part))}
        if prefix != "experts." or spec.family == "transformer":
            found |= {prefix + name for name in meaningful(type(part), plain) if kinds[name] != "spec"}
    return found


def block_corner(diagram):
    """A point of the drawing that lies in the repeated block, and in no box."""
    block = next(tower.groups["block"] for tower in diagram._towers if "block" in tower.groups)
    return (block.bottomLeft() + QPointF(4, -4)) * diagram._scale() + QPointF(diagram._shift(), 0)


@pytest.mark.parametrize("key", SHAPES)
def test_every_shape_is_drawn_and_none_of_its_fields_lies_out_of_reach(page, qtbot, qtlog, key):
    page.family_tree.choose(key)
    page.grow(key, "1m")
    spec, design = page.form.spec(), page.design
    assert spec is not None and design.grown_from == key and design.problem.isHidden()
    assert design.diagram.spec == spec and design.diagram.parts and not design.diagram.grab().isNull()
    wanted = means(spec)
    folded_away = tuple(prefix for prefix, section in page.form._sections.items() if section.isHidden())
    assert wanted == {name for name, row in page.form.rows.items()
                      if not row.isHidden() and not name.startswith(folded_away)}  # fmt: skip
    reached = {name for part in design.diagram.parts for name in part.fields}
    if spec.family in ("transformer", "lstm"):
        with qtbot.waitSignal(design.diagram.part_clicked, timeout=1000) as asked:
            qtbot.mouseClick(design.diagram, Qt.MouseButton.LeftButton, pos=block_corner(design.diagram).toPoint())
        reached |= set(asked.args[0])
        assert "n_layers" in asked.args[0] and design.form.rows["n_layers"].label.property("role") == "strong"
    off = {name for name in wanted - reached if not name.startswith("experts.") or spec.experts.count}
    assert off == set()
    assert [said.message for said in qtlog.records if "propagateSizeHints" not in said.message] == []


def test_a_box_marks_its_fields_and_opens_the_groups_they_lie_in(page):
    page.grow("elmo", "1m")
    part = next(part for part in page.design.diagram.parts if "layout" in part.fields)
    page.design.diagram.part_clicked.emit(list(part.fields))
    rows = page.form.rows
    assert rows["layout"].isVisible() and rows["layout"].label.property("role") == "strong"
    assert all(group.is_open() for group in page.form._groups["weight_drop"])
    assert rows["d_model"].label.property("role") != "strong"


def test_an_lstm_can_be_made_two_way_and_nothing_in_between(page):
    page.grow("ulmfit", "1m")
    editor = page.form.rows["layout"].editor
    for layout, fits in (("encoder", True), ("prefix", False), ("decoder", True)):
        editor.set_value(layout)
        editor.edited.emit()
        assert page.form.valid == fits and bool(page.form.rows["layout"].wrong.text()) != fits
    assert page.form.rows["query_layer"].isHidden()
    assert len([p for p in page.design.diagram.parts if "LSTM" in p.title]) == 1


@pytest.mark.parametrize("budget", ["1m", "10m", "2gb"])
@pytest.mark.parametrize("key", SIZED)
def test_every_shape_meets_its_budget_within_a_twentieth(key, budget):
    spec = grow(SYSTEMS[key].shape, budget)
    spent = training_memory(spec, 16)["total"] / 2e9 if budget == "2gb" else (
        parameters(spec)["total"] / PARAMETERS[budget])  # fmt: skip
    assert spent == pytest.approx(1, rel=0.05)
    assert spec.d_model % 8 == 0 and (spec.family != "transformer" or spec.head % 8 == 0)
    assert not spec.d_ff or spec.d_ff % 8 == 0


@pytest.mark.parametrize("speed", [SLOW, FAST])
@pytest.mark.parametrize("key", DOZEN)
def test_five_minutes_are_met_within_a_twentieth_at_the_speed_that_was_measured(key, speed):
    spec = grow(SYSTEMS[key].shape, "5min", 0, speed)
    needed_s = flops_per_token(spec).training * 20 * parameters(spec)["total"] / speed
    assert needed_s == pytest.approx(300, rel=0.05)


def test_minutes_on_the_page_come_from_the_probe_and_go_with_the_design_to_training(page, window, monkeypatch):
    page._speeds.clear()
    asked = []
    monkeypatch.setattr(page.probe, "run", asked.append)
    page.grow("palm", "5min")
    assert asked == [grow(SYSTEMS["palm"].shape, "1m")]
    page.probe.measured.emit({"flops_per_s": SLOW})
    assert page.form.spec() == grow(SYSTEMS["palm"].shape, "5min", 0, SLOW)
    page.header.primary.click()
    values = window.page("training").form.form.values()
    assert (values["budget_s"], values["steps"]) == (300, MOST_STEPS)
    assert values["model"]["parallel"] == "one_norm" and values["model"]["vocab_size"] == 0


def test_only_counts_have_no_size_to_choose(page):
    for key in ("n-gram", "word2vec", "palm"):
        page.family_tree.choose(key)
        card = page.family_tree.card
        assert [not button.isHidden() for button in card.budgets.values()] == [key != "n-gram"] * 4
        assert card.unsized.isHidden() == (key != "n-gram")


@pytest.mark.parametrize("key", RECIPES)
def test_a_recipe_says_its_base_what_is_on_top_and_what_is_missing(page, key):
    page.show_view("tree")
    page.family_tree.choose(key)
    card, system = page.family_tree.card, SYSTEMS[key]
    assert card.base_link.isVisible() and system.base in card.base_link.text()
    assert system.itself in card.on_top.text() and card.on_top.isVisible()
    assert card.recipe.isVisible() and card.recipe.text.text() == system.not_yet
    assert card.train.text() == "Train its base here"
    card.base_link.click()
    assert card.title.text() == system.base


@pytest.mark.parametrize("key", [*RECIPES, "n-gram", "palm"])
def test_one_click_trains_it_on_the_newest_text(page, window, key, monkeypatch):
    started = []
    monkeypatch.setattr(window.context, "start_job", lambda kind, name, spec: started.append((kind, name, spec)))
    monkeypatch.setattr(window.context.jobs, "names_in", lambda room: ["new", "old"])
    monkeypatch.setattr(window.context.jobs, "names", lambda kind: ["newest"] if kind == "tokenizer" else [])
    page.family_tree.choose(key)
    page.family_tree.card.train.click()
    (kind, name, spec), = started
    small = grow(SYSTEMS[key].shape, "1m")
    assert (kind, spec.corpus, spec.tokenizer, spec.budget_s) == ("train", "new", "newest", 300)
    assert name == f"{key}-1m" and spec.model == msgspec.structs.replace(small, vocab_size=0)


def test_without_text_the_click_leads_to_the_form_that_says_what_is_missing(page, window):
    page.show_view("tree")
    page.family_tree.choose("alpaca")
    page.family_tree.card.train.click()
    form = window.page("training").form
    assert form.missing.text() and form.form.values()["model"]["activation"] == "swiglu"


def test_one_button_of_the_page_stands_out_in_every_view(page):
    for view in ("tree", "design", "beside"):
        page.show_view(view)
        assert page.header.primary.isVisible() == (view == "design")


def test_a_design_that_was_trained_shows_what_it_took(page, window, qtbot):
    workspace = window.context.workspace
    for room, kind in (("corpora", "corpus"), ("tokenizers", "tokenizer")):
        folder = workspace.path(room, "text")
        folder.mkdir(parents=True)
        write_toml(folder / "spec.toml", {"kind": kind, "spec": {}})
        write_outputs(folder)
    from core.record.events import Completed, Started
    from core.record.log import EventLog
    from core.spec.train import TrainSpec

    page.grow("gpt-2", "1m")
    assert page.design.costs.trained.isHidden()
    model = msgspec.to_builtins(page.form.spec()) | {"vocab_size": 0}
    run = workspace.create("train", "gpt", build(TrainSpec, {"corpus": "text", "tokenizer": "text", "model": model}))
    run.write_choices({"estimates": {"memory_bytes": 3e8, "elapsed_s": 60.0}})
    log = EventLog(run.path("events.jsonl"))
    log(Started(pid=1, attempt=1))
    log(Completed(result={"memory_bytes": 2.5e8, "elapsed_s": 50.0}))
    log.close()
    with qtbot.waitSignal(window.context.jobs.loaded):
        window.context.jobs.look_for_new()
    card = page.design.costs.trained
    assert not card.isHidden() and card.rows() == [("Memory", "300 MB → 250 MB  +20 %"),
                                                   ("Time of the steps", "1 min 0 s → 50 s  +20 %")]  # fmt: skip
    page.form.rows["n_layers"].editor.set_value(9)
    page.form.rows["n_layers"].editor.edited.emit()
    assert card.isHidden()


def test_a_budget_below_what_the_vocabulary_needs_is_refused_in_words():
    with pytest.raises(LabError, match="vocabulary"):
        grow(SYSTEMS["palm"].shape, "1m", 600_000)
