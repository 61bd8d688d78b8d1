// Shingles of texts, candidates that share an LSH band, and their exact Jaccard similarity.
// Plain C++ for every processor; the vectorised part, the signatures, is minhash.h.
#include <algorithm>
#include <cstdint>
#include <new>
#include <vector>

#include "hash.h"

#ifdef _WIN32
#define EXPORT extern "C" __declspec(dllexport)
#else
#define EXPORT extern "C" __attribute__((visibility("default")))
#endif

extern "C" {

struct ShingleJob {
    const char* text;     // all documents, UTF-8, one after the other
    const int64_t* ends;  // (documents,): where each ends in `text`
    int64_t documents;
    int64_t words;      // words in a shingle; 0 = a whole document is one
    uint64_t* hashes;   // out: room for bytes / 2 + documents
    int64_t* starts;    // out, (documents + 1,): where the shingles of each document start
    int64_t* n_words;   // out, (documents,): words of each document
};

struct MergeJob {
    const uint32_t* shingles;
    const int64_t* starts;         // (documents + 1,) of the documents at hand
    const uint32_t *left, *right;  // (pairs,): which of the documents at hand
    const uint32_t *left_row, *right_row;  // (pairs,): their rows in `parents`
    int64_t pairs;
    double threshold;
    uint32_t* parents;   // union-find over all rows, the root being the lowest; null = only measure
    float* similarity;   // out, (pairs,): -1 where both were joined already and nothing was computed
};

}  // extern "C"

namespace {

constexpr uint64_t SEED = 0x9e3779b97f4a7c15ull, MULTIPLIER = 0xff51afd7ed558ccdull, BASE = 0xd6e8feb86659fd93ull;
constexpr int MOST_WORDS = 64;  // in a shingle
constexpr int64_t ALL_PAIRS = 16;  // documents of one bucket that are all compared with one another

enum Kind : uint8_t { BETWEEN, WORD, ALONE };  // separates words; part of a word; a word by itself (Han, kana)

struct Range { uint32_t first, last; Kind kind; };
// Beyond ASCII; what is in no range is part of a word. Mirrored in minhash_reference.py.
constexpr Range RANGES[] = {
    {0x80, 0xa9, BETWEEN}, {0xab, 0xb4, BETWEEN}, {0xb6, 0xb9, BETWEEN}, {0xbb, 0xbf, BETWEEN},
    {0xd7, 0xd7, BETWEEN}, {0xf7, 0xf7, BETWEEN}, {0x1680, 0x1680, BETWEEN}, {0x2000, 0x206f, BETWEEN},
    {0x2e00, 0x2e7f, BETWEEN}, {0x3000, 0x3004, BETWEEN}, {0x3005, 0x3007, ALONE}, {0x3008, 0x3020, BETWEEN},
    {0x3021, 0x3029, ALONE}, {0x302a, 0x303f, BETWEEN}, {0x3040, 0x312f, ALONE}, {0x31a0, 0x31ff, ALONE},
    {0x3400, 0x4dbf, ALONE}, {0x4e00, 0x9fff, ALONE}, {0xf900, 0xfaff, ALONE}, {0xfe10, 0xfe1f, BETWEEN},
    {0xfe30, 0xfe6f, BETWEEN}, {0xfeff, 0xfeff, BETWEEN}, {0xff00, 0xff0f, BETWEEN}, {0xff1a, 0xff20, BETWEEN},
    {0xff3b, 0xff40, BETWEEN}, {0xff5b, 0xff65, BETWEEN}, {0x20000, 0x3ffff, ALONE},
};

Kind kind_of(uint32_t point) {
    const Range* end = RANGES + sizeof RANGES / sizeof *RANGES;
    const Range* found = std::lower_bound(RANGES, end, point, [](const Range& r, uint32_t p) { return r.last < p; });
    return found != end && point >= found->first ? found->kind : WORD;
}

struct Ascii {
    uint8_t folded[128];  // lower case of a letter or digit; 0 = separates words
    constexpr Ascii() : folded() {
        for (int c = '0'; c <= '9'; ++c) folded[c] = static_cast<uint8_t>(c);
        for (int c = 'a'; c <= 'z'; ++c) folded[c] = folded[c - 32] = static_cast<uint8_t>(c);
    }
};
constexpr Ascii ASCII;

// The hash of a word, eight bytes at a time.
struct Word {
    uint64_t hash = SEED, chunk = 0;
    int held = 0;
    bool open = false;

    void add(uint8_t byte) {
        chunk |= static_cast<uint64_t>(byte) << (8 * held);
        if (++held == 8) {
            fold();
            chunk = 0;
            held = 0;
        }
        open = true;
    }
    void fold() {
        hash = (hash ^ chunk) * MULTIPLIER;
        hash ^= hash >> 32;
    }
    uint64_t close() {
        chunk |= static_cast<uint64_t>(held + 1) << 56;  // at most 7 bytes are held: the eighth tells how many
        fold();
        uint64_t done = hash;
        *this = Word();
        return done;
    }
};

// A rolling polynomial over the hashes of the last words.
struct Window {
    int64_t words;
    uint64_t* out;
    uint64_t drop, hash = 0, ring[MOST_WORDS] = {};
    int64_t seen = 0, at = 0;

    Window(int64_t words, uint64_t* out) : words(words), out(out), drop(1) {
        for (int64_t i = 0; i < words; ++i) drop *= BASE;
    }
    void add(uint64_t word) {
        hash = hash * BASE + word;
        if (words) {
            if (seen >= words) hash -= ring[at] * drop;
            ring[at] = word;
            if (++at == words) at = 0;
        }
        if (++seen >= words && words) *out++ = stir(hash);
    }
    void close() {  // a document shorter than a shingle is one shingle
        if (seen && (seen < words || !words)) *out++ = stir(hash);
        hash = 0;
        seen = at = 0;
    }
};

// One code point beyond ASCII; its length in bytes goes into `size`. The text is well-formed UTF-8.
uint32_t decode(const uint8_t* at, const uint8_t* end, int& size) {
    uint8_t lead = *at;
    size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (end - at < size) size = static_cast<int>(end - at);
    uint32_t point = lead & (0xff >> (size + 1));
    for (int i = 1; i < size; ++i) point = point << 6 | (at[i] & 0x3f);
    return point;
}

void shingle(const uint8_t* at, const uint8_t* end, Window& window) {
    Word word;
    while (at < end) {
        if (*at < 128) {
            uint8_t letter = ASCII.folded[*at++];
            if (letter) word.add(letter);
            else if (word.open) window.add(word.close());
            continue;
        }
        int size;
        Kind kind = kind_of(decode(at, end, size));
        if (kind != WORD && word.open) window.add(word.close());
        if (kind != BETWEEN)
            for (int i = 0; i < size; ++i) word.add(at[i]);
        if (kind == ALONE) window.add(word.close());
        at += size;
    }
    if (word.open) window.add(word.close());
}

uint64_t pair(uint32_t low, uint32_t high) { return static_cast<uint64_t>(low) << 32 | high; }

// Pairs of one bucket (rows ascending, at least two): all of a small one; of a large one, each row with the first
// and with the one before it, so that a bucket of a million copies costs two million pairs.
uint64_t* bucket_pairs(const uint32_t* first, const uint32_t* end, uint64_t* out) {
    if (end - first <= ALL_PAIRS) {
        for (const uint32_t* a = first; a < end; ++a)
            for (const uint32_t* b = a + 1; b < end; ++b)
                if (*a != *b) *out++ = pair(*a, *b);
        return out;
    }
    for (const uint32_t* b = first + 1; b < end; ++b) {
        if (*b != *first) *out++ = pair(*first, *b);
        if (b - first > 1 && *b != b[-1]) *out++ = pair(b[-1], *b);
    }
    return out;
}

uint32_t root(uint32_t* parents, uint32_t row) {
    while (parents[row] != row) row = parents[row] = parents[parents[row]];
    return row;
}

// Exact Jaccard similarity of two lists of shingles seen as sets, by one small hash table.
struct Jaccard {
    std::vector<uint64_t> slots;  // the shingle, and above it which of the two lists has it
    size_t mask = 0;

    uint64_t& slot(uint32_t shingle) {
        size_t at = (shingle * 0x9e3779b1u) >> 7 & mask;
        while (slots[at] && static_cast<uint32_t>(slots[at]) != shingle) at = (at + 1) & mask;
        return slots[at];
    }
    double of(const uint32_t* a, int64_t n_a, const uint32_t* b, int64_t n_b) {
        constexpr uint64_t LEFT = 1ull << 32, RIGHT = 1ull << 33;
        size_t room = 16;
        while (room < 2 * static_cast<size_t>(n_a + n_b)) room *= 2;
        if (room > slots.size()) slots.resize(room);
        std::fill_n(slots.begin(), room, 0);
        mask = room - 1;
        int64_t all = 0, common = 0;
        for (int64_t i = 0; i < n_a; ++i) {
            uint64_t& at = slot(a[i]);
            all += !at;
            at = a[i] | LEFT;
        }
        for (int64_t i = 0; i < n_b; ++i) {
            uint64_t& at = slot(b[i]);
            all += !at;
            common += (at & (LEFT | RIGHT)) == LEFT;
            at = at | b[i] | RIGHT;
        }
        return all ? static_cast<double>(common) / static_cast<double>(all) : 0.0;
    }
};

}  // namespace

// The shingles of every document, as hashes in order of appearance, repeats included.
EXPORT int64_t coldframe_shingles(ShingleJob* job) {
    if (job->words < 0 || job->words > MOST_WORDS) return -1;
    const uint8_t* text = reinterpret_cast<const uint8_t*>(job->text);
    Window window(job->words, job->hashes);
    int64_t begin = 0;
    job->starts[0] = 0;
    for (int64_t d = 0; d < job->documents; ++d) {
        shingle(text + begin, text + job->ends[d], window);
        job->n_words[d] = window.seen;
        window.close();
        job->starts[d + 1] = window.out - job->hashes;
        begin = job->ends[d];
    }
    return job->starts[job->documents];
}

// Pairs of rows (low << 32 | high) that share a key, repeats included. Equal keys lie side by side, their rows
// ascending; `pairs` has room for 8 * count.
EXPORT int64_t coldframe_band_pairs(const uint64_t* keys, const uint32_t* rows, int64_t count, uint64_t* pairs) {
    uint64_t* out = pairs;
    for (int64_t at = 0, after; at < count; at = after) {
        after = at + 1;
        while (after < count && keys[after] == keys[at]) ++after;
        if (after - at > 1) out = bucket_pairs(rows + at, rows + after, out);
    }
    return out - pairs;
}

// Measure pairs and join those that are similar enough. Pairs that are joined already are passed over: the
// clusters come out the same.
EXPORT int coldframe_merge(MergeJob* job) {
    try {
        Jaccard jaccard;
        for (int64_t i = 0; i < job->pairs; ++i) {
            uint32_t low = 0, high = 0;
            if (job->parents) {
                low = root(job->parents, job->left_row[i]);
                high = root(job->parents, job->right_row[i]);
                if (low == high) {
                    job->similarity[i] = -1;
                    continue;
                }
            }
            int64_t a = job->starts[job->left[i]], b = job->starts[job->right[i]];
            double similarity = jaccard.of(job->shingles + a, job->starts[job->left[i] + 1] - a,
                                           job->shingles + b, job->starts[job->right[i] + 1] - b);
            job->similarity[i] = static_cast<float>(similarity);
            if (job->parents && similarity >= job->threshold)
                job->parents[std::max(low, high)] = std::min(low, high);
        }
        return 1;
    } catch (const std::bad_alloc&) {
        return 0;
    }
}
