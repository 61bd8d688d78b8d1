// Scores a document under an n-gram model: the same walk as core/model/ngram/model.py, one token at a time.
// Plain integers and floats on one thread; mirrored in ngram.py.
#include <cstdint>

#ifdef _WIN32
#define EXPORT extern "C" __declspec(dllexport)
#else
#define EXPORT extern "C" __attribute__((visibility("default")))
#endif

extern "C" struct NgramLevel {  // level n of the trie; of level 1, which is dense, only the logarithms are set
    const uint64_t* keys;       // ascending: context node * vocabulary + token
    const uint32_t* starts;     // of levels below the last: where each node's followers begin on the next level
    const float* log_p;         // nats
    const float* log_gamma;     // nats; null on the last level
    int64_t size;
};

namespace {

// Where `key` stands in keys[first, last); -1 where it does not.
int64_t find(const uint64_t* keys, uint64_t first, uint64_t last, uint64_t key) {
    uint64_t count = last - first;
    const uint64_t* at = keys + first;
    while (count > 1) {  // no branch to mispredict: the compiler moves `at` conditionally
        const uint64_t half = count / 2;
        at += at[half - 1] < key ? half : 0;
        count -= half;
    }
    return count == 1 && *at == key ? at - keys : -1;
}

}  // namespace

// out[i] = log p of tokens[i + 1] after those before it, i < count - 1. No token may be beyond the vocabulary.
EXPORT void coldframe_ngram_score(const NgramLevel* levels, int64_t order, int64_t vocabulary, const int64_t* tokens,
                                  int64_t count, float* out) {
    constexpr int64_t most = 16;
    int64_t nodes[most], next[most];  // node of the last n tokens, at n - 1; valid for n <= known
    if (count < 2 || order > most) return;
    nodes[0] = tokens[0];
    int64_t known = order > 1 ? 1 : 0;
    for (int64_t i = 1; i < count; ++i) {
        const int64_t token = tokens[i];
        float log_p = levels[0].log_p[token];
        next[0] = token;
        int64_t found = 1;  // tokens of the longest n-gram that ends here
        bool whole = true;
        for (int64_t n = 1; n <= known; ++n) {  // a context of n tokens
            const int64_t context = nodes[n - 1];
            if (whole) {
                const uint32_t* starts = levels[n - 1].starts;
                const uint64_t key = static_cast<uint64_t>(context) * vocabulary + token;
                const int64_t node = find(levels[n].keys, starts[context], starts[context + 1], key);
                if (node >= 0) {
                    log_p = levels[n].log_p[node];
                    if (n < most) next[n] = node;
                    found = n + 1;
                    continue;
                }
                whole = false;  // no longer one can be known either
            }
            log_p += levels[n - 1].log_gamma[context];
        }
        out[i - 1] = log_p;
        known = found < order - 1 ? found : order - 1;
        for (int64_t n = 0; n < known; ++n) nodes[n] = next[n];
    }
}
