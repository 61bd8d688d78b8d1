// One step of a decoder: a few new tokens in, logits out, the cache grown. Every part runs all of it and computes its
// own rows; what is cheap (norms, rounding of activations) is done by each part for itself, which saves a meeting.
#pragma once
#include "attend.h"
#include "gated.h"
#include "gemv.h"

namespace ISA {

inline void embed(const DecodeModel& m, int32_t token, int64_t place, float* x) {
    const int64_t width = m.d_model, blocks = width / BLOCK;
    const char* data = static_cast<const char*>(m.embedding);
    if (m.embedding_type == DECODE_F32) {
        std::memcpy(x, data + token * width * 4, width * 4);
    } else if (m.embedding_type == DECODE_F16) {
        const Half* row = reinterpret_cast<const Half*>(data) + token * width;
        for (int64_t i = 0; i < width; ++i) x[i] = half_to_float(row[i]);
    } else {
        const bool four_bits = m.embedding_type == DECODE_Q4_0;
        const int64_t bytes = four_bits ? 2 + BLOCK / 2 : 2 + BLOCK;
        for (int64_t b = 0; b < blocks; ++b) {
            const char* block = data + (token * blocks + b) * bytes;
            Half scale;
            std::memcpy(&scale, block, 2);
            const float d = half_to_float(scale);
            for (int i = 0; i < BLOCK; ++i) {
                const int byte = static_cast<uint8_t>(block[2 + (four_bits ? i % 16 : i)]);
                const int whole = four_bits ? (i < 16 ? byte & 15 : byte >> 4) - 8 : static_cast<int8_t>(byte);
                x[b * BLOCK + i] = d * static_cast<float>(whole);
            }
        }
    }
    for (int64_t i = 0; m.positions && i < width; ++i) x[i] += m.positions[place * width + i];
}

// RMSNorm, and with a bias LayerNorm.
inline void normalize(const DecodeNorm& norm, const float* x, int64_t width, float epsilon, float* y) {
    float mean = 0.0f;
    if (norm.bias) {
        Vec total = fill(0.0f);
        along(width, [&](int64_t j, int n) { total = total + take(x + j, n); });
        mean = sum(total) / static_cast<float>(width);
    }
    Vec squares = fill(0.0f);
    along(width, [&](int64_t j, int n) {
        const Vec a = n == W ? load(x + j) - fill(mean) : load_some(x + j, n, mean) - fill(mean);
        squares = fma(a, a, squares);
    });
    const Vec inverse = fill(1.0f / std::sqrt(sum(squares) / static_cast<float>(width) + epsilon));
    along(width, [&](int64_t j, int n) {
        const Vec a = (take(x + j, n) - fill(mean)) * inverse * take(norm.weight + j, n);
        put(y + j, n, norm.bias ? a + take(norm.bias + j, n) : a);
    });
}

// The angles of every token's place; each part has its own.
inline void turn_table(const DecodeJob& job, const Desk& desk) {
    const int64_t pairs = job.model->rotated / 2;
    for (int64_t n = 0; n < job.count; ++n)
        for (int64_t i = 0; i < pairs; ++i) {
            const double angle = static_cast<double>(job.position + n) * job.model->turns[i];
            desk.cosines[n * pairs + i] = static_cast<float>(std::cos(angle));
            desk.sines[n * pairs + i] = static_cast<float>(std::sin(angle));
        }
}

// Rotary positions of stretch `first`.. of the heads of one token: neighbours turn together.
inline void rotate(const DecodeModel& m, const Desk& desk, int64_t token, int64_t first, int rows, float* y) {
    for (int r = 0; r < rows && m.rotated; r += 2) {
        const int64_t feature = (first + r) % m.head_size, pair = token * (m.rotated / 2) + feature / 2;
        if (feature >= m.rotated) continue;
        const float a = y[r], b = y[r + 1], c = desk.cosines[pair], s = desk.sines[pair];
        y[r] = a * c - b * s;
        y[r + 1] = a * s + b * c;
    }
}

class Step {
public:
    Step(DecodeJob& job, int part, int parts)
        : job_(job), m_(*job.model), part_(part), parts_(parts),
          desk_(lay_out(m_, job.context, job.scratch, part, parts)) {}

    void run() {
        turn_table(job_, desk_);
        const Span own = stretch(job_.count, part_, parts_);
        for (int64_t n = own.begin; n < own.end; ++n)
            embed(m_, job_.tokens[n], job_.position + n, desk_.x + n * m_.d_model);
        meet();
        for (int64_t layer = 0; layer < m_.n_layers; ++layer) {
            project(layer);
            meet();
            as_cached([&](auto one) { attend_all<decltype(one)>(layer); });
            meet();
            add_to_stream(m_.layers[layer].out, desk_.mixed);
            meet();
            widen(m_.layers[layer]);
            meet();
            add_to_stream(m_.layers[layer].down, desk_.hidden);
            meet();
        }
        answer();
    }

private:
    void meet() { team_meet(desk_.meeting, parts_); }

    // f(a number of the cache's type).
    template <class F> void as_cached(F f) const {
        switch (job_.cache) {
            case CACHE_INT8: return f(int8_t{});
            case CACHE_BF16: return f(uint16_t{});
            default: return f(float{});
        }
    }

    // The rows of the tokens from `skipped` on, rounded too where `type` computes in integers.
    void read(const float* values, int64_t width, int64_t skipped, bool rounded) {
        const int64_t blocks = desk_.widest / BLOCK;
        for (int64_t n = 0; n < job_.count - skipped; ++n) {
            vectors_[n] = {values + (skipped + n) * width, desk_.quants + n * desk_.widest, desk_.scales + n * blocks,
                           desk_.sums + n * blocks};
            if (rounded) quantize(vectors_[n], width);
        }
    }

    void read_normed(const DecodeNorm& norm, int64_t skipped, bool rounded) {
        for (int64_t n = skipped; n < job_.count; ++n)
            normalize(norm, desk_.x + n * m_.d_model, m_.d_model, m_.epsilon, desk_.normed + n * m_.d_model);
        read(desk_.normed, m_.d_model, skipped, rounded);
    }

    void project(int64_t layer) {
        const DecodeLayer& l = m_.layers[layer];
        read_normed(l.attention_norm, 0, in_integers(l.q) || in_integers(l.k) || in_integers(l.v));
        each_panel(l.q, vectors_, job_.count, part_, parts_, [&](int64_t n, int64_t first, int rows, float* y) {
            rotate(m_, desk_, n, first, rows, y);
            std::memcpy(desk_.queries + n * l.q.rows + first, y, rows * sizeof(float));
        });
        each_panel(l.k, vectors_, job_.count, part_, parts_, [&](int64_t n, int64_t first, int rows, float* y) {
            rotate(m_, desk_, n, first, rows, y);
            as_cached([&](auto one) { keep_key<decltype(one)>(job_, layer, job_.position + n, first, rows, y); });
        });
        each_panel(l.v, vectors_, job_.count, part_, parts_, [&](int64_t n, int64_t first, int rows, float* y) {
            as_cached([&](auto one) { keep_value<decltype(one)>(job_, layer, job_.position + n, first, rows, y); });
        });
    }

    template <class T> void attend_all(int64_t layer) {
        const Span tasks = stretch(job_.count * m_.n_heads, part_, parts_);
        for (int64_t task = tasks.begin; task < tasks.end; ++task)
            attend<T>(job_, desk_, layer, task / m_.n_heads, task % m_.n_heads);
    }

    void add_to_stream(const DecodeMatrix& matrix, const float* values) {
        read(values, matrix.columns, 0, in_integers(matrix));
        each_panel(matrix, vectors_, job_.count, part_, parts_, [&](int64_t n, int64_t first, int rows, float* y) {
            for (int r = 0; r < rows; ++r) desk_.x[n * m_.d_model + first + r] += y[r];
        });
    }

    // The hidden row of the feed-forward: silu(gate) * up, or gelu(up) in its tanh form.
    void widen(const DecodeLayer& l) {
        read_normed(l.feed_norm, 0, in_integers(l.up) || in_integers(l.gate));
        if (l.gate.data)
            each_panel(l.gate, vectors_, job_.count, part_, parts_, [&](int64_t n, int64_t first, int rows, float* y) {
                std::memcpy(desk_.hidden + n * m_.feed_forward + first, y, rows * sizeof(float));
            });
        each_panel(l.up, vectors_, job_.count, part_, parts_, [&](int64_t n, int64_t first, int rows, float* y) {
            float* hidden = desk_.hidden + n * m_.feed_forward + first;
            along(rows, [&](int64_t j, int some) {
                const Vec up = take(y + j, some), g = take(hidden + j, some);
                const Vec bend = fma(up * up * up, fill(0.044715f), up) * fill(1.5957691216f);  // 2 sqrt(2 / pi)
                put(hidden + j, some, l.gate.data ? g * sigmoid(g) * up : up * sigmoid(bend));
            });
        });
    }

    void answer() {
        if (job_.n_logits == 0) return;
        read_normed(m_.final_norm, job_.count - job_.n_logits, in_integers(m_.head));
        each_panel(m_.head, vectors_, job_.n_logits, part_, parts_, [&](int64_t n, int64_t first, int rows, float* y) {
            std::memcpy(job_.logits + n * m_.vocab + first, y, rows * sizeof(float));
        });
    }

    DecodeJob& job_;
    const DecodeModel& m_;
    const int part_, parts_;
    const Desk desk_;
    Activations vectors_[MOST_TOKENS];
};

void decode(DecodeJob& job, int part, int parts) { Step(job, part, parts).run(); }

}  // namespace ISA
