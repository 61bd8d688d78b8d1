// Rows of attention's scores on the way between two products of tiles: read once or twice, written in bfloat16.
#pragma once
#include "mask.h"

namespace ISA {

// Which of the 16 columns from j on are seen.
inline __mmask16 lanes_seen(Span seen, int64_t j) {
    const int64_t from = seen.begin - j, to = seen.end - j;
    if (from <= 0 && to >= W) return 0xffff;
    if (from >= W || to <= 0) return 0;
    const uint32_t below = to >= W ? 0xffffu : (1u << to) - 1;
    return static_cast<__mmask16>(from > 0 ? below & ~((1u << from) - 1) : below);
}

inline Vec only(__mmask16 lanes, Vec a) { return {_mm512_maskz_mov_ps(lanes, a.v)}; }

// Scores of one query, times `scale`, become exponentials in bfloat16 that sum to `total`; what is not seen becomes 0.
// Columns are a multiple of 32. Returns the log-sum-exp.
inline float softmax_rounded(const float* row, Span seen, int64_t columns, float scale, uint16_t* to, float* total) {
    *total = 1.0f;
    const bool nothing = sees_nothing(seen);
    const Span whole = nothing ? Span{0, 0} : Span{seen.begin / W * W, round_up(seen.end, W)};
    const Vec none = fill(0.0f);
    for (int64_t j = 0; j < whole.begin; j += W) store(to + j, none);
    for (int64_t j = whole.end; j < columns; j += W) store(to + j, none);
    if (nothing) return 0.0f;
    Vec most = fill(-3.4e38f);
    for (int64_t j = whole.begin; j < whole.end; j += W)
        most.v = _mm512_mask_max_ps(most.v, lanes_seen(seen, j), most.v, load(row + j).v);
    const float highest = top(most) * scale;
    Vec all = none;
    for (int64_t j = whole.begin; j < whole.end; j += W) {
        const Vec e = only(lanes_seen(seen, j), exponential(fma(load(row + j), fill(scale), fill(-highest))));
        store(to + j, e);
        all = all + e;
    }
    *total = sum(all);
    return highest + std::log(*total);
}

// Two neighbouring queries: their scores `p` and the gradients `d` of their probabilities, rows `stride` apart.
struct ScorePair {
    float *p, *d;
    int64_t stride, columns;
    bool keep;  // whether the scores' gradients are wanted as floats, too, where `d` lies
    Span seen[2];
    float scale[2], lse[2];
};

// Probabilities P and the scores' gradients dS = P (dP - sum P dP), in the layouts that the products want: dS in rows, and
// both in pairs of the two queries.
inline void score_gradients(const ScorePair& x, uint16_t* d_rows, uint16_t* p_pairs, uint16_t* d_pairs) {
    Span any = {x.columns, 0};
    for (Span seen : x.seen)
        if (!sees_nothing(seen)) {
            any.begin = seen.begin / W * W < any.begin ? seen.begin / W * W : any.begin;
            any.end = round_up(seen.end, W) > any.end ? round_up(seen.end, W) : any.end;
        }
    Vec centre[2];
    for (int r = 0; r < 2; ++r) {
        float* p = x.p + r * x.stride;
        const float* d = x.d + r * x.stride;
        const Span seen = sees_nothing(x.seen[r]) ? Span{0, 0} : x.seen[r];
        Vec mean = fill(0.0f);
        for (int64_t j = any.begin; j < any.end; j += W) {
            const Vec e = exponential(fma(load(p + j), fill(x.scale[r]), fill(-x.lse[r])));
            const Vec share = only(lanes_seen(seen, j), e);
            store(p + j, share);
            mean = fma(share, load(d + j), mean);
        }
        centre[r] = fill(sum(mean));
    }
    for (int64_t j = 0; j < x.columns; j += W) {
        Vec p[2] = {fill(0.0f), fill(0.0f)}, g[2] = {fill(0.0f), fill(0.0f)};
        if (j >= any.begin && j < any.end)
            for (int r = 0; r < 2; ++r) {
                p[r] = load(x.p + r * x.stride + j);
                g[r] = p[r] * (load(x.d + r * x.stride + j) - centre[r]);
                if (x.keep) store(x.d + r * x.stride + j, g[r]);
            }
        const __m512i both = rounded(g[0], g[1]);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(d_rows + j), _mm512_castsi512_si256(both));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(d_rows + x.stride + j), _mm512_extracti64x4_epi64(both, 1));
        _mm512_storeu_si512(d_pairs + 2 * j, side_by_side(both));
        store_pairs(p_pairs + 2 * j, p[0], p[1]);
    }
}

}  // namespace ISA
