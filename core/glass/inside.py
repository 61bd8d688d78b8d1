"""Looks into an opened model: each request of core.spec.inside answered, in the engine's process.

    Inside(workspace).answer(engine, run, LensLook(), ids, check)
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.data.shards import TokenShard
from core.errors import LabError
from core.glass import ablation, embeddings, induction, lens, neurons
from core.glass.trace import blocks_of, inside_of, need_order, watch
from core.infer.engine import check_length
from core.model.decoder import Decoder
from core.record.folder import Workspace
from core.spec import inside as asked

MOST_WEIGHTS = 8_000_000  # attention weights of one answer: 32 MB on their way to the window
MOST_FLOP = 1e12  # of one pass, about half a minute on one core
MOST_GUESSES = 2e8  # logits of all layers at once, 800 MB
TOP = 5  # tokens a cell of the lens


class Inside:
    """Answers looks; keeps the tuned lens and the unpacked weights of the model that was asked about last."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._lens: tuple[Path, lens.TunedLens, list] | None = None
        self._unpacked: tuple[object, Decoder] | None = None  # of a GGUF: the engine, and its model
        self._answers = {
            asked.LensLook: self._lens_seen, asked.AttentionLook: self._attention, asked.HeadsLook: self._heads,
            asked.InductionLook: self._induction, asked.ResidualLook: self._residual,
            asked.NeuronsLook: self._neurons,
        }  # fmt: skip

    def answer(
        self, engine, run: str, look: asked.AnyLook, ids: list[int], check: Callable[[], None] = lambda: None
    ) -> asked.AnySeen:
        """What ``look`` asks about the tokens ``ids``, the start token with them.

        Args:
            run: the run that grew the model, if it is in this workspace; else "".
            check: called between the steps of long work; may raise to stop.
        Raises:
            LabError: the model has no such parts, or it or the text is too large; one sentence each.
        """
        check_length(engine, ids, engine.name)
        if isinstance(look, asked.EmbeddingsLook):
            return _embeddings(engine, look, ids)
        model = self._model(engine)
        _check_size(model, len(ids))
        return self._answers[type(look)](engine, model, run, look, ids, check)

    def _model(self, engine) -> Decoder:
        if engine.kind != "gguf":
            self._unpacked = None
            return inside_of(engine)
        if self._unpacked is None or self._unpacked[0] is not engine:
            from core.infer.gguf_model import open_decoder

            self._unpacked = (engine, open_decoder(engine.path))
        return self._unpacked[1]

    def _lens_seen(self, engine, model: Decoder, run: str, look: asked.LensLook, ids: list[int], check):
        most = int(MOST_GUESSES / (engine.vocab_size * (len(blocks_of(model)) + 1)))
        if len(ids) > most:
            raise LabError(
                "What every layer would say at {tokens} tokens does not fit into memory.", "",
                "Look into a text of at most {most} tokens.", tokens=len(ids), most=most)  # fmt: skip
        tuned, learnt = self._tuned(engine, model, run, check) if look.tuned else (None, None)
        text = torch.tensor([ids])
        with torch.inference_mode():
            said = lens.layer_logits(model, watch(model, text).residual, tuned)
            said = [x[0, :, : engine.vocab_size] for x in said]  # masks and marks of an objective are never said
            shown = [torch.softmax(x, -1).topk(TOP, dim=-1) for x in said]
            follows = [lens.follows(x, text[0]) for x in said]
            return asked.LensSeen(
                entropy=_array(torch.stack([lens.entropy(x) for x in said])),
                probability=_array(torch.stack(follows if model.causal else [x * torch.nan for x in follows])),
                kl=_array(torch.stack([lens.divergence(x, said[-1]).mean() for x in said])), tuned=look.tuned,
                learnt=learnt,
                top=[[[(engine.token_bytes(int(id)), float(p)) for id, p in zip(row, chance)]
                      for row, chance in zip(best.indices, best.values)] for best in shown])  # fmt: skip

    def _tuned(self, engine, model: Decoder, run: str, check):
        """The tuned lens of the opened checkpoint: held, read from its file, or learnt now and saved."""
        if not run:
            raise LabError(
                "{name} was not grown in this workspace, so there is no held-out text to learn a tuned lens from.", "",
                "Use the logit lens.", name=engine.name)  # fmt: skip
        path = self.workspace.folder("runs", run).path("lenses", f"{engine.checkpoint.name}.safetensors")
        if self._lens is None or self._lens[0] != path:
            if path.is_file():
                found = lens.load(path)
            else:
                held_out = TokenShard.open(engine.run, "held_out").tokens
                windows = lens.held_out_windows(held_out, engine.context, engine.name)
                found = lens.tune(model, windows, check)
                lens.save(*found, path)
            self._lens = (path, *found)
        return self._lens[1:]

    def _attention(self, engine, model: Decoder, run: str, look: asked.AttentionLook, ids: list[int], check):
        layers, heads = len(blocks_of(model)), model.spec.n_heads
        if layers * heads * len(ids) ** 2 > MOST_WEIGHTS:
            raise LabError(
                "The maps of {heads} heads over {tokens} tokens are too many numbers to draw.", "",
                "Look into a text of at most {most} tokens.", heads=layers * heads, tokens=len(ids),
                most=int((MOST_WEIGHTS / (layers * heads)) ** 0.5))  # fmt: skip
        trace = watch(model, torch.tensor([ids]), attention=True)
        return asked.AttentionSeen(weights=_array(torch.cat(trace.attention)))

    def _heads(self, engine, model: Decoder, run: str, look: asked.HeadsLook, ids: list[int], check):
        need_order(model, engine.name)
        if len(ids) < 2 or look.place == 0 or look.place >= len(ids):
            raise LabError(
                "The first token follows nothing, so no head has a part in it.", "", "Choose a later token.")
        worse, whole = ablation.ablate_heads(model, torch.tensor(ids), look.place, look.how, check)
        return asked.HeadsSeen(worse=_array(worse), whole=whole, place=look.place, how=look.how)

    def _induction(self, engine, model: Decoder, run: str, look: asked.InductionLook, ids: list[int], check):
        start = engine.start_id or 0
        scores, previous = induction.induction_map(model, engine.vocab_size, start, engine.name)
        if not look.history:
            return asked.InductionSeen(induction=_array(scores), previous=_array(previous))
        if not run:
            raise LabError(
                "{name} was not grown in this workspace, so there are no checkpoints of it to compare.", "",
                "Open one of your own runs.", name=engine.name)  # fmt: skip
        past = list(induction.history(engine.run, engine.vocab_size, start, check))
        return asked.InductionSeen(
            induction=_array(scores), previous=_array(previous), steps=[step for step, _, _ in past],
            history=_array(torch.stack([a for _, a, _ in past])) if past else None,
            previous_history=_array(torch.stack([b for _, _, b in past])) if past else None)  # fmt: skip

    def _residual(self, engine, model: Decoder, run: str, look: asked.ResidualLook, ids: list[int], check):
        trace = watch(model, torch.tensor([ids]))
        return asked.ResidualSeen(norms=_array(torch.stack([x[0].float().norm(dim=-1) for x in trace.residual])))

    def _neurons(self, engine, model: Decoder, run: str, look: asked.NeuronsLook, ids: list[int], check):
        found, values = neurons.speaking(model, torch.tensor(ids), look.layer)
        examples, scanned, missing = [], 0, ""
        if run:
            try:
                examples, scanned = self._examples(engine, model, look, found, values, check)
            except LabError as error:
                if not Path(engine.run, "tokens").exists():
                    missing = error.problem
                else:
                    raise
        else:
            missing = "{name} was not grown in this workspace, so its training text is not here."
        return asked.NeuronsSeen(
            layer=look.layer, layers=len(blocks_of(model)), neurons=found, values=_array(values),
            examples=examples, scanned=scanned, missing=missing, values_said={"name": engine.name})  # fmt: skip

    def _examples(self, engine, model: Decoder, look: asked.NeuronsLook, found: list[int], values: Tensor, check):
        """The strongest places of some training text for each of these neurons, and how many tokens were read."""
        tokens = TokenShard.open(engine.run, "train").tokens
        windows = neurons.windows_of(tokens, engine.context, sum(p.numel() for p in model.parameters()))
        signs = neurons.directions(values)
        strongest = neurons.strongest(model, windows, look.layer, found, look.examples, check, signs)
        examples = []
        for places in strongest:
            examples.append([])
            for value, window, at in places:
                ids, place = neurons.around(windows[window], at)
                examples[-1].append(asked.Example(value, [engine.token_bytes(id) for id in ids], place))
        return examples, windows.size


def _embeddings(engine, look: asked.EmbeddingsLook, ids: list[int]) -> asked.EmbeddingsSeen:
    table = embeddings.table_of(engine)
    chosen, of_text = embeddings.chosen_tokens([id for id in ids if id < len(table)], len(table), look.most)
    places, share = embeddings.principal_axes(table[chosen])
    return asked.EmbeddingsSeen(
        ids=chosen, tokens=[engine.token_bytes(id) for id in chosen], places=_array(places),
        share=(float(share[0]), float(share[1])), of_text=of_text)  # fmt: skip


def _check_size(model: Decoder, length: int) -> None:
    parameters = sum(p.numel() for p in model.parameters())
    if 2 * parameters * length > MOST_FLOP:
        raise LabError(
            "A look into a model of {parameters} M parameters at {tokens} tokens would take too long here.", "",
            "Look into a text of at most {most} tokens.", parameters=round(parameters / 1e6), tokens=length,
            most=int(MOST_FLOP / (2 * parameters)))  # fmt: skip


def _array(values: Tensor | np.ndarray) -> asked.Array:
    numbers = values.float().cpu().numpy() if isinstance(values, Tensor) else values
    return asked.Array(tuple(numbers.shape), np.ascontiguousarray(numbers, "<f4").tobytes())
