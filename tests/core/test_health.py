"""Looking at the machine, and the record of it that a run keeps."""

import json
import time

import numpy as np

from core.jobs import worker
from core.record.events import CheckpointSaved
from core.record.folder import JobFolder
from core.record.machine import HEALTH, Machine
from core.record.metrics import read_metrics
from core.record.view import read_view
from core.train.health import HealthLog
from tests.tiny_tree import create, make_workspace, tiny, train_spec, train_until


def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        sum(range(1000))


def test_the_machine_is_read_in_shares_and_bytes():
    machine = Machine()
    burn(0.3)
    reading = machine.read()
    assert 0 < reading.processor_share <= 1
    assert 0 < reading.memory_bytes < reading.memory_total_bytes
    assert abs(reading.t - time.time()) < 5


def test_power_is_the_energy_between_two_looks_over_their_time(tmp_path):
    meter = tmp_path / "energy_uj"
    meter.write_text("1000000")
    machine = Machine(tmp_path)
    assert machine.read().power_w is None  # a first look has nothing to compare with
    meter.write_text("4000000")
    time.sleep(0.2)
    assert 3 / 5 < machine.read().power_w <= 3 / 0.2  # 3 J in at least 0.2 s
    meter.write_text("10")
    assert machine.read().power_w is None  # the count began anew
    assert Machine(tmp_path / "none").read().power_w is None


def test_a_run_records_its_own_memory_and_processor_and_goes_on_where_it_was(tmp_path):
    for _ in range(2):
        with HealthLog(JobFolder(tmp_path), every_s=0.1):
            ballast = np.ones(30_000_000 // 8)
            burn(0.6)
    columns, rows = read_metrics(tmp_path / HEALTH)
    names = [name for name, _ in columns]
    assert len(rows) >= 4 and (np.diff(rows[:, 0]) > 0).all()
    assert rows[:, names.index("own_bytes")].max() > ballast.nbytes
    assert 0 < rows[:, names.index("own_share")].max() <= 1.5


def test_a_folder_that_cannot_be_written_does_not_end_the_run(tmp_path):
    (tmp_path / HEALTH).mkdir()
    with HealthLog(JobFolder(tmp_path), every_s=0.01):
        time.sleep(0.05)


def test_a_real_run_keeps_the_record_and_its_energy_goes_on_over_a_resume(tmp_path, monkeypatch):
    meter = tmp_path / "meter"
    meter.mkdir()
    (meter / "energy_uj").write_text("0")
    monkeypatch.setattr("core.train.energy.read_meter", lambda folder: _tick(meter))
    monkeypatch.setattr("core.train.health.EVERY_S", 0.05)
    workspace, spec = make_workspace(tmp_path), train_spec(tiny("gpt-2"), steps=8)
    folder = create(workspace, "run", spec)
    train_until(folder, spec, lambda event: isinstance(event, CheckpointSaved) and event.step == 3)
    assert worker.main(folder.root) == 0
    columns, rows = read_metrics(folder.path("metrics.bin"))
    energy = rows[:, [name for name, _ in columns].index("energy_j")]
    assert (np.diff(energy[1:]) > 0).all() and read_view(folder.root).result["energy_j"] == energy[-1]
    assert HEALTH not in json.loads(folder.path("outputs.json").read_text())


def _tick(meter):
    """A meter that counts a joule at each look."""
    now = int((meter / "energy_uj").read_text()) + 1_000_000
    (meter / "energy_uj").write_text(str(now))
    return now
