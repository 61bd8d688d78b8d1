"""The export job as a whole: files that were checked in their own runtimes, or no file at all."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import LabError
from core.export.gguf import write_gguf
from core.export.job import run
from core.export.verify_job import run as verify
from core.record.control import Control, StopRequested, request
from core.record.events import Exported, Noted, Verified
from core.record.folder import JobFolder
from core.record.lineage import write_outputs
from core.spec.export import FORMATS, ExportSpec, VerifySpec

ROOT = Path(__file__).resolve().parents[2]


def export(workspace, name="out", **fields):
    folder = workspace.create("export", name, spec := ExportSpec(run="tiny", **fields))
    events = []
    control = Control(folder.root, events.append)
    return folder, events, lambda: run(spec, folder, events.append, control)


def leftovers(folder: JobFolder) -> list[str]:
    return [p.name for p in folder.root.iterdir() if p.name.startswith(".tmp-")]


def test_all_five_formats_answer_like_the_trained_model(grow, save_run):
    workspace = save_run(grow(steps=40, d_model=256, n_layers=1, kv_heads=2))
    folder, events, go = export(workspace, verify_tokens=1000)
    result = go()
    rows = {row["format"]: row for row in result["exports"]}
    assert list(rows) == list(FORMATS) and result["refused"] == []
    assert all(row["within"] for row in rows.values())
    assert rows["onnx"]["max_logit_difference"] <= 1e-3 and rows["gguf-f32"]["max_logit_difference"] <= 1e-3
    assert rows["gguf-f16"]["max_logit_difference"] <= 2e-2
    for format, least in (("onnx", 0.995), ("gguf-f32", 0.995), ("gguf-f16", 0.99), ("gguf-q8_0", 0.98)):
        assert rows[format]["top1_agreement"] >= least
    assert rows["gguf-q4_k_m"]["bytes"] < rows["gguf-q8_0"]["bytes"] < rows["gguf-f16"]["bytes"] \
        < rows["gguf-f32"]["bytes"]
    assert rows["gguf-f32"]["verdict"] == "Answers like the trained model."
    for format, row in rows.items():
        assert folder.path(row["file"]).stat().st_size == row["bytes"] and row["tokens_per_s"] > 1
        assert abs(row["perplexity"] / result["reference_perplexity"] - 1) < (0.1 if "q4" in format else 0.01)
    parity = json.loads(folder.path("parity.json").read_text("utf-8"))
    assert parity["tokens"] == 1000 and all(row["tokenizer"]["mismatches"] == 0 for row in parity["files"])
    types = {row["format"]: set(row["tensor_types"].values()) for row in parity["files"] if row["format"] != "onnx"}
    assert types["gguf-f16"] == {"F16"} and types["gguf-q8_0"] == {"Q8_0"} and types["gguf-q4_k_m"] >= {"Q4_K", "Q6_K"}
    assert [e.format for e in events if isinstance(e, Exported)] == list(FORMATS)
    assert [e.format for e in events if isinstance(e, Verified)] == list(FORMATS)
    assert rows["gguf-q8_0"]["file"] in folder.path("Modelfile").read_text() and leftovers(folder) == []


def test_matrices_that_fall_back_to_another_type_are_named(grow, save_run):
    workspace = save_run(grow(steps=0))
    folder, events, go = export(workspace, formats=["gguf-q4_k_m"], verify=False)
    result = go()
    note = next(e for e in events if isinstance(e, Exported))
    assert "{fell} of {matrices}" in note.note and "Q5_0" in note.values["types"]
    assert note.values["fell"] <= note.values["matrices"] and result["exports"][0]["within"] is None
    assert sorted(p.name for p in folder.root.glob("*.gguf")) == ["tiny-q4_k_m.gguf"] and leftovers(folder) == []


def test_a_shape_without_a_graph_still_becomes_onnx_and_the_rest_is_refused_aloud(grow, save_run):
    workspace = save_run(grow(steps=3, activation="relu"))
    folder, events, go = export(workspace, formats=["gguf-f16", "gguf-q8_0", "onnx"], verify_tokens=256)
    result = go()
    assert [row["format"] for row in result["exports"]] == ["onnx"] and result["exports"][0]["within"]
    assert [row["format"] for row in result["refused"]] == ["gguf-f16", "gguf-q8_0"]
    assert "ONNX" in result["refused"][0]["remedy"] and sum(isinstance(e, Noted) for e in events) == 2
    assert not folder.path("Modelfile").exists() and leftovers(folder) == []


def test_when_no_format_fits_the_job_fails_with_the_reason(grow, save_run):
    _, _, go = export(save_run(grow(steps=0, activation="relu")), formats=["gguf-f16"])
    with pytest.raises(LabError, match="relu"):
        go()


def test_a_stopped_export_leaves_only_whole_files(grow, save_run):
    folder, _, go = export(save_run(grow(steps=0)))
    request(folder.root, "stop")
    with pytest.raises(StopRequested):
        go()
    assert leftovers(folder) == [] and not folder.path("export.json").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="a limit on file size is POSIX's own")
def test_a_full_disk_leaves_no_half_file_and_one_sentence(grow, save_run, bpe_json, tmp_path):
    folder, _, _ = export(save_run(grow(steps=0)), verify=False)
    full = tmp_path / "full.gguf"
    write_gguf(full, grow(steps=0), bpe_json, "f32", "m", "")
    code = """
import resource, sys
from pathlib import Path
from core.errors import LabError
from core.export.job import run
from core.export.quantize import quantize
from core.record.control import Control
from core.record.folder import JobFolder
from core.spec.export import ExportSpec

def attempt(work):
    try:
        work()
    except LabError as error:
        print("SAID", error)

folder, full = JobFolder(sys.argv[1]), Path(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
for format in ("gguf-f16", "gguf-q8_0", "onnx"):
    spec = ExportSpec(run="tiny", formats=[format], verify=False)
    attempt(lambda: run(spec, folder, lambda event: None, Control(folder.root, print)))
attempt(lambda: quantize(full, full.with_name("small.gguf"), "q8_0"))
"""
    ended = subprocess.run(
        [sys.executable, "-c", code, str(folder.root), str(full)], cwd=ROOT, capture_output=True, text=True,
        timeout=100)
    said = [line for line in ended.stdout.splitlines() if line.startswith("SAID")]
    assert len(said) == 4, ended.stdout + ended.stderr
    assert all("disk is full" in line for line in said[:3]) and "small.gguf" in said[3]
    assert list(folder.root.glob("*.gguf")) + list(folder.root.glob("*.onnx")) == [] and leftovers(folder) == []
    assert not full.with_name("small.gguf").exists() and leftovers(JobFolder(tmp_path)) == []


def test_a_damaged_file_is_found_out_when_verified_again(grow, save_run):
    workspace = save_run(grow(steps=30))
    folder, _, go = export(workspace, formats=["gguf-f32"], verify_tokens=256)
    assert go()["exports"][0]["within"]
    write_outputs(folder.root)

    def check_again(name):
        again = workspace.create("verify", name, spec := VerifySpec(export="out", verify_tokens=256))
        row = verify(spec, again, lambda event: None, Control(again.root, lambda event: None))["exports"][0]
        assert json.loads(again.path("parity.json").read_text("utf-8"))["files"][0]["verdict"] == row["verdict"]
        return row

    assert check_again("whole")["within"]
    path = folder.path("tiny-f32.gguf")
    data = bytearray(path.read_bytes())
    data[-60_000:] = bytes(60_000)  # weights lost, the file still whole
    path.write_bytes(data)
    row = check_again("damaged")
    assert not row["within"] and row["verdict"].startswith("Differs")
