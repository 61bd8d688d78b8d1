"""The overview of a run equals the exact folding of all its rows, however it came about, or is made again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.record.metrics import MetricsWriter, create_metrics, read_metrics
from core.record.overview import (
    BLOCKS,
    LEAST_ROWS,
    NAME,
    fold_rows,
    make_overview,
    read_overview,
    refresh_overview,
    write_overview,
)

COLUMNS = [("step", ""), ("loss", "nats/token"), ("val_loss", "nats/token")]


def write_rows(path, count, start=1, seed=0):
    """Append records to a metrics file, as many steps would."""
    step = np.arange(start, start + count, dtype=float)
    rng = np.random.default_rng(seed + start)
    held = np.where(step % 100 == 0, rng.normal(3, 1, count), np.nan)
    if not path.exists():
        create_metrics(path, COLUMNS)
    with open(path, "ab") as file:
        file.write(np.stack((step, rng.normal(3, 1, count), held), axis=1).astype("<f8").tobytes())


def assert_exact(overview, path):
    """Least, greatest and mean of every block, by the definition."""
    rows = read_metrics(path)[1]
    size = overview.rows_per_block
    assert overview.rows == len(rows) and overview.values.shape[1] == -(-len(rows) // size)
    for number, first in enumerate(range(0, len(rows), size)):
        for place in range(len(COLUMNS)):
            block = rows[first : first + size, place]
            block = block[np.isfinite(block)]
            least, greatest, mean, count = overview.values[:, number, place]
            assert count == len(block)
            if len(block):
                assert (least, greatest) == (np.float32(block.min()), np.float32(block.max()))
                assert mean == pytest.approx(block.mean(), rel=1e-5, abs=1e-6)
            else:
                assert np.isnan([least, greatest, mean]).all()


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=6))
@settings(max_examples=15, deadline=None)
def test_an_overview_grown_in_pieces_is_the_exact_folding_of_all_rows(tmp_path_factory, sizes):
    path, overview = tmp_path_factory.mktemp("run") / "metrics.bin", None
    for size in sizes:
        write_rows(path, size, start=1 + (overview.rows if overview else 0))
        overview = make_overview(path, overview)
    assert_exact(overview, path)
    assert overview.values.shape[1] <= 2 * BLOCKS
    for place, (name, _) in enumerate(COLUMNS):
        assert np.array_equal(overview.by_column()[name], overview.values[:3, :, place], equal_nan=True)
    assert overview.rows < BLOCKS or overview.values.shape[1] >= BLOCKS


def test_what_is_not_finite_counts_as_not_measured():
    folded = fold_rows(np.array([[np.inf, 1.0], [2.0, np.nan], [-np.inf, np.nan], [np.nan, np.nan]]), 2)
    assert folded[:, 0].T.tolist() == [[2, 2, 2, 1], [1, 1, 1, 1]]
    assert folded[3, 1].tolist() == [0, 0] and np.isnan(folded[:3, 1]).all()


def test_it_is_read_back_as_it_was_written(tmp_path):
    write_rows(tmp_path / "metrics.bin", 5000)
    made = make_overview(tmp_path / "metrics.bin")
    write_overview(tmp_path / NAME, made)
    found = read_overview(tmp_path / NAME, tmp_path / "metrics.bin")
    assert np.array_equal(found.values, made.values, equal_nan=True)
    assert (found.columns, found.rows, found.rows_per_block) == (made.columns, made.rows, made.rows_per_block)


def test_a_run_that_was_cut_back_and_went_on_otherwise_makes_it_stale(tmp_path):
    path = tmp_path / "metrics.bin"
    write_rows(path, 6000)
    first = refresh_overview(path)
    MetricsWriter(path, COLUMNS, last_step=5000).close()
    assert read_overview(tmp_path / NAME, path).rows == 5000  # the cutting writer made it anew
    (tmp_path / NAME).unlink()
    write_overview(tmp_path / NAME, first)
    assert read_overview(tmp_path / NAME, path) is None  # it covers rows that are no more
    write_rows(path, 3000, start=5001, seed=7)
    assert read_overview(tmp_path / NAME, path) is None  # other rows stand in their place
    assert_exact(refresh_overview(path), path)
    assert read_overview(tmp_path / NAME, path).rows == 8000


@pytest.mark.parametrize("damage", [b"", b"CFOVERV1", b"nonsense" * 40])
def test_a_damaged_one_is_made_again(tmp_path, damage):
    write_rows(tmp_path / "metrics.bin", 5000)
    refresh_overview(tmp_path / "metrics.bin")
    (tmp_path / NAME).write_bytes(damage)
    assert read_overview(tmp_path / NAME, tmp_path / "metrics.bin") is None
    assert_exact(refresh_overview(tmp_path / "metrics.bin"), tmp_path / "metrics.bin")
    assert read_overview(tmp_path / NAME, tmp_path / "metrics.bin") is not None


def test_a_run_leaves_it_at_every_sync_and_a_short_run_needs_none(tmp_path):
    writer = MetricsWriter(tmp_path / "metrics.bin", COLUMNS)
    for step in range(1, LEAST_ROWS):
        writer.append(step=step, loss=1 / step)
    writer.sync()
    assert not (tmp_path / NAME).exists()
    writer.append(step=LEAST_ROWS, loss=0.5)
    writer.sync()
    assert read_overview(tmp_path / NAME, tmp_path / "metrics.bin").rows == LEAST_ROWS
    writer.append(step=LEAST_ROWS + 1, loss=0.5)
    writer.close()
    assert read_overview(tmp_path / NAME, tmp_path / "metrics.bin").rows == LEAST_ROWS + 1


def test_other_files_of_the_format_leave_none(tmp_path):
    writer = MetricsWriter(tmp_path / "layers.bin", COLUMNS)
    for step in range(1, LEAST_ROWS + 10):
        writer.append(step=step, loss=1.0)
    writer.close()
    assert [path.name for path in tmp_path.iterdir()] == ["layers.bin"]
