// How much of a text is said twice: lines, paragraphs and runs of words.
#pragma once
#include "text.h"

namespace text {

struct Repeats {
    int64_t items, repeated, characters;  // all, those that came before, and the characters of these
};

// Counts items as they come; `characters` is asked only of those that repeat.
class RepeatCounter {
public:
    RepeatCounter(Counter& counter, size_t most_items) : counter_(counter) { counter_.reset(most_items); }

    // Whether it came before.
    bool add(Span item) {
        const bool repeated = counter_.add(hash(item), static_cast<uint32_t>(found.items++)).count > 1;
        if (repeated) {
            ++found.repeated;
            found.characters += characters(item);
        }
        return repeated;
    }

    Repeats found = {0, 0, 0};

private:
    Counter& counter_;
};

// The words of a document, as runs of n of them are counted.
class WordRuns {
public:
    void clear() {
        hashes_.clear();
        before_.assign(1, 0);
    }

    void add(uint64_t hash, uint32_t characters) {
        hashes_.push_back(hash);
        before_.push_back(before_.back() + characters);
    }

    // Characters of the commonest run of n words (the first of several), times how often it comes, for n = 2, 3, 4.
    void top(Counter& counter, int64_t* found) {
        start();
        for (size_t n = 2; n <= 4; ++n) {
            found[n - 2] = 0;
            if (!lengthen(n)) continue;
            counter.reset(runs_.size());
            Counter::Slot best = {0, 0, 0};
            for (size_t i = 0; i < runs_.size(); ++i) {
                const Counter::Slot& slot = counter.add(stir(runs_[i]), static_cast<uint32_t>(i));
                if (slot.count > best.count || (slot.count == best.count && slot.first < best.first)) best = slot;
            }
            const int64_t spaces = static_cast<int64_t>(n) - 1;
            found[n - 2] = (before_[best.first + n] - before_[best.first] + spaces) * best.count;
        }
    }

    // Characters of runs of n words that came before, none counted twice, for n = 5 to 10. Goes on where top() ended.
    void repeated(Counter& counter, int64_t* found) {
        bool any = true;
        for (size_t n = 5; n <= 10; ++n) {
            found[n - 5] = 0;
            if (!any || !lengthen(n)) continue;  // no run of n twice: none that is longer either
            counter.reset(runs_.size());
            for (size_t i = 0; i < runs_.size();) {
                const bool again = counter.add(stir(runs_[i]), 0).count > 1;
                if (again) found[n - 5] += before_[i + n] - before_[i];
                i += again ? n : 1;
            }
            any = found[n - 5] > 0;
        }
    }

    void release() {
        std::vector<uint64_t>().swap(hashes_);
        std::vector<uint64_t>().swap(runs_);
        std::vector<int64_t>().swap(before_);
    }

private:
    void start() { runs_ = hashes_; }

    // From runs of n - 1 words to runs of n; false when there are none.
    bool lengthen(size_t n) {
        const size_t count = hashes_.size() < n ? 0 : hashes_.size() - n + 1;
        runs_.resize(count);
        for (size_t i = 0; i < count; ++i) runs_[i] = runs_[i] * 0xff51afd7ed558ccdu + hashes_[i + n - 1];
        return count > 0;
    }

    std::vector<uint64_t> hashes_, runs_;  // of each word; of each run of the length in hand
    std::vector<int64_t> before_;  // characters before each word
};

}  // namespace text
