// Where a step works: what the backward pass will need of every layer, and desks that all layers share.
#pragma once
#include "gemm.h"
#include "step_job.h"

namespace ISA {

constexpr int64_t ROWS_AT_ONCE = 512;  // tokens that go through a layer together, about: their vectors stay in cache
constexpr int64_t GROUP = 64;          // rows whose share of a vector's gradient is summed in one go

// Padded sizes, and the rows: `chunks` of them, each `sequences` whole sequences in `rows` padded rows.
struct Sizes {
    int64_t width, queries, keys, qkv, ff, vocabulary, sequences, chunks, rows, all_rows, groups;
    explicit Sizes(const StepJob& job) {
        width = whole_blocks(job.d_model);
        queries = whole_blocks(job.n_heads * job.head_size);
        keys = whole_blocks(job.kv_heads * job.head_size);
        qkv = queries + 2 * keys;
        ff = whole_blocks(job.feed_forward);
        vocabulary = whole_blocks(job.vocabulary);
        sequences = ROWS_AT_ONCE / job.time > 0 ? ROWS_AT_ONCE / job.time : 1;
        if (sequences > job.batch) sequences = job.batch;
        chunks = (job.batch + sequences - 1) / sequences;
        sequences = (job.batch + chunks - 1) / chunks;  // chunks alike
        chunks = (job.batch + sequences - 1) / sequences;
        rows = whole_blocks(sequences * job.time);
        all_rows = rows * chunks;
        groups = (rows + GROUP - 1) / GROUP;
    }
};

struct Kept {  // of one layer, all rows
    bf16 *attn_in, *qkv, *seen, *ff_in, *gate, *up;  // normalised inputs; queries, keys and values; attention's output
    float *attn_spread, *ff_spread, *lse;            // 1 / standard deviation of each row; (batch, heads, time)
};

struct Desk {
    float* x;           // (all_rows, width): the residual stream, later its gradient
    bf16* final_in;     // (all_rows, width)
    float *final_spread, *losses;  // (all_rows,); (rows,)
    Kept* layers;       // (n_layers,)
    // One chunk at a time.
    bf16 *h, *g, *d_up, *d_gate, *seen, *logits;     // rows: width, ff, ff, ff, queries, vocabulary
    bf16 *d_qkv, *h_pairs, *g_pairs, *turned;        // rows; panels; panels; ROWS_AT_ONCE columns of something, turned
    float *wide, *own, *sums;                        // (rows, width); (rows,); (groups, 2, width)
    // One layer's weights at a time, in panels; and the head's.
    bf16 *w_qkv, *w_o, *w_gate, *w_up, *w_down, *w_head;
    int64_t bytes;
};

class Surveyor {  // cuts `memory` into arrays, each starting on a cache line; null: only measures
public:
    explicit Surveyor(void* memory) : base_(static_cast<char*>(memory)) {}
    template <class T> T* cut(int64_t count) {
        char* here = base_ ? base_ + used : nullptr;
        used += (count * static_cast<int64_t>(sizeof(T)) + 63) / 64 * 64 + 64;
        return reinterpret_cast<T*>(here);
    }
    int64_t used = 0;

private:
    char* base_;
};

inline Desk survey(const StepJob& job, const Sizes& s, void* memory) {
    Surveyor land(memory);
    Desk d{};
    const bool train = job.train != 0;
    const int64_t kept = train ? s.all_rows : s.rows;  // the loss alone keeps nothing of a chunk that is done
    d.x = land.cut<float>(s.all_rows * s.width);
    d.final_in = land.cut<bf16>(kept * s.width);
    d.final_spread = land.cut<float>(kept);
    d.losses = land.cut<float>(s.rows);
    d.layers = land.cut<Kept>(job.n_layers);
    Kept shared{};
    for (int64_t i = 0; i < job.n_layers; ++i) {
        if (i == 0 || train) {
            shared.attn_in = land.cut<bf16>(kept * s.width);
            shared.qkv = land.cut<bf16>(kept * s.qkv);
            shared.seen = land.cut<bf16>(kept * s.queries);
            shared.ff_in = land.cut<bf16>(kept * s.width);
            shared.gate = job.layers[0].gate ? land.cut<bf16>(kept * s.ff) : nullptr;
            shared.up = land.cut<bf16>(kept * s.ff);
            shared.attn_spread = land.cut<float>(kept);
            shared.ff_spread = land.cut<float>(kept);
            shared.lse = land.cut<float>((train ? job.batch : s.sequences) * job.n_heads * job.time);
        }
        if (memory) d.layers[i] = shared;
    }
    d.h = land.cut<bf16>(s.rows * s.width);
    d.g = land.cut<bf16>(s.rows * s.ff);
    d.logits = land.cut<bf16>(s.rows * s.vocabulary);
    d.own = land.cut<float>(s.rows);
    d.w_qkv = land.cut<bf16>(s.width * s.qkv);
    d.w_o = land.cut<bf16>(s.queries * s.width);
    d.w_gate = job.layers[0].gate ? land.cut<bf16>(s.width * s.ff) : nullptr;
    d.w_up = land.cut<bf16>(s.width * s.ff);
    d.w_down = land.cut<bf16>(s.width * s.ff);
    d.w_head = land.cut<bf16>(s.width * s.vocabulary * (train ? 2 : 1));
    if (train) {
        d.d_up = land.cut<bf16>(s.rows * s.ff);
        d.d_gate = job.layers[0].gate ? land.cut<bf16>(s.rows * s.ff) : nullptr;
        d.seen = land.cut<bf16>(s.rows * s.queries);
        d.d_qkv = land.cut<bf16>(s.rows * s.qkv);
        d.h_pairs = land.cut<bf16>(s.rows * (s.width > s.queries ? s.width : s.queries));
        d.g_pairs = land.cut<bf16>(s.rows * s.ff);
        d.turned = land.cut<bf16>(s.rows * ROWS_AT_ONCE);
        d.wide = land.cut<float>(s.rows * s.width);
        d.sums = land.cut<float>(s.groups * 2 * s.width);
    }
    d.bytes = land.used;
    return d;
}

}  // namespace ISA
