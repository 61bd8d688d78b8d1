// One step of AdamW over many parameters, and the squares of their gradients: plain structs, mirrored in adamw.py.
#pragma once
#include <cstdint>

extern "C" {

struct AdamwSegment {  // one parameter; its numbers lie one after another
    float* weight;
    const float* gradient;
    float *first, *second;  // the moments
    uint16_t* rounded;      // the new weight in bfloat16, or null
    int64_t count;
    float beta1, beta2;
    float rate;     // learning rate / (1 - beta1^step)
    float kept;     // 1 - learning rate * weight decay
    float root;     // 1 / sqrt(1 - beta2^step)
    float epsilon;
};

struct AdamwJob {
    const AdamwSegment* segments;
    int64_t count;
    float scale;  // what every gradient is multiplied by first: clipping
};

struct SquaresJob {
    const AdamwSegment* segments;  // of which gradients and counts are read
    int64_t count;
    float* sums;  // one a block of ADAMW_BLOCK numbers, segment after segment
};

}  // extern "C"

constexpr int64_t ADAMW_BLOCK = 8192;  // numbers; blocks are fixed, so the number of threads changes no bit
