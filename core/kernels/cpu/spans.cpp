// Many curves as one picture: folded to a span a pixel column, and the spans painted over one another.
// Plain loops on one thread; spans_reference.py says the same with numpy. Called by spans.py.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#ifdef _WIN32
#define EXPORT extern "C" __declspec(dllexport)
#else
#define EXPORT extern "C" __attribute__((visibility("default")))
#endif

namespace {

constexpr int64_t BLOCK = 16;  // columns and rows turned at once: so many lines of the picture stay at hand

struct Span {
    double least = std::numeric_limits<double>::infinity(), most = -least;

    void add(double low, double high) {  // NaN adds nothing
        least = low < least ? low : least;
        most = high > most ? high : most;
    }
};

double on_the_way(const double* values, int64_t before, double share) {
    return values[before] + share * (values[before + 1] - values[before]);
}

// The spans of one curve in columns [at, end), named in `cells`, where a column lies in one piece.
void paint_curve(const double* tops, const double* feet, uint8_t name, int64_t at, int64_t end, int64_t rows,
                 uint8_t* cells) {
    const double below = static_cast<double>(rows);
    for (int64_t column = at; column < end; ++column) {
        if (!(tops[column] < below) || !(feet[column] > -1.0)) continue;  // out of the picture, or NaN
        const int64_t first = std::lrint(std::max(tops[column], 0.0));
        const int64_t last = std::lrint(std::min(feet[column], below - 1.0));
        if (first <= last) std::memset(cells + column * rows + first, name, static_cast<size_t>(last - first + 1));
    }
}

// Columns [at, end) of rows [row, row_end): names become colours.
void turn(const uint8_t* cells, const uint32_t* palette, int64_t at, int64_t end, int64_t row, int64_t row_end,
          int64_t rows, int64_t columns, uint32_t* pixels) {
    for (; row < row_end; ++row)
        for (int64_t column = at; column < end; ++column)
            pixels[row * columns + column] = palette[cells[column * rows + row]];
}

}  // namespace

// The least and greatest value of each curve in each column, NaN where it has none; all curves are cut alike.
// A column holds the blocks [pairs[2 i], pairs[2 i + 1]) of `lows` and `highs`. Where `share` is given, the curve
// passes the column's edges too: edge i lies `share[i]` of the way from block `before[i]` to the next.
EXPORT void coldframe_fold_columns(const double* const* lows, const double* const* highs, int64_t curves,
                                   const int64_t* pairs, int64_t columns, const int64_t* before, const double* share,
                                   double* least, double* most) {
    for (int64_t curve = 0; curve < curves; ++curve) {
        const double *low = lows[curve], *high = highs[curve];
        for (int64_t column = 0; column < columns; ++column) {
            Span span;
            for (int64_t block = pairs[2 * column]; block < pairs[2 * column + 1]; ++block)
                span.add(low[block], high[block]);
            for (int64_t edge = column; share != nullptr && edge <= column + 1; ++edge)
                span.add(on_the_way(low, before[edge], share[edge]), on_the_way(high, before[edge], share[edge]));
            const bool empty = span.least > span.most;
            *least++ = empty ? std::numeric_limits<double>::quiet_NaN() : span.least;
            *most++ = empty ? std::numeric_limits<double>::quiet_NaN() : span.most;
        }
    }
}

// Paint spans, (curves, columns) of pixel rows growing downwards, into `pixels` (rows, columns); later curves lie over
// earlier ones. `names` has each curve's place in the palette, whose first colour is where none is; `cells`: room for
// columns * rows.
EXPORT void coldframe_paint_spans(const double* tops, const double* feet, const uint8_t* names, int64_t curves,
                                  int64_t columns, int64_t rows, const uint32_t* palette, uint8_t* cells,
                                  uint32_t* pixels) {
    std::memset(cells, 0, static_cast<size_t>(columns * rows));
    for (int64_t at = 0; at < columns; at += BLOCK)
        for (int64_t curve = 0; curve < curves; ++curve)
            paint_curve(tops + curve * columns, feet + curve * columns, names[curve], at, std::min(at + BLOCK, columns),
                        rows, cells);
    for (int64_t row = 0; row < rows; row += BLOCK)
        for (int64_t at = 0; at < columns; at += BLOCK)
            turn(cells, palette, at, std::min(at + BLOCK, columns), row, std::min(row + BLOCK, rows), rows, columns,
                 pixels);
}
