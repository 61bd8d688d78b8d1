"""Word vectors opened to be asked which words are alike."""

from pathlib import Path

from core.errors import LabError
from core.infer.sources import checkpoint_path, family
from core.model.neighbours import nearest, unit_rows
from core.tokens.tokenizer import Tokenizer


class WordTable:
    """One checkpoint of a run of the family "word_vectors".

    Args:
        run: the run's folder.
        which: "best", "last", "step-00000200" or "200".
    Raises:
        LabError: no such checkpoint, a damaged one, or of another kind of model.
    """

    def __init__(self, run: str | Path, which: str = "best") -> None:
        self.name, self.checkpoint = Path(run).name, checkpoint_path(Path(run), which)
        if family(self.checkpoint) not in ("word_vectors", ""):
            raise LabError(
                "{name} does not hold word vectors.", "", "Choose a run whose model is of the family word vectors.",
                name=self.name)
        from core.model.loading import load_decoder

        model, _, self.step_trained = load_decoder(self.checkpoint)
        self._tokenizer = Tokenizer.load(run)
        self._rows = unit_rows(model.table()[: self._tokenizer.vocab_size])

    def neighbours(self, text: str, count: int) -> list[tuple[int, bytes, list[tuple[int, bytes, float]]]]:
        """For each token of a text its id, its bytes, and the ``count`` nearest others: id, bytes, cosine.

        Raises:
            LabError: there is no token in the text.
        """
        ids = self._tokenizer.encode(text)
        if not ids:
            raise LabError("There is no word to look for.", "", "Type one.")
        return [(id, self._tokenizer.token_bytes(id), [
            (other, self._tokenizer.token_bytes(other), cosine)
            for other, cosine in nearest(self._rows, self._rows[id], count, {id})]) for id in ids]
