// Mixing of 64-bit hashes.
#pragma once
#include <cstdint>

// The finaliser of MurmurHash3 (Appleby 2011): every bit of the result depends on every bit of h.
static inline uint64_t stir(uint64_t h) {
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdull;
    h ^= h >> 33;
    h *= 0xc4ceb9fe1a85ec53ull;
    return h ^ h >> 33;
}
