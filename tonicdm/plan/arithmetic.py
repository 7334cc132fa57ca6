"""Formulas of the plan: the calls for a number of records, and their mean where only a share of them is stale.

The symbols are those of docs/explanation/plan.md ("The rules").

A call that reads stubs (``id_only``) costs 1 unit and one that reads records (``basic``) costs 5, whatever the number
of records in it (concepts page, "Rate Limiting"). Both prices are parameters, because a server may charge otherwise.
"""

from __future__ import annotations

import math
from typing import Final

PAGE_SIZE: Final = 1000
"""P: records of a page, the most that pageSize may ask for (reference)."""

IDS_PER_CALL: Final = 240
"""H: IDs that fit one header line of about 8 KB, until a server shows another number."""

UNPROVEN_PAGE: Final = 50
"""Records up to which a page may have been cut at the documented default size (docs/explanation/decisions.md)."""

MIN_IDS: Final = 15
"""IDs that fit any header; a refusal of no more has another cause."""

ROUND_SIZES: Final = frozenset({10, 20, 25, 50, 100, 200, 250, 500, 1000})
"""Numbers of records at which a server may have cut a list that should have come whole."""


def is_last_page(count: int, longest: int) -> bool:
    """Tell whether a page with fewer records than were asked for must be the last one of its list.

    Args:
        count: Records on it.
        longest: Those on the longest page that this server is known to have sent. A page of more than the documented
            default shows that it heeds ``pageSize``.
    """
    return max(count, longest) > UNPROVEN_PAGE and count not in ROUND_SIZES


def size_behind_first(count: int, size: int) -> int:
    """Return the ``pageSize`` of the page behind a first one.

    Whatever has cut a page, the next one of its size begins where it ended. If ``pageSize`` was lost on its way then,
    and is heeded now, nothing would lie behind the first page of the size that was asked for.

    Args:
        count: Records on the first page. No server cuts pages at fewer than ten: so few are most likely all.
        size: The ``pageSize`` that was asked for.
    """
    return count if min(ROUND_SIZES) <= count < size else size


def ends_by_repetition(count: int, size: int, longest: int) -> bool:
    """Tell whether a page that the server sends once more under the next number was all of its list.

    Such a server ignores ``pageNumber``. So the list has more, for all that is known, if the page is as long as was
    asked for, or has a number of records at which a server might cut.

    Args:
        count: Records on it.
        size: The ``pageSize`` that was asked for.
        longest: As for `is_last_page`. A server that sends longer pages did not cut this one.
    """
    return count < size and (count < longest or count not in ROUND_SIZES)


def pages(n: int, size: int) -> int:
    """Return M, the pages that *n* records fill: M = ceil(N/P), K = ceil(k/P)."""
    return -(-n // size)


def batches(n: int, ids_per_call: int) -> int:
    """Return B(n), the calls that ask for *n* records by their IDs: B(n) = ceil(n/H)."""
    return -(-n // ids_per_call)


def end_calls(n: int, size: int, *, size_proven: bool = True) -> int:
    """Return the calls that show that nothing comes after *n* listed records: 0 or 1.

    A short page ends a list, but a full one does not (docs/explanation/plan.md, "The end of a list"). Nor
    does a short one where this server has not proven its page size. An empty page always does.
    """
    if n == 0:
        return 0
    unproven = not size_proven and n <= UNPROVEN_PAGE
    return 1 if n % size == 0 or unproven else 0


def expected_batches(ids: int, stale_share: float, ids_per_call: int, *, also: int = 0) -> float:
    """Return the mean number of calls that fetch the stale ones of *ids* records, each stale with *stale_share*.

    It is E[B(S)] for a binomial S, not B(E[S]): a call is whole however few IDs it carries. For one batch it is
    1 - (1-q)^m. For many it comes near q*m/H. *also* more are
    fetched by the same calls in any case.
    """
    if ids == 0 or stale_share <= 0:
        return float(batches(also, ids_per_call))
    if stale_share >= 1:
        return float(batches(ids + also, ids_per_call))
    if ids <= ids_per_call and not also:
        return 1 - float((1 - stale_share) ** ids)
    mean = ids * stale_share
    # Ten standard deviations and some hold all of the probability that a float can tell from none.
    reach = 10 * math.sqrt(mean * (1 - stale_share)) + 10
    counts = range(max(0, int(mean - reach)), min(ids, int(mean + reach)) + 1)
    return math.fsum(_binomial(count, ids, stale_share) * batches(count + also, ids_per_call) for count in counts)


def _binomial(count: int, of: int, share: float) -> float:
    log_subsets = math.lgamma(of + 1) - math.lgamma(count + 1) - math.lgamma(of - count + 1)
    return math.exp(log_subsets + count * math.log(share) + (of - count) * math.log1p(-share))
