// One training step of a decoder, or its loss alone (plain structs, mirrored in step.py).
#pragma once
#include <cstdint>

extern "C" {

struct StepLayer {  // float32, as torch keeps them: matrices (outputs, inputs); null where the design has none
    float *attn_norm, *attn_norm_bias, *q, *k, *v, *o, *q_bias, *k_bias, *v_bias, *o_bias;
    float *ff_norm, *ff_norm_bias, *gate, *up, *down, *gate_bias, *up_bias, *down_bias;
};

struct StepEnds {  // what stands before and after the layers
    float *embed, *positions, *final_norm, *final_norm_bias, *head;  // no head: the embedding again
};

struct StepJob {
    int64_t d_model, n_layers, n_heads, kv_heads, head_size, feed_forward, vocabulary, batch, time;
    float epsilon;
    int32_t centred;  // LayerNorm; otherwise RMSNorm
    int32_t bend;     // which activation: see bend.h
    int32_t train;    // 0: the loss alone
    StepEnds ends, d_ends;
    const StepLayer *layers, *d_layers;  // (n_layers,): the weights, and where their gradients go
    const float *cosines, *sines;        // (time, head_size / 2) for rotary positions, or null
    const int64_t *ids, *targets;        // (batch, time); a negative target is ignored
    void* memory;                        // coldframe_step_bytes() of it
    double loss;                         // out: the sum over the targets that count
    int64_t counted;                     // in: how many they are; gradients are of the mean
};

}  // extern "C"
