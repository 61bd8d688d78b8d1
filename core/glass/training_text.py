"""The documents and the tokenizer that a run was trained with, still as they were."""

from core.data.documents import Documents
from core.errors import LabError
from core.record.folder import JobFolder, Workspace
from core.record.lineage import identity, sha256_file
from core.tokens.tokenizer import FILE as TOKENIZER


def training_documents(workspace: Workspace, run: JobFolder) -> Documents:
    """The documents that a run was trained on.

    Raises:
        LabError: the corpus is gone, or was made anew since: its rows would be other documents.
    """
    name = run.request["spec"]["corpus"]
    trained_on = run.request.get("inputs", {}).get("corpus", {})
    corpus = workspace.path("corpora", name)
    if not corpus.is_dir():
        raise LabError(
            "The corpus {corpus} that {run} was trained on is gone, so its documents cannot be shown.", str(corpus),
            "Put its folder back.", corpus=name, run=run.name)  # fmt: skip
    if trained_on and identity(corpus) != trained_on["sha256"]:
        raise LabError(
            "The corpus {corpus} has changed since {run} was trained on it, so its rows are other documents now.",
            str(corpus), "Put the old corpus back, or train again on the new one.", corpus=name, run=run.name)
    return Documents(corpus, "kept")


def tokenizer_hash(run: JobFolder) -> str:
    """sha256 of a run's tokenizer file; empty where it has none of its own."""
    file = run.path(TOKENIZER)
    return sha256_file(file) if file.is_file() else ""
