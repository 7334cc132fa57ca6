"""Notifications of a PostgreSQL database, on a connection and a thread of their own."""

from __future__ import annotations

import contextlib
import logging
import secrets
import selectors
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from tonicdm.databases import connect, leave_to_parent

if TYPE_CHECKING:
    import psycopg

logger: Final = logging.getLogger("tonicdm")

PROBE_SECONDS: Final = 2.0
"""Seconds within which a notification of our own must come back, or there is a pooler that swallows them."""
SLICE_SECONDS: Final = 0.5
"""Seconds after which the thread looks for what it was not told of, such as the loss of its connection."""
MIN_RECONNECT_SECONDS: Final = 1.0
"""Seconds to the first try to listen again after a lost connection; they double with each."""
MAX_RECONNECT_SECONDS: Final = 30.0


class Listener:
    """Waits for notifications of one channel, and connects again when the database was away.

    Args:
        conninfo: Of the database.
        channel: What to listen to.
        notified: Called on the thread with the payload of each.
    """

    def __init__(self, conninfo: str, channel: str, notified: Callable[[str], None]) -> None:
        self._conninfo = conninfo
        self._channel = channel
        self._notified = notified
        self._stop = threading.Event()
        self._bell: socket.socket | None = None
        self.connection: psycopg.Connection[Any] | None = None
        self.works: bool = False
        """Whether notifications come; not behind a pooler in transaction mode."""

    def start(self) -> None:
        """Begin on a thread that never holds up the end of the process."""
        ear, self._bell = socket.socketpair()
        threading.Thread(target=self._run, args=(ear,), name="tonicdm-listener", daemon=True).start()

    def stop(self) -> None:
        """End the thread, and with it the session: many budgets may be opened and closed one after the other."""
        self._stop.set()
        if self._bell is not None:
            self._bell.close()

    def leave_to_parent(self) -> None:
        """Do nothing more in a forked child: the thread, the session and the bell are its parent's."""
        if self.connection is not None:
            leave_to_parent(self.connection)
        if self._bell is not None:
            self._bell.detach()

    def _run(self, ear: socket.socket) -> None:
        with ear, selectors.DefaultSelector() as waiting:
            waiting.register(ear, selectors.EVENT_READ)
            self._keep_listening(waiting)

    def _keep_listening(self, waiting: selectors.BaseSelector) -> None:
        pause = MIN_RECONNECT_SECONDS
        while not self._stop.is_set():
            try:
                if not self._listen(waiting):
                    return
                pause = MIN_RECONNECT_SECONDS
            except Exception as error:  # noqa: BLE001 - a lost notification costs a moment, not a call
                logger.debug("listening to %s ended (%s); again in %g s", self._channel, error, pause)
            self.works = False
            self._stop.wait(pause)
            pause = min(2 * pause, MAX_RECONNECT_SECONDS)

    def _listen(self, waiting: selectors.BaseSelector) -> bool:
        """Listen until the connection is lost or the thread is to end; False where no notification ever comes."""
        probe = secrets.token_hex(8)
        self.connection = connect(self._conninfo, "tonicdm-listen")
        try:
            with self.connection as connection:
                connection.execute(f"LISTEN {self._channel}".encode())
                connection.execute("SELECT pg_notify(%s, %s)", (self._channel, probe))
                self.works = any(
                    notify.payload == probe for notify in connection.notifies(timeout=PROBE_SECONDS, stop_after=1)
                )
                if not self.works:
                    logger.warning(
                        "the database's pooler passes no notifications on (it pools by transaction): calls that wait "
                        "for units which come free on another host look for them each second"
                    )
                    return False
                session = waiting.register(connection.fileno(), selectors.EVENT_READ)
                try:
                    while not self._stop.is_set():
                        waiting.select(SLICE_SECONDS)
                        for notify in connection.notifies(timeout=0):
                            if notify.payload != probe:
                                self._notified(notify.payload)
                finally:
                    waiting.unregister(session.fileobj)
        finally:
            with contextlib.suppress(Exception):
                self.connection.close()
            self.connection = None
        return not self._stop.is_set()
