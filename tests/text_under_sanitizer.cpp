// The kernels of cleaning on texts that end where their memory ends; compiled by tests/core/test_kernels_sanitizer.py.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "minhash.cpp"
#undef EXPORT
#include "ngram.cpp"
#undef EXPORT
#include "text.cpp"

namespace {

std::mt19937 random_bits(7);

// A copy whose memory ends with it, also where it is empty.
template <class T> class Exact {
public:
    Exact(const T* from, size_t count) : held_(new T[count]), count_(count) { std::copy(from, from + count, held_.get()); }
    const T* data() const { return held_.get(); }
    int64_t size() const { return static_cast<int64_t>(count_); }

private:
    std::unique_ptr<T[]> held_;
    size_t count_;
};

std::string drawn(size_t pieces) {
    const char* kinds[] = {"a", "the", " ", "\n", ".", "...", "\xe2\x80\xa6", "\xe6\x98\xaf", "\xf0\x9f\x98\x80", "{",
                           "#", "\t", "[12]", "\xc3\xa9", "lorem ipsum", "\r\n", "\xe2\x80\xa8", "-", "7", "\xed\xa0\x80"};
    std::string text;
    for (size_t i = 0; i < pieces; ++i) text += kinds[random_bits() % 20];
    return text;
}

void measure(const std::string& text) {
    const Exact<uint8_t> bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
    text::Statistics found;
    std::vector<int64_t> lengths(256);
    text::C4Result kept;
    C4Settings settings = {1, 1, 3, 1000, 1, 1, 1, 1, 1};
    coldframe_text_measure(bytes.data(), bytes.size(), nullptr, 0, 1, &found, lengths.data());
    coldframe_text_c4(bytes.data(), bytes.size(), nullptr, 0, &settings, &kept);
}

void shingles(const std::string& text) {
    const Exact<char> bytes(text.data(), text.size());
    const int64_t size = bytes.size();
    const std::vector<int64_t> ends = {size / 2, size / 2, size};
    for (int64_t words : {0, 1, 5}) {
        std::vector<uint64_t> hashes(size / 2 + 3);
        std::vector<int64_t> starts(4), n_words(3);
        ShingleJob job = {bytes.data(), ends.data(), 3, words, hashes.data(), starts.data(), n_words.data()};
        coldframe_shingles(&job);
    }
}

void score() {
    const std::vector<uint64_t> keys = {0 * 3 + 1, 1 * 3 + 2, 2 * 3 + 0};
    const std::vector<uint32_t> starts = {0, 1, 2, 3};
    const std::vector<float> unigrams = {-1, -2, -3}, bigrams = {-0.5f, -0.6f, -0.7f}, gammas = {-0.1f, -0.2f, -0.3f};
    const NgramLevel levels[] = {{nullptr, starts.data(), unigrams.data(), gammas.data(), 3},
                                 {keys.data(), nullptr, bigrams.data(), nullptr, 3}};
    const std::vector<int64_t> tokens = {0, 1, 2, 0, 0, 2, 2, 1};
    for (size_t count = 0; count <= tokens.size(); ++count) {
        const Exact<int64_t> some(tokens.data(), count);
        std::vector<float> out(count ? count - 1 : 0);
        coldframe_ngram_score(levels, 2, 3, some.data(), count, out.data());
    }
}

}  // namespace

int main() {
    std::vector<uint32_t> classes(0x3000);
    for (uint32_t& mask : classes) mask = random_bits();
    const std::string listed = "dr.\x1fmr.\x1f\x1e" "don't\x1f\x1e";
    coldframe_text_prepare(classes.data(), classes.size(), reinterpret_cast<const uint8_t*>(listed.data()),
                           listed.size());
    for (size_t pieces = 0; pieces < 60; ++pieces)
        for (int i = 0; i < 4; ++i) {
            const std::string text = drawn(pieces);
            measure(text);
            shingles(text);
        }
    score();
    std::puts("clean");
    std::fflush(stdout);
    _Exit(0);
}
