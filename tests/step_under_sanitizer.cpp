// Whole training steps of odd sizes under a sanitizer; every array is exactly as long as it has to be.
// Prints "clean" when nothing was touched beyond its end and the threads' number changed no bit.
#define ISA checked
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "team.cpp"
#undef EXPORT
#include "attention.h"
#include "step.h"

namespace {

unsigned state = 1;
float draw() {
    state = state * 1664525u + 1013904223u;
    return static_cast<float>(state >> 8) / 8388608.0f - 1.0f;
}

struct Arrays {
    std::vector<float*> all;
    std::vector<int64_t> sizes;
    float* floats(int64_t count, float scale) {
        float* x = static_cast<float*>(std::malloc(count * sizeof(float)));
        for (int64_t i = 0; i < count; ++i) x[i] = scale * draw();
        all.push_back(x);
        sizes.push_back(count);
        return x;
    }
    ~Arrays() {
        for (float* x : all) std::free(x);
    }
};

struct Design {
    int64_t width, heads, kv, size, ff, vocabulary, batch, time;
    bool gated, biased, tied, learned, centred;
    int bend;
};

void fill_weights(const Design& d, Arrays& a, StepEnds& ends, StepLayer& l) {
    const int64_t q = d.heads * d.size, kv = d.kv * d.size;
    auto bias = [&](int64_t count) { return d.biased ? a.floats(count, 0.1f) : nullptr; };
    ends.embed = a.floats(d.vocabulary * d.width, 0.3f);
    ends.positions = d.learned ? a.floats(d.time * d.width, 0.3f) : nullptr;
    ends.final_norm = a.floats(d.width, 1.0f);
    ends.final_norm_bias = d.centred ? bias(d.width) : nullptr;
    ends.head = d.tied ? nullptr : a.floats(d.vocabulary * d.width, 0.3f);
    l = StepLayer{a.floats(d.width, 1.0f), d.centred ? bias(d.width) : nullptr, a.floats(q * d.width, 0.3f),
                  a.floats(kv * d.width, 0.3f), a.floats(kv * d.width, 0.3f), a.floats(d.width * q, 0.3f), bias(q), bias(kv),
                  bias(kv), bias(d.width), a.floats(d.width, 1.0f), d.centred ? bias(d.width) : nullptr,
                  d.gated ? a.floats(d.ff * d.width, 0.3f) : nullptr, a.floats(d.ff * d.width, 0.3f),
                  a.floats(d.width * d.ff, 0.3f), d.gated ? bias(d.ff) : nullptr, bias(d.ff), bias(d.width)};
}

bool same_for_any_threads(const Design& d) {
    Arrays weights, angles;
    StepJob job{};
    StepLayer layer;
    fill_weights(d, weights, job.ends, layer);
    job.layers = &layer;
    job.d_model = d.width, job.n_layers = 1, job.n_heads = d.heads, job.kv_heads = d.kv, job.head_size = d.size;
    job.feed_forward = d.ff, job.vocabulary = d.vocabulary, job.batch = d.batch, job.time = d.time;
    job.epsilon = 1e-5f, job.centred = d.centred, job.bend = d.bend;
    if (!d.learned) {
        job.cosines = angles.floats(d.time * (d.size / 2), 1.0f);
        job.sines = angles.floats(d.time * (d.size / 2), 1.0f);
    }
    std::vector<int64_t> ids(d.batch * d.time), targets(d.batch * d.time);
    for (size_t i = 0; i < ids.size(); ++i) {
        ids[i] = (i * 7 + 3) % d.vocabulary;
        targets[i] = i % 5 == 4 ? -1 : static_cast<int64_t>(i * 3 + 1) % d.vocabulary;
        job.counted += targets[i] >= 0;
    }
    job.ids = ids.data();
    job.targets = targets.data();
    double losses[2];
    std::vector<std::vector<float>> first;
    for (int run = 0; run < 2; ++run) {
        Arrays slopes;
        StepLayer d_layer;
        fill_weights(d, slopes, job.d_ends, d_layer);
        job.d_layers = &d_layer;
        for (int train = 0; train < 2; ++train) {
            job.train = train;
            void* memory = nullptr;
            if (posix_memalign(&memory, 64, ISA::step_bytes(job))) return false;
            job.memory = memory;
            ISA::step(job, run ? 3 : 1);
            std::free(memory);
            if (train && job.loss != losses[run]) return false;
            losses[run] = job.loss;
        }
        for (size_t i = 0; i < slopes.all.size(); ++i) {
            if (run == 0) first.emplace_back(slopes.all[i], slopes.all[i] + slopes.sizes[i]);
            else if (std::memcmp(first[i].data(), slopes.all[i], slopes.sizes[i] * sizeof(float))) return false;
        }
    }
    return losses[0] == losses[1] && losses[0] == losses[0];
}

}  // namespace

int main() {
    const Design designs[] = {
        // width heads kv size ff vocabulary batch time gated biased tied learned centred bend
        {24, 3, 1, 8, 40, 37, 3, 5, true, false, true, false, false, 3},
        {33, 2, 2, 16, 65, 70, 2, 33, false, true, false, true, true, 0},
        {32, 1, 1, 32, 64, 530, 5, 130, true, true, true, false, false, 1},
        {8, 1, 1, 4, 9, 3, 1, 1, false, false, true, true, true, 2},
    };
    for (const Design& d : designs)
        if (!same_for_any_threads(d)) return std::printf("other bits at width %d\n", static_cast<int>(d.width)), 1;
    std::puts("clean");
    return 0;
}
