// The activations of a feed-forward part: their value and their slope at once.
#pragma once
#include "simd.h"

namespace ISA {

// The numbers are known to step.py. A gated part multiplies the bent gate by what "up" gives.
enum Bend { BEND_GELU, BEND_GELU_TANH, BEND_RELU, BEND_SILU };

// The error function's integral of the normal distribution, with e^(-x^2/2) on the way.
// Source: Abramowitz & Stegun 1964, formula 7.1.26; absolute error below 1e-7.
inline Vec normal_share(Vec x, Vec bell) {
    const Vec size = smallest(largest(x, fill(0.0f) - x), fill(1e30f));
    const Vec t = inverse(fma(size, fill(0.3275911f * 0.70710678f), fill(1.0f)));
    Vec p = fma(fill(1.061405429f), t, fill(-1.453152027f));
    p = fma(p, t, fill(1.421413741f));
    p = fma(p, t, fill(-0.284496736f));
    p = fma(p, t, fill(0.254829592f));
    const Vec tail = p * t * bell * fill(0.5f);  // beyond |x|
    return pick_negative(x, tail, fill(1.0f) - tail);
}

template <int KIND> inline void bend(Vec x, Vec* value, Vec* slope) {
    if (KIND == BEND_GELU) {
        const Vec bell = exponential(x * x * fill(-0.5f));
        const Vec share = normal_share(x, bell);
        *value = x * share;
        *slope = fma(x * bell, fill(0.39894228f), share);
    } else if (KIND == BEND_GELU_TANH) {  // x sigmoid(2 c (x + 0.044715 x^3)), c = sqrt(2 / pi)
        const Vec square = x * x;
        const Vec inner = x * fma(square, fill(2 * 0.79788456f * 0.044715f), fill(2 * 0.79788456f));
        const Vec s = inverse(fill(1.0f) + exponential(fill(0.0f) - inner));
        const Vec rise = fma(square, fill(6 * 0.79788456f * 0.044715f), fill(2 * 0.79788456f));
        *value = x * s;
        *slope = fma(x * s * (fill(1.0f) - s), rise, s);
    } else if (KIND == BEND_RELU) {
        *value = largest(x, fill(0.0f));
        *slope = pick_negative(x, fill(0.0f), fill(1.0f));
    } else {
        const Vec s = inverse(fill(1.0f) + exponential(fill(0.0f) - x));
        *value = x * s;
        *slope = s * fma(x, fill(1.0f) - s, fill(1.0f));
    }
}

}  // namespace ISA
