"""Looking at the machine, and the record of it that a run keeps."""

import time

import numpy as np

from core.record.folder import JobFolder
from core.record.machine import HEALTH, Machine
from core.record.metrics import read_metrics
from core.train.health import HealthLog


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
    machine = Machine(meter)
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
