"""From a spec to the module that it describes."""

from torch import nn

from core.errors import LabError
from core.model.decoder import Decoder
from core.model.encoder_decoder import EncoderDecoder
from core.model.permutation import PermutationModel
from core.model.recurrent import RecurrentModel
from core.model.replaced import ReplacedTokenModel
from core.model.window import WindowModel
from core.model.word_vectors import WordVectors
from core.spec.model import ModelSpec

OTHERS = {"lstm": RecurrentModel, "window": WindowModel, "word_vectors": WordVectors}


def build_model(spec: ModelSpec) -> nn.Module:
    """The model of a spec whose vocabulary size is resolved; weights are torch's own initial ones.

    Raises:
        LabError: a kind of model that has no module yet.
    """
    if spec.family == "transformer":
        if spec.layout == "encoder_decoder":
            return EncoderDecoder(spec)
        return {"permutation": PermutationModel, "replaced": ReplacedTokenModel}.get(
            spec.objective.task, Decoder)(spec)
    if spec.family in OTHERS:
        return OTHERS[spec.family](spec)
    raise LabError(
        "Models of the family {family} cannot be built yet.", "model.family", "Choose a Transformer.",
        family=spec.family)
