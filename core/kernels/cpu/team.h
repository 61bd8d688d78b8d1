// A team of threads and the memory they work in. Compiled once, for every processor.
#pragma once
#include <cstddef>

extern "C" {
// One share of a job: `part` of `parts`. Shares are fixed in advance, so a result never depends on timing.
typedef void (*coldframe_share)(void* job, int part, int parts);
}

// Run every share of a job and return when all are done. The calling thread works too.
void team_run(int threads, coldframe_share share, void* job);

// Memory of the calling thread, 64-byte aligned, kept for its next call. Contents are undefined.
// Null when there is no memory left.
void* team_scratch(size_t bytes);
