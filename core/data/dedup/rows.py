"""Any document of a finished corpus by its number in reading order, whether it was kept or set aside."""

from pathlib import Path

from core.data.documents import Document, Documents, Rejected


class CorpusRows:
    """Finds documents by ``row``, which ascends in kept.jsonl and in rejected.jsonl: a few reads a search.

    Args:
        corpus: the folder of a finished corpus.
    Raises:
        LabError: the folder holds no finished corpus.
    """

    def __init__(self, corpus: Path) -> None:
        self._files = [Documents(corpus, "kept"), Documents(corpus, "rejected")]

    def find(self, row: int) -> Document | Rejected | None:
        """The document of this row; None where there is none."""
        for documents in self._files:
            low, high = 0, len(documents)
            while low < high:
                middle = (low + high) // 2
                document = documents[middle]
                if document.row == row:
                    return document
                low, high = (middle + 1, high) if document.row < row else (low, middle)
        return None

    def close(self) -> None:
        """Let go of the files."""
        for documents in self._files:
            documents.close()
