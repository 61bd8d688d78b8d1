// GELU with the bias before it, in its exact form and in that of the hyperbolic tangent, forward and backward.
#pragma once
#include "gated.h"

namespace ISA {

inline Vec magnitude(Vec x) { return largest(x, fill(0.0f) - x); }

// The share of a standard normal distribution beyond |x|; `bell` is e^(-x^2/2). Relative error about 3e-7: the ratio
// to the bell is a polynomial in 1 / (1 + 0.3 |x|), fitted over [0, 14] to make the largest relative error small.
inline Vec tail(Vec size, Vec bell) {
    const Vec t = inverse(fma(smallest(fill(1e30f), size), fill(0.3f), fill(1.0f)));
    Vec p = fill(0.035677695f);
    p = fma(p, t, fill(-0.15721468f));
    p = fma(p, t, fill(0.206372512f));
    p = fma(p, t, fill(-0.0537002325f));
    p = fma(p, t, fill(0.128569918f));
    p = fma(p, t, fill(0.0999111287f));
    p = fma(p, t, fill(0.120754311f));
    p = fma(p, t, fill(0.119629277f));
    return bell * (p * t);
}
inline Vec bell_of(Vec x) { return exponential(x * x * fill(-0.5f)); }

// x P(X < x) for a standard normal X.
inline Vec gelu_exact(Vec x) {
    const Vec size = magnitude(x);
    return largest(fill(0.0f), x) - size * tail(size, bell_of(x));
}
inline Vec gelu_exact_slope(Vec x) {
    const Vec bell = bell_of(x), below = tail(magnitude(x), bell);
    const Vec sign = largest(fill(-1.0f), smallest(fill(1.0f), x * fill(1e30f)));  // 0 at 0, where below is 1/2
    return fma(x * bell, fill(0.39894228f), fma(sign, fill(0.5f) - below, fill(0.5f)));
}

// x (1 + tanh u) / 2 = x sigmoid(2 u) with u = sqrt(2 / pi) (x + 0.044715 x^3).
constexpr float TWICE_ROOT = 1.5957691216f, CUBE = 0.044715f;
inline Vec gelu_tanh(Vec x) { return x * sigmoid(x * fma(x * x, fill(TWICE_ROOT * CUBE), fill(TWICE_ROOT))); }
inline Vec gelu_tanh_slope(Vec x) {
    const Vec square = x * x, s = sigmoid(x * fma(square, fill(TWICE_ROOT * CUBE), fill(TWICE_ROOT)));
    const Vec inner = fma(square, fill(3.0f * TWICE_ROOT * CUBE), fill(TWICE_ROOT));
    return fma(x * s * (fill(1.0f) - s), inner, s);
}

template <class T, class F> void gelu_forward_rows(GeluJob& job, int part, int parts, F value) {
    row_blocks(job.rows, part, parts, [&](int64_t first, int64_t count, int64_t) {
        for (int64_t i = first; i < first + count; ++i) {
            const T* x = static_cast<const T*>(job.x) + i * job.width;
            T* y = static_cast<T*>(job.y) + i * job.width;
            along(job.width, [&](int64_t j, int n) {
                const Vec a = take(x + j, n);
                put(y + j, n, value(job.bias ? a + take(job.bias + j, n) : a));
            });
        }
    });
}

template <class T, class F> void gelu_backward_rows(GeluJob& job, int part, int parts, F slope) {
    row_blocks(job.rows, part, parts, [&](int64_t first, int64_t count, int64_t block) {
        float* d_bias = job.bias ? job.d_bias + block * job.width : nullptr;
        if (d_bias) std::memset(d_bias, 0, job.width * sizeof(float));
        for (int64_t i = first; i < first + count; ++i) {
            const T* x = static_cast<const T*>(job.x) + i * job.width;
            const T* d_y = static_cast<const T*>(job.d_y) + i * job.width;
            T* d_x = static_cast<T*>(job.d_x) + i * job.width;
            along(job.width, [&](int64_t j, int n) {
                const Vec a = take(x + j, n);
                const Vec d = take(d_y + j, n) * slope(d_bias ? a + take(job.bias + j, n) : a);
                put(d_x + j, n, d);
                if (d_bias) add_to(d_bias + j, n, d);
            });
        }
    });
}

void gelu_forward(GeluJob& job, int part, int parts) {
    const auto with = [&](auto value) {
        if (job.bf16) gelu_forward_rows<uint16_t>(job, part, parts, value);
        else gelu_forward_rows<float>(job, part, parts, value);
    };
    if (job.exact) with([](Vec x) { return gelu_exact(x); });
    else with([](Vec x) { return gelu_tanh(x); });
}

void gelu_backward(GeluJob& job, int part, int parts) {
    const auto with = [&](auto slope) {
        if (job.bf16) gelu_backward_rows<uint16_t>(job, part, parts, slope);
        else gelu_backward_rows<float>(job, part, parts, slope);
    };
    if (job.exact) with([](Vec x) { return gelu_exact_slope(x); });
    else with([](Vec x) { return gelu_tanh_slope(x); });
}

}  // namespace ISA
