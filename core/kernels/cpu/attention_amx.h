// The bfloat16 twin of attention.h on matrix tiles. Products multiply bfloat16 and add in float; softmax and its
// gradient are float. A tile product wants its left operand in rows and its right operand in "pairs": two
// neighbouring elements of the summed dimension side by side. Transposed results make every operand one of the two.
#pragma once
#include "attention.h"
#include "attention_rows.h"
#include "gemm.h"

namespace ISA {

// 32 x 32 results at a time. m, n and depth are multiples of 32; strides in elements.
inline void tile_product(int64_t m, int64_t n, int64_t depth, const bf16* rows, int64_t row_stride, const bf16* pairs,
                         int64_t pair_stride, float* c, int64_t c_stride, bool add) {
    for (int64_t j = 0; j < n; j += 32)
        for (int64_t i = 0; i < m; i += 32) {
            float* to = c + i * c_stride + j;
            const int64_t c_bytes = c_stride * 4, row_bytes = row_stride * 2, pair_bytes = pair_stride * 2;
            if (add) {
                _tile_loadd(0, to, c_bytes);
                _tile_loadd(1, to + 16, c_bytes);
                _tile_loadd(2, to + 16 * c_stride, c_bytes);
                _tile_loadd(3, to + 16 * c_stride + 16, c_bytes);
            } else {
                _tile_zero(0);
                _tile_zero(1);
                _tile_zero(2);
                _tile_zero(3);
            }
            for (int64_t k = 0; k < depth; k += 32) {
                const bf16 *a = rows + i * row_stride + k, *b = pairs + k / 2 * pair_stride + j * 2;
                _tile_loadd(4, a, row_bytes);
                _tile_loadd(5, a + 16 * row_stride, row_bytes);
                _tile_loadd(6, b, pair_bytes);
                _tile_loadd(7, b + 32, pair_bytes);
                _tile_dpbf16ps(0, 4, 6);
                _tile_dpbf16ps(1, 4, 7);
                _tile_dpbf16ps(2, 5, 6);
                _tile_dpbf16ps(3, 5, 7);
            }
            _tile_stored(0, to, c_bytes);
            _tile_stored(1, to + 16, c_bytes);
            _tile_stored(2, to + 16 * c_stride, c_bytes);
            _tile_stored(3, to + 16 * c_stride + 16, c_bytes);
        }
}

// One head's vectors, (padded, width) bfloat16 in rows `stride` apart.
struct Rows {
    const bf16* data;
    int64_t stride;
    const bf16* at(int64_t t) const { return data + t * stride; }
};

// One head in the layouts that the products want. Times are `padded`, features `width`, both multiples of 32.
struct Layouts {
    const Shape& s;
    const int64_t stride;  // of a row that runs along time; padded, so that rows do not crowd a few cache sets
    explicit Layouts(const Shape& shape) : s(shape), stride(shape.padded + 32) {}

    int64_t across() const { return s.width * stride; }  // elements of a layout whose rows run along time

    // The head as it lies in its tensor where that will do, else rotated and padded in `scratch`.
    Rows rows(const AttentionJob& job, const Heads& x, int64_t b, int64_t h, bool rotate, bf16* scratch) const {
        const bf16* from = place<const bf16>(x, b, h);
        rotate = rotate && job.cosines;
        if (!rotate && s.time == s.padded && s.size == s.width && x.time % 2 == 0) return {from, x.time};
        if (rotate && s.size / 2 % W == 0 && s.size == s.width) rotate_rows(job, from, x.time, scratch);
        else copy_rows(job, from, x.time, rotate, scratch);
        return {scratch, s.width};
    }
    void time_pairs(const Rows& from, bf16* to) const {  // (time / 2, width) pairs
        for (int64_t t = 0; t < s.padded; t += 2, to += 2 * s.width)
            for (int64_t f = 0; f < s.width; f += W) store_pairs(to + 2 * f, load(from.at(t) + f), load(from.at(t + 1) + f));
    }
    void feature_pairs(const Rows& from, bf16* to) const {  // (width / 2, time) pairs
        for (int64_t f = 0; f < s.width; f += 32)
            for (int64_t t = 0; t < s.padded; t += 16)
                transpose_words(from.at(t) + f, from.stride / 2, to + f * stride + 2 * t, stride);
    }
    void transposed(const Rows& from, bf16* to) const {  // (width, time)
        alignas(64) bf16 pairs[16 * 32];
        for (int64_t f = 0; f < s.width; f += 16)
            for (int64_t t = 0; t < s.padded; t += 32) {
                for (int p = 0; p < 16; ++p)
                    store_pairs(pairs + p * 32, load(from.at(t + 2 * p) + f), load(from.at(t + 2 * p + 1) + f));
                transpose_words(pairs, 16, to + f * stride + t, stride / 2);
            }
    }
    void untransposed(const float* from, float* to) const {  // (width, time) floats -> (time, width)
        for (int64_t f = 0; f < s.width; f += 16)
            for (int64_t t = 0; t < s.padded; t += 16)
                transpose_words(from + f * stride + t, stride, to + t * s.width + f, s.width);
    }

private:
    void rotate_rows(const AttentionJob& job, const bf16* from, int64_t step, bf16* to) const {
        const int64_t half = s.size / 2;
        for (int64_t t = 0; t < s.time; ++t, from += step, to += s.width) {
            const float *c = job.cosines + t * half, *sn = job.sines + t * half;
            for (int64_t f = 0; f < half; f += W) {
                const Vec a = load(from + f), b = load(from + f + half), cosine = load(c + f), sine = load(sn + f);
                store(to + f, fma(a, cosine, fill(0.0f) - b * sine));
                store(to + f + half, fma(b, cosine, a * sine));
            }
        }
        std::memset(to, 0, (s.padded - s.time) * s.width * sizeof(bf16));
    }
    void copy_rows(const AttentionJob& job, const bf16* from, int64_t step, bool rotate, bf16* to) const {
        const int64_t half = s.size / 2;
        std::memset(to, 0, s.head() * sizeof(bf16));
        for (int64_t t = 0; t < s.time; ++t, from += step, to += s.width) {
            std::memcpy(to, from, s.size * sizeof(bf16));
            if (!rotate) continue;
            const float *c = job.cosines + t * half, *sn = job.sines + t * half;
            for (int64_t f = 0; f < half; ++f) {
                const float a = bf16_to_float(from[f]), b = bf16_to_float(from[f + half]);
                to[f] = float_to_bf16(a * c[f] - b * sn[f]);
                to[f + half] = float_to_bf16(b * c[f] + a * sn[f]);
            }
        }
    }
};

// Cuts one piece of scratch into arrays, each starting on a cache line.
class Cutter {
public:
    explicit Cutter(size_t bytes) : next_(static_cast<char*>(team_scratch(bytes))) {}
    template <class T> T* cut(int64_t count) {
        T* here = reinterpret_cast<T*>(next_);
        next_ += round_up(count * static_cast<int64_t>(sizeof(T)), 64);
        return here;
    }

private:
    char* next_;
};

inline void forward_amx(AttentionJob& job, Span items) {
    const Shape s(job, 32);
    const Layouts l(s);
    Cutter memory((s.scores() + ROWS * s.width) * 4 + (2 * s.head() + l.across() + s.scores()) * 2 + 4096);
    float* scores = memory.cut<float>(s.scores());
    float* out = memory.cut<float>(ROWS * s.width);
    bf16 *desk = memory.cut<bf16>(s.head()), *values = memory.cut<bf16>(s.head()), *keys = memory.cut<bf16>(l.across());
    bf16* p = memory.cut<bf16>(s.scores());
    const int64_t group = job.heads / job.kv_heads;
    const TileScope tiles;
    for (int64_t item = items.begin; item < items.end; ++item) {
        const int64_t b = item / job.kv_heads, kv = item % job.kv_heads;
        l.feature_pairs(l.rows(job, job.k, b, kv, true, desk), keys);
        l.time_pairs(l.rows(job, job.v, b, kv, false, desk), values);
        for (int64_t h = kv * group; h < (kv + 1) * group; ++h) {
            const Rows q = l.rows(job, job.q, b, h, true, desk);
            float* lse = job.lse + (b * job.heads + h) * job.time;
            const Mask mask(job, b, h);
            for (int64_t first = 0; first < s.time; first += ROWS) {
                const int64_t count = s.time - first < ROWS ? s.time - first : ROWS;
                const Span here = mask.columns(first);
                const int64_t columns = here.end - here.begin;
                tile_product(ROWS, columns, s.width, q.at(first), q.stride, keys + 2 * here.begin, 2 * l.stride, scores,
                             s.row, false);
                float totals[ROWS];
                for (int64_t i = 0; i < ROWS; ++i) {
                    float* row = scores + i * s.row;
                    const Span seen = mask.seen(first + i, here);
                    const float scale = mask.add_terms(row, first + i, here, seen, job.scale);
                    const float sum = softmax_rounded(row, seen, columns, scale, p + i * s.row, totals + i);
                    if (i < count) lse[first + i] = sum;
                }
                tile_product(ROWS, s.width, columns, p, s.row, values + here.begin * s.width, 2 * s.width, out, s.width,
                             false);
                bf16* to = place<bf16>(job.out, b, h) + first * job.out.time;
                for (int64_t i = 0; i < count; ++i)
                    write_row(s, out + i * s.width, 1.0f / totals[i], to + i * job.out.time);
            }
        }
    }
}

struct BackwardAmx {  // the working memory of one key/value head and of the query head in hand
    float *head, *d_q, *d_keys_t, *d_values_t, *p, *d;
    bf16 *desk, *d_desk, *keys, *keys_t, *values_t, *q_t, *d_out_t, *p_pairs, *d_pairs, *d_rows;
    explicit BackwardAmx(const Layouts& l) {
        const Shape& s = l.s;
        Cutter memory((2 * s.head() + 2 * l.across() + 2 * s.scores()) * 4 +
                      (3 * s.head() + 4 * l.across() + 3 * s.scores()) * 2 + 4096);
        float** heads[] = {&head, &d_q};
        for (float** x : heads) *x = memory.cut<float>(s.head());
        float** sums[] = {&d_keys_t, &d_values_t};
        for (float** x : sums) *x = memory.cut<float>(l.across());
        float** blocks[] = {&p, &d};
        for (float** x : blocks) *x = memory.cut<float>(s.scores());
        bf16** in_rows[] = {&desk, &d_desk, &keys};
        for (bf16** x : in_rows) *x = memory.cut<bf16>(s.head());
        bf16** in_columns[] = {&keys_t, &values_t, &q_t, &d_out_t};
        for (bf16** x : in_columns) *x = memory.cut<bf16>(l.across());
        bf16** products[] = {&p_pairs, &d_pairs, &d_rows};
        for (bf16** x : products) *x = memory.cut<bf16>(s.scores());
    }
};

inline void backward_head_amx(const AttentionJob& job, const Layouts& l, int64_t b, int64_t h, BackwardAmx& m) {
    const Shape& s = l.s;
    const Rows d_out = l.rows(job, job.d_out, b, h, false, m.d_desk), q = l.rows(job, job.q, b, h, true, m.desk);
    l.transposed(d_out, m.d_out_t);
    l.transposed(q, m.q_t);
    const float* lse = job.lse + (b * job.heads + h) * job.time;
    const Mask mask(job, b, h);
    for (int64_t first = 0; first < s.time; first += ROWS) {
        const Span here = mask.columns(first);
        const int64_t columns = here.end - here.begin;
        const bf16 *keys = m.keys + here.begin * s.width, *keys_t = m.keys_t + 2 * here.begin;
        const bf16* values_t = m.values_t + 2 * here.begin;
        tile_product(ROWS, columns, s.width, q.at(first), q.stride, keys_t, 2 * l.stride, m.p, s.row, false);
        tile_product(ROWS, columns, s.width, d_out.at(first), d_out.stride, values_t, 2 * l.stride, m.d, s.row, false);
        for (int64_t i = 0; i < ROWS; i += 2) {
            ScorePair pair = {m.p + i * s.row, m.d + i * s.row, s.row, columns, job.d_bias != nullptr};
            for (int r = 0; r < 2; ++r) {
                pair.seen[r] = mask.seen(first + i + r, here);
                pair.scale[r] = mask.add_terms(pair.p + r * s.row, first + i + r, here, pair.seen[r], job.scale);
                pair.lse[r] = sees_nothing(pair.seen[r]) ? 0.0f : lse[first + i + r];
            }
            score_gradients(pair, m.d_rows + i * s.row, m.p_pairs + i * s.row, m.d_pairs + i * s.row);
            for (int r = 0; r < 2; ++r) mask.add_gradient(pair.d + r * s.row, first + i + r, here, pair.seen[r]);
        }
        float* d_q = m.d_q + first * s.width;
        tile_product(ROWS, s.width, columns, m.d_rows, s.row, keys, 2 * s.width, d_q, s.width, false);
        const bf16 *q_t = m.q_t + first, *d_out_t = m.d_out_t + first;
        float *d_keys_t = m.d_keys_t + here.begin, *d_values_t = m.d_values_t + here.begin;
        tile_product(s.width, columns, ROWS, d_out_t, l.stride, m.p_pairs, 2 * s.row, d_values_t, l.stride, true);
        tile_product(s.width, columns, ROWS, q_t, l.stride, m.d_pairs, 2 * s.row, d_keys_t, l.stride, true);
    }
    unpack(job, s, m.d_q, job.scale, true, place<bf16>(job.d_q, b, h), job.d_q.time);
}

inline void backward_amx(AttentionJob& job, Span items) {
    const Shape s(job, 32);
    const Layouts l(s);
    BackwardAmx m(l);
    const int64_t group = job.heads / job.kv_heads;
    const TileScope tiles;
    for (int64_t item = items.begin; item < items.end; ++item) {
        const int64_t b = item_at(job, item).begin, kv = item_at(job, item).end;
        const Rows k = l.rows(job, job.k, b, kv, true, m.desk);
        l.time_pairs(k, m.keys);
        l.feature_pairs(k, m.keys_t);
        l.feature_pairs(l.rows(job, job.v, b, kv, false, m.desk), m.values_t);
        std::memset(m.d_keys_t, 0, l.across() * sizeof(float));
        std::memset(m.d_values_t, 0, l.across() * sizeof(float));
        for (int64_t h = kv * group; h < (kv + 1) * group; ++h) backward_head_amx(job, l, b, h, m);
        l.untransposed(m.d_keys_t, m.head);
        unpack(job, s, m.head, job.scale, true, place<bf16>(job.d_k, b, kv), job.d_k.time);
        l.untransposed(m.d_values_t, m.head);
        unpack(job, s, m.head, 1.0f, false, place<bf16>(job.d_v, b, kv), job.d_v.time);
    }
}

inline void attention_forward_amx(AttentionJob& job, int part, int parts) {
    if (job.bf16) forward_amx(job, stretch(job.batches * job.kv_heads, part, parts));
    else attention_forward(job, part, parts);
}

inline void attention_backward_amx(AttentionJob& job, int part, int parts) {
    if (job.bf16) backward_amx(job, items_of(job, part, parts));
    else attention_backward(job, part, parts);
}

}  // namespace ISA
