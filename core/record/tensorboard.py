"""A run's curves as an event file that TensorBoard opens, written without TensorBoard.

The file is a TFRecord: each record is its length (uint64), the masked CRC-32C of those eight bytes, the data, and the
masked CRC-32C of the data, all little-endian. The data are protocol buffers of the message Event: wall_time = 1
(double), step = 2 (int64), file_version = 3 (string), summary = 5; a summary is a list of value = 1, each with tag = 1
(string) and simple_value = 2 (float).

Source: tensorflow/core/lib/io/record_writer.h, tensorflow/core/util/event.proto and summary.proto; CRC-32C: RFC 3720,
appendix B.4.
"""

from pathlib import Path

import numpy as np

from core.record.atomic import write_bytes
from core.record.metrics import read_metrics

TAGS = {  # column of metrics.bin -> what TensorBoard calls it; a column without a name here keeps its own
    "loss": "train/loss", "lr": "train/learning_rate", "grad_norm": "train/gradient_norm",
    "tokens_per_s": "train/tokens_per_s", "batch_size": "train/batch_size", "epoch": "progress/epoch",
    "tokens": "progress/tokens", "flops": "progress/flops", "energy_j": "progress/energy_j",
    "val_loss": "held_out/loss", "val_bits_per_byte": "held_out/bits_per_byte",
}  # fmt: skip
ASIDE = ("step", "elapsed_s")  # they are the axes themselves
ROWS_AT_ONCE = 4096  # they fit into the processor's cache
POLYNOMIAL, MASK = 0x82F63B78, 0xA282EAD8  # Castagnoli's, reflected; and what TFRecord adds


def write_event_file(run: Path, out: Path, started_t: float = 0.0) -> Path:
    """Write the curves of a run into a folder, one event a step; returns the file.

    Args:
        run: a run's folder.
        out: a folder; TensorBoard names the run after it.
        started_t: when the run began (Unix, s): the wall time of a step is this plus its training time.
    Raises:
        LabError: the run has no curve yet, or the disk is full.
    """
    columns, rows = read_metrics(Path(run) / "metrics.bin")
    names = [name for name, _ in columns]
    steps = rows[:, names.index("step")].astype(np.int64)
    walls = started_t + np.nan_to_num(rows[:, names.index("elapsed_s")])
    shown = [place for place, name in enumerate(names) if name not in ASIDE]
    tags = [TAGS.get(names[place], names[place]).encode() for place in shown]
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"events.out.tfevents.{max(0, int(started_t)):010d}.coldframe"
    write_bytes(path, _version_record(started_t) + b"".join(_events(steps, walls, rows[:, shown], tags)))
    return path


def _version_record(wall_t: float) -> bytes:
    """The first record of every event file."""
    version = b"brain.Event:2"
    data = b"\x09" + np.array(wall_t, "<f8").tobytes() + b"\x1a" + bytes([len(version)]) + version
    return _records(np.frombuffer(data, np.uint8)[None])[0]


def _events(steps: np.ndarray, walls: np.ndarray, values: np.ndarray, tags: list[bytes]) -> list[bytes]:
    """The records of all steps, in order; rows that are laid out alike are made together.

    Args:
        steps: int64 (n,); walls: float64 (n,), s; values: float64 (n, tags), NaN = not measured.
    """
    known = np.isfinite(values)
    lengths = np.maximum(1, -(-np.frexp(steps.astype(float))[1] // 7))  # bytes of the step: seven bits each
    kind = known @ (1 << np.arange(len(tags))) * 16 + lengths
    found: list[bytes] = [b""] * len(steps)
    for layout in np.unique(kind):
        rows = np.flatnonzero(kind == layout)
        there = np.flatnonzero(known[rows[0]])
        if not len(there):
            continue
        data = _lay_out(steps[rows], walls[rows], values[np.ix_(rows, there)], [tags[t] for t in there], layout % 16)
        for row, record in zip(rows.tolist(), _records(data)):
            found[row] = record
    return found


def _lay_out(steps: np.ndarray, walls: np.ndarray, values: np.ndarray, tags: list[bytes], length: int) -> np.ndarray:
    """Events with the same tags and equally long steps, uint8 (n, bytes)."""
    parts = [b"\x09", _bytes(walls, "<f8"), b"\x10", _varints(steps, int(length)), b"\x2a"]
    entries: list = []
    for place, tag in enumerate(tags):
        inside = bytes([10, len(tag)]) + tag + b"\x15"
        entries += [bytes([10, len(inside) + 4]) + inside, _bytes(values[:, place], "<f4")]
    summary = sum(len(part) if isinstance(part, bytes) else part.shape[1] for part in entries)
    parts += [_varint(summary), *entries]
    wide = [np.broadcast_to(np.frombuffer(part, np.uint8), (len(steps), len(part))) if isinstance(part, bytes) else part
            for part in parts]  # fmt: skip
    return np.concatenate(wide, axis=1)


def _bytes(values: np.ndarray, kind: str) -> np.ndarray:
    made = np.ascontiguousarray(values.astype(kind))
    return made.view(np.uint8).reshape(len(made), -1)


def _varints(values: np.ndarray, length: int) -> np.ndarray:
    """Whole numbers in seven-bit groups, the lowest first; all but the last have the eighth bit set."""
    groups = (values[:, None] >> (7 * np.arange(length))) & 0x7F
    groups[:, :-1] |= 0x80
    return groups.astype(np.uint8)


def _varint(value: int) -> bytes:
    return _varints(np.array([value]), max(1, -(-value.bit_length() // 7))).tobytes()


def _records(data: np.ndarray) -> list[bytes]:
    """Equally long data, uint8 (n, bytes), each with its length and both checks."""
    n, size = data.shape
    head = np.frombuffer(np.array(size, "<u8").tobytes(), np.uint8)[None]
    checked = np.broadcast_to(np.concatenate([head, _bytes(masked_crc32c(head), "<u4")], axis=1), (n, 12))
    return [row.tobytes() for row in np.concatenate([checked, data, _bytes(masked_crc32c(data), "<u4")], axis=1)]


def masked_crc32c(data: np.ndarray) -> np.ndarray:
    """TFRecord's masked CRC-32C of each row of bytes: uint8 (n, bytes) -> uint32 (n,)."""
    table, found = _crc_table(), []
    for start in range(0, len(data), ROWS_AT_ONCE):
        crc = np.full(len(data[start : start + ROWS_AT_ONCE]), 0xFFFFFFFF, np.uint32)
        for byte in np.ascontiguousarray(data[start : start + ROWS_AT_ONCE].T):
            crc = table.take((crc ^ byte) & 0xFF) ^ (crc >> 8)
        found.append(~crc)
    crc = np.concatenate(found)
    return ((crc >> 15) | (crc << 17)) + np.uint32(MASK)


def _crc_table() -> np.ndarray:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(POLYNOMIAL), table >> 1)
    return table
