// Attention of one new token over the key/value cache.
//
// Keys lie in panels of 16 places, so that scores come 16 at a time and no sum runs across a vector:
// keys (layer, kv head, place / 16, feature, place % 16), values (layer, kv head, place, feature).
//
// A cache of whole numbers has a scale for every 16 features of a place, which lie as they do:
// (layer, kv head, place / 16, feature / 16, place % 16) and (layer, kv head, place, feature / 16).
#pragma once
#include <cmath>
#include <type_traits>

#include "blocks.h"
#include "desk.h"

namespace ISA {

inline void put_one(float* p, float x) { *p = x; }
inline void put_one(uint16_t* p, float x) { *p = float_to_bf16(x); }
inline void put_one(int8_t* p, float x) {  // at most 127 by its scale; what is no number becomes one, its scale does not
    *p = static_cast<int8_t>(x > -127.0f ? std::nearbyint(x < 127.0f ? x : 127.0f) : -127.0f);
}

// One of a cache's scales; a cache of other numbers has none.
inline float* scale_at(float* scales, int64_t group) { return scales ? scales + group : nullptr; }

// What 16 features are multiplied by before they are put down as T; `scale` undoes it, where T is a whole number.
template <class T> inline float shrink(const float* y, int rows, float* scale) {
    if constexpr (std::is_same_v<T, int8_t>) {
        float most = 0.0f;
        for (int r = 0; r < rows && most == most; ++r)
            if (!(std::fabs(y[r]) <= most)) most = std::fabs(y[r]);
        *scale = most / 127.0f;
        return most > 0.0f ? 127.0f / most : 0.0f;
    }
    return 1.0f;
}

// Features `first`.. of the key of one token, head after head, and of the value.
template <class T>
inline void keep_key(const DecodeJob& job, int64_t layer, int64_t place, int64_t first, int rows, const float* y) {
    const int64_t size = job.model->head_size;
    const int64_t begin = layer * job.model->kv_heads * job.context * size;
    const int64_t group = (begin + first / size * job.context * size) / PANEL + place / PANEL * size + first % size;
    const float factor = shrink<T>(y, rows, scale_at(job.key_scales, group + place % PANEL));
    T* keys = static_cast<T*>(job.keys) + begin;
    for (int r = 0; r < rows; ++r) {
        const int64_t head = (first + r) / size, feature = (first + r) % size;
        put_one(keys + head * job.context * size + (place / PANEL * size + feature) * PANEL + place % PANEL,
                y[r] * factor);
    }
}
template <class T>
inline void keep_value(const DecodeJob& job, int64_t layer, int64_t place, int64_t first, int rows, const float* y) {
    const int64_t size = job.model->head_size;
    const int64_t begin = layer * job.model->kv_heads * job.context * size;
    const int64_t group = (begin + (first / size * job.context + place) * size + first % size) / PANEL;
    const float factor = shrink<T>(y, rows, scale_at(job.value_scales, group));
    T* values = static_cast<T*>(job.values) + begin;
    for (int r = 0; r < rows; ++r) {
        const int64_t head = (first + r) / size, feature = (first + r) % size;
        put_one(values + (head * job.context + place) * size + feature, y[r] * factor);
    }
}

// Query times the keys of 16 places.
template <class T>
inline void score_panel(const T* keys, const float*, const float* query, int64_t size, float scale, float* scores) {
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
template <>
inline void score_panel(const int8_t* keys, const float* scales, const float* query, int64_t size, float scale,
                        float* scores) {
    constexpr int V = PANEL / W;
    Vec total[V];
    for (int v = 0; v < V; ++v) total[v] = fill(0.0f);
    for (int64_t group = 0; group < size; group += PANEL) {
        Vec even[V], odd[V];
        for (int v = 0; v < V; ++v) even[v] = odd[v] = fill(0.0f);
        for (int64_t i = group; i < group + PANEL; i += 2)
            for (int v = 0; v < V; ++v) {
                even[v] = fma(fill(query[i]), load(keys + i * PANEL + v * W), even[v]);
                odd[v] = fma(fill(query[i + 1]), load(keys + (i + 1) * PANEL + v * W), odd[v]);
            }
        for (int v = 0; v < V; ++v) total[v] = fma(even[v] + odd[v], load(scales + group + v * W), total[v]);
    }
    for (int v = 0; v < V; ++v) store(scores + v * W, total[v] * fill(scale));
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
inline void mix(const T* values, const float* scales, const float* weights, int64_t seen, int64_t size, float inverse,
                float* out) {
    along(size, [&](int64_t i, int n) {
        const auto weight = [&](int64_t t) {
            if constexpr (std::is_same_v<T, int8_t>) return fill(weights[t] * scales[(t * size + i) / PANEL]);
            return fill(weights[t]);
        };
        Vec sums[4] = {fill(0.0f), fill(0.0f), fill(0.0f), fill(0.0f)};
        int64_t t = 0;
        for (; t + 4 <= seen; t += 4)
            for (int k = 0; k < 4; ++k)
                sums[k] = fma(weight(t + k), take(values + (t + k) * size + i, n), sums[k]);
        for (; t < seen; ++t) sums[0] = fma(weight(t), take(values + t * size + i, n), sums[0]);
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
        score_panel(static_cast<const T*>(job.keys) + begin + t * size,
                    scale_at(job.key_scales, (begin + t * size) / PANEL), desk.queries + row, size, scale,
                    desk.scores + t);
    const float total = exponentiate(desk.scores, seen);
    mix(static_cast<const T*>(job.values) + begin, scale_at(job.value_scales, begin / PANEL), desk.scores, seen, size,
        1.0f / total, desk.mixed + row);
}

}  // namespace ISA
