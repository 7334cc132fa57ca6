"""The real inbox, in a real file, against a model: no event lost, none done twice, order per record kept.

Workers may crash at any moment, their leases run out, others take over, and people replay what ended. The handler's
effect is a row written together with the end of its job.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import pathlib
import secrets
import tempfile
from collections import Counter

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tonicdm.clock import VirtualClock
from tonicdm.store import Store
from tonicdm.store.database import Location
from tonicdm.store.opening import locate
from tonicdm.webhooks import Filter, Inbox, InboxRules, State, parse
from tonicdm.webhooks import jobs as sql

RULES = InboxRules(attempts=3, first_retry_delay=10.0, factor=2.0, max_retry_delay=25.0, lease=60.0)
RECORDS = [("persons", f"{1:032x}"), ("persons", f"{2:032x}"), ("offices", f"{1:032x}")]
PICK = st.integers(0, 10_000)
MEMORY = pathlib.Path("/dev/shm")
"""Where files do not wait for a disk: what a power cut does is not what is tested here."""


@dataclasses.dataclass
class Held:
    """A lease as the worker knows it, which may be less than is true."""

    owner: str
    numbers: list[int]
    until: float
    begun: set[int] = dataclasses.field(default_factory=set)


def _effect(number):
    return lambda db: db.execute("INSERT INTO effect VALUES (?)", (number,))


class InboxMachine(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self.clock = VirtualClock()
        self.events: dict[str, set[tuple[str, str]]] = {}
        self.sent: dict[str, object] = {}
        self.leases: list[Held] = []
        self.rounds: Counter[int] = Counter()
        """How often each job was made open: by its arrival and by each replay."""
        self.ends: Counter[int] = Counter()
        """How often each was done."""
        self.location = self.locate()
        self.open()
        self.run(self.store.write(lambda db: db.execute("CREATE TABLE effect (job INTEGER)")))

    def locate(self) -> Location:
        """Return where the inbox is."""
        return locate(pathlib.Path(self.folder.name, "inbox.db"))

    def open(self) -> None:
        self.store = Store(self.location)
        self.inbox = Inbox(self.store, rules=RULES, clock=self.clock)

    def run(self, work):
        return self.runner.run(work)

    def rows(self, query, *values):
        return self.run(self.store.query(query, values))

    def states(self):
        """Return (state, attempts, record_type, id) by number."""
        return {row[0]: row[1:] for row in self.rows("SELECT number, state, attempts, record_type, id FROM job")}

    # --- arriving -----------------------------------------------------------------------------------------------------

    @rule(records=st.lists(st.sampled_from(RECORDS), min_size=0, max_size=3, unique=True))
    def receive(self, records):
        """An event of one type that names up to three records, or none that is known."""
        record_type = records[0][0] if records else "zebras"
        named = {one for one in records if one[0] == record_type}
        key = f"e{len(self.events)}"
        body = json.dumps(
            {"id": key, "type": f"{record_type}.updated", "data": [{"id": one} for _, one in sorted(named)]}
        )
        event = parse(body.encode(), {}, signed=False, received=self.clock.now())
        assert self.run(self.inbox.receive([event])) == [True]
        self.events[key] = named or {("", "")}
        self.sent[key] = event
        for (number,) in self.rows("SELECT job.number FROM job JOIN event ON event.number = event WHERE key = ?", key):
            self.rounds[number] = 1

    @precondition(lambda self: self.sent)
    @rule(pick=PICK, times=st.integers(1, 2))
    def duplicate(self, pick, times):
        event = list(self.sent.values())[pick % len(self.sent)]
        assert self.run(self.inbox.receive([event] * times)) == [False] * times

    # --- working ------------------------------------------------------------------------------------------------------

    @rule(pick=st.sampled_from(RECORDS), behind=st.integers(0, 3))
    def fetch(self, pick, behind):
        """A record is fetched; the call had left before the last events arrived."""
        record_type, one = pick
        upto = self.run(self.store.read(sql.horizon)) - behind
        self.run(self.store.write(lambda db: sql.settle(db, record_type, {one: None}, upto)))

    @rule(fetch=st.booleans(), limit=st.integers(1, 6))
    def lease(self, fetch, limit):
        before, now = self.states(), self.clock.now()
        taken = {number for held in self.leases if held.until > now for number in held.numbers}
        lease = self.run(self.inbox.lease(fetch=["persons", "offices"] if fetch else None, limit=limit))
        numbers = [job.number for job in lease.jobs]
        assert not taken & set(numbers), "leased by somebody else"
        assert len({before[number][2:] for number in numbers if before[number][3]}) == sum(
            1 for number in numbers if before[number][3]
        ), "two jobs of one record at once"
        for number in numbers:
            for other, (state, attempts, *record) in before.items():
                expired = state == "leased" and other not in taken and attempts >= RULES.attempts
                if record == list(before[number][2:]) and record[1] and other != number and not expired:
                    assert other not in taken, "another job of the record is leased"
                    assert state in {"done", "dead"} or other > number, "an earlier job of the record is open"
        if numbers:
            self.leases.append(Held(lease.owner, numbers, now + RULES.lease))

    def one(self, pick, *, begun=None):
        """Return a lease and one of its jobs."""
        found = [
            (held, number)
            for held in self.leases
            for number in held.numbers
            if begun is None or (number in held.begun) is begun
        ]
        return found[pick % len(found)] if found else (None, 0)

    @precondition(lambda self: self.leases)
    @rule(pick=PICK)
    def start(self, pick):
        held, number = self.one(pick, begun=False)
        if held is None:
            return
        before = self.states()[number]
        attempt = self.run(self.inbox.begin(number, held.owner))
        if attempt is None:
            assert held.until <= self.clock.now(), "a lease is lost only when it has run out"
            held.numbers.remove(number)
        else:
            assert attempt == before[1] + 1 <= RULES.attempts
            held.begun.add(number)

    @precondition(lambda self: self.leases)
    @rule(pick=PICK)
    def finish(self, pick):
        held, number = self.one(pick, begun=True)
        if held is None:
            return
        done = self.run(self.inbox.finish([number], held.owner, [_effect(number)]))
        assert done or held.until <= self.clock.now()
        self.ends[number] += done
        held.numbers.remove(number)

    @precondition(lambda self: self.leases)
    @rule(pick=PICK)
    def fail(self, pick):
        held, number = self.one(pick, begun=True)
        if held is None:
            return
        attempts = self.states()[number][1]
        found = self.run(self.inbox.fail([number], held.owner, "it failed"))
        assert found or held.until <= self.clock.now()
        if found:
            assert found[number] is (State.DEAD if attempts >= RULES.attempts else State.RECEIVED)
        held.numbers.remove(number)

    @precondition(lambda self: self.leases)
    @rule(pick=PICK)
    def give_back(self, pick):
        held, number = self.one(pick)
        if held is not None:
            self.run(self.inbox.release([number], held.owner, counted=number in held.begun))
            held.numbers.remove(number)

    @precondition(lambda self: self.leases)
    @rule()
    def renew(self):
        now = self.clock.now()
        self.run(self.inbox.renew([held.owner for held in self.leases]))
        for held in self.leases:
            # One that had run out holds on as long as nobody has taken its jobs.
            mine = {number for (number,) in self.rows("SELECT number FROM job WHERE owner = ?", held.owner)}
            if mine:
                held.until = now + RULES.lease

    @precondition(lambda self: self.leases)
    @rule(pick=PICK)
    def work_off(self, pick):
        """All of a lease, without an accident."""
        held = self.leases[pick % len(self.leases)]
        for number in list(held.numbers):
            if number not in held.begun and self.run(self.inbox.begin(number, held.owner)) is None:
                continue
            self.ends[number] += self.run(self.inbox.finish([number], held.owner, [_effect(number)]))
        held.numbers.clear()

    @precondition(lambda self: self.leases)
    @rule(pick=PICK)
    def oversleep(self, pick):
        """A worker is suspended in the middle of its work, another takes over, and the first wakes up."""
        held, number = self.one(pick, begun=True)
        if held is None or held.until <= self.clock.now():
            return
        self.clock.advance(RULES.lease)
        other = self.run(self.inbox.lease())
        assert not self.run(self.inbox.finish([number], held.owner, [_effect(number)])), "its time was up"
        until = self.clock.now() + RULES.lease
        self.leases.append(Held(other.owner, [job.number for job in other.jobs], until))
        held.numbers.remove(number)

    # --- time and accidents -------------------------------------------------------------------------------------------

    @precondition(lambda self: self.leases)
    @rule(pick=PICK, whole=st.booleans())
    def crash(self, pick, whole):
        """A worker is gone, or its process with the connection that it had; nobody knows."""
        if not whole:
            self.leases.pop(pick % len(self.leases))
            return
        self.leases = []
        connection, self.store._database = self.store._database, None
        if connection is not None:
            connection.close()
        self.store._thread.shutdown()
        self.open()

    @rule(seconds=st.sampled_from([1.0, 9.0, 61.0]))
    def wait(self, seconds):
        self.clock.advance(seconds)

    # --- by hand ------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.sent)
    @rule(pick=PICK)
    def replay(self, pick):
        key = list(self.sent)[pick % len(self.sent)]
        before = self.states()
        count = self.run(self.inbox.replay(Filter(keys=[key])))
        after = self.states()
        ended = {number for number, row in before.items() if row[0] in {"done", "dead"}}
        again = [number for number in ended if after[number][0] == "received"]
        assert len(again) == count
        for number in again:
            self.rounds[number] += 1

    @precondition(lambda self: self.leases)
    @rule(pick=PICK)
    def replay_beneath_a_lease(self, pick):
        """An earlier job of a record is made open again while a later one of it is at work: it has to wait."""
        held, number = self.one(pick)
        if held is None:
            return
        _, _, record_type, one = self.states()[number]
        where = "WHERE record_type = ? AND id = ? AND state IN ('done', 'dead')"
        found = self.rows(f"SELECT key FROM event JOIN job ON event = event.number {where}", record_type, one)
        for (key,) in found:
            self.replay(list(self.sent).index(key))
        self.lease(fetch=False, limit=6)
        self.lease(fetch=True, limit=6)

    # --- what always holds --------------------------------------------------------------------------------------------

    @invariant()
    def no_event_is_lost(self):
        if not hasattr(self, "store"):
            return
        found: dict[str, set[tuple[str, str]]] = {}
        for key, record_type, one in self.rows(
            "SELECT key, record_type, id FROM event JOIN job ON event = event.number"
        ):
            found.setdefault(key, set()).add((record_type, one))
        assert found == self.events

    @invariant()
    def none_is_done_more_often_than_it_was_open(self):
        if not hasattr(self, "store"):
            return
        effects = Counter(number for (number,) in self.rows("SELECT job FROM effect"))
        assert effects == self.ends
        for number, (state, attempts, *_) in self.states().items():
            assert self.ends[number] <= self.rounds[number]
            assert attempts <= RULES.attempts
            assert state != "done" or self.ends[number] >= 1

    @invariant()
    def one_job_of_a_record_is_leased_at_most(self):
        if hasattr(self, "store"):
            leased = "SELECT count(*) AS n FROM job WHERE state = 'leased' AND id <> '' GROUP BY record_type, id"
            assert all(count == 1 for (count,) in self.rows(leased))

    def teardown(self):
        """From wherever it is, work goes on to the end: done or dead letters, each record's jobs in order."""
        if not hasattr(self, "store"):
            return
        order: list[int] = []
        for _ in range(200):
            if not self.rows("SELECT 1 FROM job WHERE state IN ('received', 'leased') LIMIT 1"):
                break
            self.clock.advance(30)
            for record_type, one in RECORDS:
                self.run(self.store.write(lambda db, k=record_type, o=one: sql.settle(db, k, {o: None}, 10**9)))
            lease = self.run(self.inbox.lease())
            for job in lease.jobs:
                assert self.run(self.inbox.begin(job.number, lease.owner)) is not None
                assert self.run(self.inbox.finish([job.number], lease.owner))
                order.append(job.number)
        states = self.states()
        assert {state for state, *_ in states.values()} <= {"done", "dead"}
        for record in RECORDS:
            mine = [number for number in order if states[number][2:] == record]
            assert mine == sorted(mine)
        self.run(self.store.close())
        self.runner.close()
        self.folder.cleanup()


TestInbox = InboxMachine.TestCase
# Each step is a transaction or more; a quarter of the profile's examples takes as long as all of another machine's.
TestInbox.settings = settings(max_examples=max(1, settings().max_examples // 4))


def test_the_inbox_holds_in_postgresql_too(postgres_server) -> None:
    """A schema for each example; fewer of them, as each step is a trip to the server."""

    class OnPostgresql(InboxMachine):
        def locate(self) -> Location:
            return locate(postgres_server, f"inbox_{secrets.token_hex(6)}")

    run_state_machine_as_test(OnPostgresql, settings=settings(max_examples=4, stateful_step_count=25, deadline=None))
