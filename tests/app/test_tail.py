"""Following a job's files: only what is new, no torn lines, and a resume's cut is noticed."""

import json

import numpy as np

from app.jobs.metrics_tail import MetricsTail
from app.jobs.tail import EventTail
from core.record import events as ev
from core.record.log import EventLog
from core.record.metrics import MetricsWriter

COLUMNS = [("step", ""), ("loss", "nats")]


def test_a_tail_gives_each_event_once(tmp_path):
    log, tail = EventLog(tmp_path / "events.jsonl"), EventTail(tmp_path)
    log(ev.Phase(name="one"))
    assert [r.event for r in tail.poll()] == [ev.Phase(name="one")]
    assert tail.poll() == []
    log(ev.Phase(name="two"))
    log(ev.Phase(name="three"))
    assert [r.event.name for r in tail.poll()] == ["two", "three"]


def test_a_torn_last_line_waits_for_its_end(tmp_path):
    path = tmp_path / "events.jsonl"
    line = json.dumps({"v": 1, "seq": 0, "t": 1.0, "event": "phase", "name": "whole"}).encode() + b"\n"
    path.write_bytes(line[:20])
    tail = EventTail(tmp_path)
    assert tail.poll() == []
    path.write_bytes(line)
    assert [r.event.name for r in tail.poll()] == ["whole"]


def test_a_folder_without_a_log_is_an_empty_tail(tmp_path):
    assert EventTail(tmp_path).poll() == []
    assert not MetricsTail(tmp_path).poll()


def write(folder, steps, last_step=0, offset=0.0):
    writer = MetricsWriter(folder / "metrics.bin", COLUMNS, last_step)
    for step in steps:
        writer.append(step=step, loss=offset + 1 / step)
    writer.close()


def test_metrics_grow_without_being_read_again(tmp_path):
    tail = MetricsTail(tmp_path)
    write(tmp_path, range(1, 11))
    assert tail.poll() and len(tail.rows) == 10
    assert not tail.poll()
    write(tmp_path, range(11, 3001), last_step=10)
    assert tail.poll()
    np.testing.assert_array_equal(tail.column("step"), np.arange(1, 3001))


def test_a_resume_that_cut_records_replaces_them(tmp_path):
    tail = MetricsTail(tmp_path)
    write(tmp_path, range(1, 101))
    tail.poll()
    write(tmp_path, range(51, 201), last_step=50, offset=5.0)  # longer than before: only the content tells
    assert tail.poll()
    np.testing.assert_array_equal(tail.column("step"), np.arange(1, 201))
    assert tail.column("loss")[60] > 5


def test_a_resume_that_shortened_the_file_is_noticed(tmp_path):
    tail = MetricsTail(tmp_path)
    write(tmp_path, range(1, 101))
    tail.poll()
    write(tmp_path, [], last_step=40)
    assert tail.poll()
    np.testing.assert_array_equal(tail.column("step"), np.arange(1, 41))
