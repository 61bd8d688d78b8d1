"""What is so in a biography world, and how often the text says it: exact shares, any fact by itself."""

from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate, count
from typing import NamedTuple

from core.data.shares import apportion
from core.data.worlds.facts import STRATA
from core.data.worlds.names import Names
from core.data.worlds.numbers import Shuffle, draw
from core.data.worlds.wordings import RELATIONS
from core.errors import LabError
from core.spec.world import Biographies, WorldSpec

LEAST_PART = 8  # values in each part of a shared pool, so that a person's values can always differ
PEOPLE_IN_MEMORY = 16_384  # about 3 kB each; documents come in random order
_STRATA, _SHARED, _VALUE, _SPLIT = range(1, 5)  # so that draws for different ends have nothing in common


class Pool(NamedTuple):
    """The values of one relation: numbers of names, those shared with sister relations first."""

    kind: str
    shared: range
    own: range

    def __len__(self) -> int:
        return len(self.shared) + len(self.own)

    def __getitem__(self, place: int) -> int:
        return self.shared[place] if place < len(self.shared) else self.own[place - len(self.shared)]


def frequencies(world: Biographies, least: int = 1, most: int = 0) -> dict[int, float]:
    """How often a fact is stated: {count: share of the facts}, counts ascending from ``least`` to ``most``, if any."""
    if world.law == "zipf":
        law = {k: k ** -world.zipf_exponent for k in range(1, world.zipf_most + 1)}
    else:
        shares = world.count_shares or [1.0] * len(world.counts)
        law: dict[int, float] = {}
        for k, share in zip(world.counts, shares):
            law[k] = law.get(k, 0.0) + share
        if world.law == "monofacts":
            others = {k: share for k, share in law.items() if k > 1} or {2: 1.0}
            whole = sum(others.values())
            law = {1: world.stated_once} | {k: (1 - world.stated_once) * v / whole for k, v in others.items()}
    law = {k: law[k] for k in sorted(law) if least <= k <= (most or k) and law[k] > 0} or {least: 1.0}
    whole = sum(law.values())
    return {k: share / whole for k, share in law.items()}


def strata_shares(world: Biographies) -> dict[str, float]:
    """The share of facts in each stratum, as asked for; what is left over is stated truly."""
    others = [world.false_stated, world.conflicting, world.accidental, world.never_stated]
    return dict(zip(STRATA, [max(0.0, 1 - sum(others)), *others]))


class Person(NamedTuple):
    """One person: by relation the true value, the stratum, and the value of each mention in order."""

    name: str
    truths: list[str]
    strata: list[str]
    told: list[list[str]]


class Truth:
    """Facts by number: person times relations, plus the relation's place."""

    def __init__(self, spec: WorldSpec) -> None:
        world = spec.world
        self.seed, self.people, self.world = spec.seed, spec.size, world
        self.relations = [RELATIONS[name] for name in world.relations]
        self.names = Names(spec.language, spec.seed, spec.size + 3 * world.values)
        if spec.size + 3 * world.values > self.names.count("person"):
            raise LabError(
                "There are only {count} different names of people in this language.", "Size",
                "Ask for fewer people.", count=self.names.count("person"))
        self.n_facts = spec.size * len(self.relations)
        self.asked = strata_shares(world)
        sizes = apportion(self.n_facts, list(self.asked.values()))
        self._starts = [0, *accumulate(sizes)]
        self._counts = [self._count_table(stratum, size) for stratum, size in zip(STRATA, sizes)]
        self._order = Shuffle(self.n_facts, self.seed, _STRATA)
        self.pools = self._make_pools()
        self._sisters = [place for place, pool in enumerate(self.pools) if pool.shared]
        self.n_sharing = self.people * len(self._sisters)  # facts whose value may belong to another relation too
        self._shared_order = Shuffle(max(self.n_sharing, 1), self.seed, _SHARED)
        self._n_shared = round(self.n_sharing * world.shared_values)
        self.person = lru_cache(maxsize=PEOPLE_IN_MEMORY)(self._person)

    def _count_table(self, stratum: str, size: int) -> tuple[list[int], list[int]]:
        """(ranks at which a count begins, the counts) of the facts of one stratum."""
        if stratum == "never_stated":
            return [0], [0]
        law = frequencies(self.world, 2 if stratum == "conflicting" else 1,
                          self.world.false_most if stratum == "false_stated" else 0)  # fmt: skip
        return [0, *accumulate(apportion(size, list(law.values())))][:-1], list(law)

    def _make_pools(self) -> list[Pool]:
        kinds = [relation.kind for relation in self.relations]
        n, share = self.world.values, self.world.shared_values
        pools, used = [], dict.fromkeys(kinds, 0)
        for kind in kinds:
            n_shared = min(max(round(n * share), LEAST_PART), n - LEAST_PART) if 0 < share < 1 else round(n * share)
            n_shared = n_shared if kinds.count(kind) > 1 else 0
            first = self.people if kind == "person" else 0  # values are people of whom nothing else is known
            own = first + n_shared + used[kind]
            pools.append(Pool(kind, range(first, first + n_shared), range(own, own + n - n_shared)))
            used[kind] += n - n_shared
        return pools

    def stratum(self, fact: int) -> str:
        """In which stratum a fact lies."""
        return STRATA[bisect_right(self._starts, self._order(fact)) - 1]

    def mentions(self, fact: int) -> int:
        """How many documents state it (or, by accident, hold the person and a wrong value), copies not counted."""
        rank = self._order(fact)
        stratum = bisect_right(self._starts, rank) - 1
        begins, counts = self._counts[stratum]
        return counts[bisect_right(begins, rank - self._starts[stratum]) - 1]

    @property
    def n_true(self) -> int:
        """How many facts are stated truly and nothing else."""
        return self._starts[1]

    def true_fact(self, number: int) -> int:
        """One of the facts that are stated truly, by its number among them."""
        return self._order.inverse(number)

    def true_number(self, fact: int) -> int:
        """The inverse of :meth:`true_fact`; at least :attr:`n_true` for other facts."""
        return self._order(fact)

    def is_shared(self, fact: int) -> bool:
        """Whether the fact's value is also a possible value of another relation."""
        person, place = divmod(fact, len(self.relations))
        if place not in self._sisters:
            return False
        return self._shared_order(person * len(self._sisters) + self._sisters.index(place)) < self._n_shared

    def _person(self, number: int) -> Person:
        facts = range(number * len(self.relations), (number + 1) * len(self.relations))
        values = self._values(number)
        return Person(
            self.names.name("person", number), [chosen[0] for chosen in values], [self.stratum(f) for f in facts],
            [self._told(fact, chosen) for fact, chosen in zip(facts, values)])

    def _values(self, person: int) -> list[list[str]]:
        """For each relation the truth, then the wrong values that are told; all of a person's values differ."""
        width, used = len(self.relations), {}
        chosen: list[list[int]] = []
        for place, pool in enumerate(self.pools):  # truths first, so that shares come out exactly
            part = pool.shared if self.is_shared(person * width + place) else pool.own or pool.shared
            chosen.append([self._pick(part, used.setdefault(pool.kind, set()), person, place, 0)])
        for place, pool in enumerate(self.pools):
            for number in range(1, self._n_values(person * width + place)):
                chosen[place].append(self._pick(pool, used[pool.kind], person, place, number))
        return [[self.names.name(pool.kind, number) for number in numbers]
                for pool, numbers in zip(self.pools, chosen)]  # fmt: skip

    def _pick(self, pool, used: set[int], *keys: int) -> int:
        for attempt in count():
            value = pool[draw(self.seed, _VALUE, *keys, attempt) % len(pool)]
            if value not in used:
                used.add(value)
                return value

    def _n_values(self, fact: int) -> int:
        """How many values belong to a fact: the truth, and what is said beside or instead of it."""
        stratum = self.stratum(fact)
        if stratum == "conflicting":
            return min(self.world.conflicting_values, self.mentions(fact))
        return 2 if stratum in ("false_stated", "accidental") else 1

    def _told(self, fact: int, values: list[str]) -> list[str]:
        """The value of each mention of a fact, in order; the truth may come first, last or between."""
        mentions = self.mentions(fact)
        if len(values) == 1:
            return values * mentions
        if self.stratum(fact) != "conflicting":
            return values[1:] * mentions
        k = len(values)
        cuts = Shuffle(mentions - 1, self.seed, _SPLIT, fact)
        ends = sorted(cuts(i) + 1 for i in range(k - 1)) + [mentions]
        first = draw(self.seed, _SPLIT, fact, 1) % k
        said, start = [], 0
        for i, end in enumerate(ends):
            said += [values[(first + i) % k]] * (end - start)
            start = end
        return said
