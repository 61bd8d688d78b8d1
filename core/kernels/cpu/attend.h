// Attention of one new token over the key/value cache.
//
// Keys lie in panels of 16 places, so that scores come 16 at a time and no sum runs across a vector:
// keys (layer, kv head, place / 16, feature, place % 16), values (layer, kv head, place, feature).
#pragma once
#include <cmath>

#include "blocks.h"
#include "desk.h"

namespace ISA {

inline void put_one(float* p, float x) { *p = x; }
inline void put_one(uint16_t* p, float x) { *p = float_to_bf16(x); }

// Features `first`.. of the key of one token, head after head, and of the value.
template <class T>
inline void keep_key(const DecodeJob& job, int64_t layer, int64_t place, int64_t first, int rows, const float* y) {
    const int64_t size = job.model->head_size;
    T* keys = static_cast<T*>(job.keys) + layer * job.model->kv_heads * job.context * size;
    for (int r = 0; r < rows; ++r) {
        const int64_t head = (first + r) / size, feature = (first + r) % size;
        put_one(keys + head * job.context * size + (place / PANEL * size + feature) * PANEL + place % PANEL, y[r]);
    }
}
template <class T>
inline void keep_value(const DecodeJob& job, int64_t layer, int64_t place, int64_t first, int rows, const float* y) {
    const int64_t size = job.model->head_size;
    T* values = static_cast<T*>(job.values) + layer * job.model->kv_heads * job.context * size;
    for (int r = 0; r < rows; ++r) {
        const int64_t head = (first + r) / size, feature = (first + r) % size;
        put_one(values + (head * job.context + place) * size + feature, y[r]);
    }
}

// Query times the keys of 16 places.
template <class T> inline void score_panel(const T* keys, const float* query, int64_t size, float scale, float* scores) {
    constexpr int V = PANEL / W;
    Vec even[V], odd[V];
    for (int v = 0; v < V; ++v) even[v] = odd[v] = fill(0.0f);
    for (int64_t i = 0; i < size; i += 2)
        for (int v = 0; v < V; ++v) {
            even[v] = fma(fill(query[i]), load(keys + i * PANEL + v * W), even[v]);
            odd[v] = fma(fill(query[i + 1]), load(keys + (i + 1) * PANEL + v * W), odd[v]);
        }
    for (int v = 0; v < V; ++v) store(scores + v * W, (even[v] + odd[v]) * fill(scale));
}

// Scores to probabilities, not yet divided by their sum, which is returned. Places past `seen` become 0.
inline float exponentiate(float* scores, int64_t seen) {
    const int64_t padded = (seen + PANEL - 1) / PANEL * PANEL;
    for (int64_t t = seen; t < padded; ++t) scores[t] = scores[0];
    Vec most = load(scores);
    for (int64_t t = W; t < padded; t += W) most = largest(most, load(scores + t));
    const Vec peak = fill(top(most));
    for (int64_t t = 0; t < padded; t += W) store(scores + t, exponential(load(scores + t) - peak));
    for (int64_t t = seen; t < padded; ++t) scores[t] = 0.0f;
    Vec total = fill(0.0f);
    for (int64_t t = 0; t < padded; t += W) total = total + load(scores + t);
    return sum(total);
}

// The values of `seen` places, weighted and summed.
template <class T>
inline void mix(const T* values, const float* weights, int64_t seen, int64_t size, float inverse, float* out) {
    along(size, [&](int64_t i, int n) {
        Vec sums[4] = {fill(0.0f), fill(0.0f), fill(0.0f), fill(0.0f)};
        int64_t t = 0;
        for (; t + 4 <= seen; t += 4)
            for (int k = 0; k < 4; ++k)
                sums[k] = fma(fill(weights[t + k]), take(values + (t + k) * size + i, n), sums[k]);
        for (; t < seen; ++t) sums[0] = fma(fill(weights[t]), take(values + t * size + i, n), sums[0]);
        put(out + i, n, ((sums[0] + sums[1]) + (sums[2] + sums[3])) * fill(inverse));
    });
}

template <class T> inline void attend(const DecodeJob& job, const Desk& desk, int64_t layer, int64_t token,
                                      int64_t head) {
    const DecodeModel& m = *job.model;
    const int64_t size = m.head_size, seen = job.position + token + 1;
    const int64_t begin = (layer * m.kv_heads + head / (m.n_heads / m.kv_heads)) * job.context * size;
    const int64_t row = (token * m.n_heads + head) * size;
    const float scale = 1.0f / std::sqrt(static_cast<float>(size));
    for (int64_t t = 0; t < seen; t += PANEL)
        score_panel(static_cast<const T*>(job.keys) + begin + t * size, desk.queries + row, size, scale,
                    desk.scores + t);
    const float total = exponentiate(desk.scores, seen);
    mix(static_cast<const T*>(job.values) + begin, desk.scores, seen, size, 1.0f / total, desk.mixed + row);
}

}  // namespace ISA
