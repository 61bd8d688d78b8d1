// One token through a decoder of the Llama or the GPT-2 shape in one launch: all blocks stay, and meet five times a
// layer. What is cheap (norms, rounding of activations) each block does for itself, which saves a meeting.
#include "gemv.cuh"

struct Norm {
    const float *weight, *bias;  // (d_model,); a bias makes it LayerNorm, null RMSNorm
};

struct Layer {
    Norm attention_norm, feed_norm;
    Matrix q, k, v, out, gate, up, down;  // no gate (null weights): GELU of up instead of SwiGLU
};

struct DecodeJob {  // mirrored in decode.py
    const Layer* layers;
    Norm final_norm;
    Matrix head, embedding;
    const float* positions;  // (context, d_model), added to the embedding, or null
    const float* angles;     // (context, rotated / 2, 2): cosine and sine of each pair of neighbours at each place
    void *keys, *values;     // (n_layers, kv_heads, context, head_size), bf16 or float
    float *x, *queries, *mixed, *hidden;  // between meetings
    float* logits;           // (vocab,)
    unsigned* meeting;       // two zeros before the first launch
    int n_layers, d_model, n_heads, kv_heads, head_size, rotated, feed_forward, context, widest;
    int token, position, with_logits, bf16;
    float epsilon;
};

constexpr int MOST_HEAD = 256;  // features of a head
constexpr int OWN = MOST_HEAD / WARP;  // of them, on one lane

__device__ inline float read_kept(const void* cache, long long i, int bf16) {
    return bf16 ? bf16_to_float(static_cast<const unsigned short*>(cache)[i]) : static_cast<const float*>(cache)[i];
}
__device__ inline void keep(void* cache, long long i, int bf16, float x) {
    if (bf16) static_cast<unsigned short*>(cache)[i] = float_to_bf16(x);
    else static_cast<float*>(cache)[i] = x;
}

// RMSNorm, and with a bias LayerNorm, of the residual stream.
__device__ inline void take_normed(const DecodeJob& job, const Activations& out, const Norm& norm, bool rounded) {
    const int width = job.d_model;
    float sum = 0.0f, squares = 0.0f;
    for (int i = threadIdx.x; norm.bias && i < width; i += blockDim.x) sum += job.x[i];
    const float mean = norm.bias ? block_sum(sum, out.desk) / static_cast<float>(width) : 0.0f;
    for (int i = threadIdx.x; i < width; i += blockDim.x) squares += (job.x[i] - mean) * (job.x[i] - mean);
    const float inverse = 1.0f / sqrtf(block_sum(squares, out.desk) / static_cast<float>(width) + job.epsilon);
    take(out, width, rounded, [&](int i) {
        return (job.x[i] - mean) * inverse * norm.weight[i] + (norm.bias ? norm.bias[i] : 0.0f);
    });
}

// Rotary positions: neighbouring features turn together; features past the last pair stay.
__device__ inline Pair turn(const DecodeJob& job, int row, Pair y) {
    const int feature = row % job.head_size;
    if (feature >= job.rotated) return y;
    const float* angle = job.angles + (static_cast<long long>(job.position) * (job.rotated / 2) + feature / 2) * 2;
    return {y.one * angle[0] - y.two * angle[1], y.one * angle[1] + y.two * angle[0]};
}

// Where the first feature of a head's key or value at a place lies in the cache.
__device__ inline long long place_in_cache(const DecodeJob& job, int layer, int head, int place) {
    return ((static_cast<long long>(layer) * job.kv_heads + head) * job.context + place) * job.head_size;
}

__device__ inline void keep_rows(const DecodeJob& job, void* cache, int layer, int first, int count, Pair y) {
    for (int n = 0; n < count; ++n) {
        const int head = (first + n) / job.head_size, feature = (first + n) % job.head_size;
        keep(cache, place_in_cache(job, layer, head, job.position) + feature, job.bf16, n ? y.two : y.one);
    }
}

__device__ inline void project(const DecodeJob& job, const Activations& seen, int layer) {
    const Layer& l = job.layers[layer];
    take_normed(job, seen, l.attention_norm, in_integers(l.q) || in_integers(l.k) || in_integers(l.v));
    each_pair(l.q, seen, [&](int first, int count, Pair y) {
        y = turn(job, first, y);
        job.queries[first] = y.one;
        if (count == 2) job.queries[first + 1] = y.two;
    });
    each_pair(l.k, seen, [&](int first, int count, Pair y) {
        keep_rows(job, job.keys, layer, first, count, turn(job, first, y));
    });
    each_pair(l.v, seen, [&](int first, int count, Pair y) { keep_rows(job, job.values, layer, first, count, y); });
}

// One head by one block: its warps share the places, each with a running softmax of its own, and add up at the end.
// `desk`: head_size + 2 floats a warp.
__device__ inline void attend(const DecodeJob& job, int layer, int head, float* desk) {
    const int size = job.head_size, group = job.n_heads / job.kv_heads, warps = warps_of_block();
    const float scale = 1.0f / sqrtf(static_cast<float>(size));
    float query[OWN], mixed[OWN], most = -infinity(), total = 0.0f;
    for (int j = 0; j < OWN; ++j) {
        const int feature = lane() + j * WARP;
        query[j] = feature < size ? job.queries[head * size + feature] * scale : 0.0f;
        mixed[j] = 0.0f;
    }
    for (int place = warp_of_block(); place <= job.position; place += warps) {
        const long long at = place_in_cache(job, layer, head / group, place);
        float score = 0.0f;
        for (int j = 0; j < OWN && lane() + j * WARP < size; ++j)
            score += query[j] * read_kept(job.keys, at + lane() + j * WARP, job.bf16);
        score = warp_sum(score);
        const float higher = fmaxf(most, score), shrunk = expf(most - higher), weight = expf(score - higher);
        total = total * shrunk + weight;
        for (int j = 0; j < OWN && lane() + j * WARP < size; ++j)
            mixed[j] = mixed[j] * shrunk + weight * read_kept(job.values, at + lane() + j * WARP, job.bf16);
        most = higher;
    }
    float* own = desk + warp_of_block() * (size + 2);
    if (lane() == 0) own[size] = most, own[size + 1] = total;
    for (int j = 0; j < OWN && lane() + j * WARP < size; ++j) own[lane() + j * WARP] = mixed[j];
    __syncthreads();
    float peak = -infinity(), all = 0.0f;
    for (int w = 0; w < warps; ++w) peak = fmaxf(peak, desk[w * (size + 2) + size]);
    for (int w = 0; w < warps; ++w) all += expf(desk[w * (size + 2) + size] - peak) * desk[w * (size + 2) + size + 1];
    for (int i = threadIdx.x; i < size; i += blockDim.x) {
        float sum = 0.0f;
        for (int w = 0; w < warps; ++w) sum += expf(desk[w * (size + 2) + size] - peak) * desk[w * (size + 2) + i];
        job.mixed[head * size + i] = sum / all;
    }
    __syncthreads();  // before the next head
}

__device__ inline void add_to_stream(const DecodeJob& job, const Activations& seen, const Matrix& m, const float* from) {
    take(seen, m.columns, in_integers(m), [&](int i) { return from[i]; });
    each_pair(m, seen, [&](int first, int count, Pair y) {
        job.x[first] += y.one;
        if (count == 2) job.x[first + 1] += y.two;
    });
}

__device__ inline float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

// The hidden row of the feed-forward: silu(gate) * up, or gelu(up) in its tanh form.
__device__ inline void widen(const DecodeJob& job, const Activations& seen, const Layer& l) {
    take_normed(job, seen, l.feed_norm, in_integers(l.up) || (l.gate.weights && in_integers(l.gate)));
    if (l.gate.weights)
        each_pair(l.gate, seen, [&](int first, int count, Pair y) {  // the same warp comes by with the same rows of up
            job.hidden[first] = y.one;
            if (count == 2) job.hidden[first + 1] = y.two;
        });
    each_pair(l.up, seen, [&](int first, int count, Pair y) {
        for (int n = 0; n < count; ++n) {
            const float up = n ? y.two : y.one;
            float& hidden = job.hidden[first + n];
            if (l.gate.weights) hidden = hidden * sigmoid(hidden) * up;
            else hidden = up * sigmoid(1.5957691216f * (up + 0.044715f * up * up * up));  // 2 sqrt(2 / pi)
        }
    });
}

KERNEL(decode_step, DecodeJob) {
    SHARED_MEMORY(shared);
    const Activations seen = lay_out(shared, job.widest);
    const int thread = blockIdx.x * blockDim.x + threadIdx.x, threads = gridDim.x * blockDim.x;
    for (int i = thread; i < job.d_model; i += threads) {
        const float place = job.positions ? job.positions[static_cast<long long>(job.position) * job.d_model + i] : 0.0f;
        job.x[i] = weight_at(job.embedding, job.token, i) + place;
    }
    meet(job.meeting);
    for (int layer = 0; layer < job.n_layers; ++layer) {
        const Layer& l = job.layers[layer];
        project(job, seen, layer);
        meet(job.meeting);
        for (int head = blockIdx.x; head < job.n_heads; head += gridDim.x)
            attend(job, layer, head, reinterpret_cast<float*>(shared));
        meet(job.meeting);
        add_to_stream(job, seen, l.out, job.mixed);
        meet(job.meeting);
        widen(job, seen, l);
        meet(job.meeting);
        add_to_stream(job, seen, l.down, job.hidden);
        meet(job.meeting);
    }
    if (!job.with_logits) return;
    take_normed(job, seen, job.final_norm, in_integers(job.head));
    each_pair(job.head, seen, [&](int first, int count, Pair y) {
        job.logits[first] = y.one;
        if (count == 2) job.logits[first + 1] = y.two;
    });
}
