"""Options come from specs: every field has one, and what is typed arrives as the spec says."""

import argparse

import pytest

from core.cli.options import add_spec, describe, read_spec
from core.errors import LabError
from core.jobs.registry import KINDS
from core.spec.base import fields, map_paths
from core.spec.corpus import CorpusSpec
from core.spec.export import ExportSpec
from core.spec.files import preset
from core.spec.rules.duplicates import Decontaminate
from core.spec.rules.keywords import WordList
from core.spec.rules.privacy import PersonalData
from core.spec.sampling import SamplingSpec
from core.spec.train import TrainSpec


def read(spec_type, *words, room="", into=""):
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_spec(parser, spec_type, room, into)
    return read_spec(parser.parse_args(words))


def flags(spec_type, prefix=""):
    for field in fields(spec_type):
        if field.kind == "spec":
            yield from flags(field.spec, f"{prefix}{field.name}.")
        else:
            yield f"--{prefix}{field.name}".replace("_", "-")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "grow"])
def test_every_field_of_every_job_has_an_option_with_help(kind):
    parser = argparse.ArgumentParser()
    spec_type = KINDS[kind].spec_type()
    add_spec(parser, spec_type)
    known = {flag: action for action in parser._actions for flag in action.option_strings}
    for flag in flags(spec_type):
        assert known[flag].help
    parser.format_help()  # a stray % would raise here


def test_options_left_out_keep_the_defaults_of_the_spec():
    assert read(SamplingSpec) == SamplingSpec()


def test_typed_values_become_what_the_spec_says():
    spec = read(
        TrainSpec, "--corpus", "c", "--tokenizer", "t", "--steps", "12", "--learning-rate", "2e-3",
        "--model.d-model", "64", "--model.bias", "--no-model.tied-head", "--precision", "fp32")  # fmt: skip
    assert (spec.steps, spec.learning_rate, spec.precision) == (12, 2e-3, "fp32")
    assert (spec.model.d_model, spec.model.bias, spec.model.tied_head) == (64, True, False)


def test_lists_take_several_values():
    assert read(CorpusSpec, "--sources", "a", "b").sources == ["a", "b"]
    assert read(ExportSpec, "--run", "r", "--formats", "onnx", "gguf-f32").formats == ["onnx", "gguf-f32"]


def test_set_reaches_any_field_with_a_toml_value():
    spec = read(CorpusSpec, "--sources", "a", "--set", 'rules=[{rule="minimum_length", characters=9}]')
    assert spec.rules[0].characters == 9
    bare = read(TrainSpec, "--corpus", "c", "--tokenizer", "t", "--set", "model.norm=layer_norm")
    assert bare.model.norm == "layer_norm"


def test_a_preset_fills_the_model_and_a_flag_still_wins():
    spec = read(TrainSpec, "--corpus", "c", "--tokenizer", "t", "--preset", "llama-1m", "--model.context", "32",
                room="models", into="model")  # fmt: skip
    assert spec.model.context == 32
    assert spec.model.d_model == preset("models", "llama-1m").values["d_model"]


def test_a_spec_file_says_the_same_as_flags(tmp_path):
    file = tmp_path / "spec.toml"
    file.write_text('corpus = "c"\ntokenizer = "t"\nsteps = 7\n[model]\nd_model = 32\n')
    by_flags = read(TrainSpec, "--corpus", "c", "--tokenizer", "t", "--steps", "7", "--model.d-model", "32")
    assert read(TrainSpec, "--spec", str(file)) == by_flags


@pytest.mark.parametrize(("words", "said"), [
    (["--set", "modle.d_model=1"], "Did you mean model?"),
    (["--set", "steps"], "KEY=VALUE"),
    (["--steps", "0"], "steps"),
    (["--steps", "many"], "steps"),
    (["--model.d-model", "100", "--model.n-heads", "3"], "multiple of 3"),
    (["--precision", "fp8"], "precision"),
])  # fmt: skip
def test_a_wrong_value_is_named_in_one_sentence(words, said):
    with pytest.raises(LabError) as caught:
        read(TrainSpec, "--corpus", "c", "--tokenizer", "t", *words)
    assert said in caught.value.sentence()
    assert "\n" not in caught.value.sentence()


@pytest.mark.parametrize(("value", "said"), [
    ('rules=[{rule="minimum_length",charakters=3}]', "Did you mean characters?"),
    ('rules=[{rule="minimal_length"}]', "exact_duplicates"),
    ('rules=[{rule="repeated_lines",unit="word"}]', "Choose one of: line, sentence."),
])  # fmt: skip
def test_a_wrong_word_within_a_rule_is_answered_with_those_that_are_known(value, said):
    with pytest.raises(LabError) as caught:
        read(CorpusSpec, "--sources", "a", "--set", value)
    assert said in caught.value.sentence() and "rules[0]" in caught.value.sentence()


def test_every_path_in_a_spec_can_be_changed_and_nothing_else_is():
    rules = [WordList(words=["a"], file="w.txt"), PersonalData(names=["Jo"]), Decontaminate(files=["x", "y"], on=False)]
    spec = CorpusSpec(sources=["in", "builtin:python-docs", ""], rules=rules)
    assert map_paths(spec, "/at/{}".format) == CorpusSpec(sources=["/at/in", "builtin:python-docs", ""], rules=[
        WordList(words=["a"], file="/at/w.txt"), PersonalData(names=["Jo"]),
        Decontaminate(files=["/at/x", "/at/y"], on=False)])  # fmt: skip


def test_help_names_range_unit_and_default():
    steps = next(field for field in fields(TrainSpec) if field.name == "validate_every")
    assert "steps" in describe(steps) and "default 100" in describe(steps) and "1 to" in describe(steps)
