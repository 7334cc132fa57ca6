"""Tenants: whose records a job reads, with which token, and into which schema they go."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final, Self

import attrs

from tonicdm.config import Settings
from tonicdm.databases import check_schema
from tonicdm.errors import ConfigError
from tonicdm.rhythm.operations import checked_tenant
from tonicdm.rhythm.settings import check_template
from tonicdm.rhythm.tokens.issuer import Issuer
from tonicdm.store import choose
from tonicdm.tokens import TokenReference
from tonicdm.types import Secret

NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")
MIN_EVERY_SECONDS: Final = 60
MAX_EVERY_SECONDS: Final = 2**31 - 1
"""What the database's integer holds."""


class UnknownTenantError(ConfigError):
    """There is no tenant of this name."""


def _reference(given: TokenReference | str) -> TokenReference:
    return TokenReference(given) if isinstance(given, str) else given


@attrs.frozen(kw_only=True)
class RhythmAccess:
    """A tenant's access to Rhythm; what is left out comes from the worker's RHYTHM_* variables.

    Raises:
        ConfigError: A value can't be used.
    """

    tenant_id: str | None = None
    """The tenant's name in Rhythm."""
    client_id: str | None = None
    """The application."""
    secret: TokenReference | None = attrs.field(default=None, converter=attrs.converters.optional(_reference))
    """Where its secret is, never the secret."""
    auth_domain: str | None = None
    """The tenant's Auth0 domain."""
    base_url: str | None = None
    """Where the services are, with ``{service}`` in it."""

    def to_json(self) -> str:
        """Return it as the database keeps it."""
        values = attrs.asdict(self, recurse=False)
        return json.dumps({**values, "secret": None if self.secret is None else self.secret.text})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote, here or in a later version."""
        known = {field.name for field in attrs.fields(cls)}
        return cls(**{name: value for name, value in json.loads(text).items() if name in known})

    def check(self) -> None:
        """Refuse now what no worker could use.

        Raises:
            ConfigError: A value can't be used.
        """
        if self.tenant_id is not None:
            checked_tenant(self.tenant_id)
        if self.base_url is not None:
            check_template(self.base_url)
        if self.auth_domain is not None:
            Issuer.parse(self.auth_domain)
        if self.secret is not None:
            self.secret.check()


def _name(_instance: object, attribute: attrs.Attribute[str], name: str) -> None:
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"the {attribute.name} of a tenant has lower-case letters, digits, - and _, and begins with a letter; "
            f"63 at most, not {name!r}"
        )


def _interval(_instance: object, _attribute: attrs.Attribute[int | None], every: int | None) -> None:
    if every is not None and every < MIN_EVERY_SECONDS:
        raise ConfigError(f"a tenant is synced every {MIN_EVERY_SECONDS} s at most, not every {every} s")
    if every is not None and every > MAX_EVERY_SECONDS:
        raise ConfigError(f"a tenant is synced every {MAX_EVERY_SECONDS:,} s at least, not every {every:,} s")


def _names(given: Iterable[str]) -> tuple[str, ...]:
    return tuple(given)


@attrs.frozen(kw_only=True)
class Tenant:
    """One tenant.

    Raises:
        ConfigError: A value can't be used.
    """

    name: str = attrs.field(validator=_name)
    schema: str = attrs.field(
        default=attrs.Factory(lambda self: self.name.replace("-", "_"), takes_self=True), validator=_name
    )
    """The schema of its copy."""
    token: TokenReference = attrs.field(converter=_reference)
    zone: str | None = None
    base_url: str | None = None
    """A server instead of a zone."""
    types: tuple[str, ...] = attrs.field(default=(), converter=_names)
    """What is synced; the default types where none are named."""
    every: int | None = attrs.field(default=None, validator=_interval)
    """Seconds between two syncs; None where they are submitted by hand or by a schedule."""
    rhythm: RhythmAccess | None = None
    """Its access to Rhythm, if it has one."""

    def __attrs_post_init__(self) -> None:
        if self.zone is not None or self.base_url is not None:
            Settings.resolve(token=Secret("checked-later"), zone=self.zone, base_url=self.base_url, environ={})

    def check(self) -> None:
        """Refuse now what no worker could use, on any machine.

        Raises:
            ConfigError: A value can't be used, or no server is named.
        """
        Settings.resolve(token=Secret("checked-later"), zone=self.zone, base_url=self.base_url, environ={})
        check_schema(self.schema)
        choose(list(self.types))
        self.token.check()
        if self.rhythm is not None:
            self.rhythm.check()

    def to_row(self) -> dict[str, Any]:
        """Return it as the database keeps it."""
        return {
            "name": self.name,
            "schema": self.schema,
            "token": self.token.text,
            "zone": self.zone,
            "base_url": self.base_url,
            "types": ",".join(self.types),
            "every": self.every,
            "rhythm": None if self.rhythm is None else self.rhythm.to_json(),
        }

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Self:
        """Read it from what the database holds."""
        names = tuple(name for name in row["types"].split(",") if name)
        given = {field: row[field] for field in ("name", "schema", "token", "zone", "base_url", "every")}
        rhythm = None if row["rhythm"] is None else RhythmAccess.from_json(row["rhythm"])
        return cls(**given, types=names, rhythm=rhythm)
