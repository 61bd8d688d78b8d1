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
    RepeatCounter(Counter& counter, size_t most_items, Span text) : counter_(counter), limit_(text.end) {
        counter_.reset(most_items);
    }

    // Whether it came before.
    bool add(Span item) {
        const bool repeated = counter_[counter_.add(hash(item, limit_), static_cast<uint32_t>(found.items++))].count > 1;
        if (repeated) {
            ++found.repeated;
            found.characters += characters(item);
        }
        return repeated;
    }

    Repeats found = {0, 0, 0};

private:
    Counter& counter_;
    const Byte* limit_;
};

// The words of a document, and the runs of n of them that come more than once.
//
// A run of n words can only come twice where its first n - 1 do: each length looks at what the one before it left,
// which after two or three words is little.
class WordRuns {
public:
    void clear() { words_.clear(); }

    void add(uint64_t hash, uint32_t characters) { words_.push_back({hash, total(), characters}); }

    // Characters of the commonest run of n words (the first of several; `spaces` = with those between its words), times
    // how often it comes, for n = 2, 3, 4;
    // characters of runs of n words that came before, none counted twice, for n = 5 to 10.
    void count(Counter& counter, bool spaces, int64_t* top, int64_t* repeated) {
        runs_.resize(words_.size());
        for (size_t i = 0; i < words_.size(); ++i) runs_[i] = {words_[i].hash, static_cast<uint32_t>(i), 0};
        for (size_t n = 2; n <= 10; ++n) {
            lengthen(n, counter);
            if (n <= 4) top[n - 2] = commonest(n, spaces, counter);
            else repeated[n - 5] = said_again(n, counter);
        }
    }

    void release() {
        std::vector<Item>().swap(words_);
        std::vector<Run>().swap(runs_);
    }

private:
    struct Item {
        uint64_t hash;
        int64_t before;  // characters of the words before it
        uint32_t characters;
    };
    struct Run {
        uint64_t hash;
        uint32_t first;  // the number of its first word
        uint32_t slot;  // where it is counted
    };

    int64_t total() const { return words_.empty() ? 0 : words_.back().before + words_.back().characters; }

    int64_t characters(size_t first, size_t n) const {
        const Item& last = words_[first + n - 1];
        return last.before + last.characters - words_[first].before;
    }

    // From runs of n - 1 words to those of n that come more than once.
    void lengthen(size_t n, Counter& counter) {
        while (!runs_.empty() && runs_.back().first + n > words_.size()) runs_.pop_back();
        counter.reset(runs_.size());
        for (Run& run : runs_) run.hash = run.hash * 0xff51afd7ed558ccdu + words_[run.first + n - 1].hash;
        for (Run& run : runs_) run.slot = counter.add(run.hash ^ run.hash >> 32, run.first);
        size_t kept = 0;
        for (const Run& run : runs_) {
            runs_[kept] = run;
            kept += counter[run.slot].count > 1;
        }
        runs_.resize(kept);
    }

    int64_t commonest(size_t n, bool spaces, const Counter& counter) const {
        if (words_.size() < n) return 0;
        Counter::Slot best = {0, 1, 0};  // where none comes twice, the first is the commonest
        for (const Run& run : runs_)  // in order: of several, the first stays
            if (counter[run.slot].count > best.count) best = counter[run.slot];
        return (characters(best.first, n) + (spaces ? static_cast<int64_t>(n) - 1 : 0)) * best.count;
    }

    int64_t said_again(size_t n, Counter& counter) const {
        int64_t found = 0;
        size_t next = 0;
        for (const Run& run : runs_) {
            if (run.first < next) continue;
            Counter::Slot& slot = counter[run.slot];
            if (slot.key == 0) {
                found += characters(run.first, n);
                next = run.first + n;
            }
            slot.key = 0;  // seen
        }
        return found;
    }

    std::vector<Item> words_;
    std::vector<Run> runs_;
};

}  // namespace text
