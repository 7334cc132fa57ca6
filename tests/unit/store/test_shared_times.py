"""Where a host's clock may be read in the packages that several hosts run on one database."""

from __future__ import annotations

import ast
import pathlib

import tonicdm

ROOT = pathlib.Path(tonicdm.__file__).parent
PACKAGES = ("jobs", "rhythm", "store", "sync", "webhooks")
DATABASES = "the database's, or a file's, which is of one machine"
SERVERS = "the API's, by its Date headers"
OWN = "of this client alone, for its own waits and for texts"
KNOWN = {
    "jobs/queue.py": {"self.now": DATABASES},
    "jobs/serving.py": {"budget.clock.now": DATABASES, "queue.now": DATABASES},
    "rhythm/caller.py": {"self.transport.budget.clock.now": OWN},
    "rhythm/dateclock.py": {"self._clock.now": "until the API was heard"},
    "rhythm/endpoints/processing.py": {
        "self._caller.transport.clock.now": "dates a note, and is compared with nothing"
    },
    "rhythm/endpoints/queries.py": {"self._caller.server_clock.now": SERVERS, "server.now": SERVERS},
    "rhythm/sharedthrottle.py": {"self._watch.now": DATABASES},
    "rhythm/sync.py": {"clock.now": DATABASES, "self.rhythm._caller.server_clock.now": SERVERS},
    "rhythm/throttle.py": {"self._throttle.clock.now": OWN, "self.clock.now": OWN},
    "rhythm/tokens/broker.py": {"self._issuer_clock.now": "the issuer's, or the database's until it was heard"},
    "rhythm/tokens/issuer.py": {"self._dates.now": "the same"},
    "rhythm/tokens/minter.py": {"self._clock.now": "the same"},
    "rhythm/tokens/store.py": {"self.clock.now": "dates the damage of a file"},
    "rhythm/users.py": {"self._issuer_clock.now": "the issuer's; a session is of one process"},
    "store/cached.py": {"self._clock.now": DATABASES},
    "store/lock.py": {"db.now": DATABASES, "time.time": "of a file"},
    "store/postgresql/database.py": {"self._watch.now": DATABASES},
    "store/sqlite.py": {"_MACHINES.now": DATABASES},
    "store/store.py": {
        "self._database.now": DATABASES,
        "self.clock(SystemClock()).now": DATABASES,
        "self.clock(clock).now": DATABASES,
    },
    "sync/engine.py": {"reader.now": DATABASES},
    "sync/estimate.py": {"store.clock(tonic.budget.clock).now": DATABASES},
    "sync/performing.py": {"self.reader.now": DATABASES},
    "sync/reader.py": {"self._clock.now": DATABASES, "self.now": DATABASES},
    "webhooks/fetching.py": {"self._reader.now": DATABASES},
    "webhooks/gaps.py": {"inbox.clock.now": DATABASES},
    "webhooks/inbox.py": {"self.clock.now": DATABASES},
    "webhooks/receiver.py": {"self._arrivals.now": DATABASES, "self._clock.now": "how old a signature is, on arrival"},
    "webhooks/send.py": {"(clock or SystemClock()).now": "of an event that is made up"},
    "webhooks/web.py": {"time.time": "for figures of a file"},
    "webhooks/worker.py": {"self._clock.now": DATABASES},
}
"""Whose time each reading is. What hosts share goes by the database's clock: `Store.clock`, `Database.now`."""


def readings(path: pathlib.Path) -> set[str]:
    """Return the expressions in a module that read a wall clock."""
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    named = [(call.attr, ast.unparse(call)) for call in calls if isinstance(call, ast.Attribute)]
    return {text for name, text in named if name in {"now", "utcnow", "today"} or text in {"time.time", "time.time_ns"}}


def test_whose_time_is_read_is_known_wherever_hosts_share_something() -> None:
    """A new reading of a clock is entered here, by whoever has made sure that no host's clock decides for all."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if texts := readings(path):
                found[path.relative_to(ROOT).as_posix()] = texts
    assert found == {module: set(known) for module, known in KNOWN.items()}
