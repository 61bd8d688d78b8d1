"""What cpu/text*.h compute, in plain Python: to be read, to be tested against, and to run where nothing was built.

Words are cut as spaCy's tokenizer cuts English (Honnibal et al., spaCy 3.8, MIT): white space first,
then what stands at both ends of a chunk, then what stands inside it. The statistics are those of
datatrove 0.10.1 (Apache-2.0).
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from core.kernels import text_classes as classes
from core.kernels.text_classes import flags_of
from core.kernels.text_specials import specials

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")
LENGTHS = 256  # lines of 0 to 254 characters are counted each by its length, longer ones together
_UNITS = (
    "km km² km³ m m² m³ dm dm² dm³ cm cm² cm³ mm mm² mm³ ha µm nm yd in ft kg g mg µg t lb oz m/s km/h kmh mph hPa Pa "
    "mbar mb MB kb KB gb GB tb TB T G M K % US$ C$ A$"
)
_POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
_CITATION = re.compile(r"\[[0-9]*\]|\[edit\]|\[citation needed\]")
_CHINESE_ENDS = ("。", "！", "？", "．", "；", "”", "’", "」", "』")
_SMALL = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


class Statistics(NamedTuple):
    """Everything measured of one text. "Lines" are cut as str.splitlines does, "runs" between line feeds."""

    characters: int
    letters: int
    han: int
    kana: int
    latin: int
    hashes: int  # "#"
    ellipses: int  # "..." and "…"
    lines: int
    bullet_lines: int
    ellipsis_lines: int
    paragraphs: int
    repeated_paragraphs: int  # that came before
    repeated_paragraph_characters: int
    runs: int
    repeated_runs: int
    repeated_run_characters: int
    filled: int  # runs that are not blank
    ended: int  # of these, those that end in a sentence terminal
    repeated_filled_characters: int
    line_feeds: int
    words: int
    plain_words: int  # with a character that is no symbol
    plain_characters: int  # of these
    letter_words: int  # with a letter
    stop_words: int  # of the eight, how many appear
    top: tuple[int, int, int]  # characters of the commonest run of 2, 3, 4 words, times how often it comes
    repeated: tuple[int, int, int, int, int, int]  # characters of runs of 5 to 10 words that came before
    lengths: Sequence[int]  # (256,): runs that are not blank, by their characters


class C4Settings(NamedTuple):
    """Which of C4's rules apply; 0 = not."""

    citations: int = 1
    terminal: int = 1
    least_words: int = 3
    longest_word: int = 1000
    javascript: int = 1
    policy: int = 1
    lorem_ipsum: int = 1
    curly_bracket: int = 1
    chinese: int = 0


class C4Result(NamedTuple):
    """What is left of a text, and why lines went. ``verdict``: 1 = "lorem ipsum", 2 = "{", else 0."""

    verdict: int
    sentences: int
    lines: int
    lines_kept: int
    long_word: int
    no_terminal: int
    few_words: int
    javascript: int
    policy: int
    text: str


def measure(text: str, pieces: Sequence[int] | None = None, spaces: bool = True) -> Statistics:
    """Measure a text; ``pieces`` are the characters of each of its words where they are known already."""
    flags = [flags_of(c) for c in text]
    lines = text.splitlines()
    bare = [strip(line) for line in lines]
    paragraphs, runs = re.split(r"\n{2,}", strip(text)), re.split(r"\n+", text)
    filled = [run for run in runs if strip(run)]
    found = words_of(text) if pieces is None else list(filter(None, map(strip, cut(text, pieces))))
    plain = [word for word in found if not all(flags_of(c) & classes.SYMBOL for c in word)]
    lengths = Counter(min(len(run), LENGTHS - 1) for run in filled)
    return Statistics(
        characters=len(text),
        letters=sum(f & classes.LETTER > 0 for f in flags),
        han=sum(f & classes.HAN > 0 for f in flags),
        kana=sum(f & classes.KANA > 0 for f in flags),
        latin=sum(f & classes.LETTER > 0 and c < "\u0250" for f, c in zip(flags, text, strict=True)),
        hashes=text.count("#"),
        ellipses=text.count("...") + text.count("…"),
        lines=len(lines),
        bullet_lines=sum(line.startswith(("•", "-")) for line in bare),
        ellipsis_lines=sum(line.endswith(("...", "…")) for line in bare),
        paragraphs=len(paragraphs),
        repeated_paragraphs=repeats(paragraphs)[0],
        repeated_paragraph_characters=repeats(paragraphs)[1],
        runs=len(runs),
        repeated_runs=repeats(runs)[0],
        repeated_run_characters=repeats(runs)[1],
        filled=len(filled),
        ended=sum(flags_of(run[-1]) & classes.TERMINAL > 0 for run in filled),
        repeated_filled_characters=repeats(filled)[1],
        line_feeds=text.count("\n"),
        words=len(found),
        plain_words=len(plain),
        plain_characters=sum(map(len, plain)),
        letter_words=sum(any(flags_of(c) & classes.LETTER for c in word) for word in found),
        stop_words=len(set(STOP_WORDS) & set(found)),
        top=tuple(top_run(found, n, " " if spaces else "") for n in (2, 3, 4)),
        repeated=tuple(repeated_runs(found, n) for n in (5, 6, 7, 8, 9, 10)),
        lengths=[lengths[n] for n in range(LENGTHS)],
    )


def repeats(items: Sequence[str]) -> tuple[int, int]:
    """Items that came before, and their characters."""
    seen, count, characters = set(), 0, 0
    for item in items:
        if item in seen:
            count, characters = count + 1, characters + len(item)
        seen.add(item)
    return count, characters


def top_run(words: Sequence[str], n: int, between: str = " ") -> int:
    """Characters of the commonest run of n words and of what stands between them, times how often it comes."""
    counts = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    if not counts:
        return 0
    run, times = counts.most_common(1)[0]  # of several, the first
    return len(between.join(run)) * times


def repeated_runs(words: Sequence[str], n: int) -> int:
    """Characters of runs of n words that came before, none counted twice."""
    seen, characters, i = set(), 0, 0
    while i + n <= len(words):
        run = tuple(words[i : i + n])
        if run in seen:
            characters += sum(map(len, run))
            i += n
        else:
            seen.add(run)
            i += 1
    return characters


def c4(text: str, settings: C4Settings, pieces: Sequence[int] | None = None) -> C4Result:
    """Drop the lines that C4's rules drop; ``pieces`` as in :func:`measure`."""
    kept, went, sentences, lines = [], Counter(), 0, split_lines(text)
    ends = None if pieces is None else _ends(pieces, len(text))
    for number, (begin, end) in enumerate(lines, 1):
        line = strip(text[begin:end])
        begin += len(text[begin:end]) - len(text[begin:end].lstrip())
        words = line.split() if ends is None else _cut_line(text, begin, begin + len(line), ends)
        if settings.citations:
            line = _CITATION.sub("", line)
        why = _why_not(line, words, settings, ends is not None)
        if why in ("lorem_ipsum", "curly_bracket"):
            verdict = 1 if why == "lorem_ipsum" else 2
            return C4Result(verdict, sentences, number, len(kept), *_counts(went), "")
        went[why] += 1
        if not why:
            kept.append(line)
            sentences += _sentences(line, settings.chinese)
    return C4Result(0, sentences, len(lines), len(kept), *_counts(went), strip("\n".join(kept)))


def _counts(went: Counter) -> list[int]:
    return [went[why] for why in ("long_word", "no_terminal", "few_words", "javascript", "policy")]


def _why_not(line: str, words: list[str], settings: C4Settings, cut_words: bool) -> str:
    small = line.translate(_SMALL)
    ends = (".", "?", "!", '"', "'", *(_CHINESE_ENDS if settings.chinese else ()))
    if settings.longest_word and not cut_words and any(len(word) > settings.longest_word for word in words):
        return "long_word"
    if settings.terminal and (not line.endswith(ends) or line.endswith("...")):
        return "no_terminal"
    if len(words) < settings.least_words:
        return "few_words"
    if settings.lorem_ipsum and "lorem ipsum" in small:
        return "lorem_ipsum"
    if settings.javascript and "javascript" in small:
        return "javascript"
    if settings.curly_bracket and "{" in line:
        return "curly_bracket"
    return "policy" if settings.policy and any(phrase in small for phrase in _POLICY) else ""


def _sentences(line: str, chinese: int) -> int:
    """As spaCy's sentencizer: one begins with the first word after a stop that is no punctuation."""
    units = [c for c in line if not c.isspace()] if chinese else list(_words_and_gaps(line))
    count, after_stop = min(len(units), 1), False
    for unit in units:
        stop = len(unit) == 1 and flags_of(unit) & classes.STOP
        if after_stop and not stop and not (unit and all(flags_of(c) & classes.MARK for c in unit)):
            count, after_stop = count + 1, False
        elif stop:
            after_stop = True
    return count


def split_lines(text: str) -> list[tuple[int, int]]:
    """Where each line of str.splitlines begins and ends."""
    found, at = [], 0
    for line in text.splitlines(keepends=True):
        found.append((at, at + len(line.splitlines()[0])))
        at += len(line)
    return found


def cut(text: str, pieces: Sequence[int]) -> list[str]:
    """The text in pieces of so many characters."""
    found, at = [], 0
    for length in pieces:
        found.append(text[at : at + length])
        at += length
    return found


def _ends(pieces: Sequence[int], most: int) -> list[int]:
    found, at = [], 0
    for length in pieces:
        at = min(at + length, most)
        found.append(at)
    return found


def _cut_line(text: str, begin: int, end: int, ends: list[int]) -> list[str]:
    """The words of a line that are more than signs, of those the text was cut into."""
    places = [begin, *sorted({e for e in ends if begin < e < end}), end]
    words = [text[a:b] for a, b in zip(places, places[1:])]
    return [word for word in words if any(not flags_of(c) & (classes.SYMBOL | classes.SPACE) for c in word)]


def strip(text: str) -> str:
    """Without white space at both ends."""
    return text.strip()


# ---- words ----


@cache
def _patterns() -> tuple[re.Pattern, re.Pattern, re.Pattern, re.Pattern]:
    """What is cut off the beginning and the end of a chunk, what is cut out inside it, and addresses."""
    letter, upper, lower = _set(classes.LETTER), _set(classes.UPPER), _set(classes.LOWER)
    affix, quote, icon = _set(classes.AFFIX), _set(classes.QUOTE), _set(classes.ICON)
    units = "|".join(map(re.escape, sorted(_UNITS.split(), key=len, reverse=True)))
    prefix = rf"[{affix}{_set(classes.OPENING)}]|\+(?![0-9])|\.\.+|US\$|C\$|A\$"
    capital = f"(?![{lower}])[{letter}]"
    suffix = "|".join((
        "['’][sS]$", r"\.\.+$", rf"(?<=[{_set(classes.BEFORE_DOT)}])\.$", rf"(?<={capital}{capital})\.$",
        r"(?<=°[FfCcKk])\.$", rf"(?<=[0-9])(?:{units}|[{_set(classes.CURRENCY)}])$", f"[{affix}]$", r"(?<=[0-9])\+$"))
    infix = "|".join((
        rf"\.\.+|…|[{icon}]", r"(?<=[0-9])[+*^-](?=[0-9-])",
        rf"(?<=[{letter}{quote}])(?<![{upper}])\.(?=[{letter}{quote}])(?![{lower}])",
        rf"(?<=[{letter}]),(?=[{letter}])", rf"(?<=[{letter}0-9])(?:-{{1,3}}|—{{1,2}}|–|~)(?=[{letter}])",
        rf"(?<=[{letter}0-9])[:<>=/](?=[{letter}])"))
    host = _set(classes.HOST)
    edge = rf"(?![-_])[{host}]"
    address = (
        rf"(?:[{_set(classes.WORD)}+.-]{{2,}}://)?(?:[^/?#]*@)?(?:{edge}(?:[{host}]{{0,62}}{edge})?\.)+"
        rf"(?:(?![{upper}])[{letter}]){{2,63}}(?::[0-9]{{2,5}})?(?:[/?#].*)?")
    return re.compile(prefix), re.compile(suffix), re.compile(infix), re.compile(address, re.DOTALL)


def _set(flag: int) -> str:
    """The characters of a class as they stand inside [] of a regular expression."""
    table, parts, start = classes.table(), [], None
    for code in range(classes.COUNT + 1):
        inside = code < classes.COUNT and table[code] & flag
        if inside and start is None:
            start = code
        elif not inside and start is not None:
            parts.append(re.escape(chr(start)) + (f"-{re.escape(chr(code - 1))}" if code - 1 > start else ""))
            start = None
    return "".join(parts)


def words_of(text: str) -> list[str]:
    """The words of a text."""
    return [word for word in _words_and_gaps(text) if word]


def _words_and_gaps(text: str) -> Iterator[str]:
    """The words, and "" where white space other than one space precedes a word."""
    at = 0
    for chunk in re.finditer(r"\S+", text):
        if text[at : chunk.start()] not in ("", " "):
            yield ""
        at = chunk.end()
        yield from _words_of_chunk(chunk[0])


def _words_of_chunk(chunk: str) -> list[str]:
    """Cut both ends off as long as there is something to cut and the rest is not special, then the inside."""
    prefix, suffix, _, _ = _patterns()
    before, after, special = [], [], specials()
    while chunk and chunk not in special:
        start = prefix.match(chunk)
        head = start.end() if start else 0
        if chunk[head:] in special:
            before.append(chunk[:head])
            chunk = chunk[head:]
            break
        found = suffix.search(chunk[head:])
        tail = len(found[0]) if found else 0
        if tail and chunk[:-tail] in special:
            after.insert(0, chunk[-tail:])
            chunk = chunk[:-tail]
            break
        if not head + tail:
            break
        if head:
            before.append(chunk[:head])
        if tail:
            after.insert(0, chunk[-tail:])
        chunk = chunk[head : len(chunk) - tail]
    return [*before, *_inside(chunk), *after]


def _inside(chunk: str) -> list[str]:
    _, _, infix, address = _patterns()
    if chunk in specials():
        return list(specials()[chunk])
    if not chunk or address.fullmatch(chunk):
        return [chunk] if chunk else []
    words, start = [], 0
    for found in infix.finditer(chunk):
        if found.start() > 0:
            words += [chunk[start : found.start()], found[0]]
            start = found.end()
    return [word for word in (*words, chunk[start:]) if word]
