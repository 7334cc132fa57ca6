"""One renewal serves all calls that were refused together."""

from __future__ import annotations

import asyncio

import pytest

from tonicdm import ConfigError, Secret
from tonicdm.http.auth import Auth


async def test_a_fixed_token_is_never_renewed() -> None:
    auth = Auth(Secret("a"))
    token = await auth.token()
    assert not await auth.refresh(token)


async def test_many_refusals_cost_one_renewal() -> None:
    asked = 0

    async def source() -> str:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return f"token-{asked}"

    auth = Auth(source=source)
    first = await asyncio.gather(*(auth.token() for _ in range(10)))
    assert {token.reveal() for token in first} == {"token-1"}
    assert await asyncio.gather(*(auth.refresh(token) for token in first)) == [True] * 10
    assert (await auth.token()).reveal() == "token-2"
    assert await auth.refresh(first[0]), "a late refusal of the old token finds the new one"
    assert asked == 2


async def test_the_same_token_again_is_not_worth_another_try() -> None:
    async def source() -> str:
        return "same"

    auth = Auth(source=source)
    assert not await auth.refresh(await auth.token())


async def test_a_cancelled_caller_does_not_take_the_token_from_the_others() -> None:
    gate = asyncio.Event()

    async def source() -> str:
        await gate.wait()
        return "token"

    auth = Auth(source=source)
    waiting = [asyncio.create_task(auth.token()) for _ in range(2)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    gate.set()
    assert (await waiting[1]).reveal() == "token"


async def test_a_failing_source_is_asked_again_next_time() -> None:
    answers = iter([OSError("down"), "token"])

    async def source() -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    auth = Auth(source=source)
    with pytest.raises(OSError, match="down"):
        await auth.token()
    assert (await auth.token()).reveal() == "token"


async def test_a_source_without_a_usable_token_is_a_setting_error() -> None:
    async def source() -> str:
        return "a\nb"

    with pytest.raises(ConfigError):
        await Auth(source=source).token()
