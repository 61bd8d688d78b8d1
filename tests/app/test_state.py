"""What the window says of jobs and questions, from plain values: no window, no worker."""

import pytest

from app.state.dialogue import editor_values, follow_up, found_answer, make_question, template_uses
from app.state.pace import Pace
from app.state.story import current_stage, explanation, stages
from app.views.export_form import predicted_bytes
from app.views.parity import parity_rows
from app.views.run_notes import choice_sentences
from app.views.samples import presentable
from app.words import age_text, bytes_text, clock_text, count_text, duration_text
from core.errors import LabError
from core.model.sizing import parameters
from core.prompt.template import prompt_preset_names
from core.record import events as ev
from core.record.log import Record
from core.record.view import JobView, fold
from core.spec.model import ModelSpec


def view_of(*events, **start) -> JobView:
    view = JobView(**start)
    for number, event in enumerate(events):
        view = fold(view, Record(number, float(number), event))
    return view


def test_numbers_are_short_and_carry_their_unit():
    assert [count_text(n) for n in (0, 999, 1234, 12_345, 1_000_576, 9.87e9)] == [
        "0", "999", "1,234", "12.3 K", "1 M", "9.87 G"]  # fmt: skip
    assert [bytes_text(n) for n in (12, 98_200_000, 3.1e9)] == ["12 B", "98.2 MB", "3.1 GB"]
    assert [duration_text(s) for s in (45, 200, 7500, 273_600)] == ["45 s", "3 min 20 s", "2 h 5 min", "3 d 4 h"]
    assert [clock_text(s) for s in (99, 3600, 7510)] == ["1:39", "1:00:00", "2:05:10"]
    assert [age_text(s) for s in (5, 150, 8000)] == ["now", "2 min ago", "2 h ago"]


def test_a_count_never_shows_a_thousand_of_a_unit():
    assert all("1,000 " not in count_text(10**power) for power in range(15))


def test_pace_tells_speed_and_time_left_and_starts_anew_with_each_phase():
    pace = Pace()
    for t, done in ((0.0, 0), (1.0, 10), (2.0, 20)):
        pace.observe(Record(0, t, ev.Progress(done=done, total=100, unit="steps")))
    assert pace.per_second == 10 and pace.left_s == 8
    pace.observe(Record(0, 3.0, ev.Phase(name="next")))
    assert pace.per_second is None and pace.left_s is None


def test_the_story_follows_the_stage_at_work():
    begun = [ev.Started(pid=1, attempt=1), ev.ChildStarted(kind="corpus", name="m", folder="corpora/m"),
             ev.ChildEnded(kind="corpus", name="m", state="completed"),
             ev.ChildStarted(kind="tokenizer", name="m", folder="tokenizers/m")]  # fmt: skip
    view = view_of(*begun)
    assert [s.state for s in stages(view)] == ["completed", "running", "waiting", "waiting", "waiting"]
    assert current_stage(view) == "tokenizer"
    stopped = view_of(*begun, ev.Stopped())
    assert [s.state for s in stages(stopped)][1] == "stopped"


@pytest.mark.parametrize("state", ["completed", "stopped", "failed", "crashed", "running", "queued", "paused"])
def test_every_state_of_the_story_is_told_in_two_sentences(state):
    words = explanation(JobView(state=state), has_samples=False)
    assert words.count(". ") >= 1 and words.endswith(".")


@pytest.mark.parametrize("name", prompt_preset_names())
def test_every_template_can_be_asked_as_text_and_as_chat(name):
    values = {**editor_values(name), "input": "is this it?"}
    text = make_question(values, {"max_tokens": 5}, [], has_chat=False)
    assert "is this it?" in text.prompt and text.chat is None
    chat = make_question(values, {"max_tokens": 5}, [], has_chat=True)
    if name == "plain":
        assert chat.chat is None
    else:
        assert chat.chat[-1].content and any("is this it?" in turn.content for turn in chat.chat)
        assert chat.settings.stop == []


def test_a_template_that_asks_twice_asks_exactly_twice():
    question = make_question(editor_values("cot_zero_shot"), {}, [], has_chat=False)
    second = follow_up(question, "4 times 6 is 24, minus 12 is 12.")
    assert second.prompt.startswith(question.prompt) and second.prompt.endswith("the answer (arabic numerals) is")
    assert follow_up(second, " 12.") is None
    assert found_answer(second, " 12.") == "12"


def test_a_setting_out_of_range_is_refused_in_words():
    with pytest.raises(LabError):
        make_question(editor_values("plain"), {"temperature": 99}, [], has_chat=False)


def test_the_editor_shows_only_parts_that_a_template_uses():
    assert template_uses("plain") == frozenset()
    assert template_uses("cot_few_shot") >= {"demonstrations", "reasoning"}


def test_predicted_sizes_follow_bits_and_say_so_of_small_rows():
    small, wide = ModelSpec(d_model=128, vocab_size=2048), ModelSpec(d_model=256, d_ff=1024, vocab_size=2048)
    total = parameters(small)["total"]
    assert predicted_bytes(small)["onnx"] == total * 4
    per_weight = [predicted_bytes(m)["gguf-q4_k_m"] / parameters(m)["total"] for m in (small, wide)]
    assert per_weight[0] > per_weight[1]


def test_a_file_that_waits_for_its_check_is_a_row_without_figures():
    view = view_of(
        ev.Exported(format="gguf-f32", file="a.gguf", bytes=10), ev.Exported(format="onnx", file="a.onnx", bytes=20),
        ev.Verified(format="gguf-f32", file="a.gguf", bytes=10, top1_agreement=1.0, verdict="Good: {n}.",
                    values={"n": 3}, within=True))  # fmt: skip
    first, second = parity_rows(view)
    assert (first["within"], first["verdict"], first["top1_agreement"]) == (True, "Good: 3.", 1.0)
    assert (second["within"], second["verdict"], second["bytes"]) == (None, "", 20)


def test_a_choice_says_by_how_much_it_won():
    timings = {"fp32, torch": 3.0, "bf16, torch": 2.0, "bf16, our loss": 1.0}
    view = view_of(ev.Chosen(what="arithmetic", value="bf16, our loss", why="Timed.", timings=timings))
    assert choice_sentences(view) == [
        "Arithmetic: bfloat16 with Coldframe's own kernels for loss. "
        "2.00 times as fast as bfloat16 with PyTorch alone. Timed."]


def test_a_young_models_text_is_safe_to_show():
    shown = presentable("a\x00\x1b[31m\n\n\n\nb" + "-" * 50)
    assert "\x00" not in shown and "\x1b" not in shown and "\n\n" not in shown
    assert max(len(run) for run in shown.split("\u200b")) <= 40
