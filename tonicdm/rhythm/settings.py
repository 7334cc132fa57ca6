"""Settings of a Rhythm client, from arguments first and RHYTHM_* variables second."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

import attrs
import yarl

from tonicdm.errors import ConfigError
from tonicdm.rhythm.operations import SERVICES, checked_tenant
from tonicdm.types import Secret

SERVICE_HOSTS: Final = "https://{service}.api.rhythmsoftware.com"
"""One host per service (reference: x-services)."""


@attrs.frozen(kw_only=True)
class RhythmSettings:
    """What a Rhythm client needs to know before its first call."""

    tenant: str
    """The tenant of all calls; like the association's domain."""
    base_url_template: str = SERVICE_HOSTS
    """With ``{service}`` where the service's name stands."""
    token: Secret | None = None
    """A token that is used as it is."""
    client_id: str | None = None
    client_secret: Secret | None = None
    auth_domain: str | None = None
    """The Auth0 domain, like ``example.us.auth0.com``."""

    @classmethod
    def resolve(
        cls,
        tenant: str | None = None,
        *,
        base_url_template: str | None = None,
        token: str | Secret | None = None,
        client_id: str | None = None,
        client_secret: str | Secret | None = None,
        auth_domain: str | None = None,
        token_given: bool = False,
        environ: Mapping[str, str] | None = None,
    ) -> RhythmSettings:
        """Take each setting from its argument, else from its variable.

        Args:
            tenant: Else RHYTHM_TENANT_ID.
            base_url_template: Else RHYTHM_BASE_URL, else Rhythm's hosts.
            token: Else RHYTHM_TOKEN, if no client is named either.
            client_id: Else RHYTHM_CLIENT_ID.
            client_secret: Else RHYTHM_CLIENT_SECRET.
            auth_domain: Else RHYTHM_AUTH_DOMAIN.
            token_given: Whether tokens come from somewhere else.
            environ: Read instead of `os.environ`.

        Raises:
            ConfigError: Something is missing, contradictory or malformed; nothing was sent and no token spent.
        """
        env = os.environ if environ is None else environ
        named = client_id is not None or client_secret is not None or auth_domain is not None
        if token is None and not named and not token_given:
            token = env.get("RHYTHM_TOKEN") or None
        given = token is not None or token_given
        if given and named:
            raise ConfigError("give token=, or client_id=, client_secret= and auth_domain=, not both")
        settings = cls(
            tenant=checked_tenant(tenant if tenant is not None else env.get("RHYTHM_TENANT_ID", "")),
            base_url_template=check_template(base_url_template or env.get("RHYTHM_BASE_URL") or SERVICE_HOSTS),
            token=_secret("token", token),
        )
        if given:
            return settings
        return attrs.evolve(
            settings,
            client_id=_needed("client_id", client_id, env),
            client_secret=_secret("client_secret", client_secret or _needed("client_secret", None, env)),
            auth_domain=_needed("auth_domain", auth_domain, env),
        )

    def base_url(self, service: str) -> str:
        """Return the server of *service*.

        Raises:
            ConfigError: No such service is known.
        """
        if service not in SERVICES:
            raise ConfigError(f"{service!r} is no service of Rhythm; there are {', '.join(sorted(SERVICES))}")
        return self.base_url_template.replace("{service}", service)


def check_template(template: str) -> str:
    """Return a template of base URLs without a slash at its end.

    Raises:
        ConfigError: It is no URL, or has not exactly one ``{service}``.
    """
    if template.count("{service}") != 1:
        raise ConfigError(f"base_url_template must have {{service}} once, like {SERVICE_HOSTS}")
    try:
        url = yarl.URL(template.replace("{service}", "rolodex"))
    except ValueError as error:
        raise ConfigError(f"base_url_template is no URL: {error}") from None
    if url.scheme not in {"http", "https"} or not url.host or url.query_string or url.fragment or url.user:
        raise ConfigError(f"base_url_template must look like {SERVICE_HOSTS}, without query or credentials")
    return template.rstrip("/")


def _needed(name: str, value: str | None, env: Mapping[str, str]) -> str:
    setting = value or env.get(f"RHYTHM_{name.upper()}")
    if not setting:
        raise ConfigError(
            f"no token and no {name}: give token=, or client_id=, client_secret= and auth_domain= "
            "(or RHYTHM_TOKEN, RHYTHM_CLIENT_ID, RHYTHM_CLIENT_SECRET, RHYTHM_AUTH_DOMAIN)"
        )
    return setting


def _secret(name: str, value: str | Secret | None) -> Secret | None:
    if value is None:
        return None
    text = value.reveal() if isinstance(value, Secret) else value
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigError(f"the {name} is empty, or holds blanks, line breaks or characters that can't be sent")
    return value if isinstance(value, Secret) else Secret(value)
