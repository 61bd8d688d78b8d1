"""Tokens flow, wrap, break and can be read whatever their bytes are."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt

from widgets import theme
from widgets.token_layout import LINE_PX, TokenLayout
from widgets.token_legend import TokenLegend
from widgets.token_popup import percent
from widgets.token_strip import TokenStrip
from widgets.tokens import StripToken, quoted, rank_band, readable, shade


@pytest.mark.parametrize("data,text", [
    (b" the", " the"), ("模型", "模型"), ("🌱", "🌱"), (b"\xe4", "<E4>"), (b"\xbd\xa0x", "<BD><A0>x"),
    (b"\n", "⏎\n"), ("a\n\nb", "a⏎\n⏎\nb"), (b"\t", "⇥"), (b"\x00\x1b", "<00><1B>"), ("é".encode(), "é"),
])  # fmt: skip
def test_any_bytes_become_something_to_read(data, text):
    assert readable(data) == text


@given(st.binary(max_size=20))
@settings(max_examples=200)
def test_no_bytes_break_the_reading(data):
    shown = readable(data)
    assert isinstance(shown, str) and "\r" not in shown and "\x00" not in shown
    assert "\n" not in quoted(data) and quoted(data)


def test_less_likely_tokens_are_darker():
    shades = [shade(StripToken("x", probability=p), "probability") for p in (0.0, 0.1, 0.5, 0.9, 1.0)]
    assert shades == sorted(shades, reverse=True) and shades[0] == 1 and shades[-1] == 0
    assert shade(StripToken("x"), "probability") is None and shade(StripToken("x", probability=0.1), "plain") is None


def test_ranks_fall_into_the_bands_of_gltr():
    assert [rank_band(rank) for rank in (1, 10, 11, 100, 101, 1000, 1001, None)] == [0, 0, 1, 1, 2, 2, 3, None]


@given(st.lists(st.text(alphabet="ab 中\n", min_size=0, max_size=30), max_size=60), st.integers(40, 400))
@settings(max_examples=40, deadline=None)
def test_no_piece_leaves_its_line_and_none_overlap(texts, width):
    layout = TokenLayout(theme.font("body"))
    layout.width = width
    for text in texts:
        layout.append(text)
    widest = layout.measure("中") + 4
    for piece, after in zip(layout.pieces, layout.pieces[1:]):
        assert after.line > piece.line or after.x >= piece.x + piece.width - 0.01
        assert piece.x + piece.width <= max(width, widest) + 0.01
    for index, text in enumerate(texts):
        assert "".join(piece.text for piece in layout.of(index)) == text.replace("\n", "")


def test_a_newline_really_breaks_the_line(qapp):
    layout = TokenLayout(theme.font("body"))
    for text in (readable("a"), readable("\n"), readable("b")):
        layout.append(text)
    assert [piece.line for piece in layout.pieces] == [0, 0, 1]


@pytest.fixture
def strip(qtbot):
    made = TokenStrip()
    qtbot.addWidget(made)
    made.resize(400, 200)
    made.show()
    made.set_tokens([
        StripToken(f" w{i}", probability=i / 40, rank=i + 1, entropy=1.0, top=((f" w{i}", i / 40), (b"\xe4", 0.1)))
        for i in range(40)
    ])  # fmt: skip
    return made


def centre(strip, index):
    return strip.token_rect(index).center().toPoint()


def test_hovering_tells_the_token_and_shows_its_alternatives(strip, qtbot):
    with qtbot.waitSignal(strip.hovered, check_params_cb=lambda index: index == 7):
        qtbot.mouseMove(strip.viewport(), centre(strip, 7))
    assert strip._popup.isVisible() and strip._popup.token is strip.tokens[7]
    strip._popup.grab()
    with qtbot.waitSignal(strip.hovered, check_params_cb=lambda index: index == -1):
        qtbot.mouseMove(strip.viewport(), QPoint(395, 195))
    assert not strip._popup.isVisible()


def test_a_click_tells_and_a_drag_chooses(strip, qtbot):
    with qtbot.waitSignal(strip.clicked, check_params_cb=lambda index: index == 3):
        qtbot.mouseClick(strip.viewport(), Qt.MouseButton.LeftButton, pos=centre(strip, 3))
    qtbot.mousePress(strip.viewport(), Qt.MouseButton.LeftButton, pos=centre(strip, 2))
    with qtbot.waitSignal(strip.selection_changed, check_params_cb=lambda *ends: ends == (2, 6)):
        qtbot.mouseMove(strip.viewport(), centre(strip, 5))
    with qtbot.assertNotEmitted(strip.clicked):
        qtbot.mouseRelease(strip.viewport(), Qt.MouseButton.LeftButton, pos=centre(strip, 5))
    assert strip.text() == " w2 w3 w4 w5"


def test_the_keyboard_walks_chooses_and_copies(strip, qtbot, qapp):
    strip._current = 4
    qtbot.keyClick(strip, Qt.Key.Key_Right)
    qtbot.keyClick(strip, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert strip.selection() == (5, 7)
    qtbot.keyClick(strip, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert qapp.clipboard().text() == " w5 w6"
    with qtbot.waitSignal(strip.clicked, check_params_cb=lambda index: index == 6):
        qtbot.keyClick(strip, Qt.Key.Key_Return)
    qtbot.keyClick(strip, Qt.Key.Key_Escape)
    assert strip.selection() == (0, 0)


def test_split_characters_join_again_when_copied(strip):
    strip.set_tokens([StripToken(b"\xe4\xbd"), StripToken(b"\xa0"), StripToken("!")])
    assert strip.text() == "你!"


def test_streaming_equals_setting_all_at_once_and_keeps_the_end_in_view(strip):
    tokens = list(strip.tokens) * 10
    strip.clear()
    for token in tokens:
        strip.append(token)
    streamed = list(strip._layout.pieces)
    assert strip.verticalScrollBar().value() == strip.verticalScrollBar().maximum() > 0
    strip.set_tokens(tokens)
    assert strip._layout.pieces == streamed


def test_marks_cover_their_ranges_and_replace_older_ones(strip):
    strip.set_marks([(0, 5, "verbatim"), (3, 4, "unsupported")])
    assert [token.mark for token in strip.tokens[:6]] == ["verbatim"] * 3 + ["unsupported", "verbatim", ""]
    strip.set_marks([(38, 99, "unsure")])
    assert [token.mark for token in strip.tokens].count("verbatim") == 0 and strip.tokens[39].mark == "unsure"


@pytest.mark.parametrize("mode", ["probability", "rank", "entropy", "margin", "plain"])
def test_a_doubtful_token_is_visible_in_every_mode(strip, mode):
    strip.set_mode(mode)
    plain = strip.grab().toImage()
    strip.set_marks([(5, 6, "unsupported")])
    assert strip.grab().toImage() != plain


def test_choosing_a_range_far_below_scrolls_to_it(strip):
    strip.set_tokens(strip.tokens * 20)
    strip.select(700, 702)
    assert 0 <= strip.token_rect(700).top() <= strip.viewport().height()


def test_five_thousand_tokens_lay_out_and_paint_fast(strip):
    strip.set_tokens(strip.tokens * 125)
    begun = time.process_time()
    strip.resize(700, 600)
    strip.grab()
    assert time.process_time() - begun < 2.0  # about 0.05 s on a quiet machine; a quadratic layout takes minutes
    assert strip._layout.height > 20 * LINE_PX and strip._at(QPointF(13, 20)) == 0


@pytest.mark.parametrize("mode", ["probability", "rank", "entropy", "margin", "plain"])
def test_the_legend_explains_each_mode(qtbot, mode):
    legend = TokenLegend(mode, ("verbatim", "unsure", "unsupported"))
    qtbot.addWidget(legend)
    legend.set_mode("rank")
    legend.set_mode(mode)
    legend.grab()


def test_probabilities_are_written_without_false_zeros():
    assert [percent(p) for p in (0.412, 0.0021, 0.0003, 1e-7)] == ["41.2 %", "0.2 %", "0.03 %", "< 0.01 %"]


def test_a_long_prompt_wraps_between_its_words(qapp):
    layout = TokenLayout(theme.font("body"))
    layout.width = 160
    layout.append("the quick brown fox jumps over the lazy dog and on")
    pieces = layout.of(0)
    assert len(pieces) > 1 and all(piece.text.startswith(" ") for piece in pieces[1:])


def test_at_the_end_of_a_long_answer_the_first_line_in_view_is_a_whole_one(qtbot):
    strip = TokenStrip()
    qtbot.addWidget(strip)
    strip.resize(300, 201)
    strip.show()
    strip.set_tokens([StripToken("word\n", probability=0.5)] * 40)
    strip.verticalScrollBar().setValue(strip.verticalScrollBar().maximum())
    boxes = [strip.token_rect(index) for index in range(40)]
    assert boxes[0].bottom() < 0 and not [box for box in boxes if box.top() < 0 < box.bottom()]
    assert strip.token_rect(39).bottom() <= strip.viewport().height()


def test_a_toss_up_is_dark_and_a_clear_lead_is_not():
    lead, close = (shade(StripToken("x", margin=margin), "margin") for margin in (0.95, 0.02))
    assert (round(lead, 2), round(close, 2)) == (0.05, 0.98) and shade(StripToken("x"), "margin") is None
