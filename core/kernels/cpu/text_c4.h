// C4's rules: which lines of a document stay, and how many sentences they hold.
#pragma once
#include "text_words.h"

extern "C" struct C4Settings {  // mirrored in text.py
    int32_t citations, terminal, least_words, longest_word, javascript, policy, lorem_ipsum, curly_bracket, chinese;
};

namespace text {

enum C4Verdict { C4_JUDGED, C4_LOREM_IPSUM, C4_CURLY_BRACKET };

struct C4Result {  // mirrored in text.py
    const Byte* text;  // what stays, `bytes` long
    int64_t verdict, bytes, sentences, lines, lines_kept, long_word, no_terminal, few_words, javascript, policy;
};

// Sentences as spaCy's sentencizer finds them: one begins with the first word after a stop that is no punctuation.
class SentenceCounter {
public:
    void word(const Word& word) { add(word.characters == 1 && (word.any & STOP), (word.all & MARK) != 0); }
    void gap() { add(false, false); }  // spaCy makes a word of such white space

    void add(bool stop, bool mark) {
        if (count_ == 0) count_ = 1;
        if (after_stop_ && !stop && !mark) {
            ++count_;
            after_stop_ = false;
        } else if (stop) {
            after_stop_ = true;
        }
    }

    int64_t count() const { return count_; }

private:
    int64_t count_ = 0;
    bool after_stop_ = false;
};

enum Phrase { LOREM_IPSUM = 1, JAVASCRIPT = 2, POLICY = 4 };

// Which of C4's phrases stand in a line, in whatever case of ASCII letters.
inline uint32_t phrases_in(Span line) {
    static const struct {
        Phrase phrase;
        const char* text;
    } phrases[] = {
        {LOREM_IPSUM, "lorem ipsum"}, {JAVASCRIPT, "javascript"}, {POLICY, "terms of use"}, {POLICY, "privacy policy"},
        {POLICY, "cookie policy"}, {POLICY, "uses cookies"}, {POLICY, "use of cookies"}, {POLICY, "use cookies"}};
    const auto small = [](Byte b) { return static_cast<Byte>(b >= 'A' && b <= 'Z' ? b + 32 : b); };
    uint32_t found = 0;
    for (const Byte* at = line.begin; line.end - at >= 10; ++at) {  // the shortest phrase has ten letters
        const Byte first = *at | 0x20;
        if (first != 'l' && first != 'j' && first != 't' && first != 'p' && first != 'c' && first != 'u') continue;
        for (const auto& phrase : phrases) {
            const Byte* here = at;
            const char* next = phrase.text;
            while (*next != 0 && here < line.end && small(*here) == static_cast<Byte>(*next)) ++here, ++next;
            if (*next == 0) found |= phrase.phrase;
        }
    }
    return found;
}

// Copies a line without "[12]", "[]", "[edit]" and "[citation needed]"; returns the end of what was written.
inline Byte* without_citations(Span line, Byte* out) {
    for (const Byte* at = line.begin; at < line.end;) {
        const Byte* open = static_cast<const Byte*>(std::memchr(at, '[', static_cast<size_t>(line.end - at)));
        const Byte* stop = open == nullptr ? line.end : open;
        std::memmove(out, at, static_cast<size_t>(stop - at));
        out += stop - at;
        if (open == nullptr) break;
        const Byte* close = open + 1;
        while (close < line.end && class_of(*close) & DIGIT) ++close;
        at = open + 1;
        const Span rest = {open, line.end};
        const auto starts = [rest](const char* s) {
            return rest.size() >= std::strlen(s) && std::memcmp(rest.begin, s, std::strlen(s)) == 0;
        };
        if (close < line.end && *close == ']') at = close + 1;
        else if (starts("[edit]")) at = open + 6;
        else if (starts("[citation needed]")) at = open + 17;
        else *out++ = '[';
    }
    return out;
}

class C4 {
public:
    explicit C4(const C4Settings& settings, Splitter& splitter) : settings_(settings), splitter_(splitter) {}

    // Writes the lines that stay to `out`, which has room for as many bytes as the text has.
    // `ends`: where each word of a Chinese text ends; null for words between white space.
    C4Result run(Span text, Byte* out, const std::vector<const Byte*>* ends) {
        C4Result found = {};
        Byte *begin = out, *at = out;
        Lines lines(text);
        size_t word = 0;
        for (Span line; lines.next(line);) {
            ++found.lines;
            line = strip(line);
            const Byte* start = at;
            int64_t longest = 0;
            const int64_t words = ends != nullptr ? cut_words(line, *ends, word) : spaced_words(line, longest);
            Byte* end = settings_.citations ? without_citations(line, at) : copy(line, at);
            if (!stays({start, end}, words, longest, found)) {
                if (found.verdict != C4_JUDGED) return found;
                continue;
            }
            found.sentences += sentences({start, end});
            ++found.lines_kept;
            at = end;
            if (at - begin < static_cast<int64_t>(text.size())) *at++ = '\n';
        }
        const Span kept = strip({begin, at});
        found.text = kept.begin;
        found.bytes = static_cast<int64_t>(kept.size());
        return found;
    }

private:
    bool stays(Span line, int64_t words, int64_t longest, C4Result& found) const {
        if (settings_.longest_word > 0 && longest > settings_.longest_word) return ++found.long_word, false;
        if (settings_.terminal && !ends_sentence(line)) return ++found.no_terminal, false;
        if (words < settings_.least_words) return ++found.few_words, false;
        const uint32_t phrases = phrases_in(line);
        if (settings_.lorem_ipsum && (phrases & LOREM_IPSUM)) return found.verdict = C4_LOREM_IPSUM, false;
        if (settings_.javascript && (phrases & JAVASCRIPT)) return ++found.javascript, false;
        if (settings_.curly_bracket && line.size() > 0 && std::memchr(line.begin, '{', line.size()) != nullptr)
            return found.verdict = C4_CURLY_BRACKET, false;
        if (settings_.policy && (phrases & POLICY)) return ++found.policy, false;
        return true;
    }

    bool ends_sentence(Span line) const {
        if (line.size() == 0 || ends_with(line, "...")) return false;
        const Byte last = line.end[-1];
        if (last == '.' || last == '?' || last == '!' || last == '"' || last == '\'') return true;
        if (!settings_.chinese) return false;
        for (const char* mark : {"。", "！", "？", "．", "；", "”", "’", "」", "』"})
            if (ends_with(line, mark)) return true;
        return false;
    }

    static Byte* copy(Span line, Byte* out) {
        if (line.size() > 0) std::memcpy(out, line.begin, line.size());
        return out + line.size();
    }

    // Words between white space, and the characters of the longest.
    static int64_t spaced_words(Span line, int64_t& longest) {
        int64_t words = 0, length = 0;
        for (const Byte* at = line.begin; at < line.end;) {
            if (class_of(next_character(at, line.end)) & SPACE) {
                length = 0;
                continue;
            }
            words += length++ == 0;
            if (length > longest) longest = length;
        }
        return words;
    }

    // Words of the line that are more than signs, of those the text was cut into.
    static int64_t cut_words(Span line, const std::vector<const Byte*>& ends, size_t& word) {
        int64_t words = 0;
        while (word < ends.size() && ends[word] <= line.begin) ++word;
        for (const Byte* at = line.begin; at < line.end; ++word) {
            const Byte* end = word < ends.size() && ends[word] < line.end ? ends[word] : line.end;
            bool counts = false;
            while (at < end) counts |= (class_of(next_character(at, end)) & (SYMBOL | SPACE)) == 0;
            words += counts;
            if (word >= ends.size() || ends[word] > line.end) break;
        }
        return words;
    }

    int64_t sentences(Span line) {
        SentenceCounter counter;
        if (!settings_.chinese) {
            splitter_.split(line, counter);
            return counter.count();
        }
        for (const Byte* at = line.begin; at < line.end;) {
            const uint32_t flags = class_of(next_character(at, line.end));
            if (!(flags & SPACE)) counter.add((flags & STOP) != 0, (flags & MARK) != 0);
        }
        return counter.count();
    }

    const C4Settings& settings_;
    Splitter& splitter_;
};

}  // namespace text
