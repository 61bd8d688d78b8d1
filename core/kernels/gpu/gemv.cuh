// A matrix times one vector, weights as GGUF stores them: a warp takes two rows, a lane 16 bytes of each at a time.
//
// A block of 32 weights and its scale are 18 or 34 bytes in the file, which no lane can load at once. So the whole
// numbers of a matrix lie together, and its scales after them; nothing is rounded anew.
#pragma once
#include "warp.cuh"

enum WeightType { F32 = 0, F16 = 1, Q4_0 = 2, Q8_0 = 8 };  // ggml's numbers

constexpr int BLOCK = 32;  // weights that share a scale

struct Matrix {  // y = W x + bias (mirrored in weights.py)
    const uint4* weights;          // (rows, chunks) of 16 bytes: 32 weights of Q4_0, 16 of Q8_0, 8 of F16, 4 of F32
    const unsigned short* scales;  // (rows, columns / 32), half precision; null where there are none
    const float* bias;             // (rows,), or null
    int rows, columns, chunks, type;
};

// The vector, in shared memory. Past its end stand zeros up to a multiple of BLOCK.
struct Activations {
    float* values;
    uint4* whole;   // int8: values / scale, rounded to nearest
    float* scales;  // of BLOCK values each
    int* sums;      // of BLOCK whole numbers each
    float* desk;    // MOST_WARPS floats
};

__device__ inline bool in_integers(const Matrix& m) { return m.type == Q4_0 || m.type == Q8_0; }
__device__ inline int padded(int width) { return (width + BLOCK - 1) / BLOCK * BLOCK; }

// `widest`: of all vectors that will stand there. Its bytes are those of `shared_bytes` in weights.py.
__device__ inline Activations lay_out(uint4* shared, int widest) {
    const int room = padded(widest);
    Activations x;
    x.whole = shared;
    x.values = reinterpret_cast<float*>(x.whole + room / 16);
    x.scales = x.values + room;
    x.sums = reinterpret_cast<int*>(x.scales + room / BLOCK);
    x.desk = reinterpret_cast<float*>(x.sums + room / BLOCK);
    return x;
}

// Put value(0), value(1) ... before all threads of the block, rounded to whole numbers too where those are asked for.
template <class Value> __device__ inline void take(const Activations& x, int width, bool rounded, Value value) {
    for (int i = threadIdx.x; i < padded(width); i += blockDim.x) x.values[i] = i < width ? value(i) : 0.0f;
    __syncthreads();
    if (!rounded) return;
    signed char* whole = reinterpret_cast<signed char*>(x.whole);
    for (int block = warp_of_block(); block < padded(width) / BLOCK; block += warps_of_block()) {
        const float own = x.values[block * BLOCK + lane()], amplitude = warp_most(fabsf(own));
        const float inverse = amplitude > 0.0f ? 127.0f / amplitude : 0.0f;
        const int nearest = static_cast<int>(rintf(own * inverse));
        whole[block * BLOCK + lane()] = static_cast<signed char>(nearest);
        const int sum = warp_sum(nearest);
        if (lane() == 0) {
            x.scales[block] = amplitude / 127.0f;
            x.sums[block] = sum;
        }
    }
    __syncthreads();
}

__device__ inline int dot4(const uint4& a, const uint4& b, int sum) {  // 16 products of int8
    sum = __dp4a(static_cast<int>(a.x), static_cast<int>(b.x), sum);
    sum = __dp4a(static_cast<int>(a.y), static_cast<int>(b.y), sum);
    sum = __dp4a(static_cast<int>(a.z), static_cast<int>(b.z), sum);
    return __dp4a(static_cast<int>(a.w), static_cast<int>(b.w), sum);
}

__device__ inline float halves(unsigned pair, const float* x) {
    return half_to_float(pair & 0xffffu) * x[0] + half_to_float(pair >> 16) * x[1];
}

// What chunk `c` of a row adds to its sum.
template <int TYPE>
__device__ inline float dot_chunk(const uint4& w, const unsigned short* scales, const Activations& x, int c) {
    if (TYPE == Q4_0) {  // the low four bits are the first half of a block, 8 is zero
        const uint4 low = {w.x & 0x0f0f0f0fu, w.y & 0x0f0f0f0fu, w.z & 0x0f0f0f0fu, w.w & 0x0f0f0f0fu};
        const uint4 high = {w.x >> 4 & 0x0f0f0f0fu, w.y >> 4 & 0x0f0f0f0fu, w.z >> 4 & 0x0f0f0f0fu,
                            w.w >> 4 & 0x0f0f0f0fu};
        const int sum = dot4(high, x.whole[2 * c + 1], dot4(low, x.whole[2 * c], -8 * x.sums[c]));
        return half_to_float(scales[c]) * x.scales[c] * static_cast<float>(sum);
    }
    if (TYPE == Q8_0) {
        const int sum = dot4(w, x.whole[c], 0);
        return half_to_float(scales[c / 2]) * x.scales[c / 2] * static_cast<float>(sum);
    }
    if (TYPE == F16) {
        const float* v = x.values + 8 * c;
        return halves(w.x, v) + halves(w.y, v + 2) + (halves(w.z, v + 4) + halves(w.w, v + 6));
    }
    const float* v = x.values + 4 * c;
    return __uint_as_float(w.x) * v[0] + __uint_as_float(w.y) * v[1]
        + (__uint_as_float(w.z) * v[2] + __uint_as_float(w.w) * v[3]);
}

struct Pair {
    float one, two;
};

template <int TYPE> __device__ inline Pair two_rows_of(const Matrix& m, const Activations& x, int first) {
    const long long next = first + 1 < m.rows ? 1 : 0;  // the last row may be alone: then it is taken twice
    const uint4 *one = m.weights + static_cast<long long>(first) * m.chunks, *two = one + next * m.chunks;
    const long long blocks = m.scales ? m.columns / BLOCK : 0;
    const unsigned short* scales = m.scales + first * blocks;
    Pair y = {0.0f, 0.0f};
#pragma unroll 2
    for (int c = lane(); c < m.chunks; c += WARP) {
        y.one += dot_chunk<TYPE>(one[c], scales, x, c);
        y.two += dot_chunk<TYPE>(two[c], scales + next * blocks, x, c);
    }
    y = {warp_sum(y.one), warp_sum(y.two)};
    if (m.bias) y = {y.one + m.bias[first], y.two + m.bias[first + next]};
    return y;
}

// Rows `first` and `first + 1`, on all lanes of the warp.
__device__ inline Pair two_rows(const Matrix& m, const Activations& x, int first) {
    switch (m.type) {
        case Q4_0: return two_rows_of<Q4_0>(m, x, first);
        case Q8_0: return two_rows_of<Q8_0>(m, x, first);
        case F16: return two_rows_of<F16>(m, x, first);
        default: return two_rows_of<F32>(m, x, first);
    }
}

// done(first, count, y) for every two rows that fall to this warp, on one of its lanes; the last row may be alone.
template <class Done> __device__ inline void each_pair(const Matrix& m, const Activations& x, Done done) {
    const int own = blockIdx.x * warps_of_block() + warp_of_block(), all = gridDim.x * warps_of_block();
    for (int first = 2 * own; first < m.rows; first += 2 * all) {
        const Pair y = two_rows(m, x, first);
        if (lane() == 0) done(first, first + 1 < m.rows ? 2 : 1, y);
    }
}

// One weight, for looking rows up.
__device__ inline float weight_at(const Matrix& m, int row, int column) {
    const uint4* begin = m.weights + static_cast<long long>(row) * m.chunks;
    if (m.type == F32) return reinterpret_cast<const float*>(begin)[column];
    if (m.type == F16) return half_to_float(reinterpret_cast<const unsigned short*>(begin)[column]);
    const int block = column / BLOCK, place = column % BLOCK;
    const float scale = half_to_float(m.scales[static_cast<long long>(row) * (m.columns / BLOCK) + block]);
    const unsigned char* bytes = reinterpret_cast<const unsigned char*>(begin);
    if (m.type == Q8_0) return scale * static_cast<float>(static_cast<signed char>(bytes[column]));
    const int byte = bytes[block * 16 + place % 16];
    return scale * static_cast<float>((place < 16 ? byte & 15 : byte >> 4) - 8);
}
