"""What a document is, is chosen from a list; the spec keeps its short text."""

import pytest

from core.spec.corpus import CorpusSpec
from widgets.spec_form import SpecForm
from widgets.split_editor import SplitEditor


@pytest.fixture
def form(qtbot):
    made = SpecForm(CorpusSpec, {"sources": ["x"]}, hidden=("sources", "rules"), editors={"split": SplitEditor})
    qtbot.addWidget(made)
    return made


def choose(form, kind, characters=None):
    editor = form.rows["split"].editor
    at = editor.control.findData(kind)
    editor.control.setCurrentIndex(at)
    editor.control.activated.emit(at)
    if characters is not None:
        editor.characters.setText(characters)
        editor.characters.textEdited.emit(characters)
    return editor


@pytest.mark.parametrize("split", ["file", "blank-line", "chars:1", "chars:4096"])
def test_what_a_spec_says_goes_through_the_chooser_unchanged(form, split):
    form.set_values({"split": split})
    assert form.values()["split"] == split and form.spec().split == split


def test_a_choice_is_told_and_characters_are_asked_for_only_with_pieces(form, qtbot):
    told = []
    form.values_changed.connect(lambda values: told.append(values["split"]))
    editor = choose(form, "blank-line")
    assert editor.characters.isHidden()
    choose(form, "chars", "1,500")
    assert told == ["blank-line", "chars:3000", "chars:1500"] and not editor.characters.isHidden()


@pytest.mark.parametrize("characters", ["", "0", "1.5", "a page", "10000001"])
def test_a_length_that_cannot_be_is_said_at_the_field(form, characters):
    editor = choose(form, "chars", characters)
    assert not form.valid and "10,000,000" in form.rows["split"].wrong.text()
    assert editor.characters.property("wrong")
    choose(form, "file")
    assert form.valid and not editor.characters.property("wrong")
