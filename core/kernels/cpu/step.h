// One training step of a decoder in one call: forward, loss and backward, layer by layer, a chunk of sequences at a
// time. Weights and the residual stream are float32; what is multiplied is bfloat16, and summed in float32.
//
// Sums never depend on the number of threads: a share computes whole blocks, and sums over rows run in fixed groups.
#pragma once
#include "bend.h"
#include "cross_entropy.h"
#include "step_rows.h"

namespace ISA {

#ifdef __AMX_TILE__
inline void attend(AttentionJob& job, int part, int parts) { attention_forward_amx(job, part, parts); }
inline void attend_back(AttentionJob& job, int part, int parts) { attention_backward_amx(job, part, parts); }
#else
inline void attend(AttentionJob& job, int part, int parts) { attention_forward(job, part, parts); }
inline void attend_back(AttentionJob& job, int part, int parts) { attention_backward(job, part, parts); }
#endif

class WholeStep {
public:
    WholeStep(StepJob& job, int threads) : job_(job), threads_(threads), s_(job), desk_(survey(job, s_, job.memory)) {}

    void run() {
        job_.loss = 0.0;
        clear_padding();
        pack_head();
        for (int64_t c = 0; c < s_.chunks; ++c) enter(c);
        for (int64_t l = 0; l < job_.n_layers; ++l) {
            pack_layer(l, true);
            for (int64_t c = 0; c < s_.chunks; ++c) layer(l, c);
        }
        for (int64_t c = 0; c < s_.chunks; ++c) leave(c);
        if (!job_.train) return;
        for (int64_t l = job_.n_layers; l-- > 0;) {
            pack_layer(l, false);
            for (int64_t c = 0; c < s_.chunks; ++c) {
                feed_back(l, c);
                attention_back(l, c);
            }
        }
        if (job_.ends.head) std::memset(job_.d_ends.embed, 0, job_.vocabulary * job_.d_model * sizeof(float));
        embed_back(threads_, job_, s_, desk_.x);
    }

private:
    StepJob& job_;
    const int threads_;
    const Sizes s_;
    Desk desk_;

    // ---- where things are ----

    // The first of a chunk's rows in what is kept for the backward pass; the loss alone keeps one chunk's.
    int64_t at(int64_t chunk) const { return job_.train ? chunk * s_.rows : 0; }
    int64_t sequences(int64_t chunk) const {
        const int64_t left = job_.batch - chunk * s_.sequences;
        return left < s_.sequences ? left : s_.sequences;
    }
    float* stream(int64_t chunk) const { return desk_.x + chunk * s_.rows * s_.width; }
    Norm norm(const float* weight, const float* bias) const {
        return {weight, bias, job_.d_model, s_.width, job_.epsilon, job_.centred != 0};
    }
    Norm attn_norm(int64_t l) const { return norm(job_.layers[l].attn_norm, job_.layers[l].attn_norm_bias); }
    Norm ff_norm(int64_t l) const { return norm(job_.layers[l].ff_norm, job_.layers[l].ff_norm_bias); }
    Norm final_norm() const { return norm(job_.ends.final_norm, job_.ends.final_norm_bias); }

    // Rows past the last sequence of a chunk are never written by attention, but multiplied like the others.
    void clear_padding() {
        for (int64_t l = 0; l < (job_.train ? job_.n_layers : 1); ++l)
            for (int64_t c = 0; c < (job_.train ? s_.chunks : 1); ++c) clear_rows(desk_.layers[l].seen, at(c), c, s_.queries);
        if (job_.train) {
            std::memset(desk_.d_qkv, 0, s_.rows * s_.qkv * sizeof(bf16));
            std::memset(desk_.g_pairs, 0, s_.rows * s_.ff * sizeof(bf16));
        }
        if (s_.queries > job_.n_heads * job_.head_size)  // columns past the last head, likewise
            for (int64_t l = 0; l < (job_.train ? job_.n_layers : 1); ++l)
                std::memset(desk_.layers[l].seen, 0, (job_.train ? s_.all_rows : s_.rows) * s_.queries * sizeof(bf16));
    }
    void clear_rows(bf16* rows, int64_t first, int64_t chunk, int64_t stride) const {
        const int64_t used = sequences(chunk) * job_.time;
        std::memset(rows + (first + used) * stride, 0, (s_.rows - used) * stride * sizeof(bf16));
    }

    // ---- weights in panels ----

    void pack_head() {
        const float* head = job_.ends.head ? job_.ends.head : job_.ends.embed;
        const Padded w = {head, job_.vocabulary, job_.d_model};
        on_team(threads_, [&](int part, int parts) {
            pack_forward(w, desk_.w_head, part, parts);
            if (job_.train)
                pack_backward(w, desk_.w_head + s_.width * s_.vocabulary, s_.vocabulary * BLOCK_SIDE, part, parts);
        });
    }

    void pack_layer(int64_t l, bool forward) {
        const StepLayer& layer = job_.layers[l];
        const int64_t d = job_.d_model, q = job_.n_heads * job_.head_size, kv = job_.kv_heads * job_.head_size;
        const int64_t keys = s_.queries, values = s_.queries + s_.keys, ff = job_.feed_forward;
        struct Matrix { Padded w; bf16* to; int64_t first, outputs; };  // rows `first`.. of a factor with `outputs`
        const Matrix all[] = {
            {{layer.q, q, d}, desk_.w_qkv, 0, s_.qkv}, {{layer.k, kv, d}, desk_.w_qkv, keys, s_.qkv},
            {{layer.v, kv, d}, desk_.w_qkv, values, s_.qkv}, {{layer.o, d, q}, desk_.w_o, 0, s_.width},
            {{layer.gate, ff, d}, desk_.w_gate, 0, s_.ff}, {{layer.up, ff, d}, desk_.w_up, 0, s_.ff},
            {{layer.down, d, ff}, desk_.w_down, 0, s_.width}};
        on_team(threads_, [&](int part, int parts) {
            for (const Matrix& m : all) {
                if (!m.w.data) continue;
                if (forward) pack_forward(m.w, m.to + m.first * whole_blocks(m.w.columns), part, parts);
                else pack_backward(m.w, m.to + m.first * BLOCK_SIDE, m.outputs * BLOCK_SIDE, part, parts);
            }
        });
    }

    // x W^T for weights packed forward: `inputs` and `outputs` padded. x lies in blocks, unless it is attention's.
    Product forward(const bf16* x, const bf16* w, int64_t inputs, int64_t outputs, bool in_rows = false) const {
        const Layout in = in_rows ? Layout::rows(inputs) : Layout::blocks(inputs);
        return {x, in, w, inputs * BLOCK_SIDE, s_.rows, outputs, inputs};
    }
    // dy W for weights packed backward.
    Product backward(const bf16* d_y, const bf16* w, int64_t inputs, int64_t outputs, bool in_rows = false) const {
        const Layout in = in_rows ? Layout::rows(outputs) : Layout::blocks(outputs);
        return {d_y, in, w, outputs * BLOCK_SIDE, s_.rows, inputs, outputs};
    }

    // ---- forward ----

    void enter(int64_t c) {
        embed_chunk(threads_, job_, s_, c * s_.sequences * job_.time, sequences(c) * job_.time, stream(c));
    }

    AttentionJob attention(int64_t l, int64_t c) const {
        const Kept& kept = desk_.layers[l];
        bf16* qkv = kept.qkv + at(c) * s_.qkv;
        AttentionJob a{};
        const int64_t size = job_.head_size;
        a.q = {qkv, job_.time * s_.qkv, size, s_.qkv};
        a.k = {qkv + s_.queries, job_.time * s_.qkv, size, s_.qkv};
        a.v = {qkv + s_.queries + s_.keys, job_.time * s_.qkv, size, s_.qkv};
        a.out = {kept.seen + at(c) * s_.queries, job_.time * s_.queries, size, s_.queries};
        a.lse = kept.lse + (job_.train ? c * s_.sequences : 0) * job_.n_heads * job_.time;
        a.cosines = job_.cosines;
        a.sines = job_.sines;
        a.batches = sequences(c);
        a.heads = job_.n_heads;
        a.kv_heads = job_.kv_heads;
        a.time = job_.time;
        a.size = size;
        a.scale = 1.0f / std::sqrt(static_cast<float>(size));
        a.bf16 = 1;
        return a;
    }

    static constexpr int VECTORS = 32 / W;  // of a block's row

    // 32 numbers of a bias from the j-th on, zeros past its end or where there is none.
    static void load_bias(const float* bias, int64_t j, int64_t columns, Vec* to) {
        for (int v = 0; v < VECTORS; ++v) {
            const int64_t left = columns - j - v * W;
            to[v] = !bias || left <= 0 ? fill(0.0f)
                    : left < W ? load_some(bias + j + v * W, static_cast<int>(left), 0.0f) : load(bias + j + v * W);
        }
    }
    // block + bias, in bfloat16.
    static void write_block(const float* block, const float* bias, int64_t j, int64_t columns, bf16* to, int64_t stride) {
        Vec add[VECTORS];
        load_bias(bias, j, columns, add);
        for (int r = 0; r < 32; ++r)
            for (int v = 0; v < VECTORS; v += 2) {
                const float* from = block + r * 32 + v * W;
                store(to + r * stride + v * W, load(from) + add[v], load(from + W) + add[v + 1]);
            }
    }
    // x += bias, for every row of a chunk.
    void add_bias(const float* bias, float* x) const {
        if (!bias) return;
        in_groups(threads_, s_.rows, [&](int64_t, Span span) {
            for (int64_t i = span.begin; i < span.end; ++i)
                along(job_.d_model, [&](int64_t j, int n) {
                    put(x + i * s_.width + j, n, take(x + i * s_.width + j, n) + take(bias + j, n));
                });
        });
    }

    void layer(int64_t l, int64_t c) {
        const StepLayer& w = job_.layers[l];
        const Kept& kept = desk_.layers[l];
        const int64_t row = at(c);
        float* x = stream(c);
        norm_chunk(threads_, attn_norm(l), s_.rows, x, kept.attn_in + row * s_.width, kept.attn_spread + row, desk_.h);
        bf16* qkv = kept.qkv + row * s_.qkv;
        const int64_t q = job_.n_heads * job_.head_size, kv = job_.kv_heads * job_.head_size;
        multiply_into(threads_, forward(desk_.h, desk_.w_qkv, s_.width, s_.qkv),
                      [&](int64_t i, int64_t j, const float* block) {
            const bool keys = j >= s_.queries, values = j >= s_.queries + s_.keys;
            const float* bias = values ? w.v_bias : keys ? w.k_bias : w.q_bias;
            const int64_t from = j - (values ? s_.queries + s_.keys : keys ? s_.queries : 0);
            write_block(block, bias, from, keys ? kv : q, qkv + i * s_.qkv + j, s_.qkv);
        });
        AttentionJob a = attention(l, c);
        on_team(threads_, [&](int part, int parts) { attend(a, part, parts); });
        multiply_add(threads_, forward(kept.seen + row * s_.queries, desk_.w_o, s_.queries, s_.width, true), x, s_.width,
                     s_.rows, s_.width, true);
        add_bias(w.o_bias, x);
        norm_chunk(threads_, ff_norm(l), s_.rows, x, kept.ff_in + row * s_.width, kept.ff_spread + row, desk_.h);
        feed(l, c);
        multiply_add(threads_, forward(desk_.g, desk_.w_down, s_.ff, s_.width), x, s_.width, s_.rows, s_.width, true);
        add_bias(w.down_bias, x);
    }

    void feed(int64_t l, int64_t c) {
        switch (job_.bend) {
            case BEND_GELU: return feed_as<BEND_GELU>(l, c);
            case BEND_GELU_TANH: return feed_as<BEND_GELU_TANH>(l, c);
            case BEND_RELU: return feed_as<BEND_RELU>(l, c);
            default: return feed_as<BEND_SILU>(l, c);
        }
    }

    // g = act(up), or act(gate) * up; what goes in is kept.
    template <int KIND> void feed_as(int64_t l, int64_t c) {
        const StepLayer& w = job_.layers[l];
        const Kept& kept = desk_.layers[l];
        const Layout in = Layout::blocks(s_.ff);
        bf16 *up = kept.up + at(c) * s_.ff, *gate = w.gate ? kept.gate + at(c) * s_.ff : nullptr;
        if (gate)
            multiply_into(threads_, forward(desk_.h, desk_.w_gate, s_.width, s_.ff),
                          [&](int64_t i, int64_t j, const float* block) {
                write_block(block, w.gate_bias, j, job_.feed_forward, gate + in.block(i, j), 32);
            });
        multiply_into(threads_, forward(desk_.h, desk_.w_up, s_.width, s_.ff),
                      [&](int64_t i, int64_t j, const float* block) {
            Vec bias[VECTORS];
            load_bias(w.up_bias, j, job_.feed_forward, bias);
            const int64_t to = in.block(i, j);
            for (int at = 0; at < 32 * 32; at += 2 * W) {
                Vec u[2], g[2], slope;
                for (int one = 0; one < 2; ++one) {
                    const int here = at + one * W;
                    u[one] = load(block + here) + bias[here % 32 / W];
                    bend<KIND>(gate ? load(gate + to + here) : u[one], &g[one], &slope);
                    if (gate) g[one] = g[one] * u[one];
                }
                store(up + to + at, u[0], u[1]);
                store(desk_.g + to + at, g[0], g[1]);
            }
        });
    }

    // ---- the loss, and its way back to the last layer ----

    void leave(int64_t c) {
        const int64_t row = at(c), used = sequences(c) * job_.time, first = c * s_.sequences * job_.time;
        norm_chunk(threads_, final_norm(), s_.rows, stream(c), desk_.final_in + row * s_.width, desk_.final_spread + row,
                   desk_.h);
        const int64_t* targets = job_.targets + first;
        multiply_into(threads_, forward(desk_.h, desk_.w_head, s_.width, s_.vocabulary),
                      [&](int64_t i, int64_t j, const float* block) {
            write_block(block, nullptr, 0, 0, desk_.logits + i * s_.vocabulary + j, s_.vocabulary);
            for (int64_t r = 0; r < 32 && i + r < used; ++r)
                if (targets[i + r] >= j && targets[i + r] < j + 32) desk_.own[i + r] = block[r * 32 + targets[i + r] - j];
        });
        const float scale = job_.train ? 1.0f / static_cast<float>(job_.counted) : 0.0f;
        in_groups(threads_, s_.rows, [&](int64_t, Span span) {
            float* exps = static_cast<float*>(team_scratch(s_.vocabulary * sizeof(float)));
            for (int64_t i = span.begin; i < span.end; ++i) {
                bf16* logits = desk_.logits + i * s_.vocabulary;
                const int64_t target = i < used ? targets[i] : -1;
                desk_.losses[i] = 0.0f;
                int64_t from = 0;
                if (target >= 0) {  // the loss of the rounded logit, and what rounding took from it
                    const float rounded = as_float(logits[target]);
                    desk_.losses[i] = cross_entropy_row(logits, exps, job_.vocabulary, target, scale) + rounded -
                                      desk_.own[i];
                    from = job_.vocabulary;
                }
                if (job_.train) std::memset(logits + from, 0, (s_.vocabulary - from) * sizeof(bf16));
            }
        });
        for (int64_t i = 0; i < used; ++i) job_.loss += desk_.losses[i];
        if (job_.train) leave_back(c);
    }

    void leave_back(int64_t c) {
        const int64_t row = at(c);
        const Norm norm = final_norm();
        const bf16* w_head = desk_.w_head + s_.width * s_.vocabulary;
        multiply_add(threads_, backward(desk_.logits, w_head, s_.width, s_.vocabulary, true), desk_.wide, s_.width,
                     s_.rows, s_.width, false);
        pair_norm(norm, desk_.final_in + row * s_.width);
        float* d_head = job_.ends.head ? job_.d_ends.head : job_.d_ends.embed;
        weight_back(desk_.logits, Layout::rows(s_.vocabulary), job_.vocabulary, desk_.h_pairs, s_.width, job_.d_model, d_head, c == 0);
        norm_chunk_back(threads_, norm, s_.rows, desk_.wide, desk_.final_in + row * s_.width, desk_.final_spread + row,
                        stream(c), false, desk_.sums, job_.d_ends.final_norm, job_.d_ends.final_norm_bias, c == 0);
    }

    // ---- backward ----

    // What a norm gave, as the right factor of a weight's gradient.
    void pair_norm(const Norm& norm, const bf16* kept) {
        on_team(threads_, [&](int part, int parts) {
            pack_pairs(s_.rows, s_.width, desk_.h_pairs, s_.rows * BLOCK_SIDE,
                       [&](int64_t i, int64_t j) { return norm.apply(kept + i * s_.width, j); }, part, parts);
        });
    }

    // dW (+)= dy^T x: x in panels; W is (outputs, inputs).
    void weight_back(const bf16* d_y, const Layout& in, int64_t outputs, const bf16* x_pairs, int64_t padded_inputs,
                     int64_t inputs, float* d_w, bool first) {
        for (int64_t n = 0; n < outputs; n += ROWS_AT_ONCE) {
            const int64_t some = outputs - n < ROWS_AT_ONCE ? outputs - n : ROWS_AT_ONCE;
            on_team(threads_, [&](int part, int parts) {
                pack_transposed(d_y + in.block(0, n), in, s_.rows, whole_blocks(some), desk_.turned, part, parts);
            });
            const Product p = {desk_.turned, Layout::blocks(s_.rows), x_pairs, s_.rows * BLOCK_SIDE, whole_blocks(some), padded_inputs,
                               s_.rows};
            multiply_add(threads_, p, d_w + n * inputs, inputs, some, inputs, !first);
        }
    }

    void feed_back(int64_t l, int64_t c) {
        switch (job_.bend) {
            case BEND_GELU: return feed_back_as<BEND_GELU>(l, c);
            case BEND_GELU_TANH: return feed_back_as<BEND_GELU_TANH>(l, c);
            case BEND_RELU: return feed_back_as<BEND_RELU>(l, c);
            default: return feed_back_as<BEND_SILU>(l, c);
        }
    }

    template <int KIND> void feed_back_as(int64_t l, int64_t c) {
        const StepLayer &w = job_.layers[l], &d_w = job_.d_layers[l];
        const Kept& kept = desk_.layers[l];
        const int64_t row = at(c), d = job_.d_model, ff = job_.feed_forward;
        const bf16 *up = kept.up + row * s_.ff, *gate = w.gate ? kept.gate + row * s_.ff : nullptr;
        const Layout in = Layout::blocks(s_.ff), wide = Layout::blocks(s_.width);
        float* d_x = stream(c);
        round_rows(threads_, d_x, s_.rows, s_.width, desk_.h);
        sum_columns(threads_, desk_.h, wide, s_.rows, d_w.down_bias, d, c == 0);
        multiply_into(threads_, backward(desk_.h, desk_.w_down, s_.ff, s_.width),
                      [&](int64_t i, int64_t j, const float* block) {
            bf16* pairs = desk_.g_pairs + j / BLOCK_SIDE * s_.rows * BLOCK_SIDE + i * 32;
            const int64_t from = in.block(i, j);
            for (int at = 0; at < 32 * 32; at += at % 64 == 32 - W ? 32 + W : W) {  // a vector of every other row
                Vec g[2];
                for (int one = 0; one < 2; ++one) {
                    const int here = at + 32 * one;
                    const Vec d_g = load(block + here), u = load(up + from + here);
                    Vec slope;
                    if (gate) {
                        bend<KIND>(load(gate + from + here), &g[one], &slope);
                        store(desk_.d_gate + from + here, d_g * u * slope);
                        store(desk_.d_up + from + here, d_g * g[one]);
                        g[one] = g[one] * u;
                    } else {
                        bend<KIND>(u, &g[one], &slope);
                        store(desk_.d_up + from + here, d_g * slope);
                    }
                }
                store_pairs(pairs + at / 64 * 64 + at % 64 * 2, g[0], g[1]);
            }
        });
        weight_back(desk_.h, wide, d, desk_.g_pairs, s_.ff, ff, d_w.down, c == 0);
        const Norm norm = ff_norm(l);
        pair_norm(norm, kept.ff_in + row * s_.width);
        weight_back(desk_.d_up, in, ff, desk_.h_pairs, s_.width, d, d_w.up, c == 0);
        sum_columns(threads_, desk_.d_up, in, s_.rows, d_w.up_bias, ff, c == 0);
        multiply_add(threads_, backward(desk_.d_up, desk_.w_up, s_.width, s_.ff), desk_.wide, s_.width, s_.rows,
                     s_.width, false);
        if (gate) {
            weight_back(desk_.d_gate, in, ff, desk_.h_pairs, s_.width, d, d_w.gate, c == 0);
            sum_columns(threads_, desk_.d_gate, in, s_.rows, d_w.gate_bias, ff, c == 0);
            multiply_add(threads_, backward(desk_.d_gate, desk_.w_gate, s_.width, s_.ff), desk_.wide, s_.width, s_.rows,
                         s_.width, true);
        }
        norm_chunk_back(threads_, norm, s_.rows, desk_.wide, kept.ff_in + row * s_.width, kept.ff_spread + row, d_x,
                        true, desk_.sums, d_w.ff_norm, d_w.ff_norm_bias, c == 0);
    }

    void attention_back(int64_t l, int64_t c) {
        const StepLayer& d_w = job_.d_layers[l];
        const Kept& kept = desk_.layers[l];
        const int64_t row = at(c), d = job_.d_model;
        const int64_t q = job_.n_heads * job_.head_size, kv = job_.kv_heads * job_.head_size;
        const Layout wide = Layout::blocks(s_.width), in = Layout::rows(s_.qkv);
        float* d_x = stream(c);
        round_rows(threads_, d_x, s_.rows, s_.width, desk_.h);
        sum_columns(threads_, desk_.h, wide, s_.rows, d_w.o_bias, d, c == 0);
        const bf16* seen = kept.seen + row * s_.queries;
        on_team(threads_, [&](int part, int parts) {
            pack_pairs(s_.rows, s_.queries, desk_.h_pairs, s_.rows * BLOCK_SIDE,
                       [&](int64_t i, int64_t j) { return load(seen + i * s_.queries + j); }, part, parts);
        });
        weight_back(desk_.h, wide, d, desk_.h_pairs, s_.queries, q, d_w.o, c == 0);
        multiply_into(threads_, backward(desk_.h, desk_.w_o, s_.queries, s_.width),
                      [&](int64_t i, int64_t j, const float* block) {
            write_block(block, nullptr, 0, 0, desk_.seen + i * s_.queries + j, s_.queries);
        });
        AttentionJob a = attention(l, c);
        const Heads* places[] = {&a.q, &a.k, &a.v};
        Heads* gradients[] = {&a.d_q, &a.d_k, &a.d_v};
        bf16* starts[] = {desk_.d_qkv, desk_.d_qkv + s_.queries, desk_.d_qkv + s_.queries + s_.keys};
        for (int i = 0; i < 3; ++i) {
            *gradients[i] = *places[i];
            gradients[i]->data = starts[i];
        }
        a.d_out = a.out;
        a.d_out.data = desk_.seen;
        clear_rows(desk_.d_qkv, 0, c, s_.qkv);
        on_team(threads_, [&](int part, int parts) { attend_back(a, part, parts); });
        const Norm norm = attn_norm(l);
        pair_norm(norm, kept.attn_in + row * s_.width);
        float *weights[] = {d_w.q, d_w.k, d_w.v}, *biases[] = {d_w.q_bias, d_w.k_bias, d_w.v_bias};
        for (int i = 0; i < 3; ++i) {
            weight_back(starts[i], in, i ? kv : q, desk_.h_pairs, s_.width, d, weights[i], c == 0);
            sum_columns(threads_, starts[i], in, s_.rows, biases[i], i ? kv : q, c == 0);
        }
        multiply_add(threads_, backward(desk_.d_qkv, desk_.w_qkv, s_.width, s_.qkv, true), desk_.wide, s_.width, s_.rows,
                     s_.width, false);
        norm_chunk_back(threads_, norm, s_.rows, desk_.wide, kept.attn_in + row * s_.width, kept.attn_spread + row, d_x,
                        true, desk_.sums, d_w.attn_norm, d_w.attn_norm_bias, c == 0);
    }
};

void step(StepJob& job, int threads) { WholeStep(job, threads).run(); }
int64_t step_bytes(const StepJob& job) { return survey(job, Sizes(job), nullptr).bytes; }

}  // namespace ISA
