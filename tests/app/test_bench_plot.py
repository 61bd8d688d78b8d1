"""The lane that measures the plot tells its rows as every lane does."""

from app.bench import frames, many_runs


def assert_rows(rows, names):
    for row, part in zip(rows, names, strict=True):
        assert set(row) == {"name", "unit", "ours", "rival", "rival_name", "ratio", "spread"}
        assert part in row["name"] and row["ours"] > 0 and row["ratio"] == row["rival"] / row["ours"]
        assert row["spread"][0] <= row["spread"][1]


def test_frames_are_measured_beside_the_rival(qapp, tmp_path):
    roots = many_runs.make_runs(tmp_path, 2, 10_000, different=1)
    rows = frames.measure_frames(0.0, roots, runs=3, steps=2000)
    assert_rows(rows, [what for what in ("3 runs", "smoothed", "fed alike", "2 runs on disk") for _ in (50, 99)])
    assert {row["unit"] for row in rows} == {"ms"}


def test_a_gesture_stays_within_the_runs():
    views = frames.gestures(1000)
    assert len(views) >= 100 and all(-1e-6 <= left < right <= 1000 + 1e-6 for left, right in views)


def test_the_cold_start_is_measured_in_fresh_processes(tmp_path):
    roots = many_runs.make_runs(tmp_path / "workspace", 10, 5000, different=1)
    rows = many_runs.measure_cold_start(tmp_path / "workspace", roots, times=1)
    assert_rows(rows, ["first paint", "process"])
    assert not (tmp_path / "workspace" / "few").exists()
