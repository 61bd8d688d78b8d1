// A team of threads and the memory they work in. Compiled once, for every processor.
#pragma once
#include <cstddef>

extern "C" {
// One share of a job: `part` of `parts`. Shares are fixed in advance, so a result never depends on timing.
typedef void (*coldframe_share)(void* job, int part, int parts);
}

// Run every share of a job and return when all are done. The calling thread works too.
void team_run(int threads, coldframe_share share, void* job);

// The same, but all shares run at the same time, each on a thread of its own, so that they may wait for each other
// (team_meet). Where that cannot be had, the whole job is run as a single share.
void team_run_together(int threads, coldframe_share share, void* job);

// Where the shares of one job wait until all of them have come; zeros before the first meeting.
struct Meeting {
    alignas(64) unsigned arrived;
    alignas(64) unsigned round;
};
void team_meet(Meeting* meeting, int parts);

// Memory of the calling thread, 64-byte aligned, kept for its next call. Contents are undefined.
// Null when there is no memory left.
void* team_scratch(size_t bytes);
