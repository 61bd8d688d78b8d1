// One step of a decoder of the Llama or the GPT-2 shape, as a caller asks for it (mirrored in decode.py).
#pragma once
#include <cstdint>

extern "C" {

enum DecodeType { DECODE_F32 = 0, DECODE_F16 = 1, DECODE_Q4_0 = 2, DECODE_Q8_0 = 8 };  // ggml's numbers
enum DecodeCache { CACHE_F32, CACHE_BF16, CACHE_INT8 };

struct DecodeMatrix {  // y = W x + bias
    const void* data;   // F32, F16: (rows, columns) as in the file; Q4_0, Q8_0: panels (coldframe_pack)
    const float* bias;  // (rows,), or null
    int64_t rows, columns;
    int64_t type;
};

struct MultiplyJob {  // one matrix alone
    DecodeMatrix matrix;
    const float* x;  // (count, columns)
    float* y;        // (count, rows)
    int64_t count;
};

struct DecodeNorm {
    const float *weight, *bias;  // (d_model,); a bias makes it LayerNorm, null RMSNorm
};

struct DecodeLayer {
    DecodeNorm attention_norm, feed_norm;
    DecodeMatrix q, k, v, out, gate, up, down;  // no gate (data null): GELU of up instead of SwiGLU
};

struct DecodeModel {
    const DecodeLayer* layers;
    DecodeNorm final_norm;
    DecodeMatrix head;
    const void* embedding;   // (vocab, d_model) as in the file, of embedding_type
    const float* positions;  // (context, d_model) that are added to the embedding, or null
    const double* turns;     // (rotated / 2,) radians a position, of each pair of neighbours
    int64_t embedding_type, n_layers, d_model, n_heads, kv_heads, head_size, rotated, feed_forward, vocab;
    float epsilon;
};

struct DecodeJob {
    const DecodeModel* model;
    void *keys, *values;    // n_layers x kv_heads x context (a multiple of 16) x head_size, of the type `cache`
    float *key_scales, *value_scales;  // CACHE_INT8: one for every 16 features of a head, a multiple of 16; else null
    const int32_t* tokens;  // (count,)
    float* logits;          // (n_logits, vocab): of the last n_logits tokens
    void* scratch;          // coldframe_decode_scratch bytes, 64-byte aligned; zeros before the first call
    int64_t count, n_logits, position, context;
    int32_t cache;          // DecodeCache
};

}  // extern "C"

constexpr int PANEL = 16;  // rows of a quantized matrix that lie together, and places of the key cache
constexpr int BLOCK = 32;  // weights that share a scale
