"""Whether llama.cpp survives a quantized model here; it aborts rather than raises, so it runs in a child."""

import re
import shutil

from core.cli.doctor.check import ROOT, Answer, Check, probe

ILLEGAL_INSTRUCTION = (-4, 132, 0xC000001D, 0xC000001D - (1 << 32))  # POSIX signal, a shell's view of it, Windows


def llama() -> list[Check]:
    """Load a tiny quantized model and evaluate it; then whether a GPU would help."""
    answer = probe("-m", "core.cli.doctor.llama_probe", GGML_NO_BACKTRACE="1")
    if not answer.values.get("evaluated"):
        return [_broken(answer)]
    checks = [Check("llama.cpp", "ok", f"{answer.values['version']} evaluates a quantized model")]
    if answer.values["gpu"]:
        checks.append(Check("llama.cpp GPU", "ok", "built for it"))
    elif shutil.which("nvidia-smi"):
        checks.append(Check("llama.cpp GPU", "warning", "a GPU is there, but llama.cpp was built without it",
                            f"With the CUDA toolkit installed, run: {gpu_command()}."))
    return checks


def mending_command() -> str:
    """How to build llama.cpp anew for this machine; pip's cache would hand back the broken one."""
    version, option = _pinned()
    return ("python -m pip install --no-cache-dir --force-reinstall --no-deps --no-binary llama-cpp-python "
            f'llama-cpp-python=={version} --config-settings="{option}"')


def gpu_command() -> str:
    """How to build llama.cpp for an NVIDIA GPU."""
    version, _ = _pinned()
    return ('CMAKE_ARGS="-DGGML_CUDA=on -DGGML_NATIVE=OFF" python -m pip install --no-cache-dir --force-reinstall '
            f"--no-deps llama-cpp-python=={version}")


def _pinned() -> tuple[str, str]:
    text = (ROOT / "requirements.txt").read_text("utf-8")
    found = re.search(r'^llama-cpp-python==(\S+) --config-settings="(.+)"$', text, re.MULTILINE)
    assert found, "requirements.txt pins llama-cpp-python with its build option"
    return found[1], found[2]


def _broken(answer: Answer) -> Check:
    if answer.status in ILLEGAL_INSTRUCTION:
        return Check("llama.cpp", "problem", "it was built for other instructions than this processor's, and dies",
                     f"Run: {mending_command()}.")
    if "No module named" in answer.said:
        return Check("llama.cpp", "problem", answer.last_words, "Run: python -m pip install -r requirements.txt.")
    return Check("llama.cpp", "problem", f"it ended badly: {answer.last_words}", f"Run: {mending_command()}.")
