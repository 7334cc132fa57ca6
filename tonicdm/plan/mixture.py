"""Which pages to read whole, which records to ask for by ID after a comparison of stubs (docs/explanation/plan.md)."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from tonicdm.plan.arithmetic import batches


@attrs.frozen
class Mixture:
    """How the stale records that a scan found are fetched. Pages are numbered from 1."""

    whole: tuple[int, ...]
    """Pages to read whole."""
    by_id: tuple[int, ...]
    """Pages whose stale records are asked for by ID, pooled over these pages."""
    batches: int
    """Calls that ask by ID."""
    units: int
    """What all of it costs."""
    next_best: int
    """What the cheaper of the two pure ways would cost: every page with something stale whole, or all by ID."""

    @property
    def calls(self) -> int:
        """Calls of both kinds."""
        return len(self.whole) + self.batches


def choose(stale: Sequence[int], ids_per_call: int | None, *, record_units: int = 5) -> Mixture:
    """Return the cheapest way to fetch stale records, given how many each page holds.

    It minimises |S| + ceil(sum of s_i outside S / H) over all sets S of whole pages. For a given size the best set has
    the pages with the most stale records, so only as many sets as pages are tried. A page with s_i >= H is always in:
    by ID it would fill a call of its own. Among equals the smallest S is taken: IDs stay right when pages shift.

    Args:
        stale: Stale records of page 1, 2, ...
        ids_per_call: H; None where the records can't be asked for by ID.
        record_units: Units of a call, whole page or batch.
    """
    order = sorted((page for page, count in enumerate(stale) if count), key=lambda page: -stale[page])
    if ids_per_call is None:
        forced, largest = len(order), 1
    else:
        forced, largest = sum(count >= ids_per_call for count in stale), ids_per_call
    left = sum(stale) - sum(stale[page] for page in order[:forced])
    best, min_calls = forced, forced + batches(left, largest)
    for size in range(forced + 1, len(order) + 1):
        left -= stale[order[size - 1]]
        if size + batches(left, largest) < min_calls:
            best, min_calls = size, size + batches(left, largest)
    pure = len(order) if ids_per_call is None else min(len(order), batches(sum(stale), ids_per_call))
    return Mixture(
        whole=tuple(sorted(page + 1 for page in order[:best])),
        by_id=tuple(sorted(page + 1 for page in order[best:])),
        batches=min_calls - best,
        units=min_calls * record_units,
        next_best=pure * record_units,
    )
