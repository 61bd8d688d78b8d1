"""A form made from the fields of a spec."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget


class SpecForm(QWidget):
    """Editors for every field of a spec, validated as one types.

    Args:
        spec_type: a core.spec type.
        values: plain data to begin with; missing fields take their defaults.
        hidden: names of fields (dotted for nested ones) that the page fills in itself.
    """

    values_changed = Signal(dict)  # the whole plain data, after each edit by the person
    validity_changed = Signal(bool)

    def __init__(self, spec_type: type, values: dict | None = None, hidden: tuple[str, ...] = (), *,
                 parent: QWidget | None = None) -> None: ...  # fmt: skip

    def values(self) -> dict:
        """Plain data of all fields, ready for core.spec.base.build."""

    def set_values(self, values: dict) -> None:
        """Show other values without emitting; fields not named keep theirs."""

    def set_choices(self, field: str, choices: list) -> None:
        """Offer choices for a ``picks`` field (dotted name); each a name or (name, text)."""

    @property
    def valid(self) -> bool:
        """Whether the values make a spec."""

    def spec(self):
        """The spec, or None while it is not valid."""

    def problem(self) -> str:
        """The sentence that says what is wrong; empty when valid."""

    def focus_field(self, field: str) -> None:
        """Open the group it lies in and put the cursor there."""
