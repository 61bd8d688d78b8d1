"""Which language a text is in, offline; and which of the two Chinese scripts."""

import re
from collections import Counter
from functools import cache
from typing import NamedTuple

# Of a long text three parts are looked at: what the identifier learns from more is little, and it costs the same.
_PARTS, _PART_CHARACTERS = 3, 200
_LEAST_LETTERS = 8  # fewer tell nothing, except in a script that one language alone uses
_HAN, _KANA = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"), re.compile("[\u3041-\u30ff\u31f0-\u31ff]")
_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]")
_LEAST_KANA = 0.05  # of Japanese letters; a Chinese shop sign with one の stays Chinese
# Dialects, pidgins and near twins that short texts are taken for, under the language one would ask for.
_COUNTED_AS = {
    "yue": "zh", "wuu": "zh", "gan": "zh", "hak": "zh", "nan": "zh", "lzh": "zh", "cdo": "zh", "pcm": "en", "sco": "en",
    "als": "de", "bar": "de", "gsw": "de", "nds": "de", "vec": "it", "lij": "it", "scn": "it", "nap": "it", "lmo": "it",
    "pms": "it", "nn": "no", "nb": "no", "arz": "ar", "ary": "ar", "be-tarask": "be",
}  # fmt: skip


class Language(NamedTuple):
    """What a text is most likely in.

    Attributes:
        code: two or three letters, ISO 639; "" = there are too few letters to tell.
        probability: of that language.
        shares: probability of every language, {code: probability}.
    """

    code: str
    probability: float
    shares: dict[str, float]


def language_of(text: str) -> Language:
    """The language of a text; Chinese, Japanese and Korean by their scripts, others by py3langid's n-grams.

    Source: Lui & Baldwin 2012, langid.py, ACL P12-3005.
    """
    sample = _sample(text)
    by_script = None if sample.isascii() else _east_asian(sample)
    if by_script:
        return by_script
    if sum(map(str.isalpha, sample)) < _LEAST_LETTERS:
        return Language("", 0.0, {})
    shares: dict[str, float] = {}
    for code, probability in _identifier().rank(sample):
        code = _COUNTED_AS.get(code, code)
        shares[code] = shares.get(code, 0.0) + probability
    best = max(shares, key=shares.get)
    return Language(best, shares[best], shares)


def known_languages() -> set[str]:
    """The codes that :func:`language_of` can answer."""
    return {_COUNTED_AS.get(code, code) for code in _identifier().labels}


@cache
def _identifier():
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def _sample(text: str) -> str:
    if len(text) <= _PARTS * _PART_CHARACTERS:
        return text
    last = len(text) - _PART_CHARACTERS
    return "\n".join(text[at : at + _PART_CHARACTERS] for at in (0, last // 2, last))


def _east_asian(sample: str) -> Language | None:
    """The language when at least half of the letters, by their bytes, are Chinese, Japanese or Korean ones."""
    han, kana, hangul = (len(script.findall(sample)) for script in (_HAN, _KANA, _HANGUL))
    east = han + kana + hangul
    if not east:
        return None
    others = sum(len(char.encode("utf-8", "replace")) for char in sample if char.isalpha()) - 3 * east
    share = 3 * east / (3 * east + max(others, 0))
    if share < 0.5:
        return None
    if hangul > han + kana:
        code = "ko"
    elif kana >= _LEAST_KANA * east or kana + hangul == 0 and _is_japanese_han(sample):
        code = "ja"
    else:
        code = "zh"
    return Language(code, share, {code: share})


def _is_japanese_han(sample: str) -> bool:
    """Whether characters of Japan's own script reform appear, and none of China's."""
    letters, tables = set(sample), script_tables()
    return bool(letters & tables.japanese) and not letters & tables.chinese


class ScriptTables(NamedTuple):
    """Characters that tell ways of writing apart.

    Attributes:
        simplified, traditional: of the two Chinese scripts, in one only.
        japanese: of Japan's script reform, in neither.
        chinese: simplified, and not of Japan's reform either.
    """

    simplified: frozenset[str]
    traditional: frozenset[str]
    japanese: frozenset[str]
    chinese: frozenset[str]


@cache
def script_tables() -> ScriptTables:
    """Characters that OpenCC changes one way and not the other, worked out once a process in 0.1 s."""
    import opencc

    characters = [chr(code) for low, high in ((0x3400, 0x4DC0), (0x4E00, 0xA000)) for code in range(low, high)]
    lines = "\n".join(characters)  # one a line, so that no phrase is matched

    def changed(conversion: str) -> frozenset[str]:
        after = opencc.OpenCC(conversion).convert(lines).split("\n")
        return frozenset(old for old, new in zip(characters, after, strict=True) if old != new)

    to_simplified, to_traditional, from_japanese = changed("t2s"), changed("s2t"), changed("jp2t")
    simplified, traditional = to_traditional - to_simplified, to_simplified - to_traditional
    return ScriptTables(
        simplified, traditional, from_japanese - to_traditional - to_simplified, simplified - from_japanese)


def chinese_scripts(text: str) -> tuple[int, int]:
    """How many characters are simplified only, and how many traditional only."""
    if text.isascii():
        return 0, 0
    counts, tables = Counter(text), script_tables()
    return (sum(count for char, count in counts.items() if char in tables.simplified),
            sum(count for char, count in counts.items() if char in tables.traditional))  # fmt: skip
