// Cuts text into words as spaCy's tokenizer does for English: white space, then what is cut off both ends of a
// chunk, then what stands inside it, with a list of chunks that come apart in their own way (text_specials.py).
// text_reference.py says the same in Python.
#pragma once
#include <string>
#include <string_view>
#include <unordered_map>

#include "text.h"

namespace text {

struct Word {
    Span span;
    uint64_t hash;
    uint32_t characters;
    uint32_t any, all;  // classes that one of its characters has, and that every one has
};

// `limit`: where the whole text ends, up to which bytes may be read.
inline Word measured(Span span, const Byte* limit) {
    Word word = {span, hash(span, limit), 0, 0, ~uint32_t{0}};
    for (const Byte* at = span.begin; at < span.end; ++word.characters) {
        const uint32_t flags = class_of(next_character(at, span.end));
        word.any |= flags;
        word.all &= flags;
    }
    return word;
}

struct Special {
    std::string word;
    std::vector<size_t> pieces;  // bytes of each
};

// Chunks with words of their own, found by hash; a bitmap answers almost every question with "no".
class Specials {
public:
    // `listed`: pieces that end in \x1f, words that end in \x1e.
    void read(Span listed) {
        table_.clear();
        std::memset(maybe_, 0, sizeof maybe_);
        std::memset(lengths_, 0, sizeof lengths_);
        Special special;
        std::string piece;
        for (const Byte* at = listed.begin; at < listed.end; ++at) {
            if (*at == 0x1f) {
                special.word += piece;
                special.pieces.push_back(piece.size());
                piece.clear();
            } else if (*at == 0x1e) {
                const Byte* word = reinterpret_cast<const Byte*>(special.word.data());
                const uint64_t key = hash({word, word + special.word.size()}, word + special.word.size());
                maybe_[key >> 6 & 1023] |= uint64_t{1} << (key & 63);
                lengths_[*word] |= uint32_t{1} << special.word.size();
                table_[key] = special;
                special = Special();
            } else {
                piece += static_cast<char>(*at);
            }
        }
    }

    const Special* find(Span span, uint64_t key) const {
        if (!(maybe_[key >> 6 & 1023] >> (key & 63) & 1)) return nullptr;
        const auto found = table_.find(key);
        if (found == table_.end() || found->second.word.size() != span.size() ||
            std::memcmp(found->second.word.data(), span.begin, span.size()) != 0)
            return nullptr;
        return &found->second;
    }

    // Whether a special begins so and is as long.
    bool may_be(Span span) const { return span.size() < 32 && (lengths_[*span.begin] >> span.size() & 1) != 0; }

private:
    uint32_t lengths_[256] = {};  // a bit for each length, by the first byte
    uint64_t maybe_[1024] = {};
    std::unordered_map<uint64_t, Special> table_;
};

extern Specials specials;

class Splitter {
public:
    // Calls sink.word(const Word&) for every word, and sink.gap() where more than one space lies between two chunks.
    template <class Sink>
    void split(Span text, Sink& sink) {
        const Byte* at = text.begin;
        limit_ = text.end;
        while (at < text.end) {
            const Byte* chunk = skip_space(at, text.end, sink);
            if (chunk == text.end) return;
            uint32_t before = 0, last = 0;  // classes of all characters but the last, and of the last
            for (at = chunk; at < text.end && *at < 0x80; ++at) {
                const uint32_t flags = classes[*at];
                if (flags & SPACE) break;
                before |= last;
                last = flags;
            }
            if (at < text.end && *at >= 0x80) {
                at = end_of_chunk(at, text.end);
                affixes({chunk, at}, sink);
            } else if (letters(before) && letters(last)) {
                plain({chunk, at}, before | last, sink);
            } else if (before != 0 && letters(before) &&
                       ((last & AFFIX) || (at[-1] == '.' && (classes[at[-2]] & LOWER)))) {
                plain_and_mark({chunk, at}, before, last, sink);
            } else {
                affixes({chunk, at}, sink);
            }
        }
    }

    void release() { std::vector<Character>().swap(chunk_); }

private:
    struct Character {
        const Byte* at;
        uint32_t code, flags;
    };

    template <class Sink>
    static const Byte* skip_space(const Byte* at, const Byte* end, Sink& sink) {
        const Byte* begin = at;
        while (at < end) {
            const Byte* next = at;
            if (!(class_of(next_character(next, end)) & SPACE)) break;
            at = next;
        }
        if (at < end && (at - begin > 1 || (at > begin && *begin != ' '))) sink.gap();
        return at;
    }

    static const Byte* end_of_chunk(const Byte* at, const Byte* end) {
        while (at < end) {
            const Byte* next = at;
            if (class_of(next_character(next, end)) & SPACE) break;
            at = next;
        }
        return at;
    }

    // Whether these are the classes of ASCII letters, or of nothing.
    static bool letters(uint32_t any) { return (any & ~uint32_t{LETTER | UPPER | LOWER | WORD | HOST | BEFORE_DOT}) == 0; }

    // Nothing but ASCII letters.
    template <class Sink>
    void plain(Span chunk, uint32_t any, Sink& sink) {
        const uint64_t key = hash(chunk, limit_);
        const Special* special = specials.find(chunk, key);
        if (special != nullptr) return spelt(chunk.begin, *special, sink);
        sink.word({chunk, key, static_cast<uint32_t>(chunk.size()), any, LETTER});
    }

    // ASCII letters and one mark that is cut off: what affixes() would come to, sooner.
    template <class Sink>
    void plain_and_mark(Span chunk, uint32_t any, uint32_t mark, Sink& sink) {
        const Span word = {chunk.begin, chunk.end - 1}, last = {chunk.end - 1, chunk.end};
        const Special* special = special_at(chunk);
        if (special != nullptr) return spelt(chunk.begin, *special, sink);
        plain(word, any, sink);
        sink.word({last, hash(last, limit_), 1, mark, mark});
    }

    template <class Sink>
    void spelt(const Byte* at, const Special& special, Sink& sink) {
        for (size_t bytes : special.pieces) {
            sink.word(measured({at, at + bytes}, limit_));
            at += bytes;
        }
    }

    // The characters of a chunk, then its end; returns how many they are.
    size_t read(Span chunk) {
        if (chunk_.size() <= chunk.size()) chunk_.resize(2 * chunk.size() + 64);
        size_t count = 0;
        dots_ = false;
        for (const Byte* at = chunk.begin; at < chunk.end; ++count) {
            const Byte* begin = at;
            const uint32_t code = next_character(at, chunk.end);
            chunk_[count] = {begin, code, class_of(code)};
            dots_ |= code == '.';
        }
        chunk_[count] = {chunk.end, 0, 0};
        return count;
    }

    const Special* special_at(Span span) const {
        return specials.may_be(span) ? specials.find(span, hash(span, limit_)) : nullptr;
    }

    Word word(size_t begin, size_t end) const {
        Word word = {span(begin, end), 0, static_cast<uint32_t>(end - begin), 0, ~uint32_t{0}};
        word.hash = hash(word.span, limit_);
        for (size_t i = begin; i < end; ++i) {
            word.any |= chunk_[i].flags;
            word.all &= chunk_[i].flags;
        }
        return word;
    }

    const Byte* place(size_t i) const { return chunk_[i].at; }
    Span span(size_t begin, size_t end) const { return {place(begin), place(end)}; }
    bool is(size_t i, uint32_t flags) const { return (chunk_[i].flags & flags) != 0; }
    uint32_t code(size_t i) const { return chunk_[i].code; }

    // Cut what stands at both ends off, as long as there is something and the rest is no special; then the inside.
    template <class Sink>
    void affixes(Span whole, Sink& sink) {
        size_t begin = 0, end = read(whole);
        suffixes_.clear();
        const Special* special = nullptr;
        while (begin < end && (special = special_at(span(begin, end))) == nullptr) {
            const size_t prefix = prefix_of(begin, end);
            if (prefix > 0 && begin + prefix < end &&
                (special = special_at(span(begin + prefix, end))) != nullptr) {
                sink.word(word(begin, begin + prefix));
                begin += prefix;
                break;
            }
            const size_t suffix = suffix_of(begin + prefix, end);
            if (suffix > 0 && begin < end - suffix && (special = special_at(span(begin, end - suffix))) != nullptr) {
                suffixes_.push_back(end);
                end -= suffix;
                break;
            }
            if (prefix + suffix == 0) break;
            if (prefix > 0) sink.word(word(begin, begin + prefix));
            begin += prefix;
            if (suffix > 0) suffixes_.push_back(end);
            end -= suffix;
        }
        if (special != nullptr) spelt(place(begin), *special, sink);
        else if (begin < end) inside(begin, end, sink);
        for (size_t i = suffixes_.size(); i-- > 0; end = suffixes_[i]) sink.word(word(end, suffixes_[i]));
    }

    // Characters to cut off the beginning; 0 = none.
    size_t prefix_of(size_t begin, size_t end) const {
        const uint32_t first = code(begin);
        if (is(begin, AFFIX | OPENING)) return 1;
        if (first == '+') return begin + 1 < end && is(begin + 1, DIGIT) ? 0 : 1;
        if (first == '.') {
            size_t dots = 1;
            while (begin + dots < end && code(begin + dots) == '.') ++dots;
            return dots > 1 ? dots : 0;
        }
        if ((first == 'A' || first == 'C') && begin + 1 < end && code(begin + 1) == '$') return 2;
        if (first == 'U' && begin + 2 < end && code(begin + 1) == 'S' && code(begin + 2) == '$') return 3;
        return 0;
    }

    // Characters to cut off the end; 0 = none.
    size_t suffix_of(size_t begin, size_t end) const {
        if (begin == end) return 0;
        const uint32_t last = code(end - 1);
        const size_t length = end - begin;
        if ((last == 's' || last == 'S') && length > 1 && (code(end - 2) == '\'' || code(end - 2) == 0x2019)) return 2;
        if (last == '.' && length > 1) {
            size_t dots = 1;
            while (dots < length && code(end - 1 - dots) == '.') ++dots;
            if (dots > 1) return dots;
            if (is(end - 2, BEFORE_DOT)) return 1;
            const auto capital = [this](size_t i) { return is(i, LETTER) && !is(i, LOWER); };
            if (length > 2 && capital(end - 2) && capital(end - 3)) return 1;
            return length > 2 && code(end - 3) == 0xb0 && is_degree(code(end - 2)) ? 1 : 0;
        }
        if (const size_t unit = unit_of(begin, end)) return unit;
        if (is(end - 1, AFFIX)) return 1;
        return last == '+' && length > 1 && is(end - 2, DIGIT) ? 1 : 0;
    }

    static bool is_degree(uint32_t c) { return c == 'F' || c == 'f' || c == 'C' || c == 'c' || c == 'K' || c == 'k'; }

    // A unit of measure or a currency that stands behind a digit.
    size_t unit_of(size_t begin, size_t end) const {
        size_t start = end;
        while (start > begin && end - start < 5 && !is(start - 1, DIGIT)) --start;
        if (start == begin || start == end || !is(start - 1, DIGIT)) return 0;
        if (end - start == 1 && is(start, CURRENCY)) return 1;
        static const std::string_view units[] = {
            "km", "km²", "km³", "m", "m²", "m³", "dm", "dm²", "dm³", "cm", "cm²", "cm³", "mm", "mm²", "mm³", "ha",
            "µm", "nm", "yd", "in", "ft", "kg", "g", "mg", "µg", "t", "lb", "oz", "m/s", "km/h", "kmh", "mph", "hPa",
            "Pa", "mbar", "mb", "MB", "kb", "KB", "gb", "GB", "tb", "TB", "T", "G", "M", "K", "%", "US$", "C$", "A$"};
        const Span tail = span(start, end);
        for (const std::string_view unit : units)
            if (unit.size() == tail.size() && std::memcmp(unit.data(), tail.begin, tail.size()) == 0) return end - start;
        return 0;
    }

    template <class Sink>
    void inside(size_t begin, size_t end, Sink& sink) {
        if (dots_ && is_address(begin, end)) {
            sink.word(word(begin, end));
            return;
        }
        size_t start = begin;
        for (size_t i = begin; i < end;) {
            const size_t cut = infix_of(begin, i, end);
            if (cut > 0 && i > begin) {
                if (i > start) sink.word(word(start, i));
                sink.word(word(i, i + cut));
                start = i + cut;
            }
            i += cut > 0 ? cut : 1;
        }
        if (start < end) sink.word(word(start, end));
    }

    // Characters of what is cut out at `i`, between two words; 0 = nothing.
    size_t infix_of(size_t begin, size_t i, size_t end) const {
        const uint32_t c = code(i);
        if (is(i, LETTER | DIGIT)) return 0;
        if (c == '.') {
            size_t dots = 1;
            while (i + dots < end && code(i + dots) == '.') ++dots;
            if (dots > 1) return dots;
        }
        if (c == 0x2026 || is(i, ICON)) return 1;
        if (i == begin || i + 1 >= end) return 0;
        const bool after_letter = is(i - 1, LETTER), after_digit = is(i - 1, DIGIT);
        if (after_digit && (c == '+' || c == '-' || c == '*' || c == '^') && (is(i + 1, DIGIT) || code(i + 1) == '-'))
            return 1;
        if (c == '.')
            return ((after_letter && !is(i - 1, UPPER)) || is(i - 1, QUOTE)) &&
                   ((is(i + 1, LETTER) && !is(i + 1, LOWER)) || is(i + 1, QUOTE));
        if (!after_letter && !after_digit) return 0;
        if (c == ',') return after_letter && is(i + 1, LETTER);
        if (c == ':' || c == '<' || c == '>' || c == '=' || c == '/') return is(i + 1, LETTER);
        const size_t hyphens = hyphens_at(i, end);
        return hyphens > 0 && i + hyphens < end && is(i + hyphens, LETTER) ? hyphens : 0;
    }

    // One to three "-", one or two em dashes, one en dash or one "~".
    size_t hyphens_at(size_t i, size_t end) const {
        const uint32_t c = code(i);
        const size_t most = c == '-' ? 3 : c == 0x2014 ? 2 : c == 0x2013 || c == '~' ? 1 : 0;
        size_t count = 0;
        while (count < most && i + count < end && code(i + count) == c) ++count;
        return count;
    }

    // Whether it is a web address: [scheme://][user@]host.domain[:port][/...], which is not cut.
    bool is_address(size_t begin, size_t end) const {
        size_t host = begin, at = begin;
        while (at < end && (is(at, WORD) || code(at) == '+' || code(at) == '-' || code(at) == '.')) ++at;
        if (at - begin >= 2 && at + 2 < end && code(at) == ':' && code(at + 1) == '/' && code(at + 2) == '/')
            host = at + 3;
        for (size_t i = host; i < end && code(i) != '/' && code(i) != '?' && code(i) != '#'; ++i)
            if (code(i) == '@') host = i + 1;
        size_t label = host, dot = 0, stop = host;  // the label being read, and the last full stop before it
        for (; stop < end && (is(stop, HOST) || code(stop) == '.'); ++stop) {
            if (code(stop) != '.') continue;
            if (stop == label || stop - label > 64 || !edge(label) || !edge(stop - 1)) return false;
            dot = stop;
            label = stop + 1;
        }
        if (dot == 0 || stop - label < 2 || stop - label > 63) return false;
        for (size_t i = label; i < stop; ++i)
            if (!is(i, LETTER) || is(i, UPPER)) return false;
        if (stop < end && code(stop) == ':') {
            size_t digits = 0;
            while (stop + 1 + digits < end && is(stop + 1 + digits, DIGIT)) ++digits;
            if (digits < 2 || digits > 5) return false;
            stop += 1 + digits;
        }
        return stop == end || code(stop) == '/' || code(stop) == '?' || code(stop) == '#';
    }

    bool edge(size_t i) const { return code(i) != '_' && code(i) != '-'; }  // may begin and end a label

    const Byte* limit_ = nullptr;  // where the text ends
    std::vector<Character> chunk_;
    bool dots_ = false;  // whether there is a full stop in the chunk
    std::vector<size_t> suffixes_;
};

}  // namespace text
