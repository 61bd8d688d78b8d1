"""The index job, from a run's folder to an index that the Glass room finds and opens."""

import json

import numpy as np
import pytest

from core.errors import LabError
from core.glass import index_job
from core.glass.attribution import Tracer
from core.glass.suffix_array import META, SuffixArray
from core.record.control import Control, StopRequested
from core.record.events import Phase
from core.record.folder import Workspace
from core.record.lineage import write_outputs
from core.spec.export import IndexSpec
from core.spec.files import write_toml

TOKENS = np.array([0, 1, 2, 3, 0, 2, 3], "<u2")


@pytest.fixture
def workspace(tmp_path):
    """A workspace with the training tokens of one run, as training leaves them."""
    tokens = tmp_path / "runs" / "small" / "tokens"
    tokens.mkdir(parents=True)
    TOKENS.tofile(tokens / "train.bin")
    np.array([[0, 0], [4, 1]], "<u8").tofile(tokens / "train.docs")
    (tokens / "meta.json").write_text(json.dumps({"dtype": "<u2", "train_tokens": len(TOKENS)}))
    write_toml(tokens.parent / "spec.toml", {"kind": "train", "spec": {"corpus": "texts"}})
    write_outputs(tokens.parent)
    return Workspace(tmp_path)


def build_index(workspace, name="small"):
    folder, events = workspace.create("index", name, IndexSpec(run="small")), []
    result = index_job.run(IndexSpec(run="small"), folder, events.append, Control(folder.root, events.append))
    return folder, events, result


def test_a_run_is_indexed_and_its_index_is_found(workspace):
    assert index_job.attribution_index(workspace, "small") is None
    folder, events, result = build_index(workspace)
    assert result["tokens"] == len(TOKENS)
    files = [*folder.root.glob("*.bin"), folder.path(META)]
    assert result["bytes"] == sum(path.stat().st_size for path in files)
    phases = [event.name for event in events if isinstance(event, Phase)]
    assert phases == ["Reading the training tokens", "Sorting the training text"]
    found = index_job.attribution_index(workspace, "small")
    assert found == folder.root
    assert SuffixArray(TOKENS, found).count([2, 3]) == 2


def test_the_newest_finished_index_is_taken_and_others_are_left_alone(workspace):
    build_index(workspace)
    newer, _, _ = build_index(workspace, "small-2")
    workspace.create("index", "small-3", IndexSpec(run="small"))  # begun, never finished
    assert index_job.attribution_index(workspace, "small") == newer.root
    assert index_job.attribution_index(workspace, "another") is None


def test_a_stopped_job_leaves_no_index(workspace):
    folder = workspace.create("index", "small", IndexSpec(run="small"))
    control = Control(folder.root, lambda event: None)
    control.stop_requested = True
    with pytest.raises(StopRequested):
        index_job.run(IndexSpec(run="small"), folder, lambda event: None, control)
    assert index_job.attribution_index(workspace, "small") is None


def test_asking_where_words_come_from_without_an_index_says_what_to_do(workspace):
    with pytest.raises(LabError, match="Build its index first"):
        Tracer.open(workspace, "small")
