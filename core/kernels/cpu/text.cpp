// Everything the statistics rules ask of a text, measured in one call; text_reference.py says the same in Python.
#include <algorithm>

#include "text_c4.h"
#include "text_repeats.h"

#ifdef _WIN32
#define EXPORT extern "C" __declspec(dllexport)
#else
#define EXPORT extern "C" __attribute__((visibility("default")))
#endif

namespace text {

std::vector<uint32_t> classes(128);
Specials specials;

struct Statistics {  // every field int64; mirrored in text.py
    int64_t characters, letters, han, kana, latin;
    int64_t hashes, ellipses;
    int64_t lines, bullet_lines, ellipsis_lines;  // as str.splitlines cuts them
    int64_t paragraphs, repeated_paragraphs, repeated_paragraph_characters;
    int64_t runs, repeated_runs, repeated_run_characters;  // lines between line feeds
    int64_t filled, ended, repeated_filled_characters, line_feeds;  // of these, the lines that are not blank
    int64_t words, plain_words, plain_characters, letter_words, stop_words;
    int64_t top[3], repeated[6];
};

namespace {

uint64_t stop_words[8];  // hashes of Gopher's

constexpr size_t LENGTHS = 256;  // lines of 0 to 254 characters are counted each by its length, longer ones together

constexpr size_t LARGE = 4 << 20;  // bytes of a document after which memory is given back

// What is kept from one document to the next, so that nothing is allocated for each.
struct Workspace {
    Counter counter;
    WordRuns words;
    Splitter splitter;
    std::vector<const Byte*> ends;
    std::vector<Byte> kept;  // what C4 leaves of a text

    void release_if_large(size_t bytes) {
        if (bytes < LARGE) return;
        counter.release();
        words.release();
        splitter.release();
        std::vector<const Byte*>().swap(ends);
    }
};

Workspace& workspace() {
    static thread_local Workspace mine;
    return mine;
}

// What is counted of each word.
class WordSink {
public:
    WordSink(WordRuns& runs, Statistics& found) : runs_(runs), found_(found) {}

    void word(const Word& word) {
        ++found_.words;
        if (!(word.all & SYMBOL)) {
            ++found_.plain_words;
            found_.plain_characters += word.characters;
        }
        found_.letter_words += (word.any & LETTER) != 0;
        for (int i = 0; i < 8; ++i) seen_ |= static_cast<uint32_t>(word.hash == stop_words[i]) << i;
        runs_.add(word.hash, word.characters);
    }

    void gap() {}

    int64_t stop_words_seen() const {
        int64_t count = 0;
        for (uint32_t left = seen_; left != 0; left &= left - 1) ++count;
        return count;
    }

private:
    WordRuns& runs_;
    Statistics& found_;
    uint32_t seen_ = 0;
};

// Plain loops over a block of ASCII, which compilers turn into wide instructions.
void count_ascii(const Byte* at, size_t size, Statistics& found) {
    uint32_t letters = 0, hashes = 0;
    for (size_t i = 0; i < size; ++i) letters += static_cast<Byte>((at[i] | 0x20) - 'a') < 26;
    for (size_t i = 0; i < size; ++i) hashes += at[i] == '#';
    found.characters += static_cast<int64_t>(size);
    found.letters += letters;
    found.latin += letters;
    found.hashes += hashes;
}

void count_characters(Span text, Statistics& found) {
    constexpr size_t block = 64;
    for (const Byte* at = text.begin; at < text.end;) {
        Byte high = 0x80;
        if (static_cast<size_t>(text.end - at) >= block) {
            high = 0;
            for (size_t i = 0; i < block; ++i) high |= at[i];
        }
        if (high < 0x80) {
            count_ascii(at, block, found);
            at += block;
            continue;
        }
        for (const Byte* stop = std::min(at + block, text.end); at < stop;) {
            const uint32_t code = next_character(at, text.end), flags = class_of(code);
            ++found.characters;
            found.letters += (flags & LETTER) != 0;
            found.latin += (flags & LETTER) != 0 && code < 0x250;
            found.han += (flags & HAN) != 0;
            found.kana += (flags & KANA) != 0;
            found.hashes += code == '#';
            found.ellipses += code == 0x2026;
        }
    }
    for (const Byte* at = text.begin; at < text.end; ++at) {
        at = static_cast<const Byte*>(std::memchr(at, '.', static_cast<size_t>(text.end - at)));
        if (at == nullptr) break;
        if (text.end - at >= 3 && at[1] == '.' && at[2] == '.') {
            ++found.ellipses;
            at += 2;
        }
    }
}

void count_split_lines(Span text, Statistics& found) {
    Lines lines(text);
    for (Span line; lines.next(line); ++found.lines) {
        const Span bare = strip(line);
        found.bullet_lines += bare.size() > 0 && (*bare.begin == '-' || (bare.size() >= 3 && std::memcmp(
            bare.begin, "\xe2\x80\xa2", 3) == 0));
        found.ellipsis_lines += ends_with(bare, "...") || ends_with(bare, "\xe2\x80\xa6");
    }
}

// Lines between line feeds; several line feeds in a row are one cut, and an end of the text that is one leaves "".
void count_lines(Span text, Counter& counter, Statistics& found, int64_t* lengths) {
    found.line_feeds = std::count(text.begin, text.end, static_cast<Byte>('\n'));
    RepeatCounter lines(counter, static_cast<size_t>(found.line_feeds) + 1, text);
    const bool ascii = found.characters == static_cast<int64_t>(text.size());
    for (const Byte* at = text.begin;;) {
        const void* feed = at < text.end ? std::memchr(at, '\n', static_cast<size_t>(text.end - at)) : nullptr;
        const Span line = {at, feed != nullptr ? static_cast<const Byte*>(feed) : text.end};
        const bool repeated = lines.add(line);
        if (strip(line).size() > 0) {
            ++found.filled;
            const int64_t length = ascii ? static_cast<int64_t>(line.size()) : characters(line);
            if (repeated) found.repeated_filled_characters += length;
            ++lengths[std::min(length, static_cast<int64_t>(LENGTHS - 1))];
            const Byte* end = line.end;
            found.ended += (last_class(line.begin, end) & TERMINAL) != 0;
        }
        if (feed == nullptr) break;
        at = line.end;
        while (at < text.end && *at == '\n') ++at;
    }
    found.runs = lines.found.items;
    found.repeated_runs = lines.found.repeated;
    found.repeated_run_characters = lines.found.characters;
}

void count_paragraphs(Span text, Counter& counter, Statistics& found) {
    text = strip(text);
    RepeatCounter paragraphs(counter, static_cast<size_t>(found.line_feeds) / 2 + 1, text);
    const Byte* begin = text.begin;
    for (const Byte* at = begin; at < text.end;) {
        at = static_cast<const Byte*>(std::memchr(at, '\n', static_cast<size_t>(text.end - at)));
        if (at == nullptr) break;
        const Byte* after = at;
        while (after < text.end && *after == '\n') ++after;
        if (after - at > 1) {
            paragraphs.add({begin, at});
            begin = after;
        }
        at = after;
    }
    paragraphs.add({begin, text.end});
    found.paragraphs = paragraphs.found.items;
    found.repeated_paragraphs = paragraphs.found.repeated;
    found.repeated_paragraph_characters = paragraphs.found.characters;
}

// Turns the characters of each piece a text was cut into to places in it.
const std::vector<const Byte*>* ends_of(Span text, const uint32_t* pieces, int64_t count,
                                        std::vector<const Byte*>& ends) {
    if (pieces == nullptr) return nullptr;
    ends.clear();
    const Byte* at = text.begin;
    for (int64_t i = 0; i < count; ++i) {
        for (uint32_t left = pieces[i]; left > 0 && at < text.end; --left) next_character(at, text.end);
        ends.push_back(at);
    }
    return &ends;
}

void count_words(Span text, const std::vector<const Byte*>* ends, bool spaces, Workspace& work, Statistics& found) {
    work.words.clear();
    WordSink sink(work.words, found);
    if (ends == nullptr) {
        work.splitter.split(text, sink);
    } else {
        const Byte* at = text.begin;
        for (const Byte* end : *ends) {
            const Span span = strip({at, end});
            at = end;
            if (span.size() > 0) sink.word(measured(span, text.end));
        }
    }
    found.stop_words = sink.stop_words_seen();
    work.words.count(work.counter, spaces, found.top, found.repeated);
}

}  // namespace
}  // namespace text

// Once, before anything else: the class of each code point, and the special words (Specials::read).
EXPORT void coldframe_text_prepare(const uint32_t* classes, int64_t count, const uint8_t* specials, int64_t bytes) {
    text::classes.assign(classes, classes + count);
    text::specials.read({specials, specials + bytes});
    int i = 0;
    for (const char* word : {"the", "be", "to", "of", "and", "that", "have", "with"}) {
        const uint8_t* begin = reinterpret_cast<const uint8_t*>(word);
        text::stop_words[i++] = text::hash({begin, begin + std::strlen(word)}, begin + std::strlen(word));
    }
}

// Everything of a text but C4's rules. `pieces`: characters of each word where they are known (they cover the text),
// or null; `spaces`: whether words are written with spaces between them; `lengths`: 256 counts of lines by their
// characters.
EXPORT void coldframe_text_measure(const uint8_t* bytes, int64_t size, const uint32_t* pieces, int64_t count,
                                   int32_t spaces, text::Statistics* found, int64_t* lengths) {
    using namespace text;
    const Span whole = {bytes, bytes + size};
    Workspace& work = workspace();
    *found = Statistics();
    std::fill(lengths, lengths + LENGTHS, int64_t{0});
    count_characters(whole, *found);
    count_split_lines(whole, *found);
    count_lines(whole, work.counter, *found, lengths);
    count_paragraphs(whole, work.counter, *found);
    count_words(whole, ends_of(whole, pieces, count, work.ends), spaces != 0, work, *found);
    work.release_if_large(whole.size());
}

// C4's rules on a text; what stays of it is valid until this thread calls again.
EXPORT void coldframe_text_c4(const uint8_t* bytes, int64_t size, const uint32_t* pieces, int64_t count,
                              const C4Settings* settings, text::C4Result* found) {
    using namespace text;
    const Span whole = {bytes, bytes + size};
    Workspace& work = workspace();
    if (work.kept.size() > LARGE || work.kept.size() <= whole.size())
        std::vector<Byte>(whole.size() + 1).swap(work.kept);
    *found = C4(*settings, work.splitter).run(whole, work.kept.data(), ends_of(whole, pieces, count, work.ends));
    work.release_if_large(whole.size());
}
