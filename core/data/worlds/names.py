"""Names that nobody bears: people, cities, companies, universities and dates, in English and Chinese.

Every kind of word has endings of its own, so that no name is part of another one: in English no
word belongs to two kinds, in Chinese each kind ends in a character of its own.
"""

from collections.abc import Sequence
from functools import cache

from core.data.worlds.numbers import Shuffle

ONSETS = ("b", "br", "c", "cl", "d", "dr", "f", "fl", "g", "gr", "h", "j", "k", "l", "m", "n", "p", "pr", "qu", "r",
          "s", "st", "t", "tr", "v", "w", "y", "z")  # fmt: skip
VOWELS = ("a", "e", "i", "o", "u", "ai", "ea", "oo")
MIDDLES = ("b", "d", "g", "l", "m", "n", "r", "v", "z", "ld", "nd", "rm", "rn", "st")
# No ending is part of a longer one of the same kind, so that no word of a kind begins another.
GIVEN = ("ola", "iren", "umi", "ette", "osh", "yll")
FAMILY = ("back", "elm", "oft", "urd", "ask", "ipp", "ong", "ath")
CITIES = ("vale", "wick", "mere", "stead", "haven", "gate", "borough", "cliff")
COMPANIES = ("ex", "ium", "otron", "awerk")
UNIVERSITIES = ("minster", "aldus", "ogard", "ursk")
COMPANY_TYPES = ("Works", "Mills", "Press", "Foundry", "Trading", "Motors")
UNIVERSITY_TYPES = ("University", "College", "Academy", "Institute")
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")  # fmt: skip
FIRST_YEAR, YEARS, DAYS = 1931, 70, 28  # every month has 28 days

SURNAMES = ("赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏窦章苏潘葛奚范彭郎鲁韦昌马苗"
            "凤方俞任袁柳鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄")
GIVEN_CHARACTERS = ("伟芳娜敏静丽强磊军洋勇艳杰娟涛超霞桂兰刚英健玲飞鹏辉红燕梅莉佳慧颖雪琳晨宇浩然轩博睿思雨欣怡"
                    "诗涵梦瑶嘉琪俊凯旭阳志明建国文斌亮丹萍蕾倩婷")
PLACES = "云青白石长临清南新玉金平东江西望松永安岭溪桐枫澜泽渡沙湾柏荷菱苇鹭雁鹿鹤麦谷泉涧峰岚霁朔汀渚洛沅"
COMPANY_NAMES = "恒宏盛瑞鼎鑫泰信诚达通远腾昌隆兴源华億铭卓锐创科汇聚联邦凌翔骏驰"
UNIVERSITY_NAMES = "崇弘致求格博厚敦励德学知理勤笃仁义礼智正修齐治行"

KINDS = ("city", "company", "university", "person", "date")


class Names:
    """The names of one world, by number: each kind in an order of its own.

    Args:
        language: ``english`` or ``chinese``.
        seed: fixes which name has which number.
        people: how many people must have names; in Chinese there may be too few (see :meth:`count`).
    """

    def __init__(self, language: str, seed: int, people: int) -> None:
        self.chinese = language == "chinese"
        self._parts = dict(_all_parts(self.chinese))
        if not self.chinese:
            self._parts["person"] = _people(self._parts["person"], people, seed)
        self._shuffles = {kind: Shuffle(_product(self._parts[kind]), seed, i) for i, kind in enumerate(KINDS)}

    def count(self, kind: str) -> int:
        """How many names of a kind there are."""
        return self._shuffles[kind].n

    def name(self, kind: str, number: int) -> str:
        """A name; different numbers give different names."""
        number = self._shuffles[kind](number)
        chosen = []
        for part in reversed(self._parts[kind]):
            number, place = divmod(number, len(part))
            chosen.append(part[place])
        return _JOIN[self.chinese][kind](chosen[::-1])


def _stems(endings: Sequence[str]) -> list[str]:
    """Short invented words: onset, vowel, middle, ending."""
    return [f"{a}{b}{c}{ending}".capitalize() for ending in endings for c in MIDDLES for b in VOWELS for a in ONSETS]


def _people(parts: Sequence[Sequence[str]], people: int, seed: int) -> list[list[str]]:
    """No more given and family names than so many people need, so that parts of names repeat as in life."""
    given, family = parts
    side = max(12, round(people**0.5))
    n_given = min(len(given), side)
    n_family = min(len(family), max(side, -(-2 * people // n_given)))
    return [_some(given, n_given, seed, 101), _some(family, n_family, seed, 102)]


def _some(words: Sequence[str], count: int, *keys: int) -> list[str]:
    shuffle = Shuffle(len(words), *keys)
    return [words[shuffle(place)] for place in range(count)]


def _product(parts: Sequence[Sequence[str]]) -> int:
    product = 1
    for part in parts:
        product *= len(part)
    return product


@cache
def _all_parts(chinese: bool) -> dict[str, Sequence[Sequence[str]]]:
    """What the names of each kind are put together from."""
    numbers = [range(YEARS), range(12), range(DAYS)]
    if chinese:
        return {
            "person": [SURNAMES, GIVEN_CHARACTERS, GIVEN_CHARACTERS], "city": [PLACES, PLACES, "市"], "date": numbers,
            "company": [COMPANY_NAMES, COMPANY_NAMES, ("公司", "集团")],
            "university": [UNIVERSITY_NAMES, UNIVERSITY_NAMES, ("大学", "学院")],
        }
    return {
        "person": [_stems(GIVEN), _stems(FAMILY)], "city": [_stems(CITIES)], "date": numbers,
        "company": [_stems(COMPANIES), COMPANY_TYPES], "university": [_stems(UNIVERSITIES), UNIVERSITY_TYPES],
    }


_JOIN = {
    False: {kind: " ".join for kind in KINDS}
    | {"date": lambda parts: f"{parts[2] + 1} {MONTHS[parts[1]]} {FIRST_YEAR + parts[0]}"},
    True: {kind: "".join for kind in KINDS}
    | {"date": lambda parts: f"{FIRST_YEAR + parts[0]}年{parts[1] + 1}月{parts[2] + 1}日"},
}
