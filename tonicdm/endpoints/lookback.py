"""Create a record once, also where the response was lost: look for it before it is sent again."""

from __future__ import annotations

import contextlib
import datetime
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar, cast

import attrs

from tonicdm import checks
from tonicdm.codec.scalars import is_aware
from tonicdm.endpoints.base import ALL_STATUSES, Creating, Readable, split_data_quantity
from tonicdm.endpoints.bodies import body_of
from tonicdm.errors import ConfigError, InvalidOptionError, MayExistError, SeveralFoundError
from tonicdm.http.watching import Spent
from tonicdm.models import CODEC, Record, Reference
from tonicdm.types import MAX_UNITS_PER_CALL, UNSET, DataQuantity, ListOf

M = TypeVar("M", bound=Record)
logger: Final = logging.getLogger("tonicdm")

MARGIN_SECONDS: Final = 5.0
"""Seconds before the sending from which on a record may be the one that was sent: what is known of the server's clock
is a bound, and its times may be cut to whole seconds."""

Match: TypeAlias = ListOf[str] | Callable[[Any], bool]
"""Which record is the one that was to be created: names of fields that must be equal, or a function that says."""


class CreatingOnce(Readable[M], Creating[M]):
    """Endpoints whose records can be created, and found again by what was sent."""

    async def create_or_find(
        self,
        *,
        match: Match | None = None,
        since: datetime.datetime | None = None,
        max_units: int = 100,
        wait: float = 30.0,
        **fields: Any,
    ) -> M:
        """Create a record, and make sure that it is there once, also where the answer is lost.

        After an error that leaves open whether the record was created (`MayExistError`), the list is read for records
        that were changed since the sending and are equal in the fields of *match*. One is returned. If there is none,
        the list is read once more after *wait* seconds, for a server that is slow; then the record is sent once more.

        Looking back costs the price of a list page each time, 5 units where the reference lists data_quantity, else up
        to 20; more pages only where more than 1,000 records changed since, or where the list has no ``updated_after``.

        Args:
            match: The fields that tell the record, by their Python names, such as ``["name"]``, or a function that is
                given a record and says whether it is the one. All fields that are sent unless given. A field that the
                server's answer does not show counts as equal, if another one is.
            since: Look back before the first sending, too, for records that were changed since then: for a program that
                was interrupted and may have sent it before.
            max_units: Units that looking back may cost in all; a list that would cost more ends it.
            wait: Seconds between the two looks.
            fields: As for ``create``.

        Returns:
            The record: as the server answered it, or as it was found.

        Raises:
            MayExistError: It was sent twice, or looking back would cost more than *max_units*: whether it exists is
                still unknown.
            SeveralFoundError: More than one record matches; nothing was sent again.
            InvalidOptionError: *match*, *since*, *wait* or a field can't be used; nothing was sent.
        """
        search = _Search(self, match, fields, since, max_units)
        _check_wait(wait)
        if since is not None and (existing := await search.find()) is not None:
            return cast("M", existing)
        for last in (False, True):
            search.sending()
            lost: MayExistError | None = None
            try:
                made: M | None = await cast("Any", self).create(**fields)
            except MayExistError as error:
                lost = error
            else:
                if made is not None and getattr(made, "id", None) is not None:
                    return made
            if (existing := await search.find(lost)) is None:
                await search.pause(wait)
                existing = await search.find(lost)
            if existing is not None:
                return cast("M", existing)
            if lost is None:
                raise MayExistError(
                    f"{self._create_operation.label} was answered without a record, and none that was changed since "
                    "matches. It was not sent again."
                )
            if last:
                raise lost
        raise AssertionError


def _check_wait(seconds: float) -> None:
    """Refuse a pause that could only fail when the record may have been created."""
    try:
        checks.seconds("wait", seconds)
    except ConfigError as error:
        raise InvalidOptionError(f"{error}. Nothing was sent.") from None


class _Search:
    """Looks for the record that may have been created."""

    def __init__(
        self,
        endpoint: CreatingOnce[Any],
        match: Match | None,
        fields: Mapping[str, Any],
        since: datetime.datetime | None,
        max_units: int,
    ) -> None:
        if since is not None and not is_aware(since):
            raise InvalidOptionError("since must be an aware datetime. Nothing was sent.")
        if not isinstance(max_units, int) or isinstance(max_units, bool) or max_units < 1:
            raise InvalidOptionError(
                f"max_units must be a positive number of units, not {max_units!r}. Nothing was sent."
            )
        self._endpoint = endpoint
        self._since = since
        self._left = max_units
        _, given = split_data_quantity(fields)
        self._matches = match if callable(match) else matcher(endpoint._model, given, match)
        operation = endpoint._listing.operation
        self._price = DataQuantity.BASIC.units if operation.has_data_quantity else MAX_UNITS_PER_CALL
        self._options: dict[str, Any] = {
            name: given[name] for name in ("project_id",) if name in given and name in operation.options
        }
        if "filter_statuses" in operation.options and (given.get("status") or UNSET) is not UNSET:
            # A list shows active records alone unless told otherwise; what is not seen would be made twice.
            self._options["filter_statuses"] = ALL_STATUSES

    def sending(self) -> None:
        """Note the server's time before a first sending."""
        if self._since is None:
            begun = self._endpoint._caller.transport.budget.server_time() - MARGIN_SECONDS
            self._since = datetime.datetime.fromtimestamp(int(begun), datetime.UTC)

    async def pause(self, seconds: float) -> None:
        """Wait for a server that is slow."""
        clock = self._endpoint._caller.transport.clock
        await clock.sleep_until(clock.monotonic() + seconds)

    async def find(self, lost: MayExistError | None = None) -> Record | None:
        """Return the one record that matches, None where there is none.

        Args:
            lost: Raised where looking would cost too much.
        """
        assert self._since is not None
        operation = self._endpoint._listing.operation
        options = dict(self._options)
        if "updated_after" in operation.options:
            options["updated_after"] = self._since
        logger.info(
            "%s: looking for a record that may have been created; %d units a page, %d at most",
            operation.label,
            self._price,
            self._left,
        )
        matching: dict[Any, Record] = {}
        watchers = self._endpoint._caller.transport.watchers
        async with contextlib.aclosing(self._endpoint._list(DataQuantity.BASIC, options).pages()) as pages:
            while True:
                if self._left < self._price:
                    raise lost or MayExistError(
                        f"{operation.label}: looking for a record that may have been created would cost more than "
                        "max_units. It was not sent."
                    )
                with watchers.watching(Spent()) as spent:
                    page = await anext(pages, None)
                self._left -= spent.units
                if page is None:
                    break
                matching |= {getattr(record, "id", None): record for record in page.records if self._is_it(record)}
        if len(matching) > 1:
            raise SeveralFoundError([str(record) for record in matching], path=operation.path)
        return next(iter(matching.values()), None)

    def _is_it(self, record: Record) -> bool:
        assert self._since is not None
        recent = record.updated is None or record.updated >= self._since
        return recent and bool(self._matches(record))


def matcher(model: type[Record], fields: Mapping[str, Any], names: ListOf[str] | None) -> Callable[[Record], bool]:
    """Return a function that tells whether a record is what a body of *fields* creates.

    Args:
        model: The model.
        fields: What is sent, by Python name.
        names: The fields that must be equal; all of them unless given.

    Raises:
        InvalidOptionError: There is nothing to compare, or a name is none of the fields.
    """
    sent = CODEC.read(body_of(model, fields), model)
    if names is not None and (isinstance(names, str) or not isinstance(names, Sequence)):
        raise InvalidOptionError(
            f"match must be a list of fields or a function, not a {type(names).__name__}. Nothing was sent."
        )
    wanted = [name for name in fields if name != "extra"] if names is None else list(names)
    if not wanted or not all(isinstance(name, str) and name in fields for name in wanted):
        raise InvalidOptionError(
            f"match must name at least one of the fields that are sent: {', '.join(fields)}. Nothing was sent."
        )
    expected = {name: value for name in wanted if (value := getattr(sent, name, None)) is not None}
    if not expected:
        raise InvalidOptionError(f"match: nothing is sent under {', '.join(wanted)}. Nothing was sent.")

    def matches(record: Record) -> bool:
        shown = {name: getattr(record, name, None) for name in expected}
        known = [name for name, value in shown.items() if value is not None]
        return bool(known) and all(_same(expected[name], shown[name]) for name in known)

    return matches


def _same(sent: Any, shown: Any) -> bool:
    """Tell whether a value came back: texts without outer blanks, references by their IDs, objects by what was sent."""
    if isinstance(sent, str) and isinstance(shown, str):
        return sent.strip() == shown.strip()
    if isinstance(sent, (list, tuple)) and isinstance(shown, (list, tuple)):
        return len(sent) == len(shown) and all(map(_same, sent, shown))
    if isinstance(sent, Record) and isinstance(shown, Record):
        # The server gives IDs to what is sent without one.
        pairs = [(getattr(sent, name, None), getattr(shown, name, None)) for name in _names(sent)]
        return all(_same(mine, theirs) for mine, theirs in pairs if mine is not None and theirs is not None)
    if isinstance(sent, Reference) and isinstance(shown, Reference):
        return sent.id == shown.id
    return bool(sent == shown)


def _names(record: Record) -> list[str]:
    return [field.name for field in attrs.fields(type(record)) if field.eq and field.name != "extra"]
