"""The check of links and redirects before they are followed. Pure."""

from __future__ import annotations

import hashlib
from typing import Final

import attrs
import yarl

from tonicdm.errors import UnsafeLinkError
from tonicdm.types import Secret

MAX_REDIRECTS: Final = 5
"""Redirects that are followed one after another."""
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_NOTHING_SENT: Final = "Nothing was sent there."


@attrs.frozen(kw_only=True)
class LinkRules:
    """What a link must be to be followed."""

    plain_http: bool
    """Whether http:// will do: only where the API's own base URL is no https."""
    own_origin: tuple[str, int]
    """Host and port of the API, which may be at a private address."""

    def check(self, link: Secret) -> None:
        """Refuse a link that can't be trusted with a request.

        Raises:
            UnsafeLinkError: It is no https, has no host, or carries a name and password.
        """
        if problem := self._problem(link):
            raise UnsafeLinkError(f"{problem}. {_NOTHING_SENT}")

    def _problem(self, link: Secret) -> str | None:
        url = _parsed(link)
        if url is None or not url.host or url.scheme not in {"http", "https"}:
            return "a link to a file must begin with https:// and a host"
        if url.scheme == "http" and not self.plain_http:
            return f"the link to {url.host} is no https, so others could read and change the file"
        if url.raw_user is not None or url.raw_password is not None:
            return f"the link to {url.host} carries a name or password"
        return None

    def is_own(self, link: Secret) -> bool:
        """Return whether a link leads to the API's own host and port."""
        url = _parsed(link)
        return url is not None and (url.host, url.port) == self.own_origin


def origin_of(base_url: str) -> tuple[str, int]:
    """Return host and port of a URL."""
    url = yarl.URL(base_url)
    return url.host or "", url.port or 0


def host_of(link: Secret) -> str:
    """Return what errors may show of a link."""
    url = _parsed(link)
    return (None if url is None else url.host) or "the host"


def path_of(link: Secret) -> str:
    """Return the path of a link, percent-encoded."""
    url = _parsed(link)
    return "" if url is None else url.raw_path


def source_of(link: Secret) -> str:
    """Return a digest that tells links to one file from others; the query, where signatures change, is left out."""
    url = _parsed(link)
    text = "" if url is None else f"{url.host}:{url.port}{url.raw_path}"
    return hashlib.sha256(text.encode()).hexdigest()


def redirect_of(status: int, location: Secret, link: Secret) -> Secret | None:
    """Return where an answer sends its reader; None where it is no redirect.

    Args:
        status: Its status.
        location: Its header Location.
        link: What was asked for.

    Raises:
        UnsafeLinkError: It leads from https to http, or to what is no URL.
    """
    if status not in _REDIRECTS or not location.reveal().strip():
        return None
    target = _joined(link, location)
    if target is None:
        raise UnsafeLinkError(f"{host_of(link)} redirects to what is no URL. {_NOTHING_SENT}")
    if link.reveal().startswith("https:") and not target.reveal().startswith("https:"):
        raise UnsafeLinkError(f"{host_of(link)} redirects from https to something else. {_NOTHING_SENT}")
    return target


def _joined(link: Secret, location: Secret) -> Secret | None:
    try:
        url = yarl.URL(link.reveal(), encoded=True).join(yarl.URL(location.reveal().strip(), encoded=True))
        return Secret(str(url.with_fragment(None)))
    except ValueError:
        return None


def _parsed(link: Secret) -> yarl.URL | None:
    try:
        url = yarl.URL(link.reveal(), encoded=True)
        _ = url.port  # read here, as a port that is none is found out late
    except ValueError:
        return None
    return url
