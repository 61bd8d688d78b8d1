// The gate of SwiGLU, silu(gate) * up, forward and backward, element by element.
#pragma once
#include "norm.h"

namespace ISA {

inline Vec sigmoid(Vec x) { return inverse(fill(1.0f) + exponential(fill(0.0f) - x)); }

template <class T> void gated_forward_span(GatedJob& job, Span span) {
    const T *gate = static_cast<const T*>(job.gate) + span.begin, *up = static_cast<const T*>(job.up) + span.begin;
    T* y = static_cast<T*>(job.y) + span.begin;
    along(span.end - span.begin, [&](int64_t j, int n) {
        Vec g = take(gate + j, n);
        put(y + j, n, g * sigmoid(g) * take(up + j, n));
    });
}

template <class T> void gated_backward_span(GatedJob& job, Span span) {
    const T *gate = static_cast<const T*>(job.gate) + span.begin, *up = static_cast<const T*>(job.up) + span.begin;
    const T* d_y = static_cast<const T*>(job.d_y) + span.begin;
    T *d_gate = static_cast<T*>(job.d_gate) + span.begin, *d_up = static_cast<T*>(job.d_up) + span.begin;
    along(span.end - span.begin, [&](int64_t j, int n) {
        Vec g = take(gate + j, n), d = take(d_y + j, n), s = sigmoid(g);
        Vec slope = s * fma(g, fill(1.0f) - s, fill(1.0f));  // of silu
        put(d_up + j, n, d * g * s);
        put(d_gate + j, n, d * take(up + j, n) * slope);
    });
}

void gated_forward(GatedJob& job, int part, int parts) {
    const Span span = stretch(job.count, part, parts);
    if (job.bf16) gated_forward_span<uint16_t>(job, span);
    else gated_forward_span<float>(job, span);
}

void gated_backward(GatedJob& job, int part, int parts) {
    const Span span = stretch(job.count, part, parts);
    if (job.bf16) gated_backward_span<uint16_t>(job, span);
    else gated_backward_span<float>(job, span);
}

}  // namespace ISA
