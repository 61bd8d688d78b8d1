// What every kernel here is made of: sums over warps and blocks, meetings of all blocks, short floating-point types.
#pragma once

#ifndef KERNEL  // tests define their own, to run a kernel on the host
#define KERNEL(name, Job) extern "C" __global__ void name(const Job job)
#define SHARED_MEMORY(name) extern __shared__ uint4 name[]

__device__ inline float half_to_float(unsigned short bits) {
    float x;
    asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));
    return x;
}
#endif

constexpr int WARP = 32;
constexpr unsigned ALL_LANES = 0xffffffffu;
constexpr int MOST_WARPS = 32;  // of a block

__device__ inline float infinity() { return __uint_as_float(0x7f800000u); }

__device__ inline int lane() { return threadIdx.x % WARP; }
__device__ inline int warp_of_block() { return threadIdx.x / WARP; }
__device__ inline int warps_of_block() { return blockDim.x / WARP; }

// The sum on all lanes, the same bits on each.
template <class T> __device__ inline T warp_sum(T x) {
    for (int step = WARP / 2; step > 0; step /= 2) x += __shfl_xor_sync(ALL_LANES, x, step);
    return x;
}

__device__ inline float warp_most(float x) {
    for (int step = WARP / 2; step > 0; step /= 2) x = fmaxf(x, __shfl_xor_sync(ALL_LANES, x, step));
    return x;
}

// The sum on all threads; `desk` is MOST_WARPS floats that nobody else uses.
__device__ inline float block_sum(float x, float* desk) {
    x = warp_sum(x);
    if (lane() == 0) desk[warp_of_block()] = x;
    __syncthreads();
    float total = 0.0f;
    for (int w = 0; w < warps_of_block(); ++w) total += desk[w];
    __syncthreads();  // before the desk is written again
    return total;
}

// All blocks of a grid that runs at once wait for each other, and see what the others wrote before.
// `meeting` is two numbers, zero before the first launch: who has arrived, and how often all had.
__device__ inline void meet(unsigned* meeting) {
    __syncthreads();
    if (threadIdx.x == 0) {
        volatile unsigned* rounds = meeting + 1;
        const unsigned now = *rounds;
        __threadfence();
        if (atomicAdd(meeting, 1u) == gridDim.x - 1) {
            meeting[0] = 0;
            __threadfence();
            atomicAdd(meeting + 1, 1u);
        } else {
            while (*rounds == now) __nanosleep(20);
        }
        __threadfence();
    }
    __syncthreads();
}

__device__ inline float bf16_to_float(unsigned short bits) { return __uint_as_float(static_cast<unsigned>(bits) << 16); }

// Rounded to the nearest, ties to even.
__device__ inline unsigned short float_to_bf16(float x) {
    const unsigned bits = __float_as_uint(x);
    return static_cast<unsigned short>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}
