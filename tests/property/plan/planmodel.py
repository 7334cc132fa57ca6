"""A type of record, the calls there are, and two exhaustive searches over them. It shares no line with the planner."""

import dataclasses
import functools
import heapq
import itertools
import math

UNITS = {"id_only": 1, "basic": 5, "complete": 20}


@dataclasses.dataclass(frozen=True)
class World:
    """A type on the server. Records are numbered as it lists them; the store has all but the changed ones."""

    n: int
    changed: frozenset[int]
    size: int
    ids: int
    updated_after: bool

    def page(self, number: int, *, only_changed: bool = False, newest: bool = False) -> list[int]:
        listed = [record for record in range(self.n) if record in self.changed or not only_changed]
        if newest:
            listed.sort(key=lambda record: record not in self.changed)
        return listed[(number - 1) * self.size : number * self.size]

    def pages(self, *, only_changed: bool = False) -> range:
        """The page numbers worth asking for: those with records, and the next where the last of them is full."""
        count = len(self.changed) if only_changed else self.n
        return range(1, count // self.size + 2)


def subsets(records, largest: int):
    for count in range(1, largest + 1):
        yield from itertools.combinations(records, count)


# --- the best sequence of one who guesses right ---------------------------------------------------------------------


def optimum(world: World, *, audit: bool = False, empty_store: bool = False, newest: bool = True) -> int:
    """The least units of any sequence of calls after which the answers alone prove that the store is exact.

    Dijkstra over what the calls have shown: which records are settled (fetched, or seen to be unchanged), which pages
    of the whole list, and which of the changed list, were seen. The sequence may be lucky; it may leave nothing open.
    With *audit* the whole list has to be seen, so that what it lacks is gone; with *newest* the server can also list by
    last update, newest first.
    """
    everything = (1 << world.n) - 1
    stale = everything if empty_store else sum(1 << record for record in world.changed)
    last, news_pages = len(world.pages()) - 1, len(world.pages(only_changed=True))
    full_list, changed_list = (1 << (last + 1)) - 1, (1 << news_pages) - 1
    # What can't matter is not kept: without an audit only the end of the list does; in one what changed is no proof.
    matters = (full_list, 0) if audit else (1 << last, changed_list)
    cheapest: dict[tuple[int, int, int], int] = {}
    for price, settles, lists, tells in _moves(world, stale, orders=(False, True) if newest else (False,)):
        effect = (settles & everything, lists & matters[0], tells & matters[1])
        cheapest[effect] = min(price, cheapest.get(effect, price))

    def proven(settled: int, listed: int, news: int) -> bool:
        told = world.updated_after and not audit and news == changed_list
        settled |= everything & ~stale if told else 0
        return settled == everything and (listed == matters[0] or told)

    known = {(0, 0, 0): 0}
    queue = [(0, 0, 0, 0)]
    while queue:
        cost, *state = heapq.heappop(queue)
        if known[tuple(state)] < cost:
            continue
        if proven(*state):
            return cost
        for effect, price in cheapest.items():
            after = tuple(had | new for had, new in zip(state, effect, strict=True))
            if known.get(after, math.inf) > cost + price:
                known[after] = cost + price
                heapq.heappush(queue, (cost + price, *after))
    raise AssertionError("reading every page whole is always enough")


def _moves(world: World, stale: int, orders: tuple[bool, ...]):
    """Every call there is: its price, and the bits of what it settles and shows."""
    for quality, price in UNITS.items():
        shown = -1 if quality != "id_only" else ~stale
        for number in world.pages():
            for newest in orders:
                records = sum(1 << record for record in world.page(number, newest=newest))
                # The bit of a page stands for the same page of either order: where the orders are mixed, some record is
                # seen twice and another never, and the settled bits tell.
                yield price, records & shown, 1 << (number - 1), 0
        if world.updated_after:
            for number in world.pages(only_changed=True):
                records = sum(1 << record for record in world.page(number, only_changed=True))
                yield price, records & shown, 0, 1 << (number - 1)
        for asked in subsets(range(world.n), world.ids):
            yield price, sum(1 << record for record in asked) & shown, 0, 0


# --- the best policy of one who knows only probabilities ------------------------------------------------------------


def best_policy(n: int, size: int, ids: int, share: float, *, updated_after: bool) -> float:
    """The least mean units of any policy, each record having changed with probability *share*, apart from the others.

    Exhaustive: a state is the set of worlds that the answers so far allow, and the records fetched. In each, every call
    is tried; its answer splits the set. A policy ends where no allowed world has a changed record that was not fetched.
    """
    worlds = [frozenset(changed) for count in range(n + 1) for changed in itertools.combinations(range(n), count)]
    weights = [share ** len(changed) * (1 - share) ** (n - len(changed)) for changed in worlds]
    calls = [
        _answers([World(n, changed, size, ids, updated_after) for changed in worlds], call)
        for call in _questions(n, size, ids, updated_after=updated_after)
    ]
    masks = [sum(1 << record for record in changed) for changed in worlds]

    @functools.cache
    def mean(allowed: int, fetched: int) -> float:
        """Mean units from here on, times the probability of being here."""
        inside = [index for index in range(len(worlds)) if allowed >> index & 1]
        if all(masks[index] & ~fetched == 0 for index in inside):
            return 0.0
        weight = sum(weights[index] for index in inside)
        best = math.inf
        for price, groups in calls:
            split = [(allowed & group, fetched | brought) for group, brought in groups if allowed & group]
            if (allowed, fetched) in split:
                continue
            cost = price * weight
            for state in split:
                cost += mean(*state)
                if cost >= best:
                    break
            best = min(best, cost)
        return best

    return mean((1 << len(worlds)) - 1, 0)


def _questions(n: int, size: int, ids: int, *, updated_after: bool):
    for quality in ("id_only", "basic"):
        for number in range(1, -(-n // size) + 1):
            yield quality, "page", number
        for number in range(1, n // size + 2 if updated_after else 1):
            yield quality, "changed", number
        for asked in subsets(range(n), ids):
            yield quality, "ids", asked


def _answers(worlds, call):
    """Group the worlds by what a call would answer: its price, and for each answer its worlds and what it brings."""
    quality, kind, what = call
    groups: dict[tuple, tuple[int, int]] = {}
    for index, world in enumerate(worlds):
        records = list(what) if kind == "ids" else world.page(what, only_changed=kind == "changed")
        answer = tuple((record, record in world.changed) for record in records)
        brought = sum(1 << record for record in records) if quality == "basic" else 0
        group, _ = groups.get(answer, (0, 0))
        groups[answer] = (group | 1 << index, brought)
    return UNITS[quality], list(groups.values())
