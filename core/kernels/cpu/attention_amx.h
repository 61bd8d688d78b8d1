// The bfloat16 twin of attention.h on matrix tiles. Products multiply bfloat16 and add in float; softmax and its
// gradient are float. A tile product wants its left operand in rows and its right operand in "pairs": two
// neighbouring elements of the summed dimension side by side. Transposed results make every operand one of the two.
#pragma once
#include "attention.h"

namespace ISA {

typedef uint16_t bf16;

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

// Our tile shapes while in scope; whatever the thread had before (oneDNN's) comes back afterwards.
class Tiles {
public:
    Tiles() {
        _tile_storeconfig(before_);
        alignas(64) uint8_t config[64] = {1};  // palette 1
        for (int tile = 0; tile < 8; ++tile) {
            config[16 + 2 * tile] = 64;  // bytes in a row
            config[48 + tile] = 16;      // rows
        }
        _tile_loadconfig(config);
    }
    ~Tiles() {
        if (before_[0]) _tile_loadconfig(before_);
        else _tile_release();
    }

private:
    alignas(64) uint8_t before_[64];
};

inline __m256i narrow(const float* p) { return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(_mm512_loadu_ps(p))); }

// `count` floats, a multiple of 16, to bfloat16.
inline void to_rows(const float* from, int64_t count, bf16* to) {
    for (int64_t i = 0; i < count; i += 16) _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), narrow(from + i));
}

// Two rows of floats, element by element side by side.
inline void to_pair(const float* first, const float* second, int64_t count, bf16* to) {
    for (int64_t i = 0; i < count; i += 16) {
        __m512i low = _mm512_cvtepu16_epi32(narrow(first + i)), high = _mm512_cvtepu16_epi32(narrow(second + i));
        _mm512_storeu_si512(to + 2 * i, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
    }
}

inline __m512i every(int64_t step) {
    const __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    return _mm512_mullo_epi32(lanes, _mm512_set1_epi32(static_cast<int>(step)));
}

// One head in the layouts that the products want. Times are `padded`, features `width`, both multiples of 32.
struct Layouts {
    const Shape& s;
    const int64_t stride;  // of a row that runs along time; padded, so that rows do not crowd a few cache sets
    explicit Layouts(const Shape& shape) : s(shape), stride(shape.padded + 32) {}

    int64_t across() const { return s.width * stride; }  // elements of a layout whose rows run along time

    void time_pairs(const float* from, bf16* to) const {  // (time / 2, width) pairs
        for (int64_t t = 0; t < s.padded; t += 2, from += 2 * s.width, to += 2 * s.width)
            to_pair(from, from + s.width, s.width, to);
    }
    void feature_pairs(const float* from, bf16* rows, bf16* to) const {  // (width / 2, time) pairs; `rows` on the way
        to_rows(from, s.head(), rows);
        const __m512i lanes = every(s.width / 2);
        for (int64_t f = 0; f < s.width / 2; ++f)
            for (int64_t t = 0; t < s.padded; t += 16)
                _mm512_storeu_si512(to + f * 2 * stride + 2 * t,
                                    _mm512_i32gather_epi32(lanes, rows + t * s.width + 2 * f, 4));
    }
    void transposed(const float* from, bf16* to) const {  // (width, time)
        const __m512i lanes = every(s.width);
        for (int64_t f = 0; f < s.width; ++f)
            for (int64_t t = 0; t < s.padded; t += 16) {
                __m512 column = _mm512_i32gather_ps(lanes, from + t * s.width + f, 4);
                _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + f * stride + t),
                                    reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(column)));
            }
    }
    void untransposed(const float* from, float* to) const {  // (width, time) floats -> (time, width)
        const __m512i lanes = every(stride);
        for (int64_t t = 0; t < s.padded; ++t)
            for (int64_t f = 0; f < s.width; f += 16)
                _mm512_storeu_ps(to + t * s.width + f, _mm512_i32gather_ps(lanes, from + f * stride + t, 4));
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
    Cutter memory((s.head() + s.scores() + ROWS * s.width) * 4 + (2 * s.head() + l.across() + s.scores()) * 2 + 4096);
    float *head = memory.cut<float>(s.head()), *scores = memory.cut<float>(s.scores());
    float* out = memory.cut<float>(ROWS * s.width);
    bf16 *q = memory.cut<bf16>(s.head()), *values = memory.cut<bf16>(s.head()), *keys = memory.cut<bf16>(l.across());
    bf16* p = memory.cut<bf16>(s.scores());
    const int64_t group = job.heads / job.kv_heads;
    const Tiles tiles;
    for (int64_t item = items.begin; item < items.end; ++item) {
        const int64_t b = item / job.kv_heads, kv = item % job.kv_heads;
        pack(job, s, place<const bf16>(job.k, b, kv), job.k.time, 1.0f, true, head);
        l.feature_pairs(head, q, keys);
        pack(job, s, place<const bf16>(job.v, b, kv), job.v.time, 1.0f, false, head);
        l.time_pairs(head, values);
        for (int64_t h = kv * group; h < (kv + 1) * group; ++h) {
            pack(job, s, place<const bf16>(job.q, b, h), job.q.time, 1.0f, true, head);
            to_rows(head, s.head(), q);
            float* lse = job.lse + (b * job.heads + h) * job.time;
            for (int64_t first = 0; first < s.time; first += ROWS) {
                const int64_t columns = first + ROWS, count = s.time - first < ROWS ? s.time - first : ROWS;
                tile_product(ROWS, columns, s.width, q + first * s.width, s.width, keys, 2 * l.stride, scores, s.row,
                             false);
                float totals[ROWS];
                for (int64_t i = 0; i < ROWS; ++i) {
                    const float sum = softmax_row(scores + i * s.row, first + i, columns, job.scale, totals + i);
                    if (i < count) lse[first + i] = sum;
                    to_rows(scores + i * s.row, columns, p + i * s.row);
                }
                tile_product(ROWS, s.width, columns, p, s.row, values, 2 * s.width, out, s.width, false);
                bf16* to = place<bf16>(job.out, b, h) + first * job.out.time;
                for (int64_t i = 0; i < count; ++i)
                    write_row(s, out + i * s.width, 1.0f / totals[i], to + i * job.out.time);
            }
        }
    }
}

struct BackwardAmx {  // the working memory of one key/value head and of the query head in hand
    float *head, *d_q, *d_keys_t, *d_values_t, *p, *d;
    bf16 *rows, *keys, *keys_t, *values_t, *q, *q_t, *d_out, *d_out_t, *p_pairs, *d_pairs, *d_rows;
    explicit BackwardAmx(const Layouts& l) {
        const Shape& s = l.s;
        Cutter memory((2 * s.head() + 2 * l.across() + 2 * s.scores()) * 4 +
                      (4 * s.head() + 4 * l.across() + 3 * s.scores()) * 2 + 4096);
        float** heads[] = {&head, &d_q};
        for (float** x : heads) *x = memory.cut<float>(s.head());
        float** sums[] = {&d_keys_t, &d_values_t};
        for (float** x : sums) *x = memory.cut<float>(l.across());
        float** blocks[] = {&p, &d};
        for (float** x : blocks) *x = memory.cut<float>(s.scores());
        bf16** in_rows[] = {&rows, &keys, &q, &d_out};
        for (bf16** x : in_rows) *x = memory.cut<bf16>(s.head());
        bf16** in_columns[] = {&keys_t, &values_t, &q_t, &d_out_t};
        for (bf16** x : in_columns) *x = memory.cut<bf16>(l.across());
        bf16** products[] = {&p_pairs, &d_pairs, &d_rows};
        for (bf16** x : products) *x = memory.cut<bf16>(s.scores());
    }
};

inline void backward_head_amx(const AttentionJob& job, const Layouts& l, int64_t b, int64_t h, BackwardAmx& m) {
    const Shape& s = l.s;
    pack(job, s, place<const bf16>(job.d_out, b, h), job.d_out.time, 1.0f, false, m.head);
    to_rows(m.head, s.head(), m.d_out);
    l.transposed(m.head, m.d_out_t);
    pack(job, s, place<const bf16>(job.q, b, h), job.q.time, 1.0f, true, m.head);
    to_rows(m.head, s.head(), m.q);
    l.transposed(m.head, m.q_t);
    const float* lse = job.lse + (b * job.heads + h) * job.time;
    for (int64_t first = 0; first < s.time; first += ROWS) {
        const int64_t columns = first + ROWS;
        const bf16 *q = m.q + first * s.width, *d_out = m.d_out + first * s.width;
        tile_product(ROWS, columns, s.width, q, s.width, m.keys_t, 2 * l.stride, m.p, s.row, false);
        tile_product(ROWS, columns, s.width, d_out, s.width, m.values_t, 2 * l.stride, m.d, s.row, false);
        for (int64_t i = 0; i < ROWS; ++i) {
            float *p = m.p + i * s.row, *d = m.d + i * s.row;
            if (first + i < s.time) score_gradient_row(p, d, first + i, columns, job.scale, lse[first + i]);
            else for (int64_t j = 0; j < columns; ++j) p[j] = d[j] = 0.0f;
            to_rows(d, columns, m.d_rows + i * s.row);
            if (i % 2) {
                to_pair(p - s.row, p, columns, m.p_pairs + (i - 1) * s.row);
                to_pair(d - s.row, d, columns, m.d_pairs + (i - 1) * s.row);
            }
        }
        float* d_q = m.d_q + first * s.width;
        tile_product(ROWS, s.width, columns, m.d_rows, s.row, m.keys, 2 * s.width, d_q, s.width, false);
        const bf16 *q_t = m.q_t + first, *d_out_t = m.d_out_t + first;
        tile_product(s.width, columns, ROWS, d_out_t, l.stride, m.p_pairs, 2 * s.row, m.d_values_t, l.stride, true);
        tile_product(s.width, columns, ROWS, q_t, l.stride, m.d_pairs, 2 * s.row, m.d_keys_t, l.stride, true);
    }
    unpack(job, s, m.d_q, job.scale, true, place<bf16>(job.d_q, b, h), job.d_q.time);
}

inline void backward_amx(AttentionJob& job, Span items) {
    const Shape s(job, 32);
    const Layouts l(s);
    BackwardAmx m(l);
    const int64_t group = job.heads / job.kv_heads;
    const Tiles tiles;
    for (int64_t item = items.begin; item < items.end; ++item) {
        const int64_t b = item / job.kv_heads, kv = item % job.kv_heads;
        pack(job, s, place<const bf16>(job.k, b, kv), job.k.time, 1.0f, true, m.head);
        l.time_pairs(m.head, m.keys);
        l.feature_pairs(m.head, m.rows, m.keys_t);
        pack(job, s, place<const bf16>(job.v, b, kv), job.v.time, 1.0f, false, m.head);
        l.feature_pairs(m.head, m.rows, m.values_t);
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
    if (job.bf16) backward_amx(job, stretch(job.batches * job.kv_heads, part, parts));
    else attention_backward(job, part, parts);
}

}  // namespace ISA
