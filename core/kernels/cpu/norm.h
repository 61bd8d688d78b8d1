// RMSNorm and LayerNorm, forward and backward, one row at a time, with the residual's addition before them.
#pragma once
#include <cmath>

#include "simd.h"
#include "table.h"
#include "team.h"

namespace ISA {

// f(j, n) for each vector of the row: n = W, and less for the last one where the width is no multiple of W.
template <class F> inline void along(int64_t width, F f) {
    int64_t j = 0;
    for (; j + W <= width; j += W) f(j, W);
    if (j < width) f(j, static_cast<int>(width - j));
}
template <class T> inline Vec take(const T* p, int n) { return n == W ? load(p) : load_some(p, n, 0.0f); }
template <class T> inline void put(T* p, int n, Vec a) {
    if (n == W) store(p, a);
    else store_some(p, n, a);
}
inline void add_to(float* p, int n, Vec a) { put(p, n, take(p, n) + a); }

// f(first row, rows, number of the block) for each block of ROW_BLOCK rows of share `part`.
template <class F> inline void row_blocks(int64_t rows, int part, int parts, F f) {
    const Span mine = stretch((rows + ROW_BLOCK - 1) / ROW_BLOCK, part, parts);
    for (int64_t block = mine.begin; block < mine.end; ++block) {
        const int64_t first = block * ROW_BLOCK;
        f(first, rows - first < ROW_BLOCK ? rows - first : ROW_BLOCK, block);
    }
}

// T: the stream's type; R: that of what is added to it and of the result.
template <class T, class R> void norm_forward_row(NormJob& job, int64_t i) {
    const int64_t width = job.width;
    const T* x = static_cast<const T*>(job.x) + i * width;
    if (job.added) {
        const R* added = static_cast<const R*>(job.added) + i * width;
        T* total = static_cast<T*>(job.sum) + i * width;
        along(width, [&](int64_t j, int n) { put(total + j, n, take(x + j, n) + take(added + j, n)); });
        x = total;
    }
    float mean = 0.0f;
    if (job.mean) {
        Vec total = fill(0.0f);
        along(width, [&](int64_t j, int n) { total = total + take(x + j, n); });
        job.mean[i] = mean = sum(total) / static_cast<float>(width);
    }
    Vec squares = fill(0.0f);
    along(width, [&](int64_t j, int n) {
        const Vec a = (n == W ? load(x + j) : load_some(x + j, n, mean)) - fill(mean);
        squares = fma(a, a, squares);
    });
    const float inverse = 1.0f / std::sqrt(sum(squares) / static_cast<float>(width) + job.epsilon);
    job.inverse[i] = inverse;
    R* y = static_cast<R*>(job.y) + i * width;
    along(width, [&](int64_t j, int n) {
        const Vec a = (take(x + j, n) - fill(mean)) * fill(inverse) * take(job.weight + j, n);
        put(y + j, n, job.bias ? a + take(job.bias + j, n) : a);
    });
}

// With z = (x - mean) r and g = w dy: dx = r (g - mean(g) - z mean(g z)), without mean(g) for RMSNorm.
template <class T, class R> void norm_backward_row(NormJob& job, int64_t i, float* d_weight, float* d_bias) {
    const int64_t width = job.width;
    const T* x = static_cast<const T*>(job.x) + i * width;
    const R* d_y = static_cast<const R*>(job.d_y) + i * width;
    const float middle = job.mean ? job.mean[i] : 0.0f, r = job.inverse[i];
    Vec dot = fill(0.0f), total = fill(0.0f);
    along(width, [&](int64_t j, int n) {
        const Vec z = (take(x + j, n) - fill(middle)) * fill(r), d = take(d_y + j, n);
        const Vec g = d * take(job.weight + j, n);
        dot = fma(g, z, dot);  // past the end g is 0
        total = total + g;
        add_to(d_weight + j, n, d * z);
        if (d_bias) add_to(d_bias + j, n, d);
    });
    const Vec pull = fill(sum(dot) / static_cast<float>(width));
    const Vec shift = fill(job.mean ? sum(total) / static_cast<float>(width) : 0.0f);
    const T* d_sum = job.d_sum ? static_cast<const T*>(job.d_sum) + i * width : nullptr;
    T* d_x = static_cast<T*>(job.d_x) + i * width;
    R* d_added = job.d_added ? static_cast<R*>(job.d_added) + i * width : nullptr;
    along(width, [&](int64_t j, int n) {
        const Vec z = (take(x + j, n) - fill(middle)) * fill(r);
        Vec d = (take(d_y + j, n) * take(job.weight + j, n) - shift - z * pull) * fill(r);
        if (d_sum) d = d + take(d_sum + j, n);
        put(d_x + j, n, d);
        if (d_added) put(d_added + j, n, d);
    });
}

template <class T, class R> void norm_forward_rows(NormJob& job, int part, int parts) {
    row_blocks(job.rows, part, parts, [&](int64_t first, int64_t count, int64_t) {
        for (int64_t i = first; i < first + count; ++i) norm_forward_row<T, R>(job, i);
    });
}

// The weight's and the bias's gradients are summed by fixed blocks of rows, which `fold` adds up: sums of sums round
// less than one long chain, and no bit depends on the number of threads.
template <class T, class R> void norm_backward_rows(NormJob& job, int part, int parts) {
    row_blocks(job.rows, part, parts, [&](int64_t first, int64_t count, int64_t block) {
        float* d_weight = job.d_weight + block * job.width;
        float* d_bias = job.d_bias ? job.d_bias + block * job.width : nullptr;
        std::memset(d_weight, 0, job.width * sizeof(float));
        if (d_bias) std::memset(d_bias, 0, job.width * sizeof(float));
        for (int64_t i = first; i < first + count; ++i) norm_backward_row<T, R>(job, i, d_weight, d_bias);
    });
}

void norm_forward(NormJob& job, int part, int parts) {
    if (job.bf16) norm_forward_rows<uint16_t, uint16_t>(job, part, parts);
    else if (job.bf16_result) norm_forward_rows<float, uint16_t>(job, part, parts);
    else norm_forward_rows<float, float>(job, part, parts);
}

void norm_backward(NormJob& job, int part, int parts) {
    if (job.bf16) norm_backward_rows<uint16_t, uint16_t>(job, part, parts);
    else if (job.bf16_result) norm_backward_rows<float, uint16_t>(job, part, parts);
    else norm_backward_rows<float, float>(job, part, parts);
}

// Sums of columns, in one order.
void fold(FoldJob& job, int part, int parts) {
    const int64_t piece = 64;
    const Span pieces = stretch((job.width + piece - 1) / piece, part, parts);
    for (int64_t at = pieces.begin * piece; at < pieces.end * piece && at < job.width; at += piece) {
        const int64_t count = job.width - at < piece ? job.width - at : piece;
        std::memcpy(job.sums + at, job.rows_of_sums + at, count * sizeof(float));
        for (int64_t i = 1; i < job.rows; ++i)
            along(count, [&](int64_t j, int n) {
                add_to(job.sums + at + j, n, take(job.rows_of_sums + i * job.width + at + j, n));
            });
    }
}

}  // namespace ISA
