// Text as the statistics see it: UTF-8 bytes, characters and their classes, hashes, and a table that counts.
// Whatever the bytes are, nothing is read past their end. No locale, no Unicode data of its own: text_classes.py
// makes the table of classes.
#pragma once
#include <cstdint>
#include <cstring>
#include <vector>

#include "hash.h"

namespace text {

using Byte = uint8_t;

// The same bits as in text_classes.py.
enum Class : uint32_t {
    LETTER = 1 << 0, UPPER = 1 << 1, LOWER = 1 << 2, SPACE = 1 << 3, LINE_END = 1 << 4, SYMBOL = 1 << 5,
    TERMINAL = 1 << 6, AFFIX = 1 << 7, OPENING = 1 << 8, CURRENCY = 1 << 9, MARK = 1 << 10, STOP = 1 << 11,
    HAN = 1 << 12, KANA = 1 << 13, ICON = 1 << 14, BEFORE_DOT = 1 << 15, QUOTE = 1 << 16, DIGIT = 1 << 17,
    WORD = 1 << 18, HOST = 1 << 19,
};

extern std::vector<uint32_t> classes;  // by code point; what lies beyond its end has none

inline uint32_t class_of(uint32_t code) { return code < classes.size() ? classes[code] : 0; }

struct Span {  // a stretch of the text
    const Byte *begin, *end;
    size_t size() const { return static_cast<size_t>(end - begin); }
};

// The character at `at`, which moves past it. Broken sequences give some number, never a step past the end.
inline uint32_t next_character(const Byte*& at, const Byte* end) {
    const uint32_t first = *at++;
    if (first < 0x80) return first;
    int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
    uint32_t code = first & (0x3f >> more);
    for (; more > 0 && at < end && (*at & 0xc0) == 0x80; --more) code = code << 6 | (*at++ & 0x3f);
    return code;
}

// The class of the last character of a stretch that is not empty; `end` moves before it.
inline uint32_t last_class(const Byte* begin, const Byte*& end) {
    const Byte* stop = end--;
    while (end > begin && (*end & 0xc0) == 0x80) --end;
    const Byte* at = end;
    return class_of(next_character(at, stop));
}

inline int64_t characters(Span span) {
    int64_t count = 0;
    for (const Byte* at = span.begin; at < span.end; ++at) count += (*at & 0xc0) != 0x80;
    return count;
}

inline Span strip(Span span) {
    const auto visible = [](Byte b) { return b > ' ' && b < 0x80; };  // most lines begin and end so
    if (span.size() > 0 && visible(span.begin[0]) && visible(span.end[-1])) return span;
    while (span.begin < span.end) {
        const Byte* at = span.begin;
        if (!(class_of(next_character(at, span.end)) & SPACE)) break;
        span.begin = at;
    }
    for (const Byte* at = span.end; span.begin < span.end; span.end = at)
        if (!(last_class(span.begin, at) & SPACE)) break;
    return span;
}

inline bool ends_with(Span span, const char* ending) {
    const size_t n = std::strlen(ending);
    return span.size() >= n && std::memcmp(span.end - n, ending, n) == 0;
}

// The first `size` bytes, at most 8, as one number; the bytes behind them are read only before `limit`.
inline uint64_t load(const Byte* at, size_t size, const Byte* limit) {
    static const Byte ones[16] = {255, 255, 255, 255, 255, 255, 255, 255};
    uint64_t value = 0, mask;
    if (limit - at < 8) {
        std::memcpy(&value, at, size);
        return value;
    }
    std::memcpy(&value, at, 8);
    std::memcpy(&mask, ones + 8 - size, 8);
    return value & mask;
}

// A 64-bit hash. Two different strings are taken for the same once in 2^64 pairs.
inline uint64_t hash(Span span, const Byte* limit) {
    const Byte* at = span.begin;
    size_t left = span.size();
    uint64_t h = left * 0x9e3779b97f4a7c15u;
    for (; left > 8; at += 8, left -= 8) {
        uint64_t next;
        std::memcpy(&next, at, 8);
        h = (h ^ next) * 0x9e3779b97f4a7c15u;
        h ^= h >> 32;
    }
    return stir(h ^ load(at, left, limit));
}

// Counts keys; its memory is kept from one document to the next.
class Counter {
public:
    struct Slot {
        uint64_t key;
        uint32_t count, first;  // how often the key came, and the number of the item that brought it first
    };

    void reset(size_t items) {
        size_t size = 16;
        while (size < 2 * items) size *= 2;
        if (slots_.size() < size) slots_.resize(size);
        last_ = size - 1;
        std::memset(static_cast<void*>(slots_.data()), 0, size * sizeof(Slot));
    }

    // Returns the number of the key's slot.
    uint32_t add(uint64_t key, uint32_t item) {
        for (size_t at = key & last_;; at = (at + 1) & last_) {
            Slot& slot = slots_[at];
            if (slot.count == 0) slot = {key, 0, item};
            if (slot.key != key) continue;
            ++slot.count;
            return static_cast<uint32_t>(at);
        }
    }

    Slot& operator[](uint32_t slot) { return slots_[slot]; }
    const Slot& operator[](uint32_t slot) const { return slots_[slot]; }

    void release() { std::vector<Slot>().swap(slots_); }

private:
    std::vector<Slot> slots_;
    size_t last_ = 0;
};

// Cuts text into lines where Python's str.splitlines does.
class Lines {
public:
    explicit Lines(Span text) : at_(text.begin), end_(text.end) {
        Byte other = 0;  // most texts have no line ends but line feeds, which are found faster
        for (const Byte* at = text.begin; at < text.end; ++at)
            other |= static_cast<Byte>(*at < ' ' && *at != '\n' && *at != '\t') | static_cast<Byte>(*at == 0xc2) |
                     static_cast<Byte>(*at == 0xe2);
        only_feeds_ = other == 0;
    }

    bool next(Span& line) {
        if (at_ == end_) return false;
        line.begin = at_;
        if (only_feeds_) {
            const void* feed = std::memchr(at_, '\n', static_cast<size_t>(end_ - at_));
            line.end = feed != nullptr ? static_cast<const Byte*>(feed) : end_;
            at_ = feed != nullptr ? line.end + 1 : end_;
            return true;
        }
        for (const Byte* at = at_; at < end_;) {
            if (!may_end_line(*at)) {
                ++at;
                continue;
            }
            const Byte* mark = at;
            const uint32_t code = next_character(at, end_);
            if (!(class_of(code) & LINE_END)) continue;
            if (code == '\r' && at < end_ && *at == '\n') ++at;
            line.end = mark;
            at_ = at;
            return true;
        }
        line.end = at_ = end_;
        return true;
    }

private:
    // The first byte of a character that ends a line, and of some others.
    static bool may_end_line(Byte b) {
        return (b <= 0x1e && ((1u << b) & 0x70003c00u) != 0) || b == 0xc2 || b == 0xe2;
    }

    const Byte *at_, *end_;
    bool only_feeds_;
};

}  // namespace text
