// Softmax, cross-entropy and its gradient over rows of logits, in place, while the rows are still in cache.
#pragma once
#include <cmath>

#include "simd.h"
#include "table.h"
#include "team.h"

namespace ISA {

inline float as_float(float x) { return x; }
inline float as_float(uint16_t x) { return bf16_to_float(x); }

template <class T> float highest_of(const T* row, int64_t count) {
    Vec most = fill(-3.4e38f);
    int64_t j = 0;
    for (; j + W <= count; j += W) most = largest(most, load(row + j));
    if (j < count) most = largest(most, load_some(row + j, static_cast<int>(count - j), -3.4e38f));
    return top(most);
}

// exps[j] = e^(row[j] - shift); returns their sum.
template <class T> float exponentials(const T* row, float* exps, int64_t count, float shift) {
    Vec total[2] = {fill(0.0f), fill(0.0f)};
    int64_t j = 0;
    for (; j + 2 * W <= count; j += 2 * W) {
        for (int half = 0; half < 2; ++half) {
            Vec e = exponential(load(row + j + half * W) - fill(shift));
            store(exps + j + half * W, e);
            total[half] = total[half] + e;
        }
    }
    float rest = 0.0f;
    while (j < count) {
        const int n = count - j < W ? static_cast<int>(count - j) : W;
        store_some(exps + j, n, exponential(load_some(row + j, n, 0.0f) - fill(shift)));
        for (const int64_t end = j + n; j < end; ++j) rest += exps[j];
    }
    return sum(total[0] + total[1]) + rest;
}

// One row: returns the loss; with `scale` > 0 the row becomes its gradient, (softmax - onehot) * scale.
// `exps` is scratch of `vocab` floats; for a row of floats it may be the row itself.
template <class T> float cross_entropy_row(T* row, float* exps, int64_t vocab, int64_t target, float scale) {
    const float own = as_float(row[target]);
    const float highest = highest_of(row, vocab);
    const float total = exponentials(row, exps, vocab, highest);
    if (scale > 0.0f) {
        const Vec factor = fill(scale / total);
        const float own_gradient = exps[target] * (scale / total) - scale;
        int64_t j = 0;
        for (; j + W <= vocab; j += W) store(row + j, load(exps + j) * factor);
        if (j < vocab) {
            const int n = static_cast<int>(vocab - j);
            store_some(row + j, n, load_some(exps + j, n, 0.0f) * factor);
        }
        store_some(row + target, 1, fill(own_gradient));
    }
    return (highest - own) + std::log(total);
}

template <class T> void cross_entropy_rows(CrossEntropyJob& job, Span rows) {
    T* logits = static_cast<T*>(job.logits);
    const bool own_row = sizeof(T) == sizeof(float);  // a row of floats is its own scratch
    float* scratch = own_row ? nullptr : static_cast<float*>(team_scratch(job.vocab * sizeof(float)));
    for (int64_t i = rows.begin; i < rows.end; ++i) {
        T* row = logits + i * job.stride;
        if (job.targets[i] < 0) {
            job.losses[i] = 0.0f;
            if (job.scale > 0.0f) std::memset(row, 0, job.vocab * sizeof(T));
        } else {
            float* exps = scratch ? scratch : reinterpret_cast<float*>(row);
            job.losses[i] = cross_entropy_row(row, exps, job.vocab, job.targets[i], job.scale);
        }
    }
}

void cross_entropy(CrossEntropyJob& job, int part, int parts) {
    const Span rows = stretch(job.rows, part, parts);
    if (job.bf16) cross_entropy_rows<uint16_t>(job, rows);
    else cross_entropy_rows<float>(job, rows);
}

}  // namespace ISA
