// What surrounds a step: laying out quantized matrices in panels, and the memory a call works in.
#include <cstring>

#include "desk.h"

#ifdef _WIN32
#define EXPORT extern "C" __declspec(dllexport)
#else
#define EXPORT extern "C" __attribute__((visibility("default")))
#endif

namespace {

int64_t panel_bytes(int64_t type, int64_t columns) {
    const int64_t blocks = columns / BLOCK;
    return (blocks * PANEL * 2 + 63) / 64 * 64 + blocks * PANEL * (type == DECODE_Q4_0 ? BLOCK / 2 : BLOCK);
}

}  // namespace

// Bytes of a Q4_0 or Q8_0 matrix in panels.
EXPORT int64_t coldframe_packed(int64_t type, int64_t rows, int64_t columns) {
    return (rows + PANEL - 1) / PANEL * panel_bytes(type, columns);
}

// GGUF's blocks (a half-precision scale, then 32 weights) to panels of 16 rows: all scales (block, row), then all
// weights, four bytes of a row side by side (block, byte / 4, row, byte % 4). Bytes of Q8_0 become unsigned.
EXPORT void coldframe_pack(int64_t type, const uint8_t* blocks_in, int64_t rows, int64_t columns, uint8_t* out) {
    const int64_t blocks = columns / BLOCK, bytes = type == DECODE_Q4_0 ? BLOCK / 2 : BLOCK;
    const uint8_t turn = type == DECODE_Q4_0 ? 0 : 0x80;
    std::memset(out, 0, coldframe_packed(type, rows, columns));
    for (int64_t row = 0; row < rows; ++row) {
        uint8_t* scales = out + row / PANEL * panel_bytes(type, columns) + row % PANEL * 2;
        uint8_t* quants = out + row / PANEL * panel_bytes(type, columns) + (blocks * PANEL * 2 + 63) / 64 * 64;
        for (int64_t b = 0; b < blocks; ++b) {
            const uint8_t* block = blocks_in + (row * blocks + b) * (2 + bytes);
            std::memcpy(scales + b * PANEL * 2, block, 2);
            for (int64_t i = 0; i < bytes; ++i)
                quants[(b * bytes + i / 4 * 4) * PANEL + row % PANEL * 4 + i % 4] = block[2 + i] ^ turn;
        }
    }
}

// Bytes of scratch that calls on so many threads need.
EXPORT int64_t coldframe_decode_scratch(const DecodeModel* model, int64_t context, int threads) {
    return static_cast<int64_t>(lay_out(*model, context, nullptr, 0, threads).bytes);
}

// The most tokens of one call.
EXPORT int64_t coldframe_decode_most() { return MOST_TOKENS; }
