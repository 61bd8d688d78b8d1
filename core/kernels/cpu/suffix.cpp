// The suffix array of a training text: sorting, merging of sorted parts, and searching. One thread, plain integers;
// mirrored in suffix.py, in plain Python in suffix_reference.py.
//
// Token 0 parts documents, and no n-gram reaches over it: each boundary, and the end of the text, counts as a letter
// of its own, smaller than every token and ordered by place. So two suffixes differ at the end of their documents
// at the latest, where the earlier one comes first, and parts made of whole documents merge into exactly the array
// that the whole text has.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <new>
#include <queue>
#include <vector>

#ifdef _WIN32
#define EXPORT extern "C" __declspec(dllexport)
#else
#define EXPORT extern "C" __attribute__((visibility("default")))
#endif

#if defined(__GNUC__)
#define PREFETCH(address) __builtin_prefetch(address)
#else
#define PREFETCH(address) ((void)0)
#endif

extern "C" struct SuffixIndex {  // an index as it lies in its files
    const void* tokens;          // uint16 or uint32
    const void* order;           // uint32 or uint64: places of the suffixes, in order of what follows
    const int64_t* first;        // row of the first suffix that begins with each token, and the end: vocabulary + 1
    int64_t count, vocabulary;
    int32_t token_bytes, place_bytes;
};

namespace {

constexpr int64_t AHEAD = 24;  // rows that are fetched before they are needed

// Induced sorting, Nong, Zhang & Chan 2009, doi:10.1109/DCC.2009.42. S: smaller than the suffix after it; L: larger;
// LMS: an S after an L. Sorted LMS suffixes put all others in order in two walks over the array.
class InducedSort {
  public:
    InducedSort(const int32_t* s, int32_t* sa, int32_t n, int32_t letters)
        : s(s), sa(sa), n(n), letters(letters), small(static_cast<size_t>(n) / 64 + 1), starts(letters + 1) {
        for (int32_t i = n - 2; i >= 0; --i)
            if (s[i] < s[i + 1] || (s[i] == s[i + 1] && is_small(i + 1))) small[i >> 6] |= 1ull << (i & 63);
        for (int32_t i = 0; i < n; ++i) ++starts[s[i] + 1];
        for (int32_t letter = 0; letter < letters; ++letter) starts[letter + 1] += starts[letter];
    }

    void run() {
        std::fill(sa, sa + n, -1);
        ends();
        for (int32_t i = n - 1; i > 0; --i)
            if (is_lms(i)) sa[--edge[s[i]]] = i;
        induce();
        int32_t found = 0;  // LMS suffixes, sorted by what they hold up to the next one
        for (int32_t i = 0; i < n; ++i)
            if (is_lms(sa[i])) sa[found++] = sa[i];
        sort_lms(found, name(found));
        std::fill(sa + found, sa + n, -1);
        ends();
        for (int32_t i = found - 1; i >= 0; --i) {
            const int32_t place = sa[i];
            sa[i] = -1;
            sa[--edge[s[place]]] = place;
        }
        induce();
    }

  private:
    bool is_small(int32_t i) const { return small[i >> 6] >> (i & 63) & 1; }
    bool is_lms(int32_t i) const { return i > 0 && is_small(i) && !is_small(i - 1); }
    void ends() { edge.assign(starts.begin() + 1, starts.end()); }

    // From LMS suffixes at the ends of their letters' rows: first the L suffixes left to right, then the S ones back.
    void induce() {
        edge.assign(starts.begin(), starts.end() - 1);
        sa[edge[s[n - 1]]++] = n - 1;
        for (int32_t i = 0; i < n; ++i) {
            if (i + AHEAD < n && sa[i + AHEAD] > 0) PREFETCH(s + sa[i + AHEAD] - 1);
            const int32_t place = sa[i] - 1;
            if (place >= 0 && s[place] >= s[place + 1]) sa[edge[s[place]]++] = place;
        }
        ends();
        for (int32_t i = n - 1; i >= 0; --i) {
            if (i >= AHEAD && sa[i - AHEAD] > 0) {
                PREFETCH(s + sa[i - AHEAD] - 1);
                PREFETCH(&small[sa[i - AHEAD] >> 6]);
            }
            const int32_t place = sa[i] - 1;
            if (place >= 0 && is_small(place)) sa[--edge[s[place]]] = place;
        }
    }

    // Number the sorted LMS suffixes, equal ones alike; leaves the numbers in order of place in the last `found` rows.
    int32_t name(int32_t found) {
        std::fill(sa + found, sa + n, -1);
        int32_t names = 0;
        for (int32_t i = 0; i < found; ++i) {
            if (i == 0 || !alike(sa[i - 1], sa[i])) ++names;
            sa[found + sa[i] / 2] = names - 1;  // no two are neighbours
        }
        for (int32_t i = n - 1, to = n - 1; i >= found; --i)
            if (sa[i] >= 0) sa[to--] = sa[i];
        return names;
    }

    bool alike(int32_t a, int32_t b) const {
        for (int32_t i = 0; a + i < n && b + i < n; ++i) {
            if (s[a + i] != s[b + i] || is_small(a + i) != is_small(b + i)) return false;
            if (i > 0 && is_lms(a + i)) return true;
        }
        return false;
    }

    // Bring the LMS suffixes into their final order, in the first `found` rows.
    void sort_lms(int32_t found, int32_t names) {
        int32_t* text = sa + n - found;
        if (names < found) {
            InducedSort(text, sa, found, names).run();
        } else {
            for (int32_t i = 0; i < found; ++i) sa[text[i]] = i;
        }
        for (int32_t i = 1, to = 0; i < n; ++i)
            if (is_lms(i)) text[to++] = i;
        for (int32_t i = 0; i < found; ++i) sa[i] = text[sa[i]];
    }

    const int32_t* s;
    int32_t* sa;
    const int32_t n, letters;
    std::vector<uint64_t> small;        // a bit a suffix: whether it is S
    std::vector<int32_t> starts, edge;  // rows of each letter; where the next suffix of a letter goes
};

template <class Token>
void sort(const Token* tokens, int32_t count, int32_t* order) {
    int32_t boundaries = 0, most = 0;
    for (int32_t i = 0; i < count; ++i) {
        boundaries += tokens[i] == 0;
        most = std::max(most, static_cast<int32_t>(tokens[i]));
    }
    std::vector<int32_t> letters(static_cast<size_t>(count) + 1);
    for (int32_t i = 0, seen = 0; i < count; ++i)
        letters[i] = tokens[i] == 0 ? seen++ : boundaries + static_cast<int32_t>(tokens[i]);
    letters[count] = boundaries;  // the end of the text
    InducedSort(letters.data(), order, count + 1, boundaries + most + 1).run();
    std::memmove(order + boundaries, order + boundaries + 1, sizeof(int32_t) * (count - boundaries));
}

// Whether the suffix at a comes before the one at b.
template <class Token>
bool before(const Token* tokens, int64_t count, int64_t a, int64_t b) {
    for (int64_t i = 0;; ++i) {
        const int64_t x = a + i < count ? tokens[a + i] : 0, y = b + i < count ? tokens[b + i] : 0;
        if (x != y) return x < y;
        if (x == 0) return a < b;
    }
}

template <class Token, class Place>
void merge(const Token* tokens, int64_t count, const uint32_t* const* parts, const int64_t* bases,
           const int64_t* sizes, int64_t number, Place* out) {
    std::vector<int64_t> row(number, 0);
    const auto place = [&](int64_t part) { return bases[part] + parts[part][row[part]]; };
    const auto later = [&](int64_t a, int64_t b) { return before(tokens, count, place(b), place(a)); };
    std::priority_queue<int64_t, std::vector<int64_t>, decltype(later)> next(later);
    for (int64_t part = 0; part < number; ++part)
        if (sizes[part]) next.push(part);
    while (!next.empty()) {
        const int64_t part = next.top();
        next.pop();
        *out++ = static_cast<Place>(place(part));
        if (++row[part] < sizes[part]) next.push(part);
    }
}

template <class Token, class Place>
class Search {
  public:
    explicit Search(const SuffixIndex& index)
        : index(index), tokens(static_cast<const Token*>(index.tokens)), order(static_cast<const Place*>(index.order)) {}

    // Rows [low, high) of the suffixes that begin with ids[0, n), n > 0.
    void rows(const int64_t* ids, int64_t n, int64_t& low, int64_t& high) const {
        begin(unbroken(ids, n) == n ? ids[0] : 0, low, high);
        const int64_t end = high;
        low = cut(ids, n, low, high, false);
        // most n-grams are rare: the end is looked for in growing strides
        int64_t stride = 1;
        while (low + stride < end && compare(order[low + stride], ids, n) == 0) stride *= 2;
        high = cut(ids, n, low + stride / 2, low + stride < end ? low + stride : end, true);
    }

    // Length of the longest beginning of ids[0, n) that stands somewhere.
    int64_t reach(const int64_t* ids, int64_t n) const {
        int64_t low, high;
        n = unbroken(ids, n);
        begin(n ? ids[0] : 0, low, high);
        if (low == high) return 0;
        const int64_t first = low, last = high, row = cut(ids, n, low, high, false);
        int64_t longest = 1;
        if (row > first) longest = std::max(longest, shared(order[row - 1], ids, n, 1));
        if (row < last) longest = std::max(longest, shared(order[row], ids, n, 1));
        return longest;
    }

  private:
    // How many of ids[0, n) stand before a boundary.
    static int64_t unbroken(const int64_t* ids, int64_t n) {
        int64_t i = 0;
        while (i < n && ids[i] != 0) ++i;
        return i;
    }

    void begin(int64_t id, int64_t& low, int64_t& high) const {
        const bool known = id > 0 && id < index.vocabulary;
        low = known ? index.first[id] : 0;
        high = known ? index.first[id + 1] : 0;
    }

    // Tokens that the suffix at `place` shares with ids[0, n), the first `from` being known.
    int64_t shared(int64_t place, const int64_t* ids, int64_t n, int64_t from) const {
        const int64_t most = n < index.count - place ? n : index.count - place;
        while (from < most && tokens[place + from] == ids[from]) ++from;
        return from;
    }

    int compare(int64_t place, const int64_t* ids, int64_t n) const {
        const int64_t same = shared(place, ids, n, 1);
        if (same == n) return 0;
        return place + same < index.count && tokens[place + same] > ids[same] ? 1 : -1;
    }

    // The first row of [low, high) whose suffix is not before ids[0, n); `past`: not one that begins with them either.
    int64_t cut(const int64_t* ids, int64_t n, int64_t low, int64_t high, bool past) const {
        while (low < high) {
            const int64_t middle = low + (high - low) / 2, side = compare(order[middle], ids, n);
            if (side < 0 || (past && side == 0)) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    const SuffixIndex& index;
    const Token* tokens;
    const Place* order;
};

template <class Visit>
void open(const SuffixIndex& index, Visit visit) {
    if (index.token_bytes == 2 && index.place_bytes == 4) visit(Search<uint16_t, uint32_t>(index));
    else if (index.token_bytes == 2) visit(Search<uint16_t, uint64_t>(index));
    else if (index.place_bytes == 4) visit(Search<uint32_t, uint32_t>(index));
    else visit(Search<uint32_t, uint64_t>(index));
}

}  // namespace

// Sort the suffixes of tokens[0, count), count < 2^31 - 1, into order[0, count]; the last row is for working in.
// 0 where there is not enough memory.
EXPORT int32_t coldframe_suffix_sort(const void* tokens, int32_t token_bytes, int64_t count, int32_t* order) {
    try {
        if (token_bytes == 2) sort(static_cast<const uint16_t*>(tokens), static_cast<int32_t>(count), order);
        else sort(static_cast<const uint32_t*>(tokens), static_cast<int32_t>(count), order);
        return 1;
    } catch (const std::bad_alloc&) {
        return 0;
    }
}

// Merge sorted parts; part i holds the places of a stretch that begins at bases[i], from there.
EXPORT void coldframe_suffix_merge(const void* tokens, int32_t token_bytes, int64_t count, const uint32_t* const* parts,
                                   const int64_t* bases, const int64_t* sizes, int64_t number, void* out,
                                   int32_t place_bytes) {
    const auto run = [&](auto* text) {
        if (place_bytes == 4) merge(text, count, parts, bases, sizes, number, static_cast<uint32_t*>(out));
        else merge(text, count, parts, bases, sizes, number, static_cast<uint64_t*>(out));
    };
    if (token_bytes == 2) run(static_cast<const uint16_t*>(tokens));
    else run(static_cast<const uint32_t*>(tokens));
}

// low, high = rows[0], rows[1]: where ids[0, n) stands in the order; equal where nowhere.
EXPORT void coldframe_suffix_range(const SuffixIndex* index, const int64_t* ids, int64_t n, int64_t* rows) {
    open(*index, [&](const auto& search) { search.rows(ids, n, rows[0], rows[1]); });
}

// rows[2 i], rows[2 i + 1] = where n-gram i, ids[ends[i - 1], ends[i]), stands in the order; equal where nowhere.
EXPORT void coldframe_suffix_rows(const SuffixIndex* index, const int64_t* ids, const int64_t* ends, int64_t number,
                                  int64_t* rows) {
    open(*index, [&](const auto& search) {
        for (int64_t i = 0, begin = 0; i < number; begin = ends[i++])
            search.rows(ids + begin, ends[i] - begin, rows[2 * i], rows[2 * i + 1]);
    });
}

// lengths[i] = tokens of the longest beginning of ids[begins[i], ends[i]) that stands somewhere in the text.
EXPORT void coldframe_suffix_reach(const SuffixIndex* index, const int64_t* ids, const int64_t* begins,
                                   const int64_t* ends, int64_t number, int64_t* lengths) {
    open(*index, [&](const auto& search) {
        for (int64_t i = 0; i < number; ++i) lengths[i] = search.reach(ids + begins[i], ends[i] - begins[i]);
    });
}
