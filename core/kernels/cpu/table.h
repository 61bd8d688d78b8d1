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
    // What a query sees, if not all keys up to its own place, and what is added to its scores; zeros: nothing else.
    int32_t two_way;         // keys after its place, too
    int64_t window;          // only keys nearer than this
    const int64_t* prefix;   // (batches,): keys before this are seen by all
    const int64_t* lengths;  // (batches,): keys from here on are not there
    const float* slopes;     // (heads,): a penalty for each step of distance
    const float* bias;       // (heads, time, time)
    float* d_bias;           // the same, zeros at first; its sequences are then added up in order, a head a share
};

struct NormJob {  // y = normalised (x + added) * weight + bias, over rows of `width`
    const void *x, *added;  // nothing is added where `added` is null
    void *sum, *y;          // x + added; the result
    const float *weight, *bias;  // bias: or null
    float *mean, *inverse;  // (rows,): for LayerNorm, null for RMSNorm; 1 / the root of the mean square or variance
    const void *d_y, *d_sum;  // d_sum: of what the sum went into otherwise, or null
    void *d_x, *d_added;      // d_added: the same in the result's type, or null
    float *d_weight, *d_bias;  // (blocks of ROW_BLOCK rows, width): sums of one block each; d_bias: or null
    int64_t rows, width;
    float epsilon;
    int32_t bf16, bf16_result;  // x, sum and their gradients are bfloat16; so are added, y and theirs
};

struct GatedJob {  // y = silu(gate) * up
    const void *gate, *up, *d_y;
    void *y, *d_gate, *d_up;
    int64_t count;
    int32_t bf16;
};

struct GeluJob {  // y = gelu(x + bias), over rows of `width`
    const void *x, *d_y;
    const float* bias;  // or null
    void *y, *d_x;
    float* d_bias;  // (blocks of ROW_BLOCK rows, width): sums of one block each
    int64_t rows, width;
    int32_t bf16, exact;
};

struct FoldJob {  // sums of columns
    const float* rows_of_sums;  // (rows, width)
    float* sums;                // (width,)
    int64_t rows, width;
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
constexpr int64_t ROW_BLOCK = 64;  // rows whose gradients are summed at once

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
    void (*gelu_forward)(GeluJob&, int part, int parts);
    void (*gelu_backward)(GeluJob&, int part, int parts);
    void (*fold)(FoldJob&, int part, int parts);
};

struct Span { int64_t begin, end; };

// The part-th of `parts` nearly equal stretches of `count` items.
static inline Span stretch(int64_t count, int part, int parts) {
    return {count * part / parts, count * (part + 1) / parts};
}
