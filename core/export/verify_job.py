"""The verify job: check the files of an earlier export again, on more text or another machine."""

from core.export.parity import check_files, read_contents
from core.infer.sources import checkpoint_path
from core.model.loading import load_decoder
from core.record.events import Phase
from core.record.folder import JobFolder
from core.spec.export import VerifySpec


def run(spec: VerifySpec, folder: JobFolder, emit, control) -> dict:
    """Compare every file of an export with the checkpoint it was made from; writes parity.json here.

    Returns:
        {"exports": [...], "reference_perplexity": float}, as the export job.
    Raises:
        LabError: the export is unfinished, or its checkpoint or a file is gone.
    """
    emit(Phase(name="Loading the trained model"))
    export = folder.workspace.folder("exports", spec.export)
    contents = read_contents(export)
    source = folder.workspace.folder("runs", contents["run"])
    decoder, _, _ = load_decoder(checkpoint_path(source.root, contents["checkpoint"]))
    control.check()
    return check_files(folder, export, decoder, spec.verify_tokens, emit, control)
