"""Where a redirect may lead."""

from __future__ import annotations

import pytest

from tests.cases import for_each
from tonicdm import Secret
from tonicdm.errors import UnsafeLinkError
from tonicdm.transfer.links import LinkRules, host_of, origin_of, path_of, redirect_of, source_of

LINK = Secret("https://files.example/a?X-Signature=abcdef")


@for_each(
    ("status", "location", "leads_to"),
    [
        (200, "https://other.example/b", None),
        (302, " ", None),
        (302, "https://other.example/b#part", "https://other.example/b"),
        (307, "/b", "https://files.example/b"),
    ],
)
def test_a_redirect_leads_where_its_location_says(status: int, location: str, leads_to: str | None) -> None:
    found = redirect_of(status, Secret(location), LINK)
    assert (None if found is None else found.reveal()) == leads_to


@for_each(
    ("location", "says"),
    [("http://other.example/b", "from https to something else"), ("https://[b", "to what is no URL")],
)
def test_a_redirect_that_leads_nowhere_safe_is_refused_without_the_link(location: str, says: str) -> None:
    with pytest.raises(UnsafeLinkError, match=says) as caught:
        redirect_of(302, Secret(location), LINK)
    assert "abcdef" not in str(caught.value)


RULES = LinkRules(plain_http=False, own_origin=origin_of("https://api.example/v1"))


@for_each(
    ("link", "why"),
    [
        ("ftp://files.example/a?sig=abcdef", "begin with https"),
        ("https:///a?sig=abcdef", "begin with https"),
        ("https://files.example:port/?sig=abcdef", "begin with https"),
        ("http://files.example/a?sig=abcdef", "is no https"),
        ("https://me@files.example/a?sig=abcdef", "carries a name or password"),
        ("https://:abcdef@files.example/a", "carries a name or password"),
    ],
)
def test_a_link_that_can_not_be_trusted_with_a_request_is_refused_without_its_secret(link: str, why: str) -> None:
    with pytest.raises(UnsafeLinkError, match=why) as refused:
        RULES.check(Secret(link))
    assert "abcdef" not in str(refused.value)


def test_a_link_without_tls_will_do_only_where_the_api_has_none() -> None:
    RULES.check(LINK)
    LinkRules(plain_http=True, own_origin=("localhost", 80)).check(Secret("http://files.example/a"))


@for_each(
    ("link", "own"),
    [
        ("https://api.example/file", True),
        ("https://API.example:443/file", True),
        ("https://api.example:444/file", False),
        ("http://api.example/file", False),
        ("https://other.example/file", False),
        ("https://[b", False),
    ],
)
def test_a_link_is_the_apis_own_by_host_and_port(link: str, own: bool) -> None:
    assert RULES.is_own(Secret(link)) is own


def test_the_source_of_a_link_is_its_file_whatever_its_signature() -> None:
    again = Secret("https://files.example/a?X-Signature=other")
    other = Secret("https://files.example/b?X-Signature=abcdef")
    assert source_of(LINK) == source_of(again) != source_of(other)
    assert (host_of(LINK), path_of(LINK)) == ("files.example", "/a")


def test_of_what_is_no_url_nothing_is_shown() -> None:
    broken = Secret("https://[abcdef")
    assert (host_of(broken), path_of(broken)) == ("the host", "")
    assert "abcdef" not in source_of(broken)
