"""The server that all policies meet: the concepts page, and for the rest the assumption least kind to us."""

import asyncio
import dataclasses
import email.utils
import math
import random

from tests.unit.budget.virtualtime import START

LIMIT, LENGTH, EXTENSION = 3600, 3600.0, 60.0


@dataclasses.dataclass
class Server:
    """A window begins with the first call; each call while it is exceeded moves the reset away by a minute."""

    rng: random.Random
    lossy: float = 0.0
    """Share of the answers that never arrive."""
    end: float = 0.0
    used: int = 0
    exceeded: bool = False
    served: int = 0
    foreign: int = 0
    refused: int = 0

    def charge(self, cost: int, *, ours: bool = True) -> tuple[int, dict[str, str]]:
        now = START + asyncio.get_running_loop().time()
        if now >= self.end:
            self.end, self.used, self.exceeded = now + LENGTH, 0, False
        status = 200
        if self.exceeded or self.used + cost > LIMIT:
            self.end += EXTENSION if self.exceeded else 0.0
            status, self.exceeded = 429, True
            self.refused += ours
        else:
            self.used += cost
            self.served += cost if ours else 0
            self.foreign += 0 if ours else cost
        return status, {
            "X-Rate-Limit-Limit": str(LIMIT),
            "X-Rate-Limit-Remaining": str(LIMIT - self.used),
            "X-Rate-Limit-Reset": str(math.floor(self.end)),
            "Date": email.utils.formatdate(math.floor(now), usegmt=True),
        }

    async def call(self, cost: int) -> tuple[int, dict[str, str]]:
        """Travel there and back; answers overtake each other, and some get lost."""
        await asyncio.sleep(self.rng.lognormvariate(-2.0, 0.7))
        answer = self.charge(cost)
        if self.rng.random() < self.lossy:
            await asyncio.sleep(30.0)
            raise TimeoutError
        await asyncio.sleep(self.rng.lognormvariate(-2.0, 0.7))
        return answer

    async def others(self, units_per_second: float) -> None:
        """Let other clients of the token spend; they stop at a 429 until the reset, as they should."""
        silent_until = 0.0
        while units_per_second > 0:
            cost = self.rng.choices((20, 5, 1), (5, 3, 2))[0]
            await asyncio.sleep(self.rng.expovariate(units_per_second / 11.7))
            if START + asyncio.get_running_loop().time() >= silent_until:
                status, headers = self.charge(cost, ours=False)
                if status == 429:
                    silent_until = float(headers["X-Rate-Limit-Reset"]) + 5.0
