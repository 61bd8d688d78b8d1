"""Symbolic tasks: each a maker of numbered problems, in English and Chinese."""

from math import factorial

from core.data.worlds.levels import Level, Problem, digits, permutations, take
from core.data.worlds.vocabulary import ANIMALS, FRUITS, NAMES, SCRAMBLED, WORDS, chinese_numeral
from core.spec.world import Symbolic

MOST_COPIES = 5
MOST_OF_A_KIND = 9


def symbolic_levels(world: Symbolic, language: str) -> list[Level]:
    """One level for every task and length of which there are problems."""
    levels = [TASKS[task](n, language) for task in world.tasks for n in range(world.shortest, world.longest + 1)]
    return [level for level in levels if level.space]


def coin_flip(n: int, language: str) -> Level:
    """A coin that some flip and others do not."""
    names, chinese = NAMES[language], language == "chinese"

    def make(number: int) -> Problem:
        people, number = take(number, names, n)
        flips, _ = digits(number, 2, n)
        heads, steps = True, []
        for person, flip in zip(people, flips):
            heads ^= bool(flip)
            steps.append(f"{person}之后，{'正' if heads else '反'}面朝上。" if chinese else
                         f"After {person} it lies {'heads' if heads else 'tails'} up.")  # fmt: skip
        if chinese:
            acts = "".join(f"{p}{'翻了' if f else '没有翻'}硬币。" for p, f in zip(people, flips))
            return Problem(f"一枚硬币正面朝上。{acts}硬币还是正面朝上吗？", steps, "是" if heads else "否")
        acts = " ".join(f"{p} {'flips' if f else 'does not flip'} the coin." for p, f in zip(people, flips))
        question = f"A coin lies heads up. {acts} Does the coin still lie heads up?"
        return Problem(question, steps, "yes" if heads else "no")

    return Level("coin_flip", str(n), permutations(len(names), n) * 2**n, make)


def last_letters(n: int, language: str) -> Level:
    """The last letters (or characters) of words, put together."""
    words, chinese = WORDS[language], language == "chinese"

    def make(number: int) -> Problem:
        chosen, _ = take(number, words, n)
        steps = [f"{word}的最后一个字是{word[-1]}。" if chinese else f"The last letter of {word} is {word[-1]}."
                 for word in chosen]  # fmt: skip
        question = (f"把这些词的最后一个字连起来：{'、'.join(chosen)}" if chinese else
                    f"What do the last letters of these words spell: {' '.join(chosen)}?")  # fmt: skip
        return Problem(question, steps, "".join(word[-1] for word in chosen))

    return Level("last_letters", str(n), permutations(len(words), n), make)


def reverse_list(n: int, language: str) -> Level:
    """A list from its end to its beginning."""
    words, chinese = WORDS[language], language == "chinese"

    def make(number: int) -> Problem:
        chosen, _ = take(number, words, n)
        between = "、" if chinese else " "
        steps = [f"倒数第{i + 1}个是{word}。" if chinese else f"Number {i + 1} from the end is {word}."
                 for i, word in enumerate(reversed(chosen))]  # fmt: skip
        question = (f"把这个列表倒过来：{between.join(chosen)}" if chinese else
                    f"What is this list in reverse: {between.join(chosen)}?")  # fmt: skip
        return Problem(question, steps, between.join(reversed(chosen)))

    return Level("reverse_list", str(n), permutations(len(words), n), make)


def parity(n: int, language: str) -> Level:
    """Whether the ones among binary digits are even or odd in number."""
    chinese = language == "chinese"

    def make(number: int) -> Problem:
        bits, _ = digits(number, 2, n)
        word = ("偶数", "奇数") if chinese else ("even", "odd")
        steps = [f"读到{bit}，是{word[sum(bits[: i + 1]) % 2]}。" if chinese else
                 f"Read {bit}: {word[sum(bits[: i + 1]) % 2]}." for i, bit in enumerate(bits)]  # fmt: skip
        shown = " ".join(map(str, bits))
        question = f"{shown} 中1的个数是奇数还是偶数？" if chinese else f"Is the number of ones in {shown} even or odd?"
        return Problem(question, steps, word[sum(bits) % 2])

    return Level("parity", str(n), 2**n, make)


def boolean(n: int, language: str) -> Level:
    """Variables set one after the other; the last one is asked for."""
    chinese = language == "chinese"
    said = {False: "假", True: "真"} if chinese else {False: "false", True: "true"}

    def choices(i: int) -> list[tuple]:
        pairs = [(j, k) for k in range(i) for j in range(k)]
        return [("copy", j) for j in range(i)] + [("not", j) for j in range(i)] + [
            (word, *pair) for word in ("and", "or") for pair in pairs]  # fmt: skip

    def make(number: int) -> Problem:
        number, first = divmod(number, 2)
        values, lines, steps = [bool(first)], [f"a = {said[bool(first)]}"], []
        for i in range(1, n):
            options = choices(i)
            number, place = divmod(number, len(options))
            word, *sources = options[place]
            inputs = [values[j] for j in sources]
            values.append({"copy": inputs[0], "not": not inputs[0], "and": all(inputs), "or": any(inputs)}[word])
            lines.append(f"{_letter(i)} = {_expression(word, sources, chinese)}")
            steps.append(f"{_letter(i)}为{said[values[i]]}。" if chinese else f"{_letter(i)} is {said[values[i]]}.")
        question = (f"设{'，'.join(lines)}。{_letter(n - 1)}是真还是假？" if chinese else
                    f"Let {', '.join(lines)}. Is {_letter(n - 1)} true or false?")  # fmt: skip
        return Problem(question, steps, said[values[-1]])

    space = 2
    for i in range(1, n):
        space *= len(choices(i))
    return Level("boolean", str(n), space, make)


def _letter(i: int) -> str:
    return chr(ord("a") + i)


def _expression(word: str, sources: list[int], chinese: bool) -> str:
    first, *rest = map(_letter, sources)
    if word == "copy":
        return first
    if word == "not":
        return f"非{first}" if chinese else f"not {first}"
    return f"{first}{'且' if word == 'and' else '或'}{rest[0]}" if chinese else f"{first} {word} {rest[0]}"


def object_counting(n: int, language: str) -> Level:
    """How many of several things are fruits, or animals."""
    chinese = language == "chinese"
    fruits = FRUITS[language]
    things = fruits + ANIMALS[language]

    def make(number: int) -> Problem:
        chosen, number = take(number, things, n)
        counts, number = digits(number, MOST_OF_A_KIND, n)
        wanted, counts, total, steps = number % 2 == 0, [count + 1 for count in counts], 0, []
        for thing, count in zip(chosen, counts):
            if (thing in fruits) == wanted:
                total += count
                steps.append(f"{_some(thing, count, chinese)}，共{total}。" if chinese else
                             f"{_some(thing, count, chinese)}: {total} in all.")  # fmt: skip
        shown = [_some(thing, count, chinese) for thing, count in zip(chosen, counts)]
        if chinese:
            question = f"我有{'、'.join(shown)}。我一共有多少{'水果' if wanted else '动物'}？"
            return Problem(question, steps or ["一个也没有。"], str(total))
        question = f"I have {', '.join(shown)}. How many {'fruits' if wanted else 'animals'} do I have?"
        return Problem(question, steps or ["There are none."], str(total))

    space = permutations(len(things), n) * MOST_OF_A_KIND**n * 2
    return Level("object_counting", str(n), space, make)


def _some(thing: tuple[str, str], count: int, chinese: bool) -> str:
    return f"{count}{thing[1]}{thing[0]}" if chinese else f"{count} {thing[count > 1]}"


def word_sorting(n: int, language: str) -> Level:
    """Words in the order of the alphabet; in Chinese, numerals in the order of their values."""
    chinese = language == "chinese"
    numerals = {chinese_numeral(i): i for i in range(1, 100)}
    words = list(numerals) if chinese else WORDS[language]

    def make(number: int) -> Problem:
        chosen, _ = take(number, words, n)
        ordered = sorted(chosen, key=numerals.get) if chinese else sorted(chosen)
        between = "、" if chinese else " "
        steps = [f"第{i + 1}是{word}。" if chinese else f"Number {i + 1} is {word}." for i, word in enumerate(ordered)]
        question = (f"把这些数词从小到大排列：{between.join(chosen)}" if chinese else
                    f"Put these words into alphabetical order: {between.join(chosen)}")  # fmt: skip
        return Problem(question, steps, between.join(ordered))

    return Level("word_sorting", str(n), permutations(len(words), n), make)


def unscramble(n: int, language: str) -> Level:
    """A word (in Chinese an idiom) whose letters were shuffled; ``n`` letters each."""
    chinese = language == "chinese"
    words = [word for word in SCRAMBLED[language] if len(word) == n]
    orders = factorial(n) - 1  # all but the right one

    def make(number: int) -> Problem:
        number, place = divmod(number, len(words))
        word = words[place]
        letters, _ = take(number + 1, word, n)  # choice 0 is the word itself
        shown, between = "".join(letters), "" if chinese else " "
        steps = [f"第{i + 1}个字是{letter}。" if chinese else f"Letter {i + 1} is {letter}."
                 for i, letter in enumerate(word)]  # fmt: skip
        question = (f"把打乱的成语“{shown}”还原。" if chinese else
                    f"Which word has the letters {between.join(letters)}?")  # fmt: skip
        return Problem(question, steps, word)

    return Level("unscramble", str(n), orders * len(words), make)


def repeat_copy(n: int, language: str) -> Level:
    """Words said several times over."""
    words, chinese = WORDS[language], language == "chinese"

    def make(number: int) -> Problem:
        places, number = digits(number, len(words), n)
        times = number % (MOST_COPIES - 1) + 2
        between = "、" if chinese else " "
        phrase = between.join(words[place] for place in places)
        steps = [f"第{i + 1}遍：{phrase}。" if chinese else f"Time {i + 1}: {phrase}." for i in range(times)]
        question = f"把“{phrase}”重复{times}遍。" if chinese else f'Say "{phrase}" {times} times.'
        return Problem(question, steps, between.join([phrase] * times))

    return Level("repeat_copy", str(n), len(words) ** n * (MOST_COPIES - 1), make)


def key_value(n: int, language: str) -> Level:
    """Pairs of words; given one's first word, the second is asked for."""
    words, chinese = WORDS[language], language == "chinese"

    def make(number: int) -> Problem:
        keys, number = take(number, words, n)
        places, number = digits(number, len(words), n)
        wanted = number % n
        pairs = [f"{key} = {words[place]}" for key, place in zip(keys, places)]
        steps = [f"这一对是{pairs[wanted]}。" if chinese else f"The pair is {pairs[wanted]}."]
        question = (f"已知{'，'.join(pairs)}。{keys[wanted]}对应什么？" if chinese else
                    f"Given {', '.join(pairs)}, what belongs to {keys[wanted]}?")  # fmt: skip
        return Problem(question, steps, words[places[wanted]])

    return Level("key_value", str(n), permutations(len(words), n) * len(words) ** n * n, make)


TASKS = {
    "coin_flip": coin_flip, "last_letters": last_letters, "reverse_list": reverse_list, "parity": parity,
    "boolean": boolean, "object_counting": object_counting, "word_sorting": word_sorting, "unscramble": unscramble,
    "repeat_copy": repeat_copy, "key_value": key_value,
}  # fmt: skip
