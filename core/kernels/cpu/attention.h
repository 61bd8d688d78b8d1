// Attention, forward and backward, one head at a time, its scores never leaving the cache.
//
// A head is first packed: converted to float, turned by its rotary positions, padded with zeros to whole tiles.
// Queries then go in blocks of ROWS; a block sees all its keys at once, so the softmax needs no second pass, and
// blocks of keys that none of its queries sees are passed over (mask.h).
// The backward pass recomputes the probabilities from the saved log-sum-exp (Dao et al. 2022, arXiv:2205.14135).
#pragma once
#include <cmath>

#include "mask.h"
#include "matrix.h"
#include "table.h"
#include "team.h"

namespace ISA {

struct Shape {
    int64_t time, size;      // true
    int64_t padded, width;   // padded to whole blocks and whole vectors
    int64_t row;             // distance between rows of scores; a power of two would crowd a few cache sets
    explicit Shape(const AttentionJob& job, int step = W)
        : time(job.time), size(job.size), padded(round_up(job.time, ROWS)), width(round_up(job.size, step)),
          row(padded + 16) {}
    int64_t head() const { return padded * width; }
    int64_t scores() const { return ROWS * row; }
};

template <class T> T* place(const Heads& x, int64_t b, int64_t h) {
    return static_cast<T*>(x.data) + b * x.batch + h * x.head;
}

// (time, size) of one head -> (padded, width) floats, times `factor`, rotated when the job has rotary positions.
template <class T>
void pack(const AttentionJob& job, const Shape& s, const T* from, int64_t stride, float factor, bool rotate,
          float* to) {
    const int64_t half = s.size / 2;
    rotate = rotate && job.cosines;
    for (int64_t t = 0; t < s.padded; ++t, to += s.width) {
        int64_t filled = 0;
        if (t < s.time) {
            const T* row = from + t * stride;
            for (; filled + W <= s.size; filled += W) store(to + filled, load(row + filled) * fill(factor));
            if (filled < s.size) {
                const int n = static_cast<int>(s.size - filled);
                store_some(to + filled, n, load_some(row + filled, n, 0.0f) * fill(factor));
            }
            filled = s.size;
            if (rotate) {
                const float *c = job.cosines + t * half, *sn = job.sines + t * half;
                for (int64_t f = 0; f < half; ++f) {
                    const float a = to[f], b = to[f + half];
                    to[f] = a * c[f] - b * sn[f];
                    to[f + half] = b * c[f] + a * sn[f];
                }
            }
        }
        for (; filled < s.width; ++filled) to[filled] = 0.0f;
    }
}

// One row of floats, times `factor`, in the tensor's own type.
template <class T> void write_row(const Shape& s, const float* from, float factor, T* to) {
    int64_t f = 0;
    for (; f + W <= s.size; f += W) store(to + f, load(from + f) * fill(factor));
    if (f < s.size) store_some(to + f, static_cast<int>(s.size - f), load(from + f) * fill(factor));
}

// The way back, for gradients: rotation undone, written in the tensor's own type.
template <class T>
void unpack(const AttentionJob& job, const Shape& s, float* from, float factor, bool rotate, T* to, int64_t stride) {
    const int64_t half = s.size / 2;
    for (int64_t t = 0; t < s.time; ++t, from += s.width) {
        if (rotate && job.cosines) {
            const float *c = job.cosines + t * half, *sn = job.sines + t * half;
            for (int64_t f = 0; f < half; ++f) {
                const float a = from[f], b = from[f + half];
                from[f] = a * c[f] + b * sn[f];
                from[f + half] = b * c[f] - a * sn[f];
            }
        }
        write_row(s, from, factor, to + t * stride);
    }
}

// (padded, width) -> its transpose in panels of NR columns: panel p holds rows p * NR ... of every feature.
inline void transpose(const Shape& s, const float* from, float* to) {
    for (int64_t p = 0; p < s.padded; p += NR)
        for (int64_t f = 0; f < s.width; ++f)
            for (int64_t c = 0; c < NR; ++c) *to++ = from[(p + c) * s.width + f];
}

// e^x for x <= 0, and 0 where a share would be so faint that what it is multiplied with gets too small for a float's full
// digits: such numbers cost a hundred times what others cost, and ALiBi's distances make many of them.
inline Vec share_of(Vec x) { return pick_negative(x + fill(60.0f), fill(0.0f), exponential(x)); }

// Scores of one query against the keys it sees, times `scale`, become exponentials that sum to `total`; the rest
// become 0. Returns the log-sum-exp.
inline float softmax_row(float* row, Span seen, int64_t columns, float scale, float* total) {
    *total = 1.0f;
    if (sees_nothing(seen)) {
        std::memset(row, 0, columns * sizeof(float));
        return 0.0f;
    }
    const Span whole = hide_beside(row, seen);
    Vec most = load(row + whole.begin);
    for (int64_t j = whole.begin + W; j < whole.end; j += W) most = largest(most, load(row + j));
    const float highest = top(most) * scale;
    Vec all = fill(0.0f);
    for (int64_t j = whole.begin; j < whole.end; j += W) {
        Vec e = share_of(fma(load(row + j), fill(scale), fill(-highest)));
        store(row + j, e);
        all = all + e;
    }
    clear_beside(row, seen, columns);
    *total = sum(all);
    return highest + std::log(*total);
}

template <class T> void forward_head(const AttentionJob& job, const Shape& s, int64_t b, int64_t h, const float* keys_t,
                                     const float* values, float* q, float* scores, float* out) {
    pack(job, s, place<const T>(job.q, b, h), job.q.time, job.scale, true, q);
    float* lse = job.lse + (b * job.heads + h) * job.time;
    T* to = place<T>(job.out, b, h);
    const Mask mask(job, b, h);
    for (int64_t first = 0; first < s.time; first += ROWS) {
        const int64_t count = s.time - first < ROWS ? s.time - first : ROWS;
        const Span here = mask.columns(first);
        const int64_t columns = here.end - here.begin, offset = here.begin * s.width;
        product(ROWS, columns, s.width, {q + first * s.width, s.width, 1}, keys_t + offset, NR, s.width * NR, scores,
                s.row, false);
        float totals[ROWS];
        for (int64_t i = 0; i < count; ++i) {
            const Span seen = mask.seen(first + i, here);
            mask.add_terms(scores + i * s.row, first + i, here, seen, 1.0f);
            lse[first + i] = softmax_row(scores + i * s.row, seen, columns, 1.0f, totals + i);
        }
        product(ROWS, s.width, columns, {scores, s.row, 1}, values + offset, s.width, NR, out, s.width, false);
        for (int64_t i = 0; i < count; ++i)
            write_row(s, out + i * s.width, 1.0f / totals[i], to + (first + i) * job.out.time);
    }
}

template <class T> void forward(AttentionJob& job, Span items) {
    const Shape s(job);
    float* keys = static_cast<float*>(team_scratch((4 * s.head() + s.scores() + ROWS * s.width) * sizeof(float)));
    float *keys_t = keys + s.head(), *values = keys_t + s.head(), *q = values + s.head(), *scores = q + s.head();
    float* out = scores + s.scores();
    const int64_t group = job.heads / job.kv_heads;
    for (int64_t item = items.begin; item < items.end; ++item) {
        const int64_t b = item / job.kv_heads, kv = item % job.kv_heads;
        pack(job, s, place<const T>(job.k, b, kv), job.k.time, 1.0f, true, keys);
        pack(job, s, place<const T>(job.v, b, kv), job.v.time, 1.0f, false, values);
        transpose(s, keys, keys_t);
        for (int64_t g = 0; g < group; ++g)
            forward_head<T>(job, s, b, kv * group + g, keys_t, values, q, scores, out);
    }
}

// Probabilities and the gradient of the scores, row by row, in place: dS = P (dP - sum P dP).
inline void score_gradient_row(float* p, float* d, Span seen, int64_t columns, float scale, float lse) {
    if (sees_nothing(seen)) {
        std::memset(p, 0, columns * sizeof(float));
        std::memset(d, 0, columns * sizeof(float));
        return;
    }
    const Span whole = hide_beside(p, seen);
    Vec mean = fill(0.0f);
    for (int64_t j = whole.begin; j < whole.end; j += W) {
        Vec e = share_of(fma(load(p + j), fill(scale), fill(-lse)));
        store(p + j, e);
        mean = fma(e, load(d + j), mean);
    }
    const Vec centre = fill(sum(mean));
    for (int64_t j = whole.begin; j < whole.end; j += W) store(d + j, load(p + j) * (load(d + j) - centre));
    clear_beside(p, seen, columns);
    clear_beside(d, seen, columns);
}

// Key/value heads, sequence after sequence. With a bias to give a gradient to, a share has all sequences of its heads.
inline Span items_of(const AttentionJob& job, int part, int parts) {
    if (!job.d_bias) return stretch(job.batches * job.kv_heads, part, parts);
    const Span heads = stretch(job.kv_heads, part, parts);
    return {heads.begin * job.batches, heads.end * job.batches};
}

// (sequence, key/value head) of an item.
inline Span item_at(const AttentionJob& job, int64_t item) {
    if (job.d_bias) return {item % job.batches, item / job.batches};
    return {item / job.kv_heads, item % job.kv_heads};
}

struct Backward {  // the working memory of one key/value head and of the query head in hand
    float *keys, *keys_t, *values, *values_t, *d_keys, *d_values, *q, *d_out, *d_q, *p, *d;
    explicit Backward(const Shape& s) {
        float** heads[] = {&keys, &keys_t, &values, &values_t, &d_keys, &d_values, &q, &d_out, &d_q};
        float* memory = static_cast<float*>(team_scratch((9 * s.head() + 2 * s.scores()) * sizeof(float)));
        for (float** head : heads) { *head = memory; memory += s.head(); }
        p = memory;
        d = memory + s.scores();
    }
};

template <class T> void backward_head(const AttentionJob& job, const Shape& s, int64_t b, int64_t h, Backward& m) {
    pack(job, s, place<const T>(job.q, b, h), job.q.time, job.scale, true, m.q);
    pack(job, s, place<const T>(job.d_out, b, h), job.d_out.time, 1.0f, false, m.d_out);
    const float* lse = job.lse + (b * job.heads + h) * job.time;
    const Mask mask(job, b, h);
    for (int64_t first = 0; first < s.time; first += ROWS) {
        const Span here = mask.columns(first);
        const int64_t columns = here.end - here.begin, offset = here.begin * s.width;
        const float *q = m.q + first * s.width, *d_out = m.d_out + first * s.width;
        product(ROWS, columns, s.width, {q, s.width, 1}, m.keys_t + offset, NR, s.width * NR, m.p, s.row, false);
        product(ROWS, columns, s.width, {d_out, s.width, 1}, m.values_t + offset, NR, s.width * NR, m.d, s.row, false);
        for (int64_t i = 0; i < ROWS; ++i) {
            float *p = m.p + i * s.row, *d = m.d + i * s.row;
            const Span seen = mask.seen(first + i, here);
            mask.add_terms(p, first + i, here, seen, 1.0f);
            score_gradient_row(p, d, seen, columns, 1.0f, sees_nothing(seen) ? 0.0f : lse[first + i]);
            mask.add_gradient(d, first + i, here, seen);
        }
        product(columns, s.width, ROWS, {m.p, 1, s.row}, d_out, s.width, NR, m.d_values + offset, s.width, true);
        product(columns, s.width, ROWS, {m.d, 1, s.row}, q, s.width, NR, m.d_keys + offset, s.width, true);
        product(ROWS, s.width, columns, {m.d, s.row, 1}, m.keys + offset, s.width, NR, m.d_q + first * s.width,
                s.width, false);
    }
    unpack(job, s, m.d_q, job.scale, true, place<T>(job.d_q, b, h), job.d_q.time);
}

template <class T> void backward(AttentionJob& job, Span items) {
    const Shape s(job);
    Backward m(s);
    const int64_t group = job.heads / job.kv_heads;
    for (int64_t item = items.begin; item < items.end; ++item) {
        const int64_t b = item_at(job, item).begin, kv = item_at(job, item).end;
        pack(job, s, place<const T>(job.k, b, kv), job.k.time, 1.0f, true, m.keys);
        pack(job, s, place<const T>(job.v, b, kv), job.v.time, 1.0f, false, m.values);
        transpose(s, m.keys, m.keys_t);
        transpose(s, m.values, m.values_t);
        std::memset(m.d_keys, 0, s.head() * sizeof(float));
        std::memset(m.d_values, 0, s.head() * sizeof(float));
        for (int64_t g = 0; g < group; ++g) backward_head<T>(job, s, b, kv * group + g, m);
        unpack(job, s, m.d_keys, 1.0f, true, place<T>(job.d_k, b, kv), job.d_k.time);
        unpack(job, s, m.d_values, 1.0f, false, place<T>(job.d_v, b, kv), job.d_v.time);
    }
}

void attention_forward(AttentionJob& job, int part, int parts) {
    const Span items = stretch(job.batches * job.kv_heads, part, parts);
    if (job.bf16) forward<uint16_t>(job, items);
    else forward<float>(job, items);
}

void attention_backward(AttentionJob& job, int part, int parts) {
    const Span items = items_of(job, part, parts);
    if (job.bf16) backward<uint16_t>(job, items);
    else backward<float>(job, items);
}

}  // namespace ISA
