"""What type checkers make of the Rhythm client; checked, never run."""

from __future__ import annotations

from typing import Any, assert_type

from tonicdm.paging import Paginator
from tonicdm.rhythm import Execution, Fetched, QueryResult, QuerySpec, RhythmClient, RunningQuery, all_of, field
from tonicdm.rhythm.criteria import Condition, Group
from tonicdm.rhythm.models import AddressType, Contact, Event, Organization, StepFunctionExecution


async def nouns(rhythm: RhythmClient) -> None:
    assert_type(await rhythm.contacts.get("a"), Contact)
    assert_type(rhythm.contacts.list(fields=["id"]), Paginator[Contact])
    assert_type(await rhythm.contacts.search(last_name="Ng").first(), Contact | None)
    assert_type(await rhythm.contacts.update("a", nickname=None), Contact | None)
    assert_type(await rhythm.organizations.create(name="Ridge", number=7), Organization | None)
    assert_type(await rhythm.address_types.list().all(), list[AddressType])
    assert_type(rhythm.events.upcoming(), Paginator[Event])
    await rhythm.contacts.create(first_name=3)  # type: ignore[arg-type]
    await rhythm.contacts.create(frist_name="Mel")  # type: ignore[call-arg]
    rhythm.contacts.search(nick="M")  # type: ignore[call-arg]


def criteria() -> None:
    assert_type(field("a") == 1, Condition)
    assert_type(field("a") >= 1, Condition)
    assert_type((field("a") == 1) & (field("b") == 2), Group)
    assert_type(all_of(field("a") == 1), Group)


async def tasks(rhythm: RhythmClient) -> None:
    assert_type(rhythm.fetch("contacts"), Fetched[Any])
    spec = QuerySpec(type="rolodex:contacts", fields=["id"])
    assert_type(await rhythm.queries.start_spec(spec), RunningQuery)
    assert_type(await rhythm.queries.run(spec, "rows.json"), QueryResult)
    execution = await rhythm.step_functions.submit("commerce", "/orders/t/o/process")
    assert_type(execution, Execution)
    assert_type(await execution.wait(), StepFunctionExecution)
