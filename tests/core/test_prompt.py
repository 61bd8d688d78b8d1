"""Prompts say exactly what their template says, and answers are found where they stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import LabError
from core.prompt.chain_of_thought import extract_answer, second_chat, second_prompt
from core.prompt.chat import render_with_template
from core.prompt.demonstrations import choose, load_demonstrations
from core.prompt.template import parts, prompt_preset, prompt_preset_names, render, render_chat
from core.spec.files import preset
from core.spec.messages import ChatMessage
from core.spec.prompt import Demonstration, PromptSpec

CHATML = (
    "{% for message in messages %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


@pytest.mark.parametrize("name", prompt_preset_names())
def test_every_preset_renders_its_own_example_and_names_its_source(name):
    spec, shown = prompt_preset(name), preset("prompts", name)
    text = render(spec)
    assert spec.input and spec.input in text
    assert shown.title and shown.about and shown.source
    assert text == text.rstrip(), "a prompt that ends in a space spoils the next token"
    assert all(d.output in text for d in spec.demonstrations)
    assert render_chat(spec)[0].content


def test_few_shot_shows_the_demonstrations_in_order_and_leaves_the_last_answer_open():
    shown = [Demonstration(input="hot", output="cold"), Demonstration(input="open", output="closed")]
    assert render(prompt_preset("few_shot"), "up", shown) == (
        "Give the opposite of each word.\n\n"
        "Word: hot\nOpposite: cold\n\nWord: open\nOpposite: closed\n\nWord: up\nOpposite:"
    )


def test_a_chain_of_thought_shows_reasoning_before_the_answer():
    shown = [Demonstration(input="1+1?", reasoning="One and one make two.", output="2")]
    assert render(prompt_preset("cot_few_shot"), "2+2?", shown) == (
        "Q: 1+1?\nA: One and one make two. So the answer is 2.\n\nQ: 2+2?\nA:"
    )


def test_a_plain_prompt_is_the_text_itself():
    assert render(prompt_preset("plain"), "{{ not a template }} \\n") == "{{ not a template }} \\n"


def test_a_chat_is_written_out_with_what_was_said_before():
    turns = [ChatMessage("user", "Hi."), ChatMessage("assistant", "Hello!")]
    assert render(prompt_preset("chat"), "Who?", turns=turns).endswith(
        "\nUser: Hi.\nAssistant: Hello!\nUser: Who?\nAssistant:"
    )


def test_the_chat_form_turns_demonstrations_into_turns():
    chat = render_chat(prompt_preset("few_shot"), "up", [Demonstration(input="hot", output="cold")])
    assert [(turn.role, turn.content) for turn in chat] == [
        ("system", "Give the opposite of each word."), ("user", "hot"), ("assistant", "cold"), ("user", "up"),
    ]  # fmt: skip


def test_parts_are_what_the_layout_uses():
    assert parts(prompt_preset("plain")) == {"input"}
    assert "demonstrations" in parts(prompt_preset("few_shot"))
    assert "reasoning" in parts(prompt_preset("cot_few_shot"))
    assert "reasoning" not in parts(prompt_preset("few_shot"))
    assert "turns" in parts(prompt_preset("chat"))
    assert parts(PromptSpec(layout="{% if %}")) == frozenset()


@pytest.mark.parametrize("layout", ["{{ nonsense }}", "{% if %}", "{{ 1/0 }}", "a\n{{ input"])
def test_a_broken_layout_is_one_clear_sentence(layout):
    with pytest.raises(LabError) as caught:
        render(PromptSpec(layout=layout))
    assert "{" not in caught.value.sentence().replace(layout, "")


@pytest.mark.parametrize(
    "layout",
    ["{{ ''.__class__.__mro__[1].__subclasses__() }}", "{{ demonstrations.append(1) }}", "{{ range(10**9)|list }}"],
)
def test_a_layout_from_a_stranger_can_do_no_harm(layout):
    with pytest.raises(LabError):
        render(PromptSpec(layout=layout, demonstrations=[Demonstration(input="a", output="b")]))


def test_the_two_stages_of_zero_shot_chain_of_thought():
    spec = prompt_preset("cot_zero_shot")
    first = render(spec, "2+2?")
    assert spec.two_stage and first == "Q: 2+2?\nA: Let's think step by step."
    assert second_prompt(spec, first, " Two and two.\n") == f"{first} Two and two.\n{spec.answer_trigger}"
    chat = second_chat(spec, render_chat(spec, "2+2?"), " Two and two. ")
    assert chat[-1].role == "assistant"
    assert chat[-1].content == f"Let's think step by step. Two and two.\n{spec.answer_trigger}"
    assert [turn.role for turn in chat] == ["user", "assistant"]


@pytest.mark.parametrize(
    ("rule", "text", "answer"),
    [
        ("whole", "  yes. \n", "yes."),
        ("whole", " \n", None),
        ("first_line", "cold\nWord: x", "cold"),
        ("last_line", "first\n\n 7 \n", "7"),
        ("last_number", "There are 3, no, 1,200 eggs.", "1200"),
        ("last_number", "It is -3.5 degrees.", "-3.5"),
        ("last_number", "none", None),
        ("after_trigger", "So the answer is no. SO THE ANSWER IS yes.\nQ:", "yes"),
        ("after_trigger", "So the answer is: 3.14.", "3.14"),
        ("after_trigger", "I do not know.", None),
        ("after_trigger", "So the answer is", None),
    ],
)
def test_the_answer_is_found(rule, text, answer):
    assert extract_answer(text, rule, "So the answer is") == answer


@given(st.text(), st.sampled_from(["whole", "first_line", "last_line", "last_number", "after_trigger"]))
def test_an_answer_is_part_of_the_text_or_none(text, rule):
    found = extract_answer(text, rule, "is")
    assert found is None or found.strip() == found != ""


def test_a_chat_template_is_rendered_open_for_the_assistant():
    chat = [ChatMessage("system", "Be kind."), ChatMessage("user", "Hi")]
    assert render_with_template(CHATML, chat) == (
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )


def test_a_reply_that_was_begun_stays_open():
    text = render_with_template(CHATML, [ChatMessage("user", "Hi"), ChatMessage("assistant", "Let's")])
    assert text.endswith("<|im_start|>assistant\nLet's")


def test_a_chat_template_may_refuse_and_the_reason_is_told():
    template = "{{ raise_exception('Roles must alternate') }}"
    with pytest.raises(LabError, match="Roles must alternate"):
        render_with_template(template, [ChatMessage("user", "Hi")])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", '{"question": "hot", "answer": "cold"}\n\n{"input": "2+2", "output": 4, "reasoning": "add"}\n'),
        ("a.csv", '\ufeffInput,Output,Reasoning\nhot,cold,\n2+2,4,"add"\n'),
        ("a.tsv", "prompt\tcompletion\trationale\nhot\tcold\t\n2+2\t4\tadd\n"),
    ],
)
def test_demonstrations_are_read_from_every_kind_of_file(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content, "utf-8")
    assert load_demonstrations(path) == [
        Demonstration(input="hot", output="cold"), Demonstration(input="2+2", output="4", reasoning="add"),
    ]  # fmt: skip


def test_a_cell_may_hold_several_lines(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('input,output\n"one\ntwo",x\n', "utf-8")
    assert load_demonstrations(path)[0].input == "one\ntwo"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.jsonl", b'{"input": "hot"}\n', "line 1.*no output"),
        ("a.jsonl", b'{"input": "a", "output": "b"}\n[1]\n', "line 2.*not a JSON object"),
        ("a.csv", b"foo,bar\n1,2\n", "line 2.*no input"),
        ("a.csv", b"input,output\n", "no demonstrations"),
        ("a.jsonl", b"\xff\xfe\x00", "not UTF-8"),
        ("a.docx", b"x", "cannot be read from a .docx"),
    ],
)
def test_a_bad_file_says_where_and_what(tmp_path, name, content, says):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(LabError, match=says):
        load_demonstrations(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(LabError, match="cannot be read"):
        load_demonstrations(tmp_path / "none.csv")


def test_chosen_demonstrations_are_repeatable_and_nested():
    pool = [Demonstration(input=str(i), output=str(i)) for i in range(20)]
    assert choose(pool, 3) == pool[:3]
    assert choose(pool, 5, "shuffled", seed=4) == choose(pool, 5, "shuffled", seed=4)
    assert choose(pool, 5, "shuffled", seed=4) != choose(pool, 5, "shuffled", seed=5)
    assert choose(pool, 4, "shuffled", seed=4) == choose(pool, 5, "shuffled", seed=4)[:4]
    with pytest.raises(LabError, match="only 20"):
        choose(pool, 21)
