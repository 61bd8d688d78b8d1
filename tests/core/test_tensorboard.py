"""Event files are read back by TensorBoard's own reader, and their checks are those of the published tables."""

import struct

import numpy as np
import pytest

from core.record.metrics import read_metrics
from core.record.tensorboard import MASK, masked_crc32c, write_event_file
from tests.made_runs import make_run


def unmasked(data: bytes) -> int:
    masked = (int(masked_crc32c(np.frombuffer(data, np.uint8)[None])[0]) - MASK) & 0xFFFFFFFF
    return ((masked << 15) | (masked >> 17)) & 0xFFFFFFFF


@pytest.mark.parametrize(("data", "crc"), [
    (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43), (bytes(range(32)), 0x46DD794E),
    (bytes(range(31, -1, -1)), 0x113FDB5C), (b"123456789", 0xE3069283),
])  # fmt: skip
def test_the_check_is_that_of_rfc_3720(data, crc):
    assert unmasked(data) == crc


def test_every_record_is_framed_as_tfrecord_says(tmp_path):
    run = make_run(tmp_path, "short", steps=300, layers=False)
    data = write_event_file(run, tmp_path / "out", 1e9).read_bytes()
    place, records = 0, 0
    while place < len(data):
        length, check = struct.unpack("<QI", data[place : place + 12])
        body = data[place + 12 : place + 12 + length]
        assert check == masked_crc32c(np.frombuffer(data[place : place + 8], np.uint8)[None])[0]
        assert struct.unpack("<I", data[place + 12 + length : place + 16 + length])[0] == masked_crc32c(
            np.frombuffer(body, np.uint8)[None])[0]
        place, records = place + 16 + length, records + 1
    assert place == len(data) and records == 302  # the version, the step before the first, and 300 steps


def test_tensorboard_reads_what_was_measured(tmp_path):
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = make_run(tmp_path, "long", steps=20_000, layers=False)
    columns, rows = read_metrics(run / "metrics.bin")
    table = {name: rows[:, place] for place, (name, _) in enumerate(columns)}
    write_event_file(run, tmp_path / "out" / "long", 1.7e9)
    told = reader.EventAccumulator(str(tmp_path / "out" / "long"), size_guidance={reader.SCALARS: 0}).Reload()
    assert "train/loss" in told.Tags()["scalars"] and "elapsed_s" not in told.Tags()["scalars"]
    for tag, column in (("train/loss", "loss"), ("held_out/bits_per_byte", "val_bits_per_byte"), ("train/learning_rate",
                        "lr")):  # fmt: skip
        events, known = told.Scalars(tag), np.isfinite(table[column])
        assert [event.step for event in events] == table["step"][known].astype(int).tolist()
        np.testing.assert_array_equal([event.value for event in events], table[column][known].astype(np.float32))
    assert told.Scalars("train/loss")[-1].wall_time == pytest.approx(1.7e9 + table["elapsed_s"][-1])
