"""What every character is, once for the text kernel and for its Python reference.

One table of flags by code point, made from Python's own Unicode data and a few lists below. The
kernel gets the table when it is loaded, so that it holds no Unicode data of its own and both
always agree.

Sources: spaCy 3.8 (MIT), lang/char_classes.py, for what is cut off a word; datatrove 0.10
(Apache-2.0), utils/text.py, for symbols; Unicode's Sentence_Terminal for what ends a line.
"""

import unicodedata
from array import array
from functools import cache

LETTER = 1 << 0  # str.isalpha
UPPER = 1 << 1
LOWER = 1 << 2
SPACE = 1 << 3  # str.isspace
LINE_END = 1 << 4  # where str.splitlines cuts
SYMBOL = 1 << 5  # a word of nothing else is no word for Gopher's counts
TERMINAL = 1 << 6  # ends a sentence in some script
AFFIX = 1 << 7  # cut off either end of a word
OPENING = 1 << 8  # cut off a word's beginning only
CURRENCY = 1 << 9  # cut off after a digit
MARK = 1 << 10  # Unicode's category of punctuation
STOP = 1 << 11  # ends a sentence for spaCy's sentencizer
HAN = 1 << 12
KANA = 1 << 13
ICON = 1 << 14  # pictures and signs: cut out wherever they stand
BEFORE_DOT = 1 << 15  # a final full stop is cut off after it
QUOTE = 1 << 16
DIGIT = 1 << 17  # 0 to 9
WORD = 1 << 18  # what "\w" matches
HOST = 1 << 19  # may stand in the name of a host

COUNT = 0x32400  # code points with an entry: no letter, space or sign of ours lies beyond

_PUNCTUATION = ",:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪…"
_QUOTES = "'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉\u2329\u232a⟦⟧"
_CURRENCY = "$£€¥฿₽﷼₴₠₡₢₣₤₥₦₧₨₩₪₫₭₮₯₰₱₲₳₵₶₷₸₹₺₻₼₾₿"
_SYMBOLS = "!/—”:％１〈&(、━\\【#%「」，】；+^]~“《„';’{|∶´[=-`*．（–？！：$～«〉,><》)?）。…@_.\"}►»"
_TERMINALS = (
    "!.?\u0589\u061d-\u061f\u06d4\u0700-\u0702\u07f9\u0837\u0839\u083d\u083e\u0964\u0965\u104a\u104b\u1362"
    "\u1367\u1368\u166e\u1735\u1736\u17d4-\u17d6\u17d9\u17da\u1803\u1809\u1944\u1945\u1aa8-\u1aab\u1b5a\u1b5b"
    "\u1b5e\u1b5f\u1b7d\u1b7e\u1c3b\u1c3c\u1c7e\u1c7f‼‽⁇-⁉⸮⸼⹓⹔。\ua4ff\ua60e\ua60f\ua6f3\ua6f7\ua876\ua877"
    "\ua8ce\ua8cf\ua92f\ua9c8\ua9c9\uaa5d-\uaa5f\uaaf0\uaaf1\uabeb﹒﹖﹗！．？｡\U00010a56\U00010a57"
    "\U00010f55-\U00010f59\U00010f86-\U00010f89\U00011047\U00011048\U000110be-\U000110c1\U00011141-\U00011143"
    "\U000111c5\U000111c6\U000111cd\U000111de\U000111df\U00011238\U00011239\U0001123b\U0001123c\U000112a9"
    "\U0001144b\U0001144c\U000115c2\U000115c3\U000115c9-\U000115d7\U00011641\U00011642\U0001173c-\U0001173e"
    "\U00011944\U00011946\U00011a42\U00011a43\U00011a9b\U00011a9c\U00011c41\U00011c42\U00011ef7\U00011ef8"
    "\U00011f43\U00011f44\U00016a6e\U00016a6f\U00016af5\U00016b37\U00016b38\U00016b44\U00016e98\U0001bc9f\U0001da88"
)  # fmt: skip
# Sentence terminals that spaCy's list leaves out.
_NOT_STOPS = (
    "\u061d\u061e\u0837\u0839\u083d\u083e\u17d4-\u17d6\u17d9\u17da\u1b7d\u1b7e⹓⹔\U00010f55-\U00010f59"
    "\U00010f86-\U00010f89\U00011944\U00011946\U00011ef7\U00011ef8\U00011f43\U00011f44\U00016e98"
)
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_KANA = "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff"


@cache
def table() -> array:
    """Flags of every code point below COUNT, uint32."""
    flags = array("I", bytes(4 * COUNT))
    # Han are all alike: asking about each would take half of the time.
    for code in [*range(0x3400), *range(0x4DC0, 0x4E00), *range(0xA000, 0x20000)]:
        flags[code] = _from_unicode(chr(code))
    for character in expand(_HAN):
        flags[ord(character)] = _from_unicode("\u4e00")
    for flag, characters in (
        (SYMBOL, expand(_SYMBOLS + _TERMINALS) | set(map(chr, [*range(9), 11, 12, *range(13, 32), *range(127, 160)]))),
        (TERMINAL, expand(_TERMINALS)), (STOP, expand(_TERMINALS) - expand(_NOT_STOPS)),
        (LINE_END, set("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")),
        (AFFIX, set(_PUNCTUATION + _QUOTES + "—–")), (OPENING, set("§%=" + _CURRENCY)), (CURRENCY, set(_CURRENCY)),
        (HAN, expand(_HAN)), (KANA, expand(_KANA)), (QUOTE, set(_QUOTES)), (DIGIT, set("0123456789")),
        (BEFORE_DOT, set(_PUNCTUATION + _QUOTES + "0123456789%²-+")), (HOST, set("_-")),
    ):  # fmt: skip
        for character in characters:
            flags[ord(character)] |= flag
    return flags


def flags_of(character: str) -> int:
    """The flags of one character."""
    code = ord(character)
    return table()[code] if code < COUNT else 0


def expand(listed: str) -> set[str]:
    """Every character of a list in which "a-z" stands for a range; a bare "-" is not allowed, except at an end."""
    found, i = set(), 0
    while i < len(listed):
        if i + 2 < len(listed) and listed[i + 1] == "-" and listed[i] < listed[i + 2] and ord(listed[i]) > 127:
            found.update(map(chr, range(ord(listed[i]), ord(listed[i + 2]) + 1)))
            i += 3
        else:
            found.add(listed[i])
            i += 1
    return found


def _from_unicode(character: str) -> int:
    category = unicodedata.category(character)
    if category[0] == "L":
        lower, upper = character.islower(), character.isupper()
        return LETTER | WORD | HOST | lower * LOWER | upper * UPPER | (not upper) * BEFORE_DOT
    flags = character.isspace() * SPACE
    if category[0] == "P":
        flags |= MARK
    elif category == "So":
        flags |= ICON | AFFIX
    if character.isalnum() or character == "_":
        flags |= WORD
    if character.isdigit() and character.isascii() or "\xa1" <= character <= "\uffff" and not flags & SPACE:
        flags |= HOST
    return flags
