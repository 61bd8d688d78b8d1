// Where one call of the decoder works: shared rows, and rows of each part's own. Nothing is allocated on the way.
#pragma once
#include "decode_job.h"
#include "team.h"

constexpr int64_t MOST_TOKENS = 32;  // that one call computes together

struct Desk {
    Meeting* meeting;
    // Shared, a row a token.
    float *x, *queries, *mixed, *hidden;  // d_model; heads x head_size, twice; feed_forward
    // Of one part.
    float *normed, *scales, *scores, *cosines, *sines;
    int8_t* quants;
    int32_t* sums;
    int64_t widest;
    size_t bytes;  // of all of it
};

// Cut the desk of `part` out of `memory` (null: only its size is wanted).
static inline Desk lay_out(const DecodeModel& m, int64_t context, void* memory, int part, int parts) {
    char* const base = static_cast<char*>(memory);
    size_t at = 0;
    auto take_bytes = [&](size_t bytes) {
        char* taken = base ? base + at : nullptr;
        at += (bytes + 63) / 64 * 64;
        return taken;
    };
    auto floats = [&](int64_t count) { return reinterpret_cast<float*>(take_bytes(count * sizeof(float))); };
    const int64_t heads = m.n_heads * m.head_size, rows = MOST_TOKENS;
    Desk desk{};
    desk.widest = m.d_model > heads ? m.d_model : heads;
    if (m.feed_forward > desk.widest) desk.widest = m.feed_forward;
    desk.meeting = reinterpret_cast<Meeting*>(take_bytes(sizeof(Meeting)));
    desk.x = floats(rows * m.d_model);
    desk.queries = floats(rows * heads);
    desk.mixed = floats(rows * heads);
    desk.hidden = floats(rows * m.feed_forward);
    const size_t shared = at;
    for (int own = 0; own <= part; ++own) {
        desk.normed = floats(rows * m.d_model);
        desk.scales = floats(rows * (desk.widest / BLOCK));
        desk.scores = floats(context);
        desk.cosines = floats(rows * m.rotated / 2);
        desk.sines = floats(rows * m.rotated / 2);
        desk.quants = reinterpret_cast<int8_t*>(take_bytes(rows * desk.widest));
        desk.sums = reinterpret_cast<int32_t*>(take_bytes(rows * (desk.widest / BLOCK) * sizeof(int32_t)));
    }
    desk.bytes = shared + (at - shared) / (part + 1) * parts;
    return desk;
}
