// Threads that sleep between jobs. Where PyTorch's OpenMP is GNU's, its team is borrowed instead: two teams
// in one process would fight for the cores, because OpenMP's idle threads spin for a while after each job.
#include "team.h"

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>
#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif
#ifdef _WIN32
#include <malloc.h>
#define process_id() 0
#else
#include <unistd.h>
#define process_id() getpid()
#endif

namespace {

struct Job {
    coldframe_share share;
    void* state;
    int parts;
};

// ---- the borrowed team -------------------------------------------------------------------------------------

typedef void (*GompParallel)(void (*body)(void*), void* data, unsigned threads, unsigned flags);
typedef int (*OmpCount)();
GompParallel gomp_parallel = nullptr;
OmpCount omp_thread = nullptr, omp_threads = nullptr;

void run_borrowed(void* data) {
    Job* job = static_cast<Job*>(data);
    // OpenMP may give fewer threads than asked for; every share is still done, and is still the same share.
    for (int part = omp_thread(); part < job->parts; part += omp_threads()) job->share(job->state, part, job->parts);
}

// ---- our own team ------------------------------------------------------------------------------------------

void rest() {
#if defined(__x86_64__) || defined(_M_X64)
    _mm_pause();
#endif
}

// Look `times` times whether it has come true, without giving the core away.
template <class F> bool look(int times, F come_true) {
    while (!come_true())
        if (times-- <= 0) return false;
        else rest();
    return true;
}

class Team {
public:
    // Before a thread sleeps it looks `patience` times for the next job: waking takes longer than a small model's step.
    explicit Team(int patience) : patience_(patience) {}

    void run(Job job) {
        {
            std::unique_lock<std::mutex> hold(state_);
            while (static_cast<int>(workers_.size()) < job.parts - 1) {
                int part = static_cast<int>(workers_.size()) + 1;
                workers_.emplace_back([this, part, seen = round_.load()] { serve(part, seen); });
            }
            job_ = job;
            remaining_ = job.parts - 1;
            ++round_;
        }
        wake_.notify_all();
        job.share(job.state, 0, job.parts);
        if (look(patience_, [this] { return remaining_ == 0; })) return;
        std::unique_lock<std::mutex> hold(state_);
        done_.wait(hold, [this] { return remaining_ == 0; });
    }

private:
    void serve(int part, unsigned long seen) {
        for (;;) {
            Job job;
            look(patience_, [&] { return round_ != seen; });
            {
                std::unique_lock<std::mutex> hold(state_);
                wake_.wait(hold, [&] { return round_ != seen; });
                seen = round_;
                job = job_;
            }
            if (part >= job.parts) continue;
            job.share(job.state, part, job.parts);
            std::unique_lock<std::mutex> hold(state_);
            if (--remaining_ == 0) done_.notify_one();
        }
    }

    const int patience_;
    std::mutex state_;
    std::condition_variable wake_, done_;
    std::vector<std::thread> workers_;
    Job job_{};
    std::atomic<unsigned long> round_{0};
    std::atomic<int> remaining_{0};
};

std::mutex one_job_at_a_time;

// Never freed: its threads sleep in it until the process ends.
struct Crew {
    Team* team = nullptr;
    long process = -1;
    Team& here(int patience) {
        if (team == nullptr || process != process_id()) {  // a forked child has none of its parent's threads
            team = new Team(patience);
            process = process_id();
        }
        return *team;
    }
};
Crew alone, together;
constexpr int PATIENCE = 4000;  // looks, about a quarter of a millisecond
constexpr int SHORT_PATIENCE = 200;  // where shares wait for each other: one may have lost its core to another program

struct Scratch {
    void* memory = nullptr;
    size_t bytes = 0;
    ~Scratch() { release(); }
    void release() {
#ifdef _WIN32
        _aligned_free(memory);
#else
        std::free(memory);
#endif
        memory = nullptr;
        bytes = 0;
    }
};
thread_local Scratch scratch;

}  // namespace

void team_run(int threads, coldframe_share share, void* job) {
    if (threads <= 1) return share(job, 0, 1);
    Job work{share, job, threads};
    if (gomp_parallel) return gomp_parallel(run_borrowed, &work, static_cast<unsigned>(threads), 0);
    std::unique_lock<std::mutex> turn(one_job_at_a_time, std::try_to_lock);
    if (!turn.owns_lock()) {  // another thread of the program is using the team: do all shares here
        for (int part = 0; part < threads; ++part) share(job, part, threads);
        return;
    }
    alone.here(0).run(work);
}

void team_run_together(int threads, coldframe_share share, void* job) {
    std::unique_lock<std::mutex> turn(one_job_at_a_time, std::try_to_lock);
    if (threads <= 1 || !turn.owns_lock()) return share(job, 0, 1);
    together.here(PATIENCE).run({share, job, threads});
}

void team_meet(Meeting* meeting, int parts) {
    if (parts == 1) return;
    std::atomic<unsigned>& arrived = *reinterpret_cast<std::atomic<unsigned>*>(&meeting->arrived);
    std::atomic<unsigned>& round = *reinterpret_cast<std::atomic<unsigned>*>(&meeting->round);
    const unsigned now = round.load();
    if (arrived.fetch_add(1) + 1 == static_cast<unsigned>(parts)) {
        arrived = 0;
        ++round;
        return;
    }
    while (!look(SHORT_PATIENCE, [&] { return round != now; })) std::this_thread::yield();
}

void* team_scratch(size_t bytes) {
    if (bytes > scratch.bytes) {
        scratch.release();
        bytes = (bytes + 4095) / 4096 * 4096;
#ifdef _WIN32
        scratch.memory = _aligned_malloc(bytes, 64);
#else
        if (posix_memalign(&scratch.memory, 64, bytes) != 0) scratch.memory = nullptr;
#endif
        scratch.bytes = scratch.memory ? bytes : 0;
    }
    return scratch.memory;
}

#ifdef _WIN32
#define EXPORT extern "C" __declspec(dllexport)
#else
#define EXPORT extern "C" __attribute__((visibility("default")))
#endif

// Work on GNU OpenMP's threads from now on; three null pointers return to our own.
EXPORT void coldframe_borrow_team(void* parallel, void* thread, void* threads) {
    gomp_parallel = reinterpret_cast<GompParallel>(parallel);
    omp_thread = reinterpret_cast<OmpCount>(thread);
    omp_threads = reinterpret_cast<OmpCount>(threads);
}
