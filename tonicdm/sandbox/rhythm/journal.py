"""What the Rhythm side saw: one line per call, tokens and downloads among them."""

from __future__ import annotations

from typing import Any

import attrs

from tonicdm.sandbox.journal import Entries


@attrs.frozen(kw_only=True)
class RhythmEntry:
    """One call as the server received and answered it."""

    at: float
    """Server time of its arrival, Unix seconds."""
    operation: str | None
    """operationId; "authorize", "issueUserToken" and "download" for what the reference has none; None: unknown."""
    service: str
    """Service that was called, "auth0" or "s3"."""
    tenant: str | None
    """Tenant in the path, or that of the token where the path has none."""
    token: str | None
    """Claim jti of the bearer token, None without a token of this server."""
    client: str | None
    """Client ID behind the token, or that asked for one."""
    method: str
    """HTTP method."""
    path: str
    """Path below the service, without the query string: that of a signed URI holds its secret."""
    parameters: tuple[str, ...]
    """Names in the query string."""
    status: int | None
    """Status sent; None when the connection was cut before an answer."""
    reason: str | None
    """What was wrong, in more words than the answer has: "expired", "audience", "foreign tenant", ..."""
    records: int
    """Records in the answer's body, or rows of a file."""
    bytes: int
    """Length of the answer's body."""
    authorized: bool
    """Whether an Authorization header came along."""
    fault: str | None
    """Names of the faults that hit, joined by "+"."""

    def as_json(self) -> dict[str, Any]:
        """Return the entry as JSON values."""
        return attrs.asdict(self)


class RhythmJournal(Entries[RhythmEntry]):
    """All calls of a Rhythm server."""

    def calls(
        self,
        *,
        operation: str | None = None,
        service: str | None = None,
        tenant: str | None = None,
        client: str | None = None,
        status: int | None = None,
        since: float | None = None,
    ) -> list[RhythmEntry]:
        """Return the entries that match all that is given.

        Args:
            operation: operationId.
            service: Service.
            tenant: Tenant ID.
            client: Client ID.
            status: Status sent.
            since: Earliest server time.
        """
        return [
            entry
            for entry in self
            if operation in {None, entry.operation}
            and service in {None, entry.service}
            and tenant in {None, entry.tenant}
            and client in {None, entry.client}
            and status in {None, entry.status}
            and (since is None or entry.at >= since)
        ]
