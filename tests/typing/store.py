"""Usage of the copy that mypy and pyright check; never run."""

from __future__ import annotations

from tonicdm import DecodeError, EndlessListError, InvalidRecord, RecordID, TonicDM
from tonicdm.models import Person
from tonicdm.store import Owner, Quarantined, ReadStamp, Store


def use(*_values: object) -> None:
    """Take values whose types are asserted by their annotations."""


async def skipping(tonic: TonicDM, one: RecordID) -> None:
    """What is no record is shown, typed, by lists and by reads of many."""
    everybody = tonic.persons.list(on_invalid="skip", max_pages=3)
    people: list[Person] = await everybody.all()
    skipped: list[InvalidRecord] = everybody.skipped
    found = await tonic.persons.get_many([one], on_invalid="skip")
    others: tuple[InvalidRecord, ...] = found.skipped
    first = skipped[0]
    identity: RecordID | None = first.id
    text: bytes = first.raw
    use(people, others, identity, text, first.reason)
    async for page in everybody.pages():
        broken: tuple[InvalidRecord, ...] = page.invalid
        use(broken)
    try:
        await tonic.persons.list().all()
    except DecodeError as error:
        use(error.records, error.invalid, error.paths)
    except EndlessListError as error:
        pages: int = error.pages
        use(pages, error.records)


async def copy(store: Store) -> None:
    """Quarantine, owner and stamps of a store."""
    aside: list[Quarantined] = await store.quarantine("persons")
    taken: tuple[int, int] = await store.retry_quarantine()
    owner: Owner | None = await store.owner()
    stamp: ReadStamp = await store.draw(0.0)
    fields: dict[str, list[str]] = await store.without_column()
    use(aside[0].raw, aside[0].stamp, taken, owner, stamp.number, fields)


async def mistakes(tonic: TonicDM) -> None:
    """What the checkers must refuse; an ignore that is not needed is an error itself."""
    tonic.persons.list(on_invalid="ignore")  # type: ignore[call-overload]
    tonic.persons.list(max_pages="many")  # type: ignore[call-overload]
