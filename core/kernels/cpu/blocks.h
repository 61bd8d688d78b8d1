// The number formats of GGUF matrices, spelled for the instruction set this unit is compiled for.
//
// A quantized matrix is read in panels of 16 rows: one row a lane, so no sum runs across a vector. Four
// neighbouring weights of a row lie side by side, which is what one instruction multiplies with four activations.
#pragma once
#include "decode_job.h"
#include "norm.h"

namespace ISA {

struct Half { uint16_t bits; };  // IEEE binary16

inline float half_to_float(Half h) {
    const uint32_t rest = static_cast<uint32_t>(h.bits & 0x7fff) << 13;
    float out;
    std::memcpy(&out, &rest, 4);
    out *= 5.192296858534828e33f;  // 2^112: the exponents' biases; exact, for subnormals too
    uint32_t bits;
    std::memcpy(&bits, &out, 4);
    if ((h.bits & 0x7c00) == 0x7c00) bits |= 0x7f800000u;  // infinity, or a NaN
    bits |= static_cast<uint32_t>(h.bits & 0x8000) << 16;
    std::memcpy(&out, &bits, 4);
    return out;
}

#if defined(__AVX512F__)

inline Vec load(const Half* p) {
    return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}

struct Bytes { __m512i v; };  // 16 rows x 4 weights
struct Sums { __m512i v; };   // 16 rows
inline Bytes load_bytes(const uint8_t* p) { return {_mm512_loadu_si512(p)}; }
inline Bytes low_nibbles(Bytes a) { return {_mm512_and_si512(a.v, _mm512_set1_epi8(15))}; }
inline Bytes high_nibbles(Bytes a) { return low_nibbles({_mm512_srli_epi16(a.v, 4)}); }
inline Sums all(int32_t x) { return {_mm512_set1_epi32(x)}; }
inline Vec to_float(Sums a, int) { return {_mm512_cvtepi32_ps(a.v)}; }
inline __m512i four(const int8_t* x) {
    int32_t word;
    std::memcpy(&word, x, 4);
    return _mm512_set1_epi32(word);
}
// W activations, rounded to the nearest (ties to even); returns their sum.
inline int32_t round_to(int8_t* p, Vec a) {
    const __m512i whole = _mm512_cvtps_epi32(a.v);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(whole));
    return _mm512_reduce_add_epi32(whole);
}
#ifdef COLDFRAME_VNNI
inline Sums dot(Sums sums, Bytes w, const int8_t* x) { return {_mm512_dpbusd_epi32(sums.v, w.v, four(x))}; }
constexpr int OFFSET = 128;  // bytes are taken as they are stored, weight + 128; the sum of the activations mends it
inline Sums dot_signed(Sums sums, Bytes w, const int8_t* x) { return dot(sums, w, x); }
#else
inline Sums add_pairs(Sums sums, __m512i pairs) {
    return {_mm512_add_epi32(sums.v, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)))};
}
inline Sums dot(Sums sums, Bytes w, const int8_t* x) { return add_pairs(sums, _mm512_maddubs_epi16(w.v, four(x))); }
constexpr int OFFSET = 0;
// |w| times x with the sign of w: 255 x 127 twice would not fit the 16 bits between.
inline Sums dot_signed(Sums sums, Bytes w, const int8_t* x) {
    const __m512i weight = _mm512_xor_si512(w.v, _mm512_set1_epi8(-128)), value = four(x);
    const __m512i turned = _mm512_mask_sub_epi8(value, _mm512_movepi8_mask(weight), _mm512_setzero_si512(), value);
    return add_pairs(sums, _mm512_maddubs_epi16(_mm512_abs_epi8(weight), turned));
}
#endif

#elif defined(__AVX2__)

inline Vec load(const Half* p) { return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))}; }

struct Bytes { __m256i v[2]; };
struct Sums { __m256i v[2]; };
inline Bytes load_bytes(const uint8_t* p) {
    const __m256i* at = reinterpret_cast<const __m256i*>(p);
    return {{_mm256_loadu_si256(at), _mm256_loadu_si256(at + 1)}};
}
inline Bytes low_nibbles(Bytes a) {
    const __m256i mask = _mm256_set1_epi8(15);
    return {{_mm256_and_si256(a.v[0], mask), _mm256_and_si256(a.v[1], mask)}};
}
inline Bytes high_nibbles(Bytes a) {
    return low_nibbles({{_mm256_srli_epi16(a.v[0], 4), _mm256_srli_epi16(a.v[1], 4)}});
}
inline Sums all(int32_t x) { return {{_mm256_set1_epi32(x), _mm256_set1_epi32(x)}}; }
inline Vec to_float(Sums a, int which) { return {_mm256_cvtepi32_ps(a.v[which])}; }
inline __m256i four(const int8_t* x) {
    int32_t word;
    std::memcpy(&word, x, 4);
    return _mm256_set1_epi32(word);
}
inline __m256i add_pairs(__m256i sums, __m256i pairs) {
    return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
inline Sums dot(Sums sums, Bytes w, const int8_t* x) {
    const __m256i value = four(x);
    for (int i = 0; i < 2; ++i) sums.v[i] = add_pairs(sums.v[i], _mm256_maddubs_epi16(w.v[i], value));
    return sums;
}
constexpr int OFFSET = 0;
// |w| times x with the sign of w: 255 x 127 twice would not fit the 16 bits between.
inline Sums dot_signed(Sums sums, Bytes w, const int8_t* x) {
    const __m256i value = four(x);
    for (int i = 0; i < 2; ++i) {
        const __m256i weight = _mm256_xor_si256(w.v[i], _mm256_set1_epi8(-128));
        const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(weight), _mm256_sign_epi8(value, weight));
        sums.v[i] = add_pairs(sums.v[i], pairs);
    }
    return sums;
}

#else

inline Vec load(const Half* p) {
    Vec o;
    for (int i = 0; i < W; ++i) o.v[i] = half_to_float(p[i]);
    return o;
}

struct Bytes { uint8_t v[4 * PANEL]; };
struct Sums { int32_t v[PANEL]; };
inline Bytes load_bytes(const uint8_t* p) {
    Bytes o;
    std::memcpy(o.v, p, sizeof o.v);
    return o;
}
inline Bytes low_nibbles(Bytes a) {
    for (uint8_t& byte : a.v) byte &= 15;
    return a;
}
inline Bytes high_nibbles(Bytes a) {
    for (uint8_t& byte : a.v) byte >>= 4;
    return a;
}
inline Sums all(int32_t x) {
    Sums o;
    for (int32_t& lane : o.v) lane = x;
    return o;
}
inline Vec to_float(Sums a, int which) {
    Vec o;
    for (int i = 0; i < W; ++i) o.v[i] = static_cast<float>(a.v[which * W + i]);
    return o;
}
inline Sums dot(Sums sums, Bytes w, const int8_t* x) {
    for (int i = 0; i < PANEL; ++i)
        for (int j = 0; j < 4; ++j) sums.v[i] += w.v[4 * i + j] * x[j];
    return sums;
}
constexpr int OFFSET = 128;
inline Sums dot_signed(Sums sums, Bytes w, const int8_t* x) { return dot(sums, w, x); }

#endif

#if !defined(__AVX512F__)
// W activations, rounded to the nearest (ties to even); returns their sum.
inline int32_t round_to(int8_t* p, Vec a) {
    float rounded[W];
    store(rounded, round(a));
    int32_t sum = 0;
    for (int i = 0; i < W; ++i) {
        const int32_t whole = static_cast<int32_t>(rounded[i]);
        p[i] = static_cast<int8_t>(whole);
        sum += whole;
    }
    return sum;
}
#endif

}  // namespace ISA
