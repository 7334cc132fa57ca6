"""Runs a plan on a world the way the documentation of `How` says, and counts the units really spent."""

from tests.property.plan.planmodel import UNITS, World
from tonicdm.plan.planner import How, Plan, choose


class Run:
    """One plan on one world; records asked for, and what they cost."""

    def __init__(self, plan: Plan, world: World, *, empty_store: bool = False) -> None:
        self.world = world
        self.stale = set(range(world.n)) if empty_store else set(world.changed)
        self.fetched: set[int] = set()
        self.seen: set[int] = set()
        self.units = 0
        self.ended = False
        """Whether the whole list was seen to its end."""
        self.over = False
        """Whether a probe has shown that nothing is left to do."""
        self.newest_from = 1
        for position, step in enumerate(plan.steps):
            follows_scan = position > 0 and plan.steps[position - 1].how in {How.STUBS, How.AUDIT, How.CHANGED_STUBS}
            if not self.over:
                self._step(step.how, step.foreseen, follows_scan=follows_scan)

    @property
    def exact(self) -> bool:
        return self.stale <= self.fetched

    def _read(self, quality: str, number: int, *, only_changed: bool = False, newest: bool = False) -> list[int]:
        self.units += UNITS[quality]
        records = self.world.page(number, only_changed=only_changed, newest=newest)
        self.seen |= set(records)
        self.ended |= not only_changed and len(records) < self.world.size
        if quality == "basic":
            self.fetched |= set(records)
        return records

    def _list(self, quality: str, *, only_changed: bool = False, foreseen: int = 0) -> list[list[int]]:
        pages = [self._read(quality, 1, only_changed=only_changed)]
        while len(pages[-1]) == self.world.size:
            number = len(pages) + 1
            if (
                quality == "basic"
                and number > foreseen
                and not self._read("id_only", number, only_changed=only_changed)
            ):
                break
            pages.append(self._read(quality, number, only_changed=only_changed))
        return pages

    def _by_id(self, records: list[int]) -> None:
        self.units += 5 * -(-len(records) // self.world.ids)
        self.fetched |= set(records)

    def _step(self, how: How, foreseen: int, *, follows_scan: bool) -> None:
        if how is How.PAGES:
            self._list("basic", foreseen=foreseen)
        elif how is How.PROBE:
            self.over = not self._read("id_only", 1, only_changed=True)
        elif how is How.CHANGED_PAGES and follows_scan and not self.stale:
            return
        elif how is How.CHANGED_PAGES:
            self._list("basic", only_changed=True, foreseen=foreseen)
        elif how in {How.STUBS, How.AUDIT}:
            self.pages = self._list("id_only")
        elif how in {How.WHOLE_PAGES, How.BY_ID}:
            assert follows_scan
            chosen = choose([len(self.stale & set(page)) for page in self.pages], self.world.ids)
            for number in chosen.whole:
                self._read("basic", number)
            self._by_id(
                [record for number in chosen.by_id for record in self.pages[number - 1] if record in self.stale]
            )
        elif how is How.PROBE_NEWEST:
            new = self.stale & set(self._read("id_only", 1, newest=True))
            self.newest_from = 1 if new else 2
            self.quiet = not new
        elif how is How.NEWEST_PAGES:
            self._newest(foreseen)
        elif how is How.REST_STUBS:
            while not self.ended:
                self._read("id_only", self.newest_from, newest=True)
                self.newest_from += 1
        else:
            raise AssertionError(how)

    def _newest(self, foreseen: int) -> None:
        if getattr(self, "quiet", False):
            return
        for number in range(1, self.world.n // self.world.size + 2):
            self.newest_from = number
            if number > foreseen and not self.stale & set(self._read("id_only", number, newest=True)):
                self.newest_from += 1
                return
            records = self._read("basic", number, newest=True)
            self.newest_from += 1
            if not set(records) <= self.stale or len(records) < self.world.size:
                return
