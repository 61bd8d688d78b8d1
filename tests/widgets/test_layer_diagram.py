"""Every design is drawn as it is: arrangement of norms, stacks, experts, masks; and its boxes lead to fields."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QScrollArea, QVBoxLayout, QWidget

from core.spec.base import build, fields
from core.spec.experts import Experts
from core.spec.files import preset, preset_names
from core.spec.model import ModelSpec
from core.spec.objective import Objective
from core.spec.system import SystemSpec
from widgets.diagram_paint import MASK_TOKENS, sees
from widgets.layer_diagram import LayerDiagram
from widgets.model_drawing import draw, mask_of

SYSTEMS = {name: build(SystemSpec, preset("systems", name).values) for name in preset_names("systems")}


def block(spec, stack=0):
    """Titles of the rows of the repeated block, from the top, and the residual paths as (first, last) row."""
    rows = [row for row in draw(spec)[stack].rows if row.group == "block"]
    titles = ["+".join(cell.title for cell in row.cells) for row in rows]
    return titles, [(i, i + row.residual - 1) for i, row in enumerate(rows) if row.residual]


@pytest.mark.parametrize(("place", "titles", "paths"), [
    ("pre", ["Feed-forward", "Norm", "Attention", "Norm"], [(0, 1), (2, 3)]),
    ("post", ["Norm", "Feed-forward", "Norm", "Attention"], [(1, 1), (3, 3)]),
    ("sandwich", ["Norm", "Feed-forward", "Norm", "Norm", "Attention", "Norm"], [(0, 2), (3, 5)]),
])  # fmt: skip
def test_norms_stand_where_the_design_has_them_and_paths_go_around_the_parts(place, titles, paths):
    assert block(ModelSpec(norm_place=place)) == (titles, paths)


@pytest.mark.parametrize(("parallel", "norms"), [("one_norm", "Norm"), ("two_norms", "Norm+Norm")])
def test_a_parallel_block_has_its_parts_side_by_side(parallel, norms):
    assert block(ModelSpec(parallel=parallel)) == (["Attention+Feed-forward", norms], [(0, 1)])


def test_two_stacks_have_cross_attention_in_the_one_that_writes():
    spec = SYSTEMS["t5"].shape
    assert not any("Cross-attention" in title for title in block(spec, 0)[0])
    titles, paths = block(spec, 1)
    assert titles == ["Feed-forward", "Norm", "Cross-attention", "Norm", "Attention", "Norm"] and len(paths) == 3
    assert sum(row.cross for row in draw(spec)[1].rows) == 1
    masks = [cell.mask for stack in draw(spec) for row in stack.rows for cell in row.cells if cell.mask]
    assert masks == ["two_way", "causal"]


def test_experts_stand_above_a_router_that_says_how_many_are_met():
    titles, paths = block(ModelSpec(experts=Experts(count=64, top=2, every=2)))
    assert titles[:3] == ["E1+E2+E3+…+E64", "Router", "Norm"] and paths[0] == (0, 2)
    router = next(cell for row in draw(SYSTEMS["glam"].shape)[0].rows for cell in row.cells if cell.title == "Router")
    assert "2 of 64" in router.lines[0] and "experts.router" in router.fields
    assert block(ModelSpec(experts=Experts(count=2)))[0][0] == "E1+E2"


@pytest.mark.parametrize(("name", "mask"), [
    ("gpt-2", "causal"), ("gpt-3", "causal_band"), ("glm-130b", "prefix"), ("bert", "two_way"), ("xlnet", "permuted"),
])  # fmt: skip
def test_each_system_has_its_mask(name, mask):
    assert mask_of(SYSTEMS[name].shape) == mask


def test_masks_say_who_sees_whom():
    last = MASK_TOKENS - 1
    assert sees("causal", last, 0) and not sees("causal", 0, last)
    assert sees("two_way", 0, last) and sees("prefix", 0, 2) and not sees("prefix", 3, 4)
    assert sees("causal_band", 6, 5) and not sees("causal_band", 6, 0)
    seen = [[sees("permuted", row, column) for column in range(MASK_TOKENS)] for row in range(MASK_TOKENS)]
    assert sum(map(sum, seen)) == MASK_TOKENS * (MASK_TOKENS - 1) // 2
    assert not any(seen[place][place] for place in range(MASK_TOKENS))


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_system_is_drawn_with_boxes_that_lead_to_fields_and_do_not_overlap(qtbot, name):
    diagram = LayerDiagram(SYSTEMS[name].shape)
    qtbot.addWidget(diagram)
    known = {field.name for field in fields(ModelSpec)}
    known |= {f"{part.name}.{inner.name}" for part in fields(ModelSpec) if part.spec for inner in fields(part.spec)}
    assert diagram.parts and all(set(part.fields) <= known and part.fields for part in diagram.parts)
    for place, part in enumerate(diagram.parts):
        assert not any(part.box.intersects(other.box) for other in diagram.parts[place + 1 :])
        assert part.box.right() <= diagram.sizeHint().width() and part.box.bottom() <= diagram.sizeHint().height()


def test_the_families_before_transformers_have_drawings_of_their_own():
    def titles(name):
        return [cell.title for row in draw(SYSTEMS[name].shape)[0].rows for cell in row.cells]

    assert titles("elmo")[1:3] == ["LSTM, forwards", "LSTM, backwards"]
    assert "Laid end to end" in titles("nnlm") and "Character n-grams" in titles("fasttext")
    assert "Skip-gram" in titles("word2vec") and "Counts" in titles("n-gram")


def test_shared_layers_and_unusual_parts_are_told():
    assert "one set" in draw(SYSTEMS["albert"].shape)[0].pills["block"]
    words = [cell.title for row in draw(SYSTEMS["albert"].shape)[0].rows for cell in row.cells]
    assert {"Widen", "Head transform", "Segments"} <= set(words)
    assert draw(SYSTEMS["pangu-alpha"].shape)[0].pills["query"] and "query" in {
        row.group for row in draw(SYSTEMS["pangu-alpha"].shape)[0].rows}
    assert not any("Objective" == c.title for row in draw(ModelSpec())[0].rows for c in row.cells)
    masked = ModelSpec(layout="encoder", objective=Objective(task="masked"))
    assert draw(masked)[0].rows[0].cells[0].title == "Objective"


def test_a_drawing_shrinks_where_there_is_too_little_room_and_its_boxes_stay_clickable(qtbot):
    diagram = LayerDiagram(SYSTEMS["t5"].shape)
    qtbot.addWidget(diagram)
    natural = diagram.sizeHint()
    diagram.resize(round(natural.width() * 0.8), natural.height())
    diagram.show()
    assert diagram.height() == pytest.approx(natural.height() * 0.8, rel=0.02)
    part = next(part for part in diagram.parts if "n_heads" in part.fields)
    with qtbot.waitSignal(diagram.part_clicked, check_params_cb=lambda names: names == list(part.fields)):
        qtbot.mouseClick(diagram, Qt.MouseButton.LeftButton, pos=(part.box.center() * 0.8).toPoint())


def test_a_drawing_in_a_scroll_area_comes_to_rest_at_every_size(qtbot):
    """What a scroll bar takes makes it lower, and what the bar gives back must not make it taller again."""
    area, diagram = QScrollArea(), LayerDiagram()
    qtbot.addWidget(area)
    holder = QWidget()
    column = QVBoxLayout(holder)
    column.addWidget(diagram)
    column.addStretch(1)
    area.setWidgetResizable(True)
    area.setWidget(holder)
    area.resize(330, 400)
    area.show()
    heights = []
    for key in ("st-moe", "palm", "t5"):
        diagram.set_spec(SYSTEMS[key].shape)
        for height in range(280, 640, 12):
            area.resize(330, height)
            QApplication.processEvents()
            before = diagram.size()
            QApplication.processEvents()
            assert diagram.size() == before
            heights.append(before.height())
        area.resize(600, 640)
        QApplication.processEvents()
        assert diagram.height() == diagram.sizeHint().height()
        area.resize(330, 640)
    assert len(set(heights)) == 3  # one for each drawing, whatever room there is below
