"""What the widgets' tests share: the theme, and no dialog that waits for a person."""

import pytest
from PySide6.QtCore import QEvent

from widgets import theme


@pytest.fixture(autouse=True)
def dressed(qapp):
    """Every test begins in light mode, and without the widgets of the one before."""
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    theme.apply(qapp, "light")
