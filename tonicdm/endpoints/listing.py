"""Read a list to its certain end, for the fewest units that make it certain (docs/explanation/decisions.md)."""

from __future__ import annotations

import functools
import hashlib
import json
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

import attrs

from tonicdm.codec import wire_names
from tonicdm.codec.elements import json_shape
from tonicdm.codec.scalars import json_type
from tonicdm.endpoints.caller import Caller
from tonicdm.endpoints.evidence import contradiction, untimed
from tonicdm.endpoints.options import DEFAULT_PAGE, UPDATED_AFTER, options
from tonicdm.endpoints.payload import decoded, invalid_error, read_list
from tonicdm.endpoints.progress import Progress
from tonicdm.errors import InvalidOptionError, OptionIgnoredError
from tonicdm.http.operation import Operation
from tonicdm.models import Record, RecordStub
from tonicdm.paging import Page
from tonicdm.plan.arithmetic import ROUND_SIZES, ends_by_repetition, is_last_page, size_behind_first
from tonicdm.types import DataQuantity, InvalidRecord, OnInvalid, are_lower_ids, id_of

M = TypeVar("M", bound=Record)
logger: Final = logging.getLogger("tonicdm")

_ID_ONLY: Final = DataQuantity.ID_ONLY  # to look up a member of an enumeration takes longer

MAX_PAGES: Final = 10_000
"""Pages of a list unless it is said otherwise: ten million records, or a server whose list never ends."""

MISMATCHES_TOLERATED: Final = 2
"""Answers in a row that may cost what another data_quantity costs, before that is taken for a dropped option."""


@attrs.frozen(kw_only=True)
class ListOperation(Generic[M]):
    """A GET that answers with an array, and what its reference page says about it."""

    operation: Operation
    model: type[M]
    own_ids: bool = True
    """Whether filterIDs names the records themselves, not their parents."""
    sort: str | None = None
    """The sortBy sent when the caller gives none: pages without a set order may overlap."""
    sorts: tuple[str, ...] = ()
    """What it can be sorted by, by Python name."""

    def model_under(self, data_quantity: DataQuantity) -> type[M | RecordStub]:
        """Return what its records are under a data_quantity."""
        return RecordStub if data_quantity is _ID_ONLY else self.model

    @functools.cached_property
    def identified(self) -> bool:
        """Whether its records have IDs of their own (reference); others are told apart by their content."""
        return self.own_ids and "id" in wire_names(self.model).values()

    @functools.cached_property
    def askable(self) -> bool:
        """Whether its records can be asked for by their IDs."""
        return self.identified and "filter_ids" in self.operation.options

    def faults(self, items: Sequence[Any]) -> dict[int, str]:
        """Return why elements of an answer are no records, without values, by their places."""
        if set(map(type, items)) <= {dict} and are_lower_ids([item.get("id") for item in items]):
            return {}  # as nearly always
        return {place: reason for place, item in enumerate(items) if (reason := self.fault(item)) is not None}

    def fault(self, item: Any) -> str | None:
        """Return why an element of an answer is no record, without values; None where it is one."""
        if (reason := self.nameless(item)) is not None:
            return reason
        return "an ID that is none" if self.askable and id_of(item) is None else None

    def all_named(self, items: Sequence[Any]) -> bool:
        """Tell whether `nameless` has nothing to say of any of *items*."""
        if not set(map(type, items)) <= {dict}:
            return False
        ids = [item.get("id") for item in items] if self.identified else []
        return set(map(type, ids)) <= {str} and "" not in ids

    def nameless(self, item: Any) -> str | None:
        """Return why nothing names an element as a record of this list, without values; None where something does."""
        if not isinstance(item, dict):
            return f"expected an object, found {json_type(item)}"
        if not self.identified:
            return None
        if not isinstance(item.get("id"), str) or not item["id"]:
            return f"expected a record with an ID, found {json_shape(item)}"
        return None

    @property
    def paged(self) -> bool:
        """Whether the reference shows pageSize here."""
        return "page_size" in self.operation.options

    @property
    def with_pages(self) -> Operation:
        """The operation with paging options, also where the reference shows none."""
        if self.paged:
            return self.operation
        return attrs.evolve(self.operation, options={**self.operation.options, **options("page_size", "page_number")})


@attrs.frozen(kw_only=True)
class Fetched:
    """One page as it came."""

    payload: list[Any]
    """Its records as plain JSON."""
    invalid: tuple[InvalidRecord, ...] = ()
    """What else it held, and is no record."""
    plain: bool | None = None
    """As of `Elements.plain`."""

    @functools.cached_property
    def keys(self) -> tuple[str, ...]:
        """Keys of the records: their IDs, or their whole content where they have none."""
        return tuple(map(identity, self.payload))

    @property
    def size(self) -> int:
        """Elements that came."""
        return len(self.payload) + len(self.invalid)

    @property
    def names(self) -> frozenset[str]:
        """The keys of all its elements, which tell the page from others."""
        return frozenset(self.keys) | {hashlib.sha256(element.raw).hexdigest() for element in self.invalid}


class Listing(Generic[M]):
    """One list with its options, as a source of pages for a `Paginator`.

    Args:
        caller: Makes the calls.
        listing: What is listed.
        given: The options by Python name.
        data_quantity: The data_quantity to ask for.
        raw: Whether to hand out the records as plain JSON, undecoded.
        on_invalid: What becomes of an element that is no record: ``raise`` ends the list with an error, ``skip`` hands
            it out as `Page.invalid`. Of raw lists they always are.
        max_pages: Pages after which a list counts as one that never ends.
        accept: Whether records are taken as they come where they contradict an option.
        unproven_time: Whether the options have an updated_after that the reference does not show: the first records
            must then tell when they changed.

    Raises:
        InvalidOptionError: An option can't be sent as given.
    """

    def __init__(
        self,
        caller: Caller,
        listing: ListOperation[M],
        given: Mapping[str, Any],
        data_quantity: DataQuantity,
        *,
        raw: bool = False,
        on_invalid: OnInvalid = "raise",
        max_pages: int = MAX_PAGES,
        accept: bool = False,
        unproven_time: bool = False,
    ) -> None:
        if on_invalid not in {"raise", "skip"}:
            raise InvalidOptionError(f"on_invalid must be raise or skip, not {on_invalid!r}. Nothing was sent.")
        if not isinstance(max_pages, int) or isinstance(max_pages, bool) or max_pages < 1:
            raise InvalidOptionError("max_pages must be a whole number of at least 1. Nothing was sent.")
        self._raw = raw
        self._skips = raw or on_invalid == "skip"
        self._max_pages = max_pages
        self.accept = accept
        self._unproven_time = unproven_time
        self._time_shown = False
        self._caller = caller
        self._facts = caller.facts
        self.listing = listing
        self.data_quantity = data_quantity
        self._path = listing.operation.path
        self._options = {name: value for name, value in given.items() if value is not None}
        if "sort_by" in listing.operation.options and listing.sort is not None:
            self._options.setdefault("sort_by", listing.sort)
        if "sort_direction" in listing.operation.options:
            self._options.setdefault("sort_direction", "asc")
        self._paging = listing.paged or self._path in self._facts.paged
        self.size: int = self._options.pop("page_size", caller.facts.page_limit)
        # A wrong option is an error when it is written down, not when the list is first read.
        sent = {**self._options, "page_size": self.size, "page_number": 1}
        listing.with_pages.check(sent)
        listing.with_pages.encode(sent)

    def options_but(self, *names: str) -> dict[str, Any]:
        """Return the options that every call sends, paging and *names* left out."""
        return {name: value for name, value in self._options.items() if name not in names}

    async def __call__(self, start_page: int) -> AsyncGenerator[Page[Any], None]:
        """Iterate over the pages from *start_page* on until the end is certain.

        Raises:
            EndlessListError: The list goes on without new records, or for more pages than it may.
        """
        seen: set[str] = set()
        progress = Progress(self._max_pages)
        number = start_page
        # Who asks for a later page knows that there are pages, whatever the reference shows.
        self._paging = self._paging or start_page > 1
        fetched = await self.fetch(number, self.data_quantity)
        if not self._paging and fetched.size in ROUND_SIZES and await self._goes_on(number, fetched):
            # The server pages this list after all; its pages are smaller than it would allow.
            self._paging = True
            self._facts.paged.add(self._path)
            fetched = await self.fetch(number, self.data_quantity)
        before: frozenset[str] = frozenset()
        while True:
            names = fetched.names
            if names and names == before:
                self._check_repetition(fetched)
                return
            progress.take(self.listing.operation.label, names)
            fresh = [item for key, item in zip(fetched.keys, fetched.payload, strict=True) if key not in seen]
            before = names
            if self._raw:  # they go to where a repeated one does no harm; remembering a million keys would
                seen.clear()
            seen |= names
            if fresh or fetched.invalid:
                yield self.page(number, fresh, fetched.invalid)
            if not self._paging or not fetched.size or await self._is_last(number, fetched):
                return
            number += 1
            fetched = await self.fetch(number, self.data_quantity)

    def page(self, number: int, items: Sequence[Any], invalid: Sequence[InvalidRecord]) -> Page[Any]:
        """Decode a page.

        Raises:
            DecodeError: An element of it is no record, and none is to be skipped.
        """
        if self._raw:
            return Page(number, tuple(items), tuple(invalid))
        records, others = decoded(items, self.listing.model_under(self.data_quantity), self.data_quantity)
        faulty = (*invalid, *others)
        if faulty and not self._skips:
            raise invalid_error(faulty, records, self.listing.operation.label)
        return Page(number, tuple(records), faulty)

    async def _is_last(self, number: int, fetched: Fetched) -> bool:
        """Tell whether a page is the last; ask the server where its size does not show it."""
        count = fetched.size
        wanted = self._options.get("filter_ids")
        if wanted is not None and self.listing.own_ids and count >= len(set(map(str, wanted))):
            return True
        if count >= self.size:
            return False
        if is_last_page(count, self._facts.largest_page):
            return True
        if not await self._goes_on(number, fetched):
            return True
        logger.warning(
            "%s: pages hold %d records though pageSize asks for %d; each costs as much as a full one",
            self.listing.operation.label,
            count,
            self.size,
        )
        self._facts.largest_page = max(self._facts.largest_page, count)
        self.size = count
        return False

    async def _goes_on(self, number: int, fetched: Fetched) -> bool:
        """Ask for the page after *number*, as cheaply as its records can be told apart, and see whether it is new."""
        with_ids = all(isinstance(item, dict) and "id" in item for item in fetched.payload)
        data_quantity = DataQuantity.ID_ONLY if with_ids else self.data_quantity
        if self._paging:
            size = size_behind_first(fetched.size, self.size) if number == 1 else self.size
        else:
            # Unasked, a server pages by a size of its own; a page of another size would begin elsewhere.
            size = fetched.size
        following = await self.fetch(number + 1, data_quantity, size=size)
        if not following.size:
            return False
        if following.names == fetched.names:
            self._check_repetition(fetched)
            return False
        # A mere part of the page before: records moved meanwhile, or, where no pages were asked for, a smaller size.
        return True

    def _check_repetition(self, fetched: Fetched) -> None:
        """Refuse to take a repeated page for the end of a list that its size says may be cut."""
        count = fetched.size
        if self.listing.paged and not ends_by_repetition(count, self.size, self._facts.largest_page):
            raise OptionIgnoredError(
                "pageNumber",
                f"the page after {count} records was the same page again",
                decoded(fetched.payload, self.listing.model_under(self.data_quantity), self.data_quantity)[0],
                placement=self._caller.placement,
            )

    async def fetch(self, number: int, data_quantity: DataQuantity, *, size: int | None = None) -> Fetched:
        """Fetch a page with one call.

        Args:
            number: Of the page, from 1.
            data_quantity: What to read of each record.
            size: pageSize; 0 for a call that asks for no page. Unless given the list's own, and none where it has no
                pages.

        Raises:
            OptionIgnoredError: The answer contradicts an option.
            DecodeError: It is no list.
        """
        sent = dict(self._options)
        if size != 0 and (self._paging or size is not None):
            sent |= {"page_size": size or self.size, "page_number": number}
        answer = await self._caller.call(self.listing.with_pages, sent, data_quantity=data_quantity)
        with answer.naming_errors():
            elements = read_list(answer, self.listing.operation.label, self.listing.faults)
            contradicted = contradiction(
                elements,
                sent,
                data_quantity,
                shaped=self.listing.operation.has_data_quantity,
                own_ids=self.listing.own_ids,
            )
            if contradicted is None and answer.mismatches > MISMATCHES_TOLERATED:
                contradicted = (
                    "data_quantity",
                    f"{answer.mismatches} calls in a row cost what another data_quantity costs",
                )
            if contradicted is not None and not self.accept:
                records, _ = decoded(elements.values, self.listing.model_under(data_quantity), data_quantity)
                undocumented = self._unproven_time and contradicted[0] == UPDATED_AFTER
                raise OptionIgnoredError(
                    *contradicted, records, placement=self._caller.placement, documented=not undocumented
                )
            self._check_time(elements.values, data_quantity)
        if len(elements) > DEFAULT_PAGE and "page_size" in sent:
            self._facts.largest_page = max(self._facts.largest_page, len(elements))
        return Fetched(payload=elements.values, invalid=elements.invalid, plain=elements.plain)

    def _check_time(self, payload: Sequence[Any], data_quantity: DataQuantity) -> None:
        """Refuse to go on where nothing shows whether an undocumented updated_after was heeded."""
        if not self._unproven_time or self._time_shown or self.accept or not payload:
            return
        if reason := untimed(payload):
            records, _ = decoded(payload, self.listing.model_under(data_quantity), data_quantity)
            raise OptionIgnoredError(UPDATED_AFTER, reason, records, documented=False, certain=False)
        self._time_shown = True


def identity(item: Any) -> str:
    """Return the key of a plain JSON record."""
    if isinstance(item, dict) and isinstance(item.get("id"), str):
        return str(item["id"])
    return json.dumps(item, sort_keys=True)
