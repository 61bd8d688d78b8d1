// A decoder of odd sizes whose every array ends where its memory ends: the sanitizer sees any read or write past it.
// Compiled by tests/core/test_decode_sanitizer.py with one instruction set's flags.
#define ISA isa_under_test
#include <cstdio>
#include <random>
#include <vector>

#include "decode.cpp"
#include "decode.h"
#include "team.cpp"

namespace {

std::mt19937 random_bits(7);
std::vector<std::vector<uint8_t>*> held;  // each in memory of its own, exactly as large as it has to be

void* room(size_t bytes) {
    held.push_back(new std::vector<uint8_t>(bytes));
    return held.back()->data();
}

const float* floats(int64_t count) {
    float* values = static_cast<float*>(room(count * sizeof(float)));
    for (int64_t i = 0; i < count; ++i) values[i] = static_cast<float>(random_bits() % 1000) / 1000.0f - 0.5f;
    return values;
}

DecodeMatrix matrix(int64_t type, int64_t rows, int64_t columns) {
    if (type == DECODE_F32) return {floats(rows * columns), floats(rows), rows, columns, type};
    if (type == DECODE_F16) {
        uint16_t* halves = static_cast<uint16_t*>(room(rows * columns * 2));
        for (int64_t i = 0; i < rows * columns; ++i) halves[i] = random_bits() & 0xb7ff;
        return {halves, floats(rows), rows, columns, type};
    }
    const int64_t bytes = type == DECODE_Q4_0 ? 18 : 34;
    uint8_t* blocks = static_cast<uint8_t*>(room(rows * columns / 32 * bytes));
    for (int64_t i = 0; i < rows * columns / 32 * bytes; ++i) blocks[i] = random_bits() & (i % bytes == 1 ? 0x27 : 255);
    uint8_t* panels = static_cast<uint8_t*>(room(coldframe_packed(type, rows, columns)));
    coldframe_pack(type, blocks, rows, columns, panels);
    return {panels, nullptr, rows, columns, type};
}

void share(void* job, int part, int parts) { ISA::decode(*static_cast<DecodeJob*>(job), part, parts); }

void run(int64_t type, int64_t embedding_type, int cached, int threads) {
    const bool blocks = type == DECODE_Q4_0 || type == DECODE_Q8_0;
    const int64_t d = blocks ? 96 : 42, heads = 3, size = blocks ? 32 : cached == CACHE_INT8 ? 16 : 14, ff = blocks ? 64 : 53, vocab = 19;
    const int64_t context = 48;
    std::vector<DecodeLayer> layers;
    for (int n = 0; n < 2; ++n)
        layers.push_back({{floats(d), n ? floats(d) : nullptr}, {floats(d), nullptr},
                          matrix(type, heads * size, d), matrix(type, size, d), matrix(type, size, d),
                          matrix(type, d, heads * size), n ? matrix(type, ff, d) : DecodeMatrix{},
                          matrix(type, ff, d), matrix(type, d, ff)});
    std::vector<double> turns(size / 2 - 1, 0.5);
    const int64_t row_bytes = embedding_type == DECODE_F32 ? d * 4 : embedding_type == DECODE_F16 ? d * 2
                              : d / 32 * (embedding_type == DECODE_Q4_0 ? 18 : 34);
    DecodeModel model = {layers.data(), {floats(d), nullptr}, matrix(type, vocab, d), room(vocab * row_bytes),
                         floats(context * d), turns.data(), embedding_type, 2, d, heads, 1, size, size - 2, ff, vocab,
                         1e-5f};
    const int64_t entries = 2 * context * size;
    const size_t cache = entries * (cached == CACHE_INT8 ? 1 : cached == CACHE_BF16 ? 2 : 4);
    const auto scales = [&] { return cached == CACHE_INT8 ? static_cast<float*>(room(entries / 16 * 4)) : nullptr; };
    std::vector<int32_t> tokens = {18, 0, 3, 7, 1, 2, 9};
    void* scratch = room(coldframe_decode_scratch(&model, context, threads) + 64);
    scratch = reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(scratch) + 63) / 64 * 64);
    DecodeJob job = {&model, room(cache), room(cache), scales(), scales(), tokens.data(), nullptr, scratch, 7, 0, 0,
                     context, cached};
    for (int64_t count : {7, 1, 7, 1, 6, 7, 7, 7, 5}) {  // all 48 places
        job.count = count;
        job.n_logits = count == 1 ? 1 : count == 7 ? 7 : 0;
        job.logits = static_cast<float*>(room(job.n_logits * vocab * sizeof(float)));
        team_run_together(threads, share, &job);
        job.position += count;
    }
    for (auto* taken : held) delete taken;
    held.clear();
}

}  // namespace

int main() {
    for (int64_t type : {DECODE_F32, DECODE_F16, DECODE_Q4_0, DECODE_Q8_0})
        for (int cached : {CACHE_F32, CACHE_BF16, CACHE_INT8})
            for (int threads = 1; threads < 4; ++threads) run(type, type, cached, threads);
    std::puts("clean");
    std::fflush(stdout);
    _Exit(0);  // the team's threads sleep on
}
