// The door: plain C functions, and the choice of the best instruction set this processor has.
#include <cstring>

#include "table.h"
#include "team.h"

#if defined(_MSC_VER) && (defined(_M_X64) || defined(_M_IX86))
#include <intrin.h>
#include <immintrin.h>
#endif

#ifdef COLDFRAME_HAS_AMX
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#ifdef _WIN32
#define EXPORT extern "C" __declspec(dllexport)
#else
#define EXPORT extern "C" __attribute__((visibility("default")))
#endif

extern const Table table_generic;
#ifdef COLDFRAME_HAS_AMX
extern const Table table_amx;
#endif
#ifdef COLDFRAME_HAS_AVX2
extern const Table table_avx2;
#endif
#ifdef COLDFRAME_HAS_AVX512
extern const Table table_avx512;
#endif
#ifdef COLDFRAME_HAS_AVX512VNNI
extern const Table table_avx512vnni;
#endif

namespace {

#if defined(_MSC_VER) && (defined(_M_X64) || defined(_M_IX86))
// Leaf 7's bits, and whether the operating system saves the registers (XCR0).
bool has_leaf7(int mask, unsigned long long saved) {
    int leaf[4];
    __cpuid(leaf, 1);
    if ((leaf[2] & (1 << 27)) == 0 || (leaf[2] & (1 << 12)) == 0 || (_xgetbv(0) & saved) != saved) return false;
    __cpuidex(leaf, 7, 0);
    return (leaf[1] & mask) == mask;
}
bool has_avx2() { return has_leaf7(1 << 5, 0x6); }
bool has_avx512() { return has_leaf7((1 << 16) | (1 << 17) | (1 << 30) | static_cast<int>(1u << 31), 0xe6); }
bool has_vnni() {
    int leaf[4];
    __cpuidex(leaf, 7, 0);
    return (leaf[2] & (1 << 11)) != 0;
}
#elif defined(__x86_64__) || defined(__i386__)
// Whatever has AVX2 also converts half precision (F16C).
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_vnni() { return __builtin_cpu_supports("avx512vnni"); }
bool has_avx512() {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

#ifdef COLDFRAME_HAS_AMX
// Matrix tiles for bfloat16, and the system's leave to use their registers (asked once, for the whole process).
bool has_amx() {
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & (1u << 22)) || !(d & (1u << 24))) return false;
    if (!__get_cpuid_count(7, 1, &a, &b, &c, &d) || !(a & (1u << 5))) return false;  // AVX512_BF16
    const long request_permission = 0x1023, tile_data = 18;
    return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}
#endif

struct Level {
    const Table* table;
    bool supported;
};

// Best first.
const Level* levels(int* count) {
    static const Level all[] = {
#ifdef COLDFRAME_HAS_AMX
        {&table_amx, has_avx512() && has_vnni() && has_amx()},
#endif
#ifdef COLDFRAME_HAS_AVX512VNNI
        {&table_avx512vnni, has_avx512() && has_vnni()},
#endif
#ifdef COLDFRAME_HAS_AVX512
        {&table_avx512, has_avx512()},
#endif
#ifdef COLDFRAME_HAS_AVX2
        {&table_avx2, has_avx2()},
#endif
        {&table_generic, true},
    };
    *count = sizeof all / sizeof *all;
    return all;
}

const Table* chosen = nullptr;

const Table& current() {
    int count;
    const Level* level = levels(&count);
    while (chosen == nullptr) {
        if (level->supported) chosen = level->table;
        ++level;
    }
    return *chosen;
}

template <class Job, void (*Table::*kernel)(Job&, int, int)> void share(void* job, int part, int parts) {
    (current().*kernel)(*static_cast<Job*>(job), part, parts);
}

}  // namespace

// Which sources this was built from: see stamp() in build.py.
EXPORT unsigned coldframe_stamp() { return COLDFRAME_STAMP; }

// The i-th instruction set that was built and that this processor runs, best first; null past the end.
EXPORT const char* coldframe_isa(int i) {
    int count;
    const Level* level = levels(&count);
    for (int n = 0; n < count; ++n)
        if (level[n].supported && i-- == 0) return level[n].table->name;
    return nullptr;
}

// Use one instruction set from now on; false when it was not built or this processor lacks it.
EXPORT int coldframe_use_isa(const char* name) {
    int count;
    const Level* level = levels(&count);
    for (int n = 0; n < count; ++n)
        if (level[n].supported && std::strcmp(level[n].table->name, name) == 0) {
            chosen = level[n].table;
            return 1;
        }
    return 0;
}

EXPORT const char* coldframe_current_isa() { return current().name; }

// The kernels: each runs one job on so many threads and returns when it is done.
#define KERNEL(name, Job)                                        \
    EXPORT void coldframe_##name(Job* job, int threads) {        \
        current();                                               \
        team_run(threads, share<Job, &Table::name>, job);        \
    }

KERNEL(cross_entropy, CrossEntropyJob)
KERNEL(attention_forward, AttentionJob)
KERNEL(attention_backward, AttentionJob)
KERNEL(norm_forward, NormJob)
KERNEL(norm_backward, NormJob)
KERNEL(gated_forward, GatedJob)
KERNEL(gated_backward, GatedJob)
KERNEL(minhash, MinhashJob)
KERNEL(multiply, MultiplyJob)
KERNEL(adamw, AdamwJob)
KERNEL(squares, SquaresJob)
KERNEL(gelu_forward, GeluJob)
KERNEL(gelu_backward, GeluJob)
KERNEL(fold, FoldJob)

// One call a step: its shares wait for each other on the way, so they have to run at the same time.
EXPORT void coldframe_decode(DecodeJob* job, int threads) {
    current();
    team_run_together(threads, share<DecodeJob, &Table::decode>, job);
}

// A whole training step; it calls the team itself, part by part.
EXPORT void coldframe_step(StepJob* job, int threads) { current().step(*job, threads); }

// Bytes of memory that such a step works in.
EXPORT int64_t coldframe_step_bytes(const StepJob* job) { return current().step_bytes(*job); }
