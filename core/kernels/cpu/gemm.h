// Products of bfloat16 matrices in blocks of 32 x 32, summed in float: on matrix tiles where this unit has them.
//
// The left factor lies in rows, or better in blocks: (rows / 32, depth / 32, 32, 32), so that what is read together lies
// together. The right one lies in panels of 32 columns, each (depth / 2, 32, 2): two neighbours of the summed dimension
// side by side, as the tiles want it. All three sizes are multiples of 32, padded with zeros.
#pragma once
#include "simd.h"
#include "table.h"
#include "team.h"

namespace ISA {

typedef uint16_t bf16;

constexpr int64_t BLOCK_SIDE = 32;
constexpr int64_t DEPTH_AT_ONCE = 512;  // of a panel: 32 KB, so that it stays in the first-level cache

inline int64_t whole_blocks(int64_t x) { return (x + BLOCK_SIDE - 1) / BLOCK_SIDE * BLOCK_SIDE; }

// A matrix of bfloat16, in rows or in blocks.
struct Layout {
    int64_t row;     // elements from a row to the next (in blocks: what they would be in rows)
    int64_t step;    // from 32 columns to the next 32
    int64_t stride;  // from a row to the next inside of a block
    static Layout rows(int64_t width) { return {width, 32, width}; }
    static Layout blocks(int64_t width) { return {width, 32 * 32, 32}; }
    // The first of 32 x 32 elements; i and j are multiples of 32.
    int64_t block(int64_t i, int64_t j) const { return i * row + j / 32 * step; }
    int64_t at(int64_t i, int64_t j) const { return block(i / 32 * 32, j) + i % 32 * stride + j % 32; }
};

// Run f(part, parts) on so many threads.
template <class F> void on_team(int threads, F f) {
    if (threads <= 1) return f(0, 1);
    team_run(threads, [](void* work, int part, int parts) { (*static_cast<F*>(work))(part, parts); }, &f);
}

#ifdef __AMX_TILE__

// Our tile shapes while in scope; whatever the thread had before (oneDNN's) comes back afterwards.
class TileScope {
public:
    TileScope() {
        _tile_storeconfig(before_);
        alignas(64) uint8_t config[64] = {1};  // palette 1
        for (int tile = 0; tile < 8; ++tile) {
            config[16 + 2 * tile] = 64;  // bytes in a row
            config[48 + tile] = 16;      // rows
        }
        _tile_loadconfig(config);
    }
    ~TileScope() {
        if (before_[0]) _tile_loadconfig(before_);
        else _tile_release();
    }

private:
    alignas(64) uint8_t before_[64];
};

constexpr int AHEAD_STEPS = 2;  // of 32 of the summed dimension: how far ahead of its product a block is fetched

// Ask for 8 of a block's 32 rows. Between two products of tiles, so that the fetches don't come all at once.
inline void fetch_rows(const bf16* block, int64_t stride, int which) {
    for (int r = 8 * which; r < 8 * which + 8; ++r) _mm_prefetch(reinterpret_cast<const char*>(block + r * stride), _MM_HINT_T0);
}

// c (32, 32) (+)= a (32, depth) times a panel. What will be added to next, `next`, is fetched meanwhile.
inline void block_product(const bf16* a, const Layout& in, const bf16* b, int64_t depth, float* c, int64_t c_stride,
                          bool add, const float* next = nullptr) {
    const int64_t c_bytes = c_stride * 4, a_bytes = in.stride * 2;
    if (add) {
        _tile_loadd(0, c, c_bytes);
        _tile_loadd(1, c + 16, c_bytes);
        _tile_loadd(2, c + 16 * c_stride, c_bytes);
        _tile_loadd(3, c + 16 * c_stride + 16, c_bytes);
    } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    }
    const bf16* lower = a + 16 * in.stride;
    const int64_t rows = next ? (1024 + depth - 1) / depth : 0;  // of it to fetch in each round
    for (int64_t k = 0; k < depth; k += 32, a += in.step, lower += in.step, b += 32 * 32) {
        _tile_loadd(6, b, 128);
        _tile_loadd(4, a, a_bytes);
        _tile_loadd(7, b + 32, 128);
        _tile_loadd(5, lower, a_bytes);
        const bf16* ahead = a + AHEAD_STEPS * in.step;
        _tile_dpbf16ps(0, 4, 6);
        fetch_rows(ahead, in.stride, 0);
        _tile_dpbf16ps(1, 4, 7);
        fetch_rows(ahead, in.stride, 1);
        _tile_dpbf16ps(2, 5, 6);
        fetch_rows(ahead, in.stride, 2);
        _tile_dpbf16ps(3, 5, 7);
        fetch_rows(ahead, in.stride, 3);
        for (int64_t r = 0; r < rows; ++r, next += c_stride) {
            _mm_prefetch(reinterpret_cast<const char*>(next), _MM_HINT_T0);
            _mm_prefetch(reinterpret_cast<const char*>(next + 16), _MM_HINT_T0);
        }
    }
    _tile_stored(0, c, c_bytes);
    _tile_stored(1, c + 16, c_bytes);
    _tile_stored(2, c + 16 * c_stride, c_bytes);
    _tile_stored(3, c + 16 * c_stride + 16, c_bytes);
}

#else

struct TileScope {
    ~TileScope() {}
};

inline void block_product(const bf16* a, const Layout& in, const bf16* b, int64_t depth, float* c, int64_t c_stride,
                          bool add, const float* = nullptr) {
    constexpr int VECTORS = 32 / W, AT_ONCE = W == 16 ? 8 : 2;
    for (int i = 0; i < 32; i += AT_ONCE) {
        Vec sums[AT_ONCE][VECTORS];
        for (int r = 0; r < AT_ONCE; ++r)
            for (int v = 0; v < VECTORS; ++v) sums[r][v] = add ? load(c + (i + r) * c_stride + v * W) : fill(0.0f);
        for (int64_t k = 0; k < depth; k += 2)
            for (int v = 0; v < VECTORS; ++v) {
                Vec even, odd;
                load_pairs(b + k * 32 + v * 2 * W, &even, &odd);
                for (int r = 0; r < AT_ONCE; ++r) {
                    const bf16* x = a + (i + r) * in.stride + k / 32 * in.step + k % 32;
                    sums[r][v] = fma(fill(bf16_to_float(x[0])), even, sums[r][v]);
                    sums[r][v] = fma(fill(bf16_to_float(x[1])), odd, sums[r][v]);
                }
            }
        for (int r = 0; r < AT_ONCE; ++r)
            for (int v = 0; v < VECTORS; ++v) store(c + (i + r) * c_stride + v * W, sums[r][v]);
    }
}

#endif

struct Product {
    const bf16* a;  // (m, k)
    Layout in;
    const bf16* b;     // n / 32 panels, `panel` elements from one to the next
    int64_t panel, m, n, k;
};

// The blocks of a product that one share computes: panels, each cut along its rows when there are few.
struct Blocks {
    int64_t cuts, rows;
    Span items;
    Blocks(int64_t m, int64_t n, int part, int parts) {
        const int64_t panels = n / BLOCK_SIDE, most = m / BLOCK_SIDE;
        cuts = parts == 1 ? 1 : (2 * parts + panels - 1) / panels;
        if (cuts > most) cuts = most;
        rows = most;
        items = stretch(panels * cuts, part, parts);
    }
    int64_t panel(int64_t item) const { return item / cuts; }
    Span stretch_of(int64_t item) const {
        const Span s = stretch(rows, static_cast<int>(item % cuts), static_cast<int>(cuts));
        return {s.begin * BLOCK_SIDE, s.end * BLOCK_SIDE};
    }
};

// Ask for the next panel, a part before each block of this one: it lies beyond the second-level cache.
inline void fetch_part(const bf16* panel, int64_t depth, Span rows, int64_t i) {
    const int64_t blocks = (rows.end - rows.begin) / BLOCK_SIDE, which = (i - rows.begin) / BLOCK_SIDE;
    for (int64_t line = depth * which / blocks; line < depth * (which + 1) / blocks; ++line) fetch(panel + line * 32);
}

// Every block of A B goes through finish(i, j, block): 32 x 32 floats, rows side by side, whose first element is (i, j).
template <class Finish> void multiply_into(int threads, const Product& p, Finish finish) {
    on_team(threads, [&](int part, int parts) {
        const TileScope tiles;
        alignas(64) float block[2][32 * 32];  // in turn, so that a product does not wait for the last one's finish
        int turn = 0;
        const Blocks blocks(p.m, p.n, part, parts);
        for (int64_t item = blocks.items.begin; item < blocks.items.end; ++item) {
            const int64_t j = blocks.panel(item);
            const Span rows = blocks.stretch_of(item);
            for (int64_t i = rows.begin; i < rows.end; i += BLOCK_SIDE, turn ^= 1) {
                fetch_part(p.b + (j + 1) * p.panel, p.k, rows, i);
                block_product(p.a + p.in.block(i, 0), p.in, p.b + j * p.panel, p.k, block[turn], 32, false);
                finish(i, j * BLOCK_SIDE, block[turn]);
            }
        }
    });
}

// C (+)= A B, where C is (rows, columns) and may end inside a block.
inline void multiply_add(int threads, const Product& p, float* c, int64_t c_stride, int64_t rows, int64_t columns,
                         bool add) {
    on_team(threads, [&](int part, int parts) {
        const TileScope tiles;
        alignas(64) float block[32 * 32];
        const Blocks blocks(p.m, p.n, part, parts);
        for (int64_t k = 0; k < p.k; k += DEPTH_AT_ONCE) {
            const int64_t depth = p.k - k < DEPTH_AT_ONCE ? p.k - k : DEPTH_AT_ONCE;
            for (int64_t item = blocks.items.begin; item < blocks.items.end; ++item) {
                const int64_t j = blocks.panel(item) * BLOCK_SIDE;
                const bf16* b = p.b + blocks.panel(item) * p.panel + k * 32;
                const Span cut = blocks.stretch_of(item);
                for (int64_t i = cut.begin; i < cut.end && i < rows; i += BLOCK_SIDE) {
                    const bf16* a = p.a + p.in.block(i, k);
                    fetch_part(b + p.panel, depth, cut, i);
                    float* to = c + i * c_stride + j;
                    if (i + 32 <= rows && j + 32 <= columns) {
                        const bool more = (add || k > 0) && i + 32 < cut.end;
                        block_product(a, p.in, b, depth, to, c_stride, add || k > 0,
                                      more ? to + 32 * c_stride : nullptr);
                        continue;
                    }
                    block_product(a, p.in, b, depth, block, 32, false);
                    for (int64_t r = 0; r < 32 && i + r < rows; ++r)
                        for (int64_t s = 0; s < 32 && j + s < columns; ++s) {
                            float& at = to[r * c_stride + s];
                            at = add || k > 0 ? at + block[r * 32 + s] : block[r * 32 + s];
                        }
                }
            }
        }
    });
}

// ---- layouts -------------------------------------------------------------------------------------------------

// 16 x 16 elements of 32 bits, floats or pairs of bfloat16, transposed; strides in such elements.
inline void transpose_words(const void* source, int64_t from_stride, void* target, int64_t to_stride) {
    const char* from = static_cast<const char*>(source);
    char* to = static_cast<char*>(target);
    from_stride *= 4;
    to_stride *= 4;
#ifdef __AVX512F__
    __m512i a[16], b[16];
    for (int i = 0; i < 16; ++i) a[i] = _mm512_loadu_si512(from + i * from_stride);
    for (int i = 0; i < 16; i += 2) {
        b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]);
        b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        a[i] = _mm512_unpacklo_epi64(b[i], b[i + 2]);
        a[i + 1] = _mm512_unpackhi_epi64(b[i], b[i + 2]);
        a[i + 2] = _mm512_unpacklo_epi64(b[i + 1], b[i + 3]);
        a[i + 3] = _mm512_unpackhi_epi64(b[i + 1], b[i + 3]);
    }
    for (int i = 0; i < 4; ++i) {  // a[4 g + i]: column i of rows 4 g.., one in each quarter
        b[i] = _mm512_shuffle_i32x4(a[i], a[4 + i], 0x88);
        b[4 + i] = _mm512_shuffle_i32x4(a[i], a[4 + i], 0xdd);
        b[8 + i] = _mm512_shuffle_i32x4(a[8 + i], a[12 + i], 0x88);
        b[12 + i] = _mm512_shuffle_i32x4(a[8 + i], a[12 + i], 0xdd);
    }
    for (int i = 0; i < 4; ++i) {
        _mm512_storeu_si512(to + i * to_stride, _mm512_shuffle_i32x4(b[i], b[8 + i], 0x88));
        _mm512_storeu_si512(to + (8 + i) * to_stride, _mm512_shuffle_i32x4(b[i], b[8 + i], 0xdd));
        _mm512_storeu_si512(to + (4 + i) * to_stride, _mm512_shuffle_i32x4(b[4 + i], b[12 + i], 0x88));
        _mm512_storeu_si512(to + (12 + i) * to_stride, _mm512_shuffle_i32x4(b[4 + i], b[12 + i], 0xdd));
    }
#else
    for (int i = 0; i < 16; ++i)
        for (int j = 0; j < 16; ++j) std::memcpy(to + j * to_stride + 4 * i, from + i * from_stride + 4 * j, 4);
#endif
}

// Rows to panels: take(row, column) gives W floats. Rows and columns are multiples of 32; one share of the panels.
template <class Take> void pack_pairs(int64_t rows, int64_t columns, bf16* to, int64_t panel, Take take, int part,
                                      int parts) {
    const Span panels = stretch(columns / BLOCK_SIDE, part, parts);
    for (int64_t j = panels.begin; j < panels.end; ++j)
        for (int64_t i = 0; i < rows; i += 2) {
            bf16* pair = to + j * panel + i * 32;
            for (int v = 0; v < 32; v += W)
                store_pairs(pair + 2 * v, take(i, j * BLOCK_SIDE + v), take(i + 1, j * BLOCK_SIDE + v));
        }
}

// (rows, columns) -> (columns, rows) in blocks; multiples of 32; one share of the columns.
inline void pack_transposed(const bf16* from, const Layout& in, int64_t rows, int64_t columns, bf16* to, int part,
                            int parts) {
    const Span blocks = stretch(columns / 16, part, parts);
    const Layout out = Layout::blocks(rows);
    alignas(64) bf16 pairs[16 * 32];
    for (int64_t j = blocks.begin * 16; j < blocks.end * 16; j += 16)
        for (int64_t i = 0; i < rows; i += 32) {
            const bf16* row = from + in.at(i, j);
            for (int p = 0; p < 16; ++p, row += 2 * in.stride)
                for (int v = 0; v < 16; v += W) store_pairs(pairs + p * 32 + 2 * v, load(row + v), load(row + in.stride + v));
            transpose_words(pairs, 16, to + out.at(j, i), 16);
        }
}

// W floats of a matrix of true size (rows, columns), zeros outside of it.
struct Padded {
    const float* data;
    int64_t rows, columns;
    Vec operator()(int64_t i, int64_t j) const {
        if (i >= rows || j >= columns) return fill(0.0f);
        const float* at = data + i * columns + j;
        return j + W <= columns ? load(at) : load_some(at, static_cast<int>(columns - j), 0.0f);
    }
};

// A layer's weights (outputs, inputs) as the right factor of x W^T: panels of outputs, pairs of inputs.
inline void pack_forward(const Padded& w, bf16* to, int part, int parts) {
    const int64_t inputs = whole_blocks(w.columns), panel = inputs * BLOCK_SIDE;
    const Span blocks = stretch(whole_blocks(w.rows) / 16, part, parts);
    alignas(64) bf16 rows[16 * 32];
    for (int64_t n = blocks.begin * 16; n < blocks.end * 16; n += 16)
        for (int64_t k = 0; k < inputs; k += 32) {
            for (int i = 0; i < 16; ++i)
                for (int v = 0; v < 32; v += W) store(rows + i * 32 + v, w(n + i, k + v));
            bf16* out = to + n / BLOCK_SIDE * panel + k * 32 + n % BLOCK_SIDE * 2;
            transpose_words(rows, 16, out, 32);
        }
}

// The same weights as the right factor of dy W: panels of inputs, pairs of outputs. `panel`: of the whole factor, which
// may have more outputs than these.
inline void pack_backward(const Padded& w, bf16* to, int64_t panel, int part, int parts) {
    pack_pairs(whole_blocks(w.rows), whole_blocks(w.columns), to, panel, w, part, parts);
}

}  // namespace ISA
