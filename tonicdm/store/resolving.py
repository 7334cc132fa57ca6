"""Resolve references, level by level, with one request for each type."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from tonicdm.codec import wire_names
from tonicdm.errors import InvalidOptionError
from tonicdm.models import CODEC, Record, Reference, read_with
from tonicdm.store.references import ReferenceTree, field_names, is_list, parse_references, pointers, target_of
from tonicdm.store.types import TYPES
from tonicdm.types import DataQuantity, RecordID

Read: TypeAlias = Callable[[str, Sequence[RecordID]], Awaitable[Mapping[RecordID, Any]]]
"""Returns the records of a type by ID, as plain JSON."""


class Resolver:
    """Follows references.

    Args:
        read: Reads records of a type by their IDs.
        seen: Tells the wire names of the fields that records of a type have shown.
    """

    def __init__(self, read: Read, seen: Callable[[str], Awaitable[set[str]]]) -> None:
        self._read = read
        self._seen = seen

    async def check(self, record_type: str, paths: tuple[str, ...]) -> ReferenceTree:
        """Read the names of references into a tree.

        Raises:
            InvalidOptionError: A record of that type has no such reference; nothing was sent.
        """
        tree = parse_references(paths)
        await self._check(record_type, tree)
        return tree

    async def _check(self, record_type: str, tree: ReferenceTree) -> None:
        if not tree:
            return
        known = set(wire_names(TYPES[record_type].listing.model).values())
        for name, subtree in tree.names.items():
            names = field_names(name)
            if known.isdisjoint(names) and (seen := await self._seen(record_type)) and seen.isdisjoint(names):
                # The reference's lists of fields are incomplete: only records that were seen can tell.
                raise InvalidOptionError(
                    f"no record of {record_type} has shown a reference {name!r} that could be resolved. "
                    "Nothing was sent."
                )
            await self._check(target_of(name), subtree)

    async def follow(
        self, items: Sequence[Mapping[str, Any]], records: Sequence[Record], tree: ReferenceTree
    ) -> list[Record]:
        """Return *records* with the references of *tree* in their ``resolved``.

        Args:
            items: The same records as plain JSON.
            records: As models.
            tree: What to follow.
        """
        if not tree or not records:
            return list(records)
        targets = await self._targets(items, tree)
        return [_with(record, item, tree, targets) for record, item in zip(records, items, strict=True)]

    async def _targets(
        self, items: Sequence[Mapping[str, Any]], tree: ReferenceTree
    ) -> dict[str, dict[RecordID, Record]]:
        """Return the records that *items* name, by reference and ID: names of one type are asked for together."""
        wanted: dict[str, dict[RecordID, None]] = {}
        for name in tree.names:
            ids = wanted.setdefault(target_of(name), {})
            ids.update((pointer.id, None) for item in items for pointer in pointers(item, name))
        try:
            async with asyncio.TaskGroup() as group:
                tasks = {
                    record_type: group.create_task(self._ask(record_type, list(ids)))
                    for record_type, ids in wanted.items()
                }
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        targets: dict[str, dict[RecordID, Record]] = {}
        for name, subtree in tree.names.items():
            record_type = target_of(name)
            named = {pointer.id for item in items for pointer in pointers(item, name)}
            mine = {record_id: item for record_id, item in tasks[record_type].result().items() if record_id in named}
            with read_with(DataQuantity.BASIC):
                models = CODEC.read_all(list(mine.values()), TYPES[record_type].listing.model)
            followed = await self.follow(list(mine.values()), models, subtree)
            targets[name] = dict(zip(mine, followed, strict=True))
        return targets

    async def _ask(self, record_type: str, ids: Sequence[RecordID]) -> Mapping[RecordID, Any]:
        return await self._read(record_type, ids) if ids else {}


def _with(
    record: Record, item: Mapping[str, Any], tree: ReferenceTree, targets: Mapping[str, Mapping[RecordID, Record]]
) -> Record:
    resolved: dict[str, Any] = {}
    changes: dict[str, Any] = {}
    for name in tree.names:
        records = [targets[name].get(pointer.id) for pointer in pointers(item, name)]
        resolved[name] = tuple(records) if is_list(item, name) else next(iter(records), None)
        held = getattr(record, name, None)
        if isinstance(held, Reference) and resolved[name] is not None:
            changes[name] = attrs.evolve(held, record=resolved[name])
    return attrs.evolve(record, resolved=resolved, **changes)
