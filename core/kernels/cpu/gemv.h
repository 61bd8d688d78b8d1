// Matrices times the vectors of one or a few tokens, on GGUF's formats.
//
// Quantized weights meet activations that are quantized too, 32 at a time to int8 with a float scale, as ggml does it:
// all products and sums of a block are exact integers. Each result is one row's own sum in a fixed order, so it
// depends neither on the number of threads nor on how many tokens are computed together.
#pragma once
#include "blocks.h"

namespace ISA {

constexpr int TOGETHER = 4;  // tokens that one pass over a panel of weights serves
constexpr int64_t AHEAD = 2048;  // bytes: weights are asked for before the processor would, which stops at every page

struct Activations {  // of one token
    const float* values;    // (width,)
    int8_t* quants;         // (width,)
    float* scales;          // (width / BLOCK,)
    int32_t* sums;          // (width / BLOCK,): of the quants
};

// The scale makes the largest magnitude 127.
inline void quantize(const Activations& x, int64_t width) {
    for (int64_t b = 0; b < width / BLOCK; ++b) {
        const float* values = x.values + b * BLOCK;
        Vec most = fill(0.0f);
        for (int j = 0; j < BLOCK; j += W) {
            const Vec a = load(values + j);
            most = largest(most, largest(a, fill(0.0f) - a));
        }
        const float amplitude = top(most);
        const Vec inverse = fill(amplitude > 0.0f ? 127.0f / amplitude : 0.0f);
        int32_t sum = 0;
        for (int j = 0; j < BLOCK; j += W) sum += round_to(x.quants + b * BLOCK + j, load(values + j) * inverse);
        x.scales[b] = amplitude / 127.0f;
        x.sums[b] = sum;
    }
}

struct Panel { const Half* scales; const uint8_t* quants; };  // scales (blocks, 16); quants (blocks, 128 x BITS)

template <int BITS> inline Panel panel_at(const void* data, int64_t blocks, int64_t which) {
    const int64_t scale_bytes = (blocks * PANEL * 2 + 63) / 64 * 64, quant_bytes = blocks * PANEL * BLOCK * BITS / 8;
    const uint8_t* at = static_cast<const uint8_t*>(data) + which * (scale_bytes + quant_bytes);
    return {reinterpret_cast<const Half*>(at), at + scale_bytes};
}

// y[n] (16 rows) of N tokens.
template <int BITS, int N>
inline void panel_dots(Panel panel, int64_t blocks, const Activations* x, float (*y)[PANEL]) {
    constexpr int V = PANEL / W, STEPS = BLOCK / 4;
    Vec sums[N][V];
    for (int n = 0; n < N; ++n)
        for (int v = 0; v < V; ++v) sums[n][v] = fill(0.0f);
    for (int64_t b = 0; b < blocks; ++b) {
        Sums whole[N];
        for (int n = 0; n < N; ++n) whole[n] = all(-(BITS == 4 ? 8 : OFFSET) * x[n].sums[b]);
        for (int c = 0; c < (BITS == 4 ? STEPS / 2 : STEPS); ++c) {
            const uint8_t* at = panel.quants + (b * BLOCK * BITS / 32 + c) * 4 * PANEL;
            fetch(at + AHEAD);
            const Bytes w = load_bytes(at);
            for (int n = 0; n < N; ++n) {
                const int8_t* at = x[n].quants + b * BLOCK + 4 * c;
                if (BITS == 8) {
                    whole[n] = dot_signed(whole[n], w, at);
                } else {  // the first half of a block lies in the low nibbles, the second in the high ones
                    whole[n] = dot(whole[n], low_nibbles(w), at);
                    whole[n] = dot(whole[n], high_nibbles(w), at + BLOCK / 2);
                }
            }
        }
        for (int v = 0; v < V; ++v) {
            const Vec scale = load(panel.scales + b * PANEL + v * W);
            for (int n = 0; n < N; ++n)
                sums[n][v] = fma(to_float(whole[n], v), scale * fill(x[n].scales[b]), sums[n][v]);
        }
    }
    for (int n = 0; n < N; ++n)
        for (int v = 0; v < V; ++v) store(y[n] + v * W, sums[n][v]);
}

// y[n][r] of R rows and N tokens.
template <class T, int R, int N>
inline void row_dots(const T* rows, int64_t width, const Activations* x, float (*y)[PANEL]) {
    Vec sums[R][N][2];
    for (int r = 0; r < R; ++r)
        for (int n = 0; n < N; ++n) sums[r][n][0] = sums[r][n][1] = fill(0.0f);
    int64_t j = 0;
    for (; j + 2 * W <= width; j += 2 * W)
        for (int r = 0; r < R; ++r)
            for (int half = 0; half < 2; ++half) {
                const T* at = rows + r * width + j + half * W;
                if (half == 0 || sizeof(T) * W == 64) fetch(reinterpret_cast<const char*>(at) + AHEAD);
                const Vec w = load(at);
                for (int n = 0; n < N; ++n)
                    sums[r][n][half] = fma(w, load(x[n].values + j + half * W), sums[r][n][half]);
            }
    for (; j < width; j += W) {
        const int some = static_cast<int>(width - j < W ? width - j : W);
        for (int r = 0; r < R; ++r) {
            const Vec w = take(rows + r * width + j, some);
            for (int n = 0; n < N; ++n) sums[r][n][0] = fma(w, take(x[n].values + j, some), sums[r][n][0]);
        }
    }
    for (int r = 0; r < R; ++r)
        for (int n = 0; n < N; ++n) y[n][r] = sum(sums[r][n][0] + sums[r][n][1]);
}

template <class T, int N>
inline void rows_at(const T* data, int64_t width, int rows, const Activations* x, float (*y)[PANEL]) {
    float part[N][PANEL];
    for (int r = 0; r < rows;) {  // four at once would be four streams, which the processor fetches badly
        const int taken = rows - r >= 2 ? 2 : 1;
        if (taken == 2) row_dots<T, 2, N>(data + r * width, width, x, part);
        else row_dots<T, 1, N>(data + r * width, width, x, part);
        for (int n = 0; n < N; ++n) std::memcpy(y[n] + r, part[n], taken * sizeof(float));
        r += taken;
    }
}

template <int N> inline void rows_of(const DecodeMatrix& m, int64_t first, int rows, const Activations* x,
                                     float (*y)[PANEL]) {
    const int64_t width = m.columns, blocks = width / BLOCK, which = first / PANEL;
    switch (m.type) {
        case DECODE_Q4_0: return panel_dots<4, N>(panel_at<4>(m.data, blocks, which), blocks, x, y);
        case DECODE_Q8_0: return panel_dots<8, N>(panel_at<8>(m.data, blocks, which), blocks, x, y);
        case DECODE_F16: return rows_at<Half, N>(static_cast<const Half*>(m.data) + first * width, width, rows, x, y);
        default: return rows_at<float, N>(static_cast<const float*>(m.data) + first * width, width, rows, x, y);
    }
}

// take_rows(token, first row, rows, results) for every stretch of 16 rows of this part and every token.
template <class F> inline void each_panel(const DecodeMatrix& m, const Activations* x, int64_t count, int part, int parts,
                                          F take_rows) {
    const Span panels = stretch((m.rows + PANEL - 1) / PANEL, part, parts);
    float y[TOGETHER][PANEL];
    for (int64_t p = panels.begin; p < panels.end; ++p) {
        const int64_t first = p * PANEL;
        const int rows = static_cast<int>(m.rows - first < PANEL ? m.rows - first : PANEL);
        for (int64_t n = 0; n < count;) {
            const int taken = count - n >= TOGETHER ? TOGETHER : 1;
            if (taken == TOGETHER) rows_of<TOGETHER>(m, first, rows, x + n, y);
            else rows_of<1>(m, first, rows, x + n, y);
            for (int t = 0; t < taken; ++t) {
                if (m.bias)
                    for (int r = 0; r < rows; ++r) y[t][r] += m.bias[first + r];
                take_rows(n + t, first, rows, y[t]);
            }
            n += taken;
        }
    }
}

inline bool in_integers(const DecodeMatrix& m) { return m.type == DECODE_Q4_0 || m.type == DECODE_Q8_0; }

void multiply(MultiplyJob& job, int part, int parts) {
    const int64_t width = job.matrix.columns, blocks = width / BLOCK;
    float* scales = static_cast<float*>(team_scratch(blocks * 8 + width));
    int32_t* sums = reinterpret_cast<int32_t*>(scales + blocks);
    for (int64_t n = 0; n < job.count; ++n) {
        const Activations x = {job.x + n * width, reinterpret_cast<int8_t*>(sums + blocks), scales, sums};
        if (in_integers(job.matrix)) quantize(x, width);
        each_panel(job.matrix, &x, 1, part, parts, [&](int64_t, int64_t first, int rows, float* y) {
            std::memcpy(job.y + n * job.matrix.rows + first, y, rows * sizeof(float));
        });
    }
}

}  // namespace ISA
