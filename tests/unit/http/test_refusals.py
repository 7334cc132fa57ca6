"""Error statuses as errors: the class of each, what it says to do, and until when a 429 stops all calls."""

from __future__ import annotations

from tests.cases import for_each
from tonicdm.budget.views import utc
from tonicdm.errors import EndpointNotFoundError, RateLimitedError
from tonicdm.http.headers import Headers
from tonicdm.http.messages import OutgoingRequest, Response, WaitAllowance
from tonicdm.http.refusals import refused
from tonicdm.http.wire import Request
from tonicdm.types import RateLimit

RESET = 1_800_000_000.0
CALL = OutgoingRequest(request=Request(method="GET", path="/core/offices"), base_url="https://api.example", cost=5)


def response(status: int, **fields: object) -> Response:
    values = {"headers": Headers(), "body": b'{"message":"no"}', "rate_limit": None, "attempts": 1}
    return Response(status=status, **values | fields)


def test_a_status_has_the_error_of_its_kind_with_what_the_server_said() -> None:
    error = refused(CALL, response(404))
    assert isinstance(error, EndpointNotFoundError)
    assert "/core/offices" in str(error)
    assert error.body == '{"message":"no"}'


def test_a_redirect_says_why_it_was_not_followed() -> None:
    assert "would carry the token elsewhere" in str(refused(CALL, response(302)))


def test_a_wish_to_be_asked_later_is_said_with_its_seconds() -> None:
    assert "asked again in 1,200 s" in str(refused(CALL, response(503), asked=1200.0))


@for_each(
    ("named", "until", "shown"),
    [
        (None, None, None),
        (RESET, None, RESET),
        (RESET, RESET + 2, RESET),
        (RESET, RESET + 60, RESET + 60),
        (RESET, RESET - 60, RESET - 60),
        (None, RESET + 60, RESET + 60),
    ],
)
def test_a_429_stops_calls_until_the_reset_that_it_named_unless_the_wait_is_another(
    named: float | None, until: float | None, shown: float | None
) -> None:
    """Some seconds more are those of clocks that differ, and not worth another time than the header's."""
    limit = None if named is None else RateLimit(3600, 0, named)
    error = refused(CALL, response(429, rate_limit=limit, cooldown_until=until))
    assert isinstance(error, RateLimitedError)
    assert error.reset_at == (None if shown is None else utc(shown))


def test_an_allowance_is_spent_over_all_attempts() -> None:
    allowance = WaitAllowance(10.0, 1)
    allowance.spend(7.0)
    assert (allowance.allows(3.0), allowance.allows(3.1)) == (True, False)
    allowance.spend(9.0)
    assert allowance.seconds_left == 0.0
    assert [allowance.allows_429() for _ in range(2)] == [True, False]


def test_an_allowance_without_bounds_allows_everything() -> None:
    allowance = WaitAllowance(None)
    allowance.spend(1e9)
    assert allowance.allows(1e9)
    assert allowance.allows_429()
