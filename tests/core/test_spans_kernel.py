"""The kernel of the plot folds and paints exactly what the numpy beside it does, and stays within its arrays."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.kernels import spans as kernel
from core.kernels import spans_reference as reference

ROOT = Path(__file__).resolve().parents[2]
built = pytest.mark.skipif(not kernel.built(), reason="the C++ kernels are not built here")


@pytest.fixture
def plainly(monkeypatch):
    """Calls a function of the kernel's module as if nothing were built."""

    def call(name, *values):
        with monkeypatch.context() as patched:
            patched.setattr(kernel, "_library", lambda: None)
            return getattr(kernel, name)(*values)

    return call


def random_spans(rng, curves, columns, rows):
    """Spans in, across and out of a picture; some end on half rows, some are NaN, endless or upside down."""
    tops = rng.uniform(-20, rows + 20, (curves, columns))
    feet = tops + rng.exponential(6, tops.shape) - 0.3
    for ends, odd in ((tops, -np.inf), (feet, np.inf), (tops, np.nan), (feet, np.nan)):
        ends[rng.random(tops.shape) < 0.07] = odd
    halves = rng.random(tops.shape) < 0.3
    tops[halves], feet[halves] = np.round(2 * tops[halves]) / 2, np.round(2 * feet[halves]) / 2
    return tops, feet


@built
@settings(max_examples=150, deadline=None)
@given(st.integers(0, 12), st.integers(1, 70), st.integers(1, 70), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_the_kernel_paints_the_cells_that_the_reference_paints(curves, columns, rows, sharing, seed):
    rng = np.random.default_rng(seed)
    tops, feet = random_spans(rng, curves, columns, rows)
    colours = (rng.integers(0, 2**32, curves) // sharing * sharing).tolist()
    palette = np.array([0, *colours], np.uint32)
    wanted = reference.paint(tops, feet, np.arange(1, curves + 1), palette, rows)
    assert np.array_equal(kernel.paint(tops, feet, colours, rows), wanted)


def test_later_curves_lie_on_earlier_ones_in_the_rows_nearest_to_their_ends(plainly):
    tops, feet = np.array([[0.6, -5.0], [2.0, np.nan]]), np.array([[3.4, 0.2], [9.0, 3.0]])
    wanted = [[0, 7], [7, 0], [8, 0], [8, 0], [8, 0]]
    assert kernel.paint(tops, feet, [7, 8], 5).tolist() == plainly("paint", tops, feet, [7, 8], 5).tolist() == wanted


def test_as_many_colours_as_a_byte_tells_apart_are_painted_and_no_more(plainly):
    columns = np.arange(300.0)
    tops = feet = np.where(columns[:, None] == columns, 0.0, np.nan)  # a curve a column
    colours = [min(curve, 254) + 9 for curve in range(300)]
    assert kernel.paint(tops, feet, colours, 1).tolist() == [colours]
    assert plainly("paint", tops, feet, colours, 1).tolist() == [colours]
    with pytest.raises(ValueError, match="255 colours"):
        kernel.paint(tops, feet, list(range(1, 301)), 1)


@built
@settings(max_examples=150, deadline=None)
@given(st.integers(1, 6), st.integers(1, 90), st.integers(2, 200), st.booleans(), st.integers(0, 2**32 - 1))
def test_the_kernel_folds_what_the_reference_folds(curves, columns, blocks, passing, seed):
    rng = np.random.default_rng(seed)
    lows = list(rng.normal(size=(curves, blocks)))
    highs = [low + rng.exponential(size=blocks) for low in lows]
    starts = np.sort(rng.integers(0, blocks + 1, columns + 1))
    pairs = np.stack((np.maximum(starts[:-1] - rng.integers(0, 2), 0), starts[1:]), axis=1).reshape(-1)
    edges = None, None
    if passing:
        share = rng.random(columns + 1)
        share[rng.random(columns + 1) < 0.3] = np.nan
        edges = rng.integers(0, blocks - 1, columns + 1), share
    for found, wanted in zip(kernel.fold(lows, highs, pairs, *edges), reference.fold(lows, highs, pairs, *edges)):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


@pytest.mark.parametrize("call", ["ours", "plain"])
def test_a_column_holds_its_blocks_and_the_way_through_its_edges(call, plainly):
    def fold(*values):
        return kernel.fold(*values) if call == "ours" else plainly("fold", *values)

    low = high = [np.array([1.0, 3.0, 2.0, 8.0])]
    pairs = np.array([0, 2, 2, 2, 2, 4])
    least, most = fold(low, high, pairs, None, None)
    assert np.array_equal(least, [[1, np.nan, 2]], equal_nan=True)
    assert np.array_equal(most, [[3, np.nan, 8]], equal_nan=True)
    before, share = np.array([0, 1, 1, 2]), np.array([np.nan, 0.25, 0.75, 1.0])
    least, most = fold(low, high, pairs, before, share)  # the edges lie at: nowhere, 2.75, 2.25 and 8
    assert least.tolist() == [[1, 2.25, 2]] and most.tolist() == [[3, 2.75, 8]]


def test_what_is_not_of_the_kernels_types_is_folded_and_painted_all_the_same(plainly):
    rows = np.arange(20, dtype=np.float32)
    folding = [rows[::2]], [rows[::2] + 1], np.array([0, 4, 4, 10], np.int32)
    assert kernel.fold(*folding)[1].tolist() == plainly("fold", *folding)[1].tolist() == [[7, 19]]
    painting = np.array([[1, 2]]), np.array([[2, 2]]), [5], 3
    assert kernel.paint(*painting).tolist() == plainly("paint", *painting).tolist() == [[0, 0], [5, 0], [5, 5]]


def test_without_the_library_the_plot_is_painted_all_the_same():
    code = ("import numpy as np; from core.kernels import spans; "
            "print(spans.built(), spans.paint(np.zeros((1, 1)), np.ones((1, 1)), [3], 2).tolist())")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True,
                          timeout=60, env={**os.environ, "COLDFRAME_ISA": "none"})  # fmt: skip
    assert done.stdout.strip() == "False [[3], [3]]", done.stderr


DRIVER = """
#include "spans.cpp"
#include <cstdio>
#include <limits>
#include <random>
#include <vector>

int main() {  // every array is as long as it has to be, and not a byte longer
    std::mt19937 chance(1);
    const double odd[] = {NAN, INFINITY, -INFINITY, 1e300, -1e300, 0.5, -0.5};
    for (int round = 0; round < 300; ++round) {
        const int64_t curves = chance() % 5, columns = 1 + chance() % 40, rows = 1 + chance() % 40;
        std::vector<double> tops(curves * columns), feet(curves * columns);
        for (size_t i = 0; i < tops.size(); ++i) {
            tops[i] = chance() % 4 ? static_cast<int>(chance() % 120) / 2.0 - 10 : odd[chance() % 7];
            feet[i] = chance() % 4 ? tops[i] + chance() % 9 : odd[chance() % 7];
        }
        std::vector<uint8_t> names(curves, 1), cells(columns * rows);
        std::vector<uint32_t> palette = {0, 5}, pixels(columns * rows);
        coldframe_paint_spans(tops.data(), feet.data(), names.data(), curves, columns, rows, palette.data(),
                              cells.data(), pixels.data());
        const int64_t blocks = 2 + chance() % 30;
        std::vector<double> values(blocks, 1.0), share(columns + 1, 0.5), least(columns), most(columns);
        std::vector<int64_t> pairs(2 * columns), before(columns + 1, blocks - 2);
        for (int64_t& place : pairs) place = chance() % (blocks + 1);
        const double* levels[] = {values.data()};
        coldframe_fold_columns(levels, levels, 1, pairs.data(), columns, before.data(), share.data(), least.data(),
                               most.data());
    }
    std::puts("clean");
}
"""


@pytest.mark.skipif(sys.platform == "win32" or not shutil.which("c++"), reason="needs a compiler with sanitizers")
def test_the_kernel_reads_and_writes_nothing_beyond_its_arrays(tmp_path):
    source, program = tmp_path / "driver.cpp", tmp_path / "driver"
    source.write_text(DRIVER, "utf-8")
    made = subprocess.run(
        ["c++", "-std=c++17", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
         f"-I{ROOT / 'core/kernels/cpu'}", str(source), "-o", str(program)],
        capture_output=True, text=True, timeout=120)  # fmt: skip
    if made.returncode and "sanitize" in made.stderr + made.stdout or "lasan" in made.stderr:
        pytest.skip("this compiler has no sanitizers")
    assert made.returncode == 0, made.stderr
    done = subprocess.run([str(program)], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "clean", done.stderr[-2000:]
