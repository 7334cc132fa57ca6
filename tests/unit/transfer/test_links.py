"""Where a redirect may lead."""

from __future__ import annotations

import pytest

from tests.cases import for_each
from tonicdm import Secret
from tonicdm.errors import UnsafeLinkError
from tonicdm.transfer.links import redirect_of

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
