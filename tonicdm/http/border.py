"""Where aiohttp's exceptions become ours."""

from __future__ import annotations

import aiohttp

from tonicdm.errors import ConfigError, ConnectError, ProtocolError, RequestTimeoutError, TransportError
from tonicdm.http.call import Call
from tonicdm.http.operation import NOTHING_SENT
from tonicdm.http.retry import Outcome


class Lost(Exception):  # noqa: N818 - a signal of the attempt loop
    """An attempt ended without an answer."""

    def __init__(self, outcome: Outcome, error: TransportError) -> None:
        super().__init__(str(error))
        self.outcome = outcome
        self.error = error


def translate(error: Exception, call: Call, *, sent: bool, attempt: int) -> Lost | None:
    """Turn what an attempt raised into one of our errors.

    Args:
        error: What came out of aiohttp.
        call: What was called.
        sent: Whether the attempt had passed the gate.
        attempt: Which attempt it was.

    Returns:
        None for an error that is not the network's.

    Raises:
        ConfigError: The URL is at fault.
    """
    if isinstance(error, aiohttp.InvalidURL):
        raise ConfigError("the server's URL can't be called; check base_url=") from error
    where, timeout = call.label, call.timeout
    outcome = Outcome.CUT if sent else Outcome.NOT_SENT
    kind: type[TransportError] = ProtocolError if sent else ConnectError
    if isinstance(error, TimeoutError):
        kind = RequestTimeoutError
        outcome = Outcome.TIMED_OUT if sent else Outcome.NOT_SENT
        said = f"{where} had no answer within {timeout:g} s" if sent else f"{where}: no connection within {timeout:g} s"
    elif isinstance(error, aiohttp.ClientSSLError):
        said = f"{where}: the server's certificate was not accepted ({type(error).__name__}); see ssl="
    elif not sent and isinstance(error, (aiohttp.ClientError, OSError)):
        said = f"{where}: no connection could be made ({type(error).__name__}); check the network, base_url= and proxy="
    elif isinstance(error, aiohttp.ClientPayloadError):
        said = f"{where}: the answer broke off or could not be unpacked"
    elif isinstance(error, aiohttp.ClientResponseError):
        said = f"{where}: the answer was no valid HTTP ({type(error).__name__})"
    elif isinstance(error, (aiohttp.ClientError, OSError)):
        said = f"{where}: the connection was cut before the answer ({type(error).__name__})"
    else:
        return None
    fate = call.if_lost if sent else NOTHING_SENT
    return Lost(
        outcome, kind(f"{said}. {fate}", method=call.request.method, path=call.path, sent=sent, attempts=attempt)
    )
