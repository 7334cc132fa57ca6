"""One process of test_token_processes.py: asks for tokens until told to stop, then says how often it got one.

It prints "ready" when it begins, "called" when it had its first token, and again when it had eleven.
"""

import asyncio
import contextlib
import json
import signal
import sys

from tonicdm.errors import TonicDMError
from tonicdm.rhythm.tokens.broker import TokenBroker
from tonicdm.rhythm.tokens.minting import MintRules
from tonicdm.rhythm.tokens.opening import token_store

RULES = MintRules(lease=4.0, pause_base=0.2, pause_cap=0.2)


async def main(auth_url: str, client_id: str, secret: str, where: str) -> None:
    told, stop = {"calls": 0, "errors": 0, "tokens": 0}, asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    seen: set[str] = set()
    store = token_store(where)
    print("ready", flush=True)  # noqa: T201 - read by the test
    await asyncio.to_thread(sys.stdin.readline)
    async with TokenBroker(auth_url, client_id, secret, store=store, rules=RULES, timeout=1.5) as broker:
        while not stop.is_set():
            try:
                seen.add((await broker.token()).reveal())
                told["calls"] += 1
                if told["calls"] in {1, 11}:
                    print("called", flush=True)  # noqa: T201
            except TonicDMError:
                told["errors"] += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.02)
    told["tokens"] = len(seen)
    print(json.dumps(told), flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
