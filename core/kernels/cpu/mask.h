// Which keys a query sees, and what is added to its scores. The keys seen are always one stretch.
#pragma once
#include "norm.h"

namespace ISA {

constexpr int ROWS = 32;  // queries of a block

inline int64_t round_up(int64_t x, int64_t step) { return (x + step - 1) / step * step; }

// The masks of one sequence and query head. Stretches of keys are given from the block's first column on.
class Mask {
public:
    Mask(const AttentionJob& job, int64_t b, int64_t h) : job_(job), b_(b), h_(h) {}

    bool adds() const { return job_.slopes || job_.bias; }

    // The columns that some query of the block sees, in whole multiples of ROWS.
    Span columns(int64_t first) const {
        const int64_t last = first + ROWS < job_.time ? first + ROWS - 1 : job_.time - 1;
        const int64_t begin = keys(first).begin / ROWS * ROWS, end = round_up(keys(last).end, ROWS);
        return {begin, end > begin ? end : begin + ROWS};
    }

    Span seen(int64_t i, Span columns) const {
        const Span all = keys(i);
        return {all.begin - columns.begin, all.end - columns.begin};
    }

    // Scores times `scale`, with what distance and bias add. Returns the scale that is left to apply.
    float add_terms(float* row, int64_t i, Span columns, Span seen, float scale) const {
        if (!adds()) return scale;
        static const float lanes[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
        const Vec slope = fill(job_.slopes ? job_.slopes[h_] : 0.0f);
        const float* bias = job_.bias ? bias_row(job_.bias, i) + columns.begin + seen.begin : nullptr;
        row += seen.begin;
        const float from = static_cast<float>(columns.begin + seen.begin - i);  // key minus query
        along(seen.end - seen.begin, [&](int64_t j, int n) {
            Vec a = take(row + j, n) * fill(scale);
            if (job_.slopes) {
                const Vec distance = load(lanes) + fill(from + static_cast<float>(j));
                a = fma(slope, smallest(distance, fill(0.0f) - distance), a);
            }
            put(row + j, n, bias ? a + take(bias + j, n) : a);
        });
        return 1.0f;
    }

    // The bias's gradient is that of the scores, added up over sequences.
    void add_gradient(const float* row, int64_t i, Span columns, Span seen) const {
        if (!job_.d_bias) return;
        float* to = job_.d_bias + (bias_row(job_.bias, i) - job_.bias) + columns.begin + seen.begin;
        along(seen.end - seen.begin, [&](int64_t j, int n) { add_to(to + j, n, take(row + seen.begin + j, n)); });
    }

private:
    Span keys(int64_t i) const {
        int64_t begin = 0, end = job_.two_way ? job_.time : i + 1;
        if (job_.prefix && job_.prefix[b_] > end) end = job_.prefix[b_];
        if (job_.window && i - job_.window + 1 > begin) begin = i - job_.window + 1;
        if (job_.window && i + job_.window < end) end = i + job_.window;
        if (job_.lengths && job_.lengths[b_] < end) end = job_.lengths[b_];
        if (end > job_.time) end = job_.time;
        return {begin, i < job_.time && end > begin ? end : begin};
    }

    const float* bias_row(const float* bias, int64_t i) const { return bias + (h_ * job_.time + i) * job_.time; }

    const AttentionJob& job_;
    const int64_t b_, h_;
};

inline bool sees_nothing(Span seen) { return seen.begin >= seen.end; }

// Hides what lies beside the keys seen, so that whole vectors can be read. Returns these vectors' stretch.
inline Span hide_beside(float* row, Span seen) {
    const Span whole = {seen.begin / W * W, round_up(seen.end, W)};
    for (int64_t j = whole.begin; j < seen.begin; ++j) row[j] = -3.4e38f;
    for (int64_t j = seen.end; j < whole.end; ++j) row[j] = -3.4e38f;
    return whole;
}

inline void clear_beside(float* row, Span seen, int64_t columns) {
    std::memset(row, 0, seen.begin * sizeof(float));
    std::memset(row + seen.end, 0, (columns - seen.end) * sizeof(float));
}

}  // namespace ISA
