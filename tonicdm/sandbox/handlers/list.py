"""List records: filters, sorting, paging, and the fields that a data_quantity shows."""

from __future__ import annotations

import json
import random
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from tonicdm.sandbox.handlers.filters import CHOICES, match
from tonicdm.sandbox.licences import opened
from tonicdm.sandbox.messages import Refusal
from tonicdm.sandbox.options import read_ids, read_integer, read_moment, read_statuses, read_words
from tonicdm.sandbox.routes import Operation
from tonicdm.sandbox.settings import DataQuantity, SandboxSettings
from tonicdm.sandbox.world import World
from tonicdm.sandbox.world.firm import GONE, STATUSES, Record, Table

Test = tuple[object, Callable[[int], bool]]

_NO_FILTERS = frozenset(
    {"data_quantity", "pageSize", "pageNumber", "sortBy", "sortDirection", "filterIDs", "filterStatuses"}
)


@attrs.frozen
class Ignored:
    """Options this server pretends not to know for one call (a fault)."""

    page_size: bool = False
    page_number: bool = False
    updated_after: bool = False
    filter_ids: bool = False


def pick(
    world: World,
    operation: Operation,
    options: Mapping[str, str],
    settings: SandboxSettings,
    chance: random.Random,
    ignored: Ignored = Ignored(),
) -> Sequence[int]:
    """Return the ranks of the records of one answer.

    Raises:
        Refusal: 400, an option's value is wrong.
    """
    table = world.table(operation.record_type)
    size, number = _paging(operation, options, settings, ignored)
    ranks = _matching(world, table, operation, options, settings, ignored)
    if settings.order == "unstable" and "sortBy" not in options and len(ranks) > 1:
        ranks = _disordered(ranks, chance)
    if size is None:
        return ranks if settings.unlisted_cap is None else ranks[: settings.unlisted_cap]
    start = (number - settings.page_base) * size
    return ranks[start : start + size]


def _paging(
    operation: Operation, options: Mapping[str, str], settings: SandboxSettings, ignored: Ignored
) -> tuple[int | None, int]:
    if "pageSize" not in operation.options and not (operation.workflow and settings.workflow_paging):
        return None, 1
    size = read_integer("pageSize", options.get("pageSize", str(settings.page_size_default)), 1, settings.page_size_max)
    number = read_integer("pageNumber", options.get("pageNumber", str(settings.page_base)), settings.page_base)
    return (
        settings.page_size_default if ignored.page_size else size,
        settings.page_base if ignored.page_number else number,
    )


def _matching(
    world: World,
    table: Table,
    operation: Operation,
    options: Mapping[str, str],
    settings: SandboxSettings,
    ignored: Ignored,
) -> array[int]:
    sort = _sorting(world, table, options)
    by_id = None
    if "filterIDs" in options and not ignored.filter_ids:
        ids = read_ids("filterIDs", options["filterIDs"])
        if len(ids) > settings.filter_ids_max:
            raise Refusal(400, f"filterIDs: {len(ids)} IDs, at most {settings.filter_ids_max}")
        by_id = _by_ids(world, table, operation, ids)
        if settings.filter_ids_override:
            # "When given, every other filter is ignored": also the one on statuses.
            return _these(table, by_id, range(GONE), [], sort)
    tests = _tests(world, operation, options, settings, ignored)
    statuses = _statuses(operation, options, settings)
    return table.select(statuses, tests, sort) if by_id is None else _these(table, by_id, statuses, tests, sort)


def _by_ids(world: World, table: Table, operation: Operation, ids: list[str]) -> set[int]:
    if operation.parents is None:
        return {rank for rank in map(table.rank, ids) if rank is not None}
    # Here the IDs are those of other records: objects of labels, files of thumbnails, items of parts.
    test = match(world, operation.record_type, operation.parents, ids)
    return set(table.select(range(GONE), [((operation.parents, *ids), test)]))


def _these(
    table: Table,
    ranks: set[int],
    statuses: Sequence[int],
    tests: list[Test],
    sort: tuple[object, Callable[[int], Any], bool] | None,
) -> array[int]:
    chosen = [r for r in ranks if table.status[r] in statuses and all(test(r) for _, test in tests)]
    chosen.sort(key=table.id)
    if sort is not None:
        chosen.sort(key=sort[1], reverse=sort[2])
    return array("I", chosen)


def _statuses(operation: Operation, options: Mapping[str, str], settings: SandboxSettings) -> tuple[int, ...]:
    listed = "filterStatuses" in operation.options
    words = read_statuses(options["filterStatuses"]) if listed and "filterStatuses" in options else None
    return tuple(STATUSES.index(w) for w in words or settings.default_statuses if w in STATUSES)


def _tests(
    world: World,
    operation: Operation,
    options: Mapping[str, str],
    settings: SandboxSettings,
    ignored: Ignored,
) -> list[Test]:
    tests: list[Test] = []
    if operation.always is not None and not (operation.always == "root" and "folderId" in options):
        tests.append((operation.always, match(world, operation.record_type, operation.always, ())))
    for name, text in options.items():
        if name in _NO_FILTERS or name not in operation.accepted:
            continue
        if name == "updated_after":
            after = read_moment(name, text)
            if settings.updated_after_supported and not ignored.updated_after:
                tests.append(_updated_after(world.table(operation.record_type), after, settings))
        elif name == "searchQuery":
            tests.append(((name, text), _search(world, operation.record_type, text)))
        elif name.endswith(("Ids", "Disciplines")) or name == "projectId":
            tests.append(((name, text), match(world, operation.record_type, name, read_ids(name, text))))
        else:
            words = read_words(name, text, CHOICES.get(name))
            tests.append(((name, text), match(world, operation.record_type, name, words)))
    return tests


def _updated_after(table: Table, after: float, settings: SandboxSettings) -> Test:
    updated = table.updated
    if settings.updated_after_inclusive:
        return ("updated_after", after, True), lambda rank: updated[rank] >= after
    return ("updated_after", after, False), lambda rank: updated[rank] > after


def _search(world: World, record_type: str, text: str) -> Callable[[int], bool]:
    """Return a test for searchQuery: its grammar is not documented, here it is a text or {field: text}."""
    try:
        asked = json.loads(text)
    except ValueError:
        asked = text
    wanted = {str(k): str(v).lower() for k, v in asked.items()} if isinstance(asked, dict) else str(asked).lower()

    def matches(rank: int) -> bool:
        record = world.firm.record(record_type, rank)
        if isinstance(wanted, dict):
            return all(value in str(record.get(field, "")).lower() for field, value in wanted.items())
        return any(wanted in value.lower() for value in record.values() if isinstance(value, str))

    return matches


def _sorting(
    world: World, table: Table, options: Mapping[str, str]
) -> tuple[object, Callable[[int], Any], bool] | None:
    direction = options.get("sortDirection", "asc")
    if direction not in {"asc", "desc"}:
        raise Refusal(400, f"sortDirection: {direction!r} is neither asc nor desc")
    by = options.get("sortBy")
    if by is None:
        return None if direction == "asc" else ("id", table.id, True)
    field = table.spec.sorts.get(by)
    if field is None:
        raise Refusal(400, f"sortBy: {by!r} is not one of {', '.join(table.spec.sorts) or '(none)'}")

    def key(rank: int) -> str:
        record: Record = world.firm.record(table.spec.name, rank)
        return str(record.get(field) or "").casefold()

    return by, key, direction == "desc"


def _disordered(ranks: array[int], chance: random.Random) -> array[int]:
    """Return another order for each call, as a database without ORDER BY may: cheap, but no page fits the next."""
    cut = chance.randrange(len(ranks))
    turned = ranks[cut:] + ranks[:cut]
    return turned[::-1] if chance.random() < 0.5 else turned


def render(
    world: World, record_type: str, ranks: Iterable[int], data_quantity: DataQuantity, settings: SandboxSettings
) -> Iterator[Record]:
    """Return records one by one as a data_quantity shows them (concepts page, "Rate Limiting").

    id_only: ID and last change. basic: own fields, references as ID and last change. complete: references expanded
    by one level.
    """
    firm = world.firm
    make = {"id_only": firm.stub, "basic": firm.record, "complete": firm.complete}[data_quantity]
    rows = (make(record_type, rank) for rank in ranks)
    hidden = _hidden(record_type, data_quantity, settings)
    if hidden is not None:
        rows = ({name: value for name, value in row.items() if name != hidden} for row in rows)
    if settings.advanced_contacts and settings.advanced_metrics:
        return rows
    return (opened(world, record_type, row, settings) for row in rows)


def _hidden(record_type: str, data_quantity: DataQuantity, settings: SandboxSettings) -> str | None:
    """Return the field that a setting hides from every record of a list."""
    without = (data_quantity == "id_only" and not settings.id_only_timestamps) or (
        record_type == "file_transfers" and not settings.file_transfer_timestamps
    )
    return "datetimeUpdated" if without else None
