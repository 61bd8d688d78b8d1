// What a step does row by row: norms, sums and the embedding.
#pragma once
#include <cmath>

#include "norm.h"
#include "step_memory.h"

namespace ISA {

// f(row, first row's group) for the rows of one chunk, in groups that one share does whole.
template <class F> void in_groups(int threads, int64_t rows, F f) {
    on_team(threads, [&](int part, int parts) {
        const Span groups = stretch((rows + GROUP - 1) / GROUP, part, parts);
        for (int64_t g = groups.begin; g < groups.end; ++g)
            f(g, Span{g * GROUP, (g + 1) * GROUP < rows ? (g + 1) * GROUP : rows});
    });
}

struct Norm {
    const float *weight, *bias;
    int64_t width, padded;
    float epsilon;
    bool centred;

    // x = (normalised x) * weight + bias, where the normalised x is kept in bfloat16.
    Vec apply(const bf16* row, int64_t j) const {
        const int n = width - j < W ? static_cast<int>(width - j) : W;
        if (n <= 0) return fill(0.0f);
        const Vec scaled = load(row + j) * take(weight + j, n);
        return bias ? scaled + take(bias + j, n) : scaled;
    }

    // Row `i` of a matrix; `out` lies in blocks.
    void forward(const float* x, bf16* kept, float* spread, bf16* out, int64_t i) const {
        const Layout in = Layout::blocks(padded);
        const float share = 1.0f / static_cast<float>(width);
        float mean = 0.0f;
        if (centred) {
            Vec total = fill(0.0f);
            along(width, [&](int64_t j, int n) { total = total + take(x + j, n); });
            mean = sum(total) * share;
        }
        Vec squares = fill(0.0f);
        along(width, [&](int64_t j, int n) {
            Vec a = take(x + j, n) - fill(mean);
            if (n < W) a = only(a, n);
            squares = fma(a, a, squares);
        });
        const float r = 1.0f / std::sqrt(sum(squares) * share + epsilon);
        *spread = r;
        along(width, [&](int64_t j, int n) {
            const Vec a = (take(x + j, n) - fill(mean)) * fill(r);
            Vec y = a * take(weight + j, n);
            if (bias) y = y + take(bias + j, n);
            put(kept + j, n, a);
            put(out + in.at(i, j), n, y);
        });
        for (int64_t j = width; j < padded; ++j) kept[j] = out[in.at(i, j)] = 0;
    }

    // dx (+)= the gradient through the norm of dy; the weight's and bias' shares are added to their sums.
    void backward(const float* d_y, const bf16* kept, float spread, float* d_x, bool add, float* d_weight,
                  float* d_bias) const {
        Vec dot = fill(0.0f), plain = fill(0.0f);
        along(width, [&](int64_t j, int n) {
            const Vec a = take(kept + j, n), g = take(d_y + j, n), through = g * take(weight + j, n);
            dot = fma(through, a, dot);
            plain = plain + through;
            put(d_weight + j, n, fma(g, a, take(d_weight + j, n)));
            if (d_bias) put(d_bias + j, n, g + take(d_bias + j, n));
        });
        const float share = 1.0f / static_cast<float>(width);
        const Vec pull = fill(-sum(dot) * share), lift = fill(centred ? -sum(plain) * share : 0.0f);
        along(width, [&](int64_t j, int n) {
            const Vec through = take(d_y + j, n) * take(weight + j, n);
            const Vec d = fill(spread) * (through + fma(take(kept + j, n), pull, lift));
            put(d_x + j, n, add ? take(d_x + j, n) + d : d);
        });
    }

    static Vec only(Vec a, int n) {  // zeros beyond the first n
        float lanes[W];
        store(lanes, a);
        for (int i = n; i < W; ++i) lanes[i] = 0.0f;
        return load(lanes);
    }
};

// Norm of a chunk: x (rows, padded) -> kept in rows, and out in blocks.
inline void norm_chunk(int threads, const Norm& norm, int64_t rows, const float* x, bf16* kept, float* spread,
                       bf16* out) {
    in_groups(threads, rows, [&](int64_t, Span span) {
        for (int64_t i = span.begin; i < span.end; ++i)
            norm.forward(x + i * norm.padded, kept + i * norm.padded, spread + i, out, i);
    });
}

// Its way back: dx (+)= ..., and the sums over the rows are added to the gradients of weight and bias. `sums` is
// (groups, 2, padded): each group of rows sums for itself, so that the result does not depend on the threads.
inline void norm_chunk_back(int threads, const Norm& norm, int64_t rows, const float* d_y, const bf16* kept,
                            const float* spread, float* d_x, bool add, float* sums, float* d_weight, float* d_bias,
                            bool first) {
    const int64_t width = norm.padded;
    in_groups(threads, rows, [&](int64_t g, Span span) {
        float *own = sums + g * 2 * width, *own_bias = d_bias ? own + width : nullptr;
        std::memset(own, 0, 2 * width * sizeof(float));
        for (int64_t i = span.begin; i < span.end; ++i)
            norm.backward(d_y + i * width, kept + i * width, spread[i], d_x + i * width, add, own, own_bias);
    });
    for (int which = 0; which < 2; ++which) {
        float* to = which ? d_bias : d_weight;
        if (!to) continue;
        if (first) std::memset(to, 0, norm.width * sizeof(float));
        for (int64_t g = 0; g < (rows + GROUP - 1) / GROUP; ++g)
            along(norm.width, [&](int64_t j, int n) {
                put(to + j, n, take(to + j, n) + take(sums + (2 * g + which) * width + j, n));
            });
    }
}

// A bias' gradient: the columns of dy, summed.
inline void sum_columns(int threads, const bf16* d_y, const Layout& in, int64_t rows, float* to, int64_t columns,
                        bool first) {
    if (!to) return;
    on_team(threads, [&](int part, int parts) {
        const Span blocks = stretch((columns + W - 1) / W, part, parts);
        for (int64_t j = blocks.begin * W; j < blocks.end * W; j += W) {
            const int n = columns - j < W ? static_cast<int>(columns - j) : W;
            Vec total = fill(0.0f);
            for (int64_t i = 0; i < rows; i += 32) {
                const bf16* from = d_y + in.at(i, j);
                Vec some = fill(0.0f);
                for (int r = 0; r < 32; ++r) some = some + load(from + r * in.stride);
                total = total + some;
            }
            put(to + j, n, first ? total : take(to + j, n) + total);
        }
    });
}

// Floats in rows -> bfloat16 in blocks.
inline void round_rows(int threads, const float* x, int64_t rows, int64_t width, bf16* out) {
    const Layout in = Layout::blocks(width);
    in_groups(threads, rows, [&](int64_t, Span span) {
        for (int64_t i = span.begin; i < span.end; ++i)
            for (int64_t j = 0; j < width; j += 32) {
                const float* from = x + i * width + j;
                bf16* to = out + in.at(i, j);
                for (int v = 0; v < 32; v += 2 * W) store(to + v, load(from + v), load(from + v + W));
            }
    });
}

inline void embed_chunk(int threads, const StepJob& job, const Sizes& s, int64_t first, int64_t tokens, float* x) {
    in_groups(threads, s.rows, [&](int64_t, Span span) {
        for (int64_t i = span.begin; i < span.end; ++i) {
            float* row = x + i * s.width;
            int64_t j = 0;
            if (i < tokens) {
                const float* from = job.ends.embed + job.ids[first + i] * job.d_model;
                const float* place = job.ends.positions;
                if (place) place += (first + i) % job.time * job.d_model;
                along(job.d_model, [&](int64_t k, int n) {
                    put(row + k, n, place ? take(from + k, n) + take(place + k, n) : take(from + k, n));
                });
                j = job.d_model;
            }
            for (; j < s.width; ++j) row[j] = 0.0f;
        }
    });
}

// Gradients of the embedding and of learned positions: each share adds up its own features of all rows.
inline void embed_back(int threads, const StepJob& job, const Sizes& s, const float* d_x) {
    on_team(threads, [&](int part, int parts) {
        const Span blocks = stretch((job.d_model + W - 1) / W, part, parts);
        const int64_t begin = blocks.begin * W, end = blocks.end * W < job.d_model ? blocks.end * W : job.d_model;
        if (begin >= end) return;
        if (job.d_ends.positions)
            for (int64_t t = 0; t < job.time; ++t)
                std::memset(job.d_ends.positions + t * job.d_model + begin, 0, (end - begin) * sizeof(float));
        for (int64_t b = 0; b < job.batch; ++b)
            for (int64_t t = 0; t < job.time; ++t) {
                const int64_t row = b / s.sequences * s.rows + b % s.sequences * job.time + t;
                const float* from = d_x + row * s.width + begin;
                float* to = job.d_ends.embed + job.ids[b * job.time + t] * job.d_model + begin;
                float* place = job.d_ends.positions ? job.d_ends.positions + t * job.d_model + begin : nullptr;
                along(end - begin, [&](int64_t j, int n) {
                    const Vec d = take(from + j, n);
                    put(to + j, n, take(to + j, n) + d);
                    if (place) put(place + j, n, take(place + j, n) + d);
                });
            }
    });
}

}  // namespace ISA
