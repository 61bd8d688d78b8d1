// AdamW: weights, gradients and both moments are read once, and what changes is written once.
#pragma once
#include "norm.h"

namespace ISA {

// f(segment, first number, how many, number of the block) for each block of share `part`.
template <class F>
inline void blocks_of(const AdamwSegment* segments, int64_t count, int part, int parts, F f) {
    int64_t total = 0;
    for (int64_t i = 0; i < count; ++i) total += (segments[i].count + ADAMW_BLOCK - 1) / ADAMW_BLOCK;
    const Span mine = stretch(total, part, parts);
    int64_t block = 0;
    for (int64_t i = 0; i < count && block < mine.end; ++i)
        for (int64_t at = 0; at < segments[i].count; at += ADAMW_BLOCK, ++block) {
            const int64_t left = segments[i].count - at;
            if (block >= mine.begin && block < mine.end)
                f(segments[i], at, left < ADAMW_BLOCK ? left : ADAMW_BLOCK, block);
        }
}

inline void adamw_block(const AdamwSegment& s, int64_t at, int64_t count, float scale) {
    float *weight = s.weight + at, *first = s.first + at, *second = s.second + at;
    const float* gradient = s.gradient + at;
    uint16_t* rounded = s.rounded ? s.rounded + at : nullptr;
    const Vec fresh1 = fill(1.0f - s.beta1), fresh2 = fill(1.0f - s.beta2), beta2 = fill(s.beta2);
    const Vec rate = fill(-s.rate), kept = fill(s.kept), unbiased = fill(s.root), epsilon = fill(s.epsilon);
    along(count, [&](int64_t j, int n) {
        const Vec g = take(gradient + j, n) * fill(scale), before = take(first + j, n);
        const Vec m = fma(g - before, fresh1, before), v = fma(g * g, fresh2, take(second + j, n) * beta2);
        put(first + j, n, m);
        put(second + j, n, v);
        const Vec change = m / fma(square_root(v), unbiased, epsilon);
        const Vec w = fma(change, rate, take(weight + j, n) * kept);
        put(weight + j, n, w);
        if (rounded) put(rounded + j, n, w);
    });
}

void adamw(AdamwJob& job, int part, int parts) {
    blocks_of(job.segments, job.count, part, parts, [&](const AdamwSegment& s, int64_t at, int64_t count, int64_t) {
        adamw_block(s, at, count, job.scale);
    });
}

void squares(SquaresJob& job, int part, int parts) {
    blocks_of(job.segments, job.count, part, parts,
              [&](const AdamwSegment& s, int64_t at, int64_t count, int64_t block) {
        const float* gradient = s.gradient + at;
        Vec sums[4] = {fill(0.0f), fill(0.0f), fill(0.0f), fill(0.0f)};  // short chains round less, and run side by side
        int64_t j = 0;
        for (; j + 4 * W <= count; j += 4 * W)
            for (int lane = 0; lane < 4; ++lane) {
                const Vec g = load(gradient + j + lane * W);
                sums[lane] = fma(g, g, sums[lane]);
            }
        along(count - j, [&](int64_t k, int n) {
            const Vec g = take(gradient + j + k, n);
            sums[0] = fma(g, g, sums[0]);
        });
        job.sums[block] = sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
    });
}

}  // namespace ISA
