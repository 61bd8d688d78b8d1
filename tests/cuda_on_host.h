// Runs a CUDA kernel on the host, to prove its arithmetic where there is no GPU. Included before a .cu file, it makes a
// library that stands in for the driver: every thread of a grid is a fiber, all of them take turns, and every piece of
// memory ends where a page begins that nobody may touch.
#pragma once
#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#define __device__

struct alignas(16) uint4 { uint32_t x, y, z, w; };
struct dim3 { uint32_t x, y, z; };

namespace host {

constexpr size_t STACK = 1 << 16;
constexpr uint32_t MULTIPROCESSORS = 3;

struct Barrier {
    uint32_t arrived = 0, rounds = 0;
};
struct Warp {
    Barrier barrier;
    uint32_t slots[2][32];  // of this shuffle and the one before: nobody is two behind
};
struct Block {
    dim3 at;
    uint4* shared;
    Barrier barrier;
    std::vector<Warp> warps;
};
struct Thread {
    Block* block;
    uint32_t index, shuffles = 0;
    bool begun = false, done = false;
    std::unique_ptr<char[]> stack{new char[STACK]};
    ucontext_t context;
    jmp_buf place;
};

inline Thread* now;
inline dim3 grid, block_size;
inline jmp_buf scheduler;
inline bool moved;  // whether any thread got further since the last look at all
inline void (*kernel)(const void*);
inline const void* job;

inline void yield() {
    if (!_setjmp(now->place)) _longjmp(scheduler, 1);
}
inline void wait(Barrier& barrier, uint32_t parties) {
    const uint32_t mine = barrier.rounds;
    if (++barrier.arrived == parties) {
        barrier.arrived = 0, ++barrier.rounds, moved = true;
        return;
    }
    while (barrier.rounds == mine) yield();
}
inline void begin() {
    kernel(job);
    now->done = moved = true;
    _longjmp(scheduler, 1);
}

inline void resume(Thread& thread) {
    now = &thread;
    if (_setjmp(scheduler)) return;
    if (thread.begun) _longjmp(thread.place, 1);
    thread.begun = true;
    getcontext(&thread.context);
    thread.context.uc_stack = {thread.stack.get(), 0, STACK};
    makecontext(&thread.context, begin, 0);
    setcontext(&thread.context);
}

// All threads until all are done; false if all wait for what never comes. Each warp goes on as far as it can before
// the next one moves: where a kernel forgets to wait, it runs ahead of what it should have waited for.
inline bool run(std::vector<Thread>& threads) {
    for (size_t left = threads.size(); left;) {
        bool any = false;
        for (size_t first = 0; first < threads.size(); first += 32)
            do {
                moved = false;
                for (size_t t = first; t < first + 32; ++t)
                    if (!threads[t].done) resume(threads[t]);
                any |= moved;
            } while (moved);
        left = 0;
        for (const Thread& thread : threads) left += !thread.done;
        if (left && !any) return false;
    }
    return true;
}

// Memory whose end is that of the last page one may touch.
inline std::map<char*, std::pair<char*, size_t>> pieces;
inline char* allocate(size_t size) {
    const size_t page = sysconf(_SC_PAGESIZE), whole = (size + page - 1) / page * page;
    char* begin = static_cast<char*>(mmap(nullptr, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(begin + whole, page, PROT_NONE);
    char* at = begin + whole - size;
    pieces[at] = {begin, whole + page};
    return at;
}
inline void release(char* at) {
    munmap(pieces[at].first, pieces[at].second);
    pieces.erase(at);
}

inline std::map<std::string, void (*)(const void*)>& kernels() {
    static std::map<std::string, void (*)(const void*)> known;
    return known;
}

}  // namespace host

// What a kernel asks of the language.
#define threadIdx (dim3{host::now->index, 0, 0})
#define blockIdx (host::now->block->at)
#define blockDim (host::block_size)
#define gridDim (host::grid)
#define SHARED_MEMORY(name) uint4* name = host::now->block->shared
#define KERNEL(name, Job)                                                                                   \
    static void name(const Job& job);                                                                       \
    static const bool name##_known = (host::kernels()[#name] = [](const void* job) {                        \
        name(*static_cast<const Job*>(job));                                                                \
    }, true);                                                                                               \
    static void name(const Job& job)

inline void __syncthreads() { host::wait(host::now->block->barrier, host::block_size.x); }
inline void __threadfence() {}
inline void __nanosleep(uint32_t) { host::yield(); }
inline uint32_t atomicAdd(uint32_t* at, uint32_t more) {
    host::moved = true;
    const uint32_t before = *at;
    *at += more;
    return before;
}
template <class T> inline T __shfl_xor_sync(uint32_t, T x, int other) {
    static_assert(sizeof(T) == 4, "a register");
    host::Warp& warp = host::now->block->warps[host::now->index / 32];
    uint32_t* slots = warp.slots[host::now->shuffles++ % 2];
    std::memcpy(slots + host::now->index % 32, &x, 4);
    host::wait(warp.barrier, 32);
    std::memcpy(&x, slots + ((host::now->index % 32) ^ other), 4);
    return x;
}
inline int __dp4a(int a, int b, int sum) {
    for (int shift = 0; shift < 32; shift += 8)
        sum += static_cast<int8_t>(a >> shift) * static_cast<int8_t>(b >> shift);
    return sum;
}
inline float __uint_as_float(uint32_t bits) {
    float x;
    std::memcpy(&x, &bits, 4);
    return x;
}
inline uint32_t __float_as_uint(float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, 4);
    return bits;
}
inline float half_to_float(uint32_t half) {
    const uint32_t sign = (half & 0x8000u) << 16, rest = half & 0x7fffu;
    if (rest >= 0x7c00u) return __uint_as_float(sign | 0x7f800000u | rest << 13);  // no number, or too large for one
    return __uint_as_float(sign | __float_as_uint(std::ldexp(__uint_as_float(rest << 13), 112)));
}
using std::sqrt;

// The driver, as far as driver.py calls it.
extern "C" {
int cuInit(unsigned) { return 0; }
int cuDeviceGet(int* device, int) { return *device = 0; }
int cuDevicePrimaryCtxRetain(void** context, int) { return *context = nullptr, 0; }
int cuCtxSetCurrent(void*) { return 0; }
int cuDeviceGetAttribute(int* value, int which, int) {
    const std::map<int, int> known = {{16, host::MULTIPROCESSORS}, {97, 101376}, {75, 8}, {76, 9}, {95, 1}};
    return *value = known.at(which), 0;
}
int cuGetErrorString(int code, const char** said) {
    return *said = code == 719 ? "all threads wait for what never comes" : "no such kernel", 0;
}
int cuModuleLoadData(void** module, const void*) { return *module = nullptr, 0; }
int cuModuleGetFunction(void** function, void*, const char* name) {
    const auto found = host::kernels().find(name);
    if (found == host::kernels().end()) return 500;
    return *function = reinterpret_cast<void*>(found->second), 0;
}
int cuMemAlloc_v2(void** at, size_t size) { return *at = host::allocate(size), 0; }
int cuMemFree_v2(void* at) { return host::release(static_cast<char*>(at)), 0; }
int cuMemsetD8_v2(void* at, uint8_t value, size_t size) { return std::memset(at, value, size), 0; }
int cuMemcpyHtoD_v2(void* to, const void* from, size_t size) { return std::memcpy(to, from, size), 0; }
int cuMemcpyDtoH_v2(void* to, const void* from, size_t size) { return std::memcpy(to, from, size), 0; }
int cuFuncSetAttribute(void*, int, int) { return 0; }
int cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, void*, int, size_t) { return *blocks = 1, 0; }
int cuLaunchCooperativeKernel(void* function, unsigned x, unsigned y, unsigned, unsigned threads, unsigned, unsigned,
                              unsigned shared_bytes, void*, void** parameters) {
    host::kernel = reinterpret_cast<void (*)(const void*)>(function);
    host::job = parameters[0];
    host::grid = {x, y, 1}, host::block_size = {threads, 1, 1};
    std::vector<host::Block> blocks(x * y);
    std::vector<host::Thread> all(x * y * threads);
    for (uint32_t b = 0; b < x * y; ++b) {
        char* shared = host::allocate((shared_bytes + 15) / 16 * 16);
        std::memset(shared, 0xff, shared_bytes);  // no numbers: nobody may count on zeros
        blocks[b].at = {b % x, b / x, 0};
        blocks[b].shared = reinterpret_cast<uint4*>(shared);
        blocks[b].warps.resize(threads / 32);
        for (uint32_t t = 0; t < threads; ++t) all[b * threads + t].block = &blocks[b], all[b * threads + t].index = t;
    }
    const bool ended = host::run(all);
    for (host::Block& block : blocks) host::release(reinterpret_cast<char*>(block.shared));
    return ended ? 0 : 719;
}
int cuLaunchKernel(void* function, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned b, unsigned c,
                   unsigned shared_bytes, void* stream, void** parameters, void**) {
    return cuLaunchCooperativeKernel(function, x, y, z, threads, b, c, shared_bytes, stream, parameters);
}
}
