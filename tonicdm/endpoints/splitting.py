"""Lists that take several calls, because their filter has more IDs than one call holds."""

from __future__ import annotations

import contextlib
import heapq
import itertools
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import attrs

from tonicdm.codec import camel
from tonicdm.codec.elements import Elements
from tonicdm.endpoints.caller import Caller
from tonicdm.endpoints.listing import Listing, ListOperation, identity
from tonicdm.endpoints.many import BatchReader
from tonicdm.endpoints.options import IDS, SORT_BY, UPDATED_AFTER, SortField, passed, sort_field
from tonicdm.errors import InvalidOptionError
from tonicdm.http.operation import text
from tonicdm.ids import record_id
from tonicdm.paging import Page
from tonicdm.plan.arithmetic import MIN_IDS
from tonicdm.types import DataQuantity, InvalidRecord

Source: TypeAlias = Callable[[int], AsyncGenerator[Page[Any], None]]
Part: TypeAlias = Callable[[], AsyncGenerator[Elements, None]]
"""Reads one part of a list, as plain JSON."""

ON_IGNORED: Final = ("raise", "accept")


def source_of(
    caller: Caller, listing: ListOperation[Any], given: Mapping[str, Any], data_quantity: DataQuantity
) -> Source:
    """Return what reads a list, in as many calls as its IDs need.

    Args:
        caller: Makes the calls.
        listing: What is listed.
        given: The options by Python name, with `Reading`'s ``options`` and ``on_ignored``.
        data_quantity: The data_quantity to ask for.

    Raises:
        InvalidOptionError: An option can't be sent as given.
    """
    options = dict(given)
    on_ignored, more = options.pop("on_ignored", "raise"), options.pop("options", None)
    bounds = {name: options.pop(name) for name in ("on_invalid", "max_pages") if name in options}
    if on_ignored not in ON_IGNORED:
        raise InvalidOptionError(f"on_ignored must be raise or accept, not {on_ignored!r}. Nothing was sent.")
    if more is not None:
        more, options = _take_sort(listing, more, options)
        made = passed(listing.operation, more)
        operation = attrs.evolve(listing.operation, options={**listing.operation.options, **made})
        listing, options = attrs.evolve(listing, operation=operation), {**options, **more}
    _check_names(listing, options)
    options = {name: _stored(listing, name, value) for name, value in options.items()}
    if options.get(SORT_BY) is not None:
        options[SORT_BY] = sort_field(options[SORT_BY], listing.sorts)

    def read(options: Mapping[str, Any], *, raw: bool = False) -> Listing[Any]:
        unproven = UPDATED_AFTER in (more or ())
        return Listing(
            caller,
            listing,
            options,
            data_quantity,
            raw=raw,
            accept=on_ignored == "accept",
            unproven_time=unproven,
            **bounds,
        )

    whole = read(options)
    parts = _parts(caller, whole, options, lambda options: read(options, raw=True))
    if parts is None:
        return whole
    order = _order(listing, options)
    return SplitList(parts=parts, page=whole.page, size=whole.size, order=order, by_own_ids=_by_own_ids(whole, options))


def _take_sort(listing: ListOperation[Any], more: Any, options: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Take the field to sort by out of the options by wire name: one that is not listed may be named there.

    Returns:
        The others, and the options by Python name with it.
    """
    field = more.get("sortBy") if isinstance(more, Mapping) and listing.sorts else None
    if not isinstance(field, str) or SORT_BY in options or field in map(camel, listing.sorts):
        return more, dict(options)
    others = {name: value for name, value in more.items() if name != "sortBy"}
    return others, {**options, SORT_BY: SortField(text("sortBy", field))}


def _check_names(listing: ListOperation[Any], options: Mapping[str, Any]) -> None:
    """Refuse options that a list does not have, with what to do instead."""
    known = listing.operation.options
    if "page_number" in options:
        raise InvalidOptionError("the page to begin with is start_page=; the others follow. Nothing was sent.")
    for name in sorted(options.keys() - known.keys() - {"page_size"}):
        raise InvalidOptionError(
            f"{listing.operation.label} has no option {name!r}; it has {', '.join(sorted(known)) or 'none'}. What the "
            f"reference does not show is passed on by options={{{name!r}: ...}}. Nothing was sent."
        )


def _stored(listing: ListOperation[Any], name: str, value: Any) -> Any:
    """Return an option's value in a form that can be read more than once, each ID once."""
    if isinstance(value, Iterator):
        value = list(value)
    option = listing.operation.options.get(name)
    if option is None or option.encode is not IDS:
        return value
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        return value  # refused with the other wrong options
    return list(dict.fromkeys(record_id(item, name) for item in value))


def _by_own_ids(whole: Listing[Any], options: Mapping[str, Any]) -> bool:
    return whole.listing.own_ids and len(options.get("filter_ids") or ()) > MIN_IDS


def _parts(
    caller: Caller, whole: Listing[Any], options: Mapping[str, Any], read: Callable[[Mapping[str, Any]], Listing[Any]]
) -> list[Part] | None:
    """Return the parts of a list; None for one that a single call holds."""
    path = whole.listing.operation.path
    capacity = caller.facts.ids_for(path)
    if _by_own_ids(whole, options):
        # A page of whole batches: no record is on a second page, which would cost as much again.
        size = min(capacity, whole.size)
        reader = BatchReader(
            caller, whole.listing, whole.data_quantity, whole.options_but("filter_ids"), accept=whole.accept
        )
        return [_batch(reader, ids) for ids in _chunks(options["filter_ids"], size)]
    long = {
        name: _chunks(value, capacity)
        for name, value in options.items()
        if whole.listing.operation.options[name].encode is IDS and value is not None and len(value) > capacity
    }
    if not long:
        return None
    # Filters combine by AND, the IDs of each by OR (reference: filterStatuses): the parts together are the whole.
    return [
        _pages(read({**options, **dict(zip(long, chosen, strict=True))}))
        for chosen in itertools.product(*long.values())
    ]


def _chunks(ids: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [ids[start : start + size] for start in range(0, len(ids), size)]


def _batch(reader: BatchReader, ids: Sequence[Any]) -> Part:
    async def read() -> AsyncGenerator[Elements, None]:
        batch = await reader.read_batch(ids)
        yield Elements(list(batch.values()), tuple(batch.invalid))

    return read


def _pages(listing: Listing[Any]) -> Part:
    async def read() -> AsyncGenerator[Elements, None]:
        async with contextlib.aclosing(listing(1)) as pages:
            async for page in pages:
                yield Elements(list(page.records), page.invalid)

    return read


@attrs.frozen
class Order:
    """An order that was asked for, which each part has on its own."""

    field: str
    """Wire name of the field to sort by."""
    descending: bool

    def merge(self, parts: Sequence[list[Any]]) -> list[Any]:
        """Return the records of all parts in one order; part after part where they do not show what to sort by."""
        values = [item.get(self.field) if isinstance(item, Mapping) else None for part in parts for item in part]
        kinds = {type(value) for value in values if value is not None}
        if len(kinds) != 1 or not kinds <= {str, int, float}:
            return [item for part in parts for item in part]
        return list(heapq.merge(*parts, key=self._key, reverse=self.descending))

    def _key(self, item: Mapping[str, Any]) -> tuple[bool, Any]:
        value = item.get(self.field)
        return (False, "") if value is None else (True, value.casefold() if isinstance(value, str) else value)


def _order(listing: ListOperation[Any], options: Mapping[str, Any]) -> Order | None:
    """Return the order that the caller asked for; one that is sent only so that pages do not overlap is none."""
    asked = {name for name in ("sort_by", "sort_direction") if options.get(name) is not None}
    field = options.get("sort_by") or listing.sort
    return Order(str(field), options.get("sort_direction") == "desc") if asked and field is not None else None


@attrs.frozen(kw_only=True)
class SplitList:
    """A list in several parts, as a source of pages for a `Paginator`."""

    parts: Sequence[Part]
    page: Callable[[int, Sequence[Any], Sequence[InvalidRecord]], Page[Any]]
    """Decodes a page."""
    size: int
    """Records of a page where the order needs all parts first."""
    order: Order | None
    by_own_ids: bool
    """Whether each part is one page, so that the number of a page says which IDs it holds."""

    async def __call__(self, start_page: int) -> AsyncGenerator[Page[Any], None]:
        """Iterate over the pages from *start_page* on."""
        if self.order is not None:
            async for page in self._ordered(self.order, start_page):
                yield page
            return
        if start_page > 1 and not self.by_own_ids:
            raise InvalidOptionError(
                "start_page= needs a list whose IDs fit one call: else no number says which page is meant. "
                "Nothing was sent."
            )
        number, seen = start_page - 1, set[str]()
        for part in self.parts[number:]:
            async with contextlib.aclosing(part()) as pages:
                async for elements in pages:
                    fresh = [item for item in elements.values if identity(item) not in seen]
                    seen.update(map(identity, fresh))
                    number += 1
                    if fresh or elements.invalid:
                        yield self.page(number, fresh, elements.invalid)

    async def _ordered(self, order: Order, start_page: int) -> AsyncGenerator[Page[Any], None]:
        """Read all parts, and iterate over the pages of the whole."""
        invalid: list[InvalidRecord] = []
        parts: list[list[Any]] = []
        for part in self.parts:
            parts.append([])
            async with contextlib.aclosing(part()) as pages:
                async for elements in pages:
                    parts[-1] += elements.values
                    invalid += elements.invalid
        records = list({identity(item): item for item in order.merge(parts)}.values())
        whole: Sequence[Sequence[Any]] = _chunks(records, self.size) or ([[]] if invalid else [])
        for number, items in enumerate(whole, 1):
            if number >= start_page:
                yield self.page(number, items, invalid if number == len(whole) else ())
