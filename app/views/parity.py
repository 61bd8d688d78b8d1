"""The exported files of one job: do they answer alike, and how does one run them."""

from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.state.jobs import Job
from app.translations import fill
from core.export.usage import llama_command
from core.record.view import JobView
from widgets import theme
from widgets.cards import Button, Card, Text
from widgets.parity_table import ParityTable


class ParityPanel(QWidget):
    """Table, notes on tensors that had to fall back, and the one sentence on how to run the files."""

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.folder: Path | None = None
        self._rows: list[dict] = []
        self.table = ParityTable()
        self.notes = Text("", "caption")
        self.how = Text("", "body")
        self.command = Text("", "mono")
        self.open_folder = Button(self.tr("Open folder"), "secondary", "folder")
        self.open_folder.clicked.connect(self._open_folder)
        self.copy_modelfile = Button(self.tr("Copy Modelfile"), "secondary", "copy")
        self.copy_modelfile.clicked.connect(self._copy_modelfile)
        self.copy_command = Button(self.tr("Copy command"), "secondary", "copy")
        self.copy_command.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.command.text()))
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.space(1))
        for button in (self.open_folder, self.copy_modelfile, self.copy_command):
            buttons.addWidget(button)
        buttons.addStretch(1)
        run_it = Card(self.tr("Run it anywhere"))
        run_it.body.addWidget(self.how)
        run_it.body.addWidget(self.command)
        run_it.body.addLayout(buttons)
        self.run_card = run_it
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(2))
        column.addWidget(self.table)
        column.addWidget(self.notes)
        column.addWidget(run_it)
        column.addStretch(1)

    def show_export(self, job: Job) -> None:
        """Show what an export or a check has found so far."""
        self.folder = job.root
        self._rows = parity_rows(job.view)
        self.table.set_rows(self._rows)
        lines = [f"{e.format}: {fill(e.note, e.values)}" for e in job.view.exports if e.note]
        self.notes.setText("\n".join(lines))
        self.notes.setVisible(bool(lines))
        gguf = [Path(e.file).name for e in job.view.exports if e.format.startswith("gguf")]
        best = next((name for name in gguf if "q8_0" in name.lower()), gguf[0] if gguf else "")
        self.how.setText(self.tr(
            "The folder holds everything: llama.cpp runs the GGUF file with the command below, and Ollama takes it "
            "with the Modelfile (ollama create my-model -f Modelfile)."))  # fmt: skip
        self.command.setText(llama_command(best) if best else "")
        self.run_card.setVisible(bool(best))
        self.copy_modelfile.setVisible((job.root / "Modelfile").is_file())

    def table_rows(self) -> list[dict]:
        """The rows shown now."""
        return list(self._rows)

    def _open_folder(self) -> None:
        if self.folder is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.folder)))

    def _copy_modelfile(self) -> None:
        if self.folder is not None:
            QGuiApplication.clipboard().setText((self.folder / "Modelfile").read_text("utf-8"))


def parity_rows(view: JobView) -> list[dict]:
    """Rows of the table: checked files with their figures, written ones that still wait for theirs."""
    unknown = dict.fromkeys(("max_logit_difference", "top1_agreement", "perplexity", "tokens_per_s", "within"))
    checked = {v.format: v for v in view.verified}
    written = {e.format: e for e in view.exports}
    rows = []
    for name in dict.fromkeys([*written, *checked]):
        verified, exported = checked.get(name), written.get(name)
        row = {"format": name, "file": (verified or exported).file, "bytes": (verified or exported).bytes,
               "note": fill(exported.note, exported.values) if exported else "", "verdict": "", **unknown}  # fmt: skip
        if verified is not None:
            row |= {key: getattr(verified, key) for key in unknown}
            row["verdict"] = fill(verified.verdict, verified.values)
        rows.append(row)
    return rows
