// RMSNorm, forward and backward, one row at a time.
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

template <class T> void norm_forward_rows(NormJob& job, Span rows) {
    for (int64_t i = rows.begin; i < rows.end; ++i) {
        const T* x = static_cast<const T*>(job.x) + i * job.width;
        T* y = static_cast<T*>(job.y) + i * job.width;
        Vec squares = fill(0.0f);
        along(job.width, [&](int64_t j, int n) { Vec a = take(x + j, n); squares = fma(a, a, squares); });
        const float inverse = 1.0f / std::sqrt(sum(squares) / static_cast<float>(job.width) + job.epsilon);
        job.inverse_rms[i] = inverse;
        along(job.width, [&](int64_t j, int n) {
            put(y + j, n, take(x + j, n) * fill(inverse) * take(job.weight + j, n));
        });
    }
}

// dx = r (w dy - x r^2 mean(w dy x)) and dw = sum of dy x r, where r = 1 / rms.
template <class T> void norm_backward_rows(NormJob& job, Span rows, float* d_weight) {
    float* block = static_cast<float*>(team_scratch(job.width * sizeof(float)));
    std::memset(d_weight, 0, job.width * sizeof(float));
    std::memset(block, 0, job.width * sizeof(float));
    for (int64_t i = rows.begin; i < rows.end; ++i) {
        const T* x = static_cast<const T*>(job.x) + i * job.width;
        const T* d_y = static_cast<const T*>(job.d_y) + i * job.width;
        T* d_x = static_cast<T*>(job.d_x) + i * job.width;
        const float r = job.inverse_rms[i];
        Vec dot = fill(0.0f);
        along(job.width, [&](int64_t j, int n) {
            Vec a = take(x + j, n), b = take(d_y + j, n);
            dot = fma(b * take(job.weight + j, n), a, dot);
            put(block + j, n, fma(a * fill(r), b, take(block + j, n)));
        });
        const Vec pull = fill(-r * r * sum(dot) / static_cast<float>(job.width)), factor = fill(r);
        along(job.width, [&](int64_t j, int n) {
            put(d_x + j, n, factor * fma(take(x + j, n), pull, take(d_y + j, n) * take(job.weight + j, n)));
        });
        // Sums of sums: a single chain over all rows would lose a digit.
        if ((i - rows.begin) % 64 == 63 || i + 1 == rows.end) {
            along(job.width, [&](int64_t j, int n) {
                put(d_weight + j, n, take(d_weight + j, n) + take(block + j, n));
            });
            std::memset(block, 0, job.width * sizeof(float));
        }
    }
}

void norm_forward(NormJob& job, int part, int parts) {
    const Span rows = stretch(job.rows, part, parts);
    if (job.bf16) norm_forward_rows<uint16_t>(job, rows);
    else norm_forward_rows<float>(job, rows);
}

void norm_backward(NormJob& job, int part, int parts) {
    const Span rows = stretch(job.rows, part, parts);
    float* d_weight = job.d_weight + part * job.width;
    if (job.bf16) norm_backward_rows<uint16_t>(job, rows, d_weight);
    else norm_backward_rows<float>(job, rows, d_weight);
}

}  // namespace ISA
