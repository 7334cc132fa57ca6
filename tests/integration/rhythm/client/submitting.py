"""A program that submits an order, a payment or an invoice, and kills itself where it is told to.

Its arguments: URL template, tenant, kind, note, and where to die: kill-before-note, kill-after-note, or nowhere.
"""

from __future__ import annotations

import asyncio
import os
import pathlib
import signal
import sys

from tonicdm.errors import TonicDMError
from tonicdm.rhythm import RhythmClient
from tonicdm.rhythm.jobs import JobFile


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def main(template: str, tenant: str, kind: str, note: str, where: str) -> None:
    write = JobFile.write

    def dying_write(self, found):
        if found.id and where == "kill-before-note":
            die()
        write(self, found)

    JobFile.write = dying_write
    async with RhythmClient(tenant, base_url_template=template) as rhythm:
        match kind:
            case "order":
                work = rhythm.orders.process(memo="x", note=note, started=lambda _: where and die())
            case "payment":
                work = rhythm.payments.process(type="check", note=note, started=lambda _: where and die())
            case _:
                work = rhythm.invoices.process(type="dues", note=pathlib.Path(note), started=lambda _: where and die())
        try:
            print((await work).arn)  # noqa: T201
        except TonicDMError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5], (sys.argv[5:] or [""])[0]))
