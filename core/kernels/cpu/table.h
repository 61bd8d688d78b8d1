// What a caller asks for (plain structs, mirrored in library.py) and the table each instruction set fills.
#pragma once
#include <cstdint>

#include "adamw_job.h"
#include "decode_job.h"
#include "step_job.h"

extern "C" {

struct CrossEntropyJob {
    void* logits;  // (rows, vocab), rows `stride` elements apart; becomes the gradient when scale > 0
    const int64_t* targets;  // (rows,); a negative target is ignored: loss 0, gradient 0
    float* losses;  // (rows,)
    int64_t rows, vocab, stride;
    float scale;
    int32_t bf16;  // the logits are bfloat16 instead of float32
};

struct Heads {  // (batch, heads, time, size); strides in elements; features of one head lie side by side
    void* data;
    int64_t batch, head, time;
};

struct AttentionJob {
    Heads q, k, v, out, d_out, d_q, d_k, d_v;
    float* lse;  // (batch, heads, time): log of the sum of exponentials of each query's scores
    const float *cosines, *sines;  // (time, size / 2) for rotary positions, or null
    int64_t batches, heads, kv_heads, time, size;
    float scale;
    int32_t bf16;
};

struct NormJob {  // y = x / rms(x) * weight, over rows of `width`
    const void *x, *d_y;
    void *y, *d_x;
    const float* weight;
    float *inverse_rms, *d_weight;  // (rows,); (shares, width), one row of partial sums a share
    int64_t rows, width;
    float epsilon;
    int32_t bf16;
};

struct GatedJob {  // y = silu(gate) * up
    const void *gate, *up, *d_y;
    void *y, *d_gate, *d_up;
    int64_t count;
    int32_t bf16;
};

struct MinhashJob {
    const uint32_t* shingles;  // of all documents, repeats allowed
    const int64_t* starts;     // (documents + 1,)
    const uint32_t *multipliers, *offsets;  // (padded,): permutations, odd multipliers
    uint32_t* signatures;      // out, (documents, kept): the first minima of each document
    uint64_t* keys;            // out, (documents, bands)
    int64_t documents;
    int32_t bands, rows, kept, padded;  // bands * rows permutations, padded to a multiple of 112
};

}  // extern "C"

constexpr int MOST_PERMUTATIONS = 4480;

// Every function does share `part` of `parts`, unless it says otherwise.
struct Table {
    const char* name;
    void (*cross_entropy)(CrossEntropyJob&, int part, int parts);
    void (*attention_forward)(AttentionJob&, int part, int parts);
    void (*attention_backward)(AttentionJob&, int part, int parts);
    void (*norm_forward)(NormJob&, int part, int parts);
    void (*norm_backward)(NormJob&, int part, int parts);
    void (*gated_forward)(GatedJob&, int part, int parts);
    void (*gated_backward)(GatedJob&, int part, int parts);
    void (*minhash)(MinhashJob&, int part, int parts);
    void (*multiply)(MultiplyJob&, int part, int parts);
    void (*decode)(DecodeJob&, int part, int parts);
    void (*adamw)(AdamwJob&, int part, int parts);
    void (*squares)(SquaresJob&, int part, int parts);
    void (*step)(StepJob&, int threads);  // shares its parts out itself
    int64_t (*step_bytes)(const StepJob&);
};

struct Span { int64_t begin, end; };

// The part-th of `parts` nearly equal stretches of `count` items.
static inline Span stretch(int64_t count, int part, int parts) {
    return {count * part / parts, count * (part + 1) / parts};
}
