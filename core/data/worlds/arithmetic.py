"""Arithmetic: sums, differences, products and comparisons, each with its steps digit by digit."""

from core.data.worlds.levels import Level, Problem
from core.spec.world import Arithmetic

SIGNS = {"add": "+", "subtract": "-", "multiply": "*"}


def arithmetic_levels(world: Arithmetic, language: str) -> list[Level]:
    """One level for every operation and pair of lengths; every pair of numbers is one problem."""
    lengths = range(1, world.digits + 1)
    return [Level(operation, f"{first}+{second}", _span(first) * _span(second),
                  _maker(operation, first, second, language == "chinese"))
            for operation in world.operations for first in lengths for second in lengths]  # fmt: skip


def _span(digits: int) -> int:
    """How many numbers have so many digits; 0 has one."""
    return 10 if digits == 1 else 9 * 10 ** (digits - 1)


def _maker(operation: str, first: int, second: int, chinese: bool):
    def make(number: int) -> Problem:
        a, b = divmod(number, _span(second))
        a += 10 ** (first - 1) if first > 1 else 0
        b += 10 ** (second - 1) if second > 1 else 0
        return STEPS[operation](a, b, chinese)

    return make


def _ask(a: int, sign: str, b: int, chinese: bool) -> str:
    return f"{a} {sign} {b} 等于多少？" if chinese else f"What is {a} {sign} {b}?"


def add(a: int, b: int, chinese: bool) -> Problem:
    """Digits from the right, with what is carried."""
    steps, carry, left, right = [], 0, a, b
    while left or right or not steps:
        (left, i), (right, j) = divmod(left, 10), divmod(right, 10)
        total = i + j + carry
        terms = f"{i} + {j} + {carry}" if carry else f"{i} + {j}"
        carry, digit = divmod(total, 10)
        steps.append(f"{terms} = {total}，写{digit}进{carry}。" if chinese else
                     f"{terms} = {total}, write {digit}, carry {carry}.")  # fmt: skip
    if carry:
        steps.append(f"最后写{carry}。" if chinese else f"Write {carry}.")
    return Problem(_ask(a, "+", b, chinese), steps, str(a + b))


def subtract(a: int, b: int, chinese: bool) -> Problem:
    """The smaller from the larger, digits from the right, with what is borrowed; then the sign."""
    steps, borrow, left, right = [], 0, max(a, b), min(a, b)
    if a < b:
        steps.append(f"{a}小于{b}，先算{b} - {a}，结果为负。" if chinese else
                     f"{a} is less than {b}, so take {b} - {a} and make it negative.")  # fmt: skip
    while left or not steps or (a < b and len(steps) == 1):
        (left, i), (right, j) = divmod(left, 10), divmod(right, 10)
        less = j + borrow
        lend = 10 * (i < less)
        terms = f"{i + lend} - {j} - {borrow}" if borrow else f"{i + lend} - {j}"
        digit, borrow = i + lend - less, lend // 10
        steps.append(f"{terms} = {digit}，写{digit}借{borrow}。" if chinese else
                     f"{terms} = {digit}, write {digit}, borrow {borrow}.")  # fmt: skip
    answer = str(a - b)
    return Problem(_ask(a, "-", b, chinese), steps, answer.replace("-", "负") if chinese else answer)


def multiply(a: int, b: int, chinese: bool) -> Problem:
    """One product for every digit of the second number, summed as they come."""
    steps, total = [], 0
    for place, digit in enumerate(reversed(str(b))):
        part = int(digit) * 10**place
        steps.append(f"{a} * {part} = {a * part}{'。' if chinese else '.'}")
        if place:
            steps.append(f"{total} + {a * part} = {total + a * part}{'。' if chinese else '.'}")
        total += a * part
    return Problem(_ask(a, "*", b, chinese), steps, str(total))


def compare(a: int, b: int, chinese: bool) -> Problem:
    """By length first, then digit by digit from the left."""
    steps, first, second = [], str(a), str(b)
    if len(first) != len(second):
        steps.append(f"{a}有{len(first)}位，{b}有{len(second)}位。" if chinese else
                     f"{a} has length {len(first)}, {b} has length {len(second)}.")  # fmt: skip
    else:
        for i, j in zip(first, second):
            steps.append(f"{i}{_relation(i, j, True)}{j}。" if chinese else f"{i} {_relation(i, j, False)} {j}.")
            if i != j:
                break
    question = f"{a} 比 {b} 大吗？" if chinese else f"Is {a} greater than {b}?"
    return Problem(question, steps, ("是" if a > b else "否") if chinese else ("yes" if a > b else "no"))


def _relation(i: str, j: str, chinese: bool) -> str:
    if i == j:
        return "等于" if chinese else "equals"
    if chinese:
        return "大于" if i > j else "小于"
    return "is greater than" if i > j else "is less than"


STEPS = {"add": add, "subtract": subtract, "multiply": multiply, "compare": compare}
