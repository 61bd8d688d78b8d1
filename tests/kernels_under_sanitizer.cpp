// Kernels of training on odd sizes whose every array ends where its memory ends: the sanitizer sees any read or write
// past it. Compiled by tests/core/test_kernels_sanitizer.py with one instruction set's flags.
#define ISA isa_under_test
#include <cstdio>
#include <random>
#include <vector>

#include "adamw.h"
#include "attention.h"
#ifdef __AMX_BF16__
#include <sys/syscall.h>
#include <unistd.h>

#include "attention_amx.h"
#endif
#include "cross_entropy.h"
#include "gelu.h"
#include "minhash.h"
#include "norm.h"
#include "team.cpp"

namespace {

using namespace ISA;

std::mt19937 random_bits(7);
std::vector<std::vector<uint8_t>*> held;  // each in memory of its own, exactly as large as it has to be

void* room(size_t bytes) {
    held.push_back(new std::vector<uint8_t>(bytes));
    return held.back()->data();
}

void forget() {
    for (auto* taken : held) delete taken;
    held.clear();
}

float draw() { return static_cast<float>(random_bits() % 2000) / 500.0f - 2.0f; }

float* floats(int64_t count) {
    float* values = static_cast<float*>(room(count * sizeof(float)));
    for (int64_t i = 0; i < count; ++i) values[i] = draw();
    return values;
}

void* numbers(int64_t count, int bf16) {
    if (!bf16) return floats(count);
    uint16_t* values = static_cast<uint16_t*>(room(count * 2));
    for (int64_t i = 0; i < count; ++i) values[i] = float_to_bf16(draw());
    return values;
}

template <class T> T* whole(std::vector<T> values) {
    T* to = static_cast<T*>(room(values.size() * sizeof(T)));
    std::copy(values.begin(), values.end(), to);
    return to;
}

template <class Job, void (*kernel)(Job&, int, int)> void run(Job& job) {
    for (int parts = 1; parts < 4; parts += 2)
        for (int part = 0; part < parts; ++part) kernel(job, part, parts);
}

void cross_entropies(int bf16) {
    for (int64_t vocab : {1, 7, 16, 33, 50}) {
        const int64_t rows = 5, stride = vocab + 3;
        std::vector<int64_t> targets = {0, vocab - 1, -1, vocab / 2, 0};
        CrossEntropyJob job = {numbers(rows * stride - 3, bf16), whole(targets), floats(rows), rows, vocab, stride,
                               0.5f, bf16};
        cross_entropy(job, 0, 2);
        cross_entropy(job, 1, 2);
        forget();
    }
}

void attentions(int bf16, int64_t time, int64_t size, int kind) {
    const int64_t batches = 2, heads = 4, kv = 2;
    const auto tensor = [&](int64_t h) {  // as projections lay it out
        return Heads{numbers(batches * time * h * size, bf16), time * h * size, size, h * size};
    };
    AttentionJob job = {tensor(heads), tensor(kv), tensor(kv), tensor(heads), tensor(heads), tensor(heads), tensor(kv),
                        tensor(kv)};
    job.lse = floats(batches * heads * time);
    if (size % 2 == 0) job.cosines = floats(time * size / 2), job.sines = floats(time * size / 2);
    job.batches = batches, job.heads = heads, job.kv_heads = kv, job.time = time, job.size = size;
    job.scale = 0.3f;
    job.bf16 = bf16;
    if (kind & 1) job.two_way = 1, job.bias = floats(heads * time * time);
    if (kind & 1) job.d_bias = static_cast<float*>(room(heads * time * time * sizeof(float)));
    if (kind & 2) job.window = 1 + time / 3, job.slopes = floats(heads);
    if (kind & 4) job.prefix = whole<int64_t>({time / 2, 1}), job.lengths = whole<int64_t>({time, 1 + time / 2});
#ifdef __AMX_BF16__
    run<AttentionJob, attention_forward_amx>(job);
    run<AttentionJob, attention_backward_amx>(job);
#else
    run<AttentionJob, attention_forward>(job);
    run<AttentionJob, attention_backward>(job);
#endif
    forget();
}

void norms(int bf16, int bf16_result, int64_t rows, int64_t width, int kind) {
    const int64_t count = rows * width, blocks = (rows + ROW_BLOCK - 1) / ROW_BLOCK;
    NormJob job = {};
    job.x = numbers(count, bf16), job.y = numbers(count, bf16_result), job.weight = floats(width);
    job.inverse = floats(rows), job.rows = rows, job.width = width, job.epsilon = 1e-5f;
    job.bf16 = bf16, job.bf16_result = bf16_result;
    if (kind & 1) job.mean = floats(rows), job.bias = floats(width), job.d_bias = floats(blocks * width);
    if (kind & 2) job.added = numbers(count, bf16_result), job.sum = numbers(count, bf16);
    run<NormJob, norm_forward>(job);
    if (kind & 2) job.x = job.sum, job.d_sum = numbers(count, bf16), job.d_added = numbers(count, bf16_result);
    job.d_y = numbers(count, bf16_result), job.d_x = numbers(count, bf16), job.d_weight = floats(blocks * width);
    run<NormJob, norm_backward>(job);
    FoldJob folding = {job.d_weight, floats(width), blocks, width};
    run<FoldJob, fold>(folding);
    forget();
}

void bends(int bf16, int64_t rows, int64_t width) {
    const int64_t count = rows * width, blocks = (rows + ROW_BLOCK - 1) / ROW_BLOCK;
    for (int exact = 0; exact < 2; ++exact) {
        GeluJob job = {numbers(count, bf16), numbers(count, bf16), exact ? floats(width) : nullptr,
                       numbers(count, bf16), numbers(count, bf16), floats(blocks * width), rows, width, bf16, exact};
        run<GeluJob, gelu_forward>(job);
        run<GeluJob, gelu_backward>(job);
    }
    GatedJob gate = {numbers(count, bf16), numbers(count, bf16), numbers(count, bf16),
                     numbers(count, bf16), numbers(count, bf16), numbers(count, bf16), count, bf16};
    run<GatedJob, gated_forward>(gate);
    run<GatedJob, gated_backward>(gate);
    forget();
}

void optimizer() {
    std::vector<AdamwSegment> segments;
    int64_t blocks = 0;
    for (int64_t count : {int64_t{1}, int64_t{7}, int64_t{33}, ADAMW_BLOCK + 5, int64_t{0}}) {
        float* second = floats(count);
        for (int64_t i = 0; i < count; ++i) second[i] = second[i] * second[i];
        segments.push_back({floats(count), floats(count), floats(count), second,
                            count % 2 ? static_cast<uint16_t*>(numbers(count, 1)) : nullptr, count, 0.9f, 0.99f, 1e-3f,
                            0.999f, 1.5f, 1e-8f});
        blocks += (count + ADAMW_BLOCK - 1) / ADAMW_BLOCK;
    }
    AdamwJob step = {segments.data(), static_cast<int64_t>(segments.size()), 0.5f};
    run<AdamwJob, adamw>(step);
    SquaresJob sums = {segments.data(), step.count, floats(blocks)};
    run<SquaresJob, squares>(sums);
    forget();
}

void signatures() {
    const int64_t documents = 3, bands = 5, rows = 3, kept = 4, padded = 112;
    uint32_t* factors = static_cast<uint32_t*>(room(padded * 4));
    MinhashJob job = {whole<uint32_t>({5, 9, 5, 1}), whole<int64_t>({0, 3, 3, 4}), factors, factors,
                      static_cast<uint32_t*>(room(documents * kept * 4)),
                      static_cast<uint64_t*>(room(documents * bands * 8)), documents, bands, rows, kept, padded};
    run<MinhashJob, ISA::minhash>(job);
    forget();
}

}  // namespace

int main() {
#ifdef __AMX_BF16__
    if (syscall(SYS_arch_prctl, 0x1023, 18) != 0) return 3;  // the system's leave to use matrix tiles
#endif
    for (int bf16 = 0; bf16 < 2; ++bf16) {
        cross_entropies(bf16);
        for (int kind = 0; kind < 8; ++kind) {
            attentions(bf16, 70, 24, kind);
            attentions(bf16, 1, 8, kind);
            attentions(bf16, 33, 5, kind);
        }
        for (int64_t width : {1, 5, 16, 37})
            for (int kind = 0; kind < 4; ++kind) {
                norms(bf16, bf16, 67, width, kind);
                norms(0, bf16, 3, width, kind);
            }
        bends(bf16, 67, 33);
        bends(bf16, 1, 3);
    }
    optimizer();
    signatures();
    std::puts("clean");
    std::fflush(stdout);
    _Exit(0);
}
