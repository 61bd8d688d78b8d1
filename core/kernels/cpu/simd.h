// One vector of floats, spelled for the instruction set this unit is compiled for.
//
// Each unit wraps everything in a namespace of its own (ISA): two units with different instruction sets must
// never share an inline function, or the linker could keep the one that this processor cannot run.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

namespace ISA {

// Ask for the cache line at `p`, which need not be memory at all.
inline void fetch(const void* p) {
#if defined(__AVX512F__) || defined(__AVX2__)
    _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0);
#else
    (void)p;
#endif
}

inline float bf16_to_float(uint16_t x) {
    uint32_t bits = static_cast<uint32_t>(x) << 16;
    float out;
    std::memcpy(&out, &bits, 4);
    return out;
}

// Round to nearest, ties to even; a NaN stays a NaN.
inline uint16_t float_to_bf16(float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, 4);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fc0;
    return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1)) >> 16);
}

#if defined(__AVX512F__)

constexpr int W = 16;  // floats in a vector
constexpr int MR = 8;  // rows of a register tile of the matrix product
struct Vec { __m512 v; };
inline Vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
inline void store(float* p, Vec a) { _mm512_storeu_ps(p, a.v); }
inline Vec fill(float x) { return {_mm512_set1_ps(x)}; }
inline Vec operator+(Vec a, Vec b) { return {_mm512_add_ps(a.v, b.v)}; }
inline Vec operator-(Vec a, Vec b) { return {_mm512_sub_ps(a.v, b.v)}; }
inline Vec operator*(Vec a, Vec b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline Vec operator/(Vec a, Vec b) { return {_mm512_div_ps(a.v, b.v)}; }
inline Vec fma(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
inline Vec largest(Vec a, Vec b) { return {_mm512_max_ps(a.v, b.v)}; }   // NaN in b stays
inline Vec smallest(Vec a, Vec b) { return {_mm512_min_ps(a.v, b.v)}; }  // NaN in b stays
inline float sum(Vec a) { return _mm512_reduce_add_ps(a.v); }
inline float top(Vec a) { return _mm512_reduce_max_ps(a.v); }
inline Vec pick_negative(Vec x, Vec below, Vec other) {  // `below` where x < 0
    return {_mm512_mask_mov_ps(other.v, _mm512_cmp_ps_mask(x.v, _mm512_setzero_ps(), _CMP_LT_OQ), below.v)};
}
inline Vec square_root(Vec a) { return {_mm512_sqrt_ps(a.v)}; }
inline Vec inverse(Vec a) {  // 1 / a for finite a, to the last bit but one: a quarter of a division's time
    const __m512 near = _mm512_rcp14_ps(a.v);
    return {_mm512_fmadd_ps(near, _mm512_fnmadd_ps(a.v, near, _mm512_set1_ps(1.0f)), near)};
}
inline Vec round(Vec a) { return {_mm512_roundscale_ps(a.v, 0)}; }
inline Vec times_power(Vec a, Vec n) { return {_mm512_scalef_ps(a.v, n.v)}; }  // a 2^n for a whole n
inline Vec load(const uint16_t* p) {
    __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16))};
}
inline Vec load(const int8_t* p) {
    return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))))};
}
#ifdef __AVX512BF16__
inline __m256i rounded(Vec a) { return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(a.v)); }
inline __m512i rounded(Vec a, Vec next) { return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(next.v, a.v)); }
#else
inline __m256i rounded(Vec a) {
    __m512i bits = _mm512_castps_si512(a.v);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i up = _mm512_srli_epi32(_mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff))), 16);
    __mmask16 nan = _mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q);
    up = _mm512_mask_mov_epi32(up, nan, _mm512_set1_epi32(0x7fc0));
    return _mm512_cvtepi32_epi16(up);
}
inline __m512i rounded(Vec a, Vec next) {
    return _mm512_inserti64x4(_mm512_castsi256_si512(rounded(a)), rounded(next), 1);
}
#endif
inline void store(uint16_t* p, Vec a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), rounded(a)); }
inline void store(uint16_t* p, Vec a, Vec next) {  // 2 W elements: a whole cache line
    _mm512_storeu_si512(p, rounded(a, next));
}
inline void load_pairs(const uint16_t* p, Vec* even, Vec* odd) {
    const __m512i both = _mm512_loadu_si512(p);
    even->v = _mm512_castsi512_ps(_mm512_slli_epi32(both, 16));
    odd->v = _mm512_castsi512_ps(_mm512_and_si512(both, _mm512_set1_epi32(static_cast<int>(0xffff0000u))));
}
// 16 numbers of 16 bits and 16 more, in turn.
inline __m512i side_by_side(__m512i both) {
    const __m512i turns = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                           21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_permutexvar_epi16(turns, both);
}
inline void store_pairs(uint16_t* p, Vec even, Vec odd) {
    _mm512_storeu_si512(p, side_by_side(rounded(even, odd)));
}

#elif defined(__AVX2__)

constexpr int W = 8;
constexpr int MR = 4;
struct Vec { __m256 v; };
inline Vec load(const float* p) { return {_mm256_loadu_ps(p)}; }
inline void store(float* p, Vec a) { _mm256_storeu_ps(p, a.v); }
inline Vec fill(float x) { return {_mm256_set1_ps(x)}; }
inline Vec operator+(Vec a, Vec b) { return {_mm256_add_ps(a.v, b.v)}; }
inline Vec operator-(Vec a, Vec b) { return {_mm256_sub_ps(a.v, b.v)}; }
inline Vec operator*(Vec a, Vec b) { return {_mm256_mul_ps(a.v, b.v)}; }
inline Vec operator/(Vec a, Vec b) { return {_mm256_div_ps(a.v, b.v)}; }
inline Vec fma(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
inline Vec largest(Vec a, Vec b) { return {_mm256_max_ps(a.v, b.v)}; }
inline Vec smallest(Vec a, Vec b) { return {_mm256_min_ps(a.v, b.v)}; }
inline float sum(Vec a) {
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_shuffle_ps(x, x, 1)));
}
inline float top(Vec a) {
    __m128 x = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
    x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_max_ss(x, _mm_shuffle_ps(x, x, 1)));
}
inline Vec square_root(Vec a) { return {_mm256_sqrt_ps(a.v)}; }
inline Vec pick_negative(Vec x, Vec below, Vec other) {
    return {_mm256_blendv_ps(other.v, below.v, _mm256_cmp_ps(x.v, _mm256_setzero_ps(), _CMP_LT_OQ))};
}
inline Vec round(Vec a) { return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
inline Vec inverse(Vec a) { return fill(1.0f) / a; }
inline Vec times_power(Vec a, Vec n) {
    __m256i bits = _mm256_add_epi32(_mm256_cvtps_epi32(n.v), _mm256_set1_epi32(127));
    return a * Vec{_mm256_castsi256_ps(_mm256_slli_epi32(bits, 23))};
}
inline Vec load(const uint16_t* p) {
    __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16))};
}
inline Vec load(const int8_t* p) {
    return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))))};
}
inline void store(uint16_t* p, Vec a) {
    float lanes[W];
    store(lanes, a);
    for (int i = 0; i < W; ++i) p[i] = float_to_bf16(lanes[i]);
}

#else

constexpr int W = 4;
constexpr int MR = 4;
struct Vec { float v[W]; };
#define EACH(expression) Vec o; for (int i = 0; i < W; ++i) o.v[i] = (expression); return o
inline Vec load(const float* p) { EACH(p[i]); }
inline void store(float* p, Vec a) { for (int i = 0; i < W; ++i) p[i] = a.v[i]; }
inline Vec fill(float x) { EACH(x); }
inline Vec operator+(Vec a, Vec b) { EACH(a.v[i] + b.v[i]); }
inline Vec operator-(Vec a, Vec b) { EACH(a.v[i] - b.v[i]); }
inline Vec operator*(Vec a, Vec b) { EACH(a.v[i] * b.v[i]); }
inline Vec operator/(Vec a, Vec b) { EACH(a.v[i] / b.v[i]); }
inline Vec fma(Vec a, Vec b, Vec c) { EACH(a.v[i] * b.v[i] + c.v[i]); }
inline Vec largest(Vec a, Vec b) { EACH(a.v[i] > b.v[i] ? a.v[i] : b.v[i]); }
inline Vec smallest(Vec a, Vec b) { EACH(a.v[i] < b.v[i] ? a.v[i] : b.v[i]); }
inline Vec square_root(Vec a) { EACH(std::sqrt(a.v[i])); }
inline float sum(Vec a) { return (a.v[0] + a.v[2]) + (a.v[1] + a.v[3]); }
inline float top(Vec a) {
    float x = a.v[0];
    for (int i = 1; i < W; ++i) x = a.v[i] > x ? a.v[i] : x;
    return x;
}
inline Vec pick_negative(Vec x, Vec below, Vec other) { EACH(x.v[i] < 0.0f ? below.v[i] : other.v[i]); }
// Adding and taking away 1.5 * 2^23 rounds to the nearest integer (|a| < 2^22) without a library call.
inline Vec round(Vec a) { EACH((a.v[i] + 12582912.0f) - 12582912.0f); }
inline Vec inverse(Vec a) { return fill(1.0f) / a; }
inline Vec times_power(Vec a, Vec n) {
    Vec o;
    for (int i = 0; i < W; ++i) {
        int32_t whole = n.v[i] == n.v[i] ? static_cast<int32_t>(n.v[i]) : 0;
        uint32_t bits = static_cast<uint32_t>(whole + 127) << 23;
        std::memcpy(&o.v[i], &bits, 4);
    }
    return a * o;
}
inline Vec load(const uint16_t* p) { EACH(bf16_to_float(p[i])); }
inline Vec load(const int8_t* p) { EACH(static_cast<float>(p[i])); }
inline void store(uint16_t* p, Vec a) { for (int i = 0; i < W; ++i) p[i] = float_to_bf16(a.v[i]); }
#undef EACH

#endif

#ifndef __AVX512F__
inline void store(uint16_t* p, Vec a, Vec next) {
    store(p, a);
    store(p + W, next);
}
// 2 W elements, two by two: the first of each pair, and the second.
inline void load_pairs(const uint16_t* p, Vec* even, Vec* odd) {
    float first[W], second[W];
    for (int i = 0; i < W; ++i) first[i] = bf16_to_float(p[2 * i]), second[i] = bf16_to_float(p[2 * i + 1]);
    *even = load(first);
    *odd = load(second);
}
inline void store_pairs(uint16_t* p, Vec even, Vec odd) {
    float first[W], second[W];
    store(first, even);
    store(second, odd);
    for (int i = 0; i < W; ++i) p[2 * i] = float_to_bf16(first[i]), p[2 * i + 1] = float_to_bf16(second[i]);
}
#endif

// The first n < W elements, the rest `other`; and back.
template <class T> inline Vec load_some(const T* p, int n, float other) {
    float lanes[W];
    store(lanes, fill(other));
    T raw[W];
    std::memset(raw, 0, sizeof raw);
    std::memcpy(raw, p, sizeof(T) * n);
    float values[W];
    store(values, load(raw));
    std::memcpy(lanes, values, sizeof(float) * n);
    return load(lanes);
}
template <class T> inline void store_some(T* p, int n, Vec a) {
    T raw[W];
    store(raw, a);
    std::memcpy(p, raw, sizeof(T) * n);
}

// e^x for x in [-87.3, 88.0] (clamped to it), relative error below 2e-7; a NaN stays a NaN.
// Cody and Waite's reduction x = n ln 2 + r and the degree-6 minimax polynomial of Cephes' expf.
inline Vec exponential(Vec x) {
    x = smallest(fill(88.0f), largest(fill(-87.3f), x));
    Vec n = round(x * fill(1.44269504f));
    Vec r = fma(n, fill(-0.693359375f), x);
    r = fma(n, fill(2.12194440e-4f), r);
    Vec p = fill(1.9875691500e-4f);
    p = fma(p, r, fill(1.3981999507e-3f));
    p = fma(p, r, fill(8.3334519073e-3f));
    p = fma(p, r, fill(4.1665795894e-2f));
    p = fma(p, r, fill(1.6666665459e-1f));
    p = fma(p, r, fill(5.0000001201e-1f));
    p = fma(p, r * r, r + fill(1.0f));
    return times_power(p, n);
}

}  // namespace ISA
