// A small matrix product for operands that already sit in cache: C (+)= A B.
#pragma once
#include "simd.h"

namespace ISA {

constexpr int NR = 2 * W;  // columns of a register tile, and of a panel

struct Matrix {  // element (i, j) of A is at data[i * rows + j * columns]
    const float* data;
    int64_t rows, columns;
};

// MR x (NV * W) results held in registers; A is broadcast element by element, B is read in rows.
template <int NV>
inline void product_tile(int64_t depth, Matrix a, const float* b, int64_t b_stride, float* c, int64_t c_stride,
                         bool add) {
    Vec acc[MR][NV];
    for (int r = 0; r < MR; ++r)
        for (int v = 0; v < NV; ++v) acc[r][v] = fill(0.0f);
    for (int64_t k = 0; k < depth; ++k) {
        Vec row[NV];
        for (int v = 0; v < NV; ++v) row[v] = load(b + k * b_stride + v * W);
        for (int r = 0; r < MR; ++r) {
            Vec x = fill(a.data[r * a.rows + k * a.columns]);
            for (int v = 0; v < NV; ++v) acc[r][v] = fma(x, row[v], acc[r][v]);
        }
    }
    for (int r = 0; r < MR; ++r)
        for (int v = 0; v < NV; ++v) {
            float* to = c + r * c_stride + v * W;
            store(to, add ? load(to) + acc[r][v] : acc[r][v]);  // added last: short sums round less than one long one
        }
}

// m is a multiple of MR and n of W. `panel` is the distance between blocks of NR columns of B
// (NR when B is an ordinary matrix of rows `b_stride` apart).
inline void product(int64_t m, int64_t n, int64_t depth, Matrix a, const float* b, int64_t b_stride, int64_t panel,
                    float* c, int64_t c_stride, bool add) {
    for (int64_t j = 0; j < n; j += NR, b += panel) {
        for (int64_t i = 0; i < m; i += MR) {
            const Matrix rows = {a.data + i * a.rows, a.rows, a.columns};
            if (j + NR <= n) product_tile<2>(depth, rows, b, b_stride, c + i * c_stride + j, c_stride, add);
            else product_tile<1>(depth, rows, b, b_stride, c + i * c_stride + j, c_stride, add);
        }
    }
}

}  // namespace ISA
