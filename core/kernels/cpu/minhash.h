// MinHash signatures and their LSH band keys: 32-bit linear permutations, a whole vector of them at once.
//
// Permutation i takes a shingle x to a[i] * x + b[i] (mod 2^32, a[i] odd), and a document to the least of these
// over its shingles. Two documents agree in one permutation with probability equal to their Jaccard similarity.
// Source: Broder 1997, On the resemblance and containment of documents; bands: Leskovec, Rajaraman, Ullman,
// Mining of Massive Datasets, chapter 3.
#pragma once
#include <cstdint>
#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

#include "hash.h"
#include "table.h"

namespace ISA {

#if defined(__AVX512F__)
struct Ints {
    static constexpr int W = 16;
    __m512i v;
    static Ints load(const uint32_t* p) { return {_mm512_loadu_si512(p)}; }
    static Ints fill(uint32_t x) { return {_mm512_set1_epi32(static_cast<int>(x))}; }
    void store(uint32_t* p) const { _mm512_storeu_si512(p, v); }
    Ints lesser(Ints a, Ints x, Ints b) const {
        return {_mm512_min_epu32(v, _mm512_add_epi32(_mm512_mullo_epi32(a.v, x.v), b.v))};
    }
};
#elif defined(__AVX2__)
struct Ints {
    static constexpr int W = 8;
    __m256i v;
    static Ints load(const uint32_t* p) { return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))}; }
    static Ints fill(uint32_t x) { return {_mm256_set1_epi32(static_cast<int>(x))}; }
    void store(uint32_t* p) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
    Ints lesser(Ints a, Ints x, Ints b) const {
        return {_mm256_min_epu32(v, _mm256_add_epi32(_mm256_mullo_epi32(a.v, x.v), b.v))};
    }
};
#else
struct Ints {
    static constexpr int W = 1;
    uint32_t v;
    static Ints load(const uint32_t* p) { return {*p}; }
    static Ints fill(uint32_t x) { return {x}; }
    void store(uint32_t* p) const { *p = v; }
    Ints lesser(Ints a, Ints x, Ints b) const {
        uint32_t y = a.v * x.v + b.v;
        return {y < v ? y : v};
    }
};
#endif

constexpr int BLOCK = 7;  // vectors of minima held in registers: 112 permutations are 7 of 16 or 14 of 8

// One block of minima over all shingles of a document.
inline void least(const uint32_t* shingles, int64_t count, const uint32_t* a, const uint32_t* b, uint32_t* out) {
    Ints minima[BLOCK], times[BLOCK], plus[BLOCK];
    for (int k = 0; k < BLOCK; ++k) {
        minima[k] = Ints::fill(UINT32_MAX);
        times[k] = Ints::load(a + k * Ints::W);
        plus[k] = Ints::load(b + k * Ints::W);
    }
    for (int64_t i = 0; i < count; ++i) {
        Ints x = Ints::fill(shingles[i]);
        for (int k = 0; k < BLOCK; ++k) minima[k] = minima[k].lesser(times[k], x, plus[k]);
    }
    for (int k = 0; k < BLOCK; ++k) minima[k].store(out + k * Ints::W);
}

inline void minhash(MinhashJob& job, int part, int parts) {
    Span mine = stretch(job.documents, part, parts);
    for (int64_t d = mine.begin; d < mine.end; ++d) {
        const uint32_t* shingles = job.shingles + job.starts[d];
        int64_t count = job.starts[d + 1] - job.starts[d];
        uint32_t* signature = job.signatures + d * job.kept;
        uint32_t whole[MOST_PERMUTATIONS];
        for (int at = 0; at < job.padded; at += BLOCK * Ints::W)
            least(shingles, count, job.multipliers + at, job.offsets + at, whole + at);
        for (int i = 0; i < job.kept; ++i) signature[i] = whole[i];
        for (int band = 0; band < job.bands; ++band) {  // the band's number is part of its key: all share one table
            uint64_t key = static_cast<uint64_t>(band) + 1;
            for (int row = 0; row < job.rows; ++row) key = stir(key ^ whole[band * job.rows + row]);
            job.keys[d * job.bands + band] = key;
        }
    }
}

}  // namespace ISA
