import aiohttp
import pytest
from aioresponses import CallbackResult, aioresponses

from .mocking import mocked

URL = "http://server.test/core/me"


async def test_the_repair_of_aioresponses_is_still_needed():
    """When this fails, aioresponses works with aiohttp again: remove the repair in mocking.py."""
    async with aiohttp.ClientSession() as session:
        with aioresponses() as responses:
            responses.get(URL, payload={})
            with pytest.raises(TypeError, match="stream_writer"):
                await session.get(URL)


async def test_a_repaired_answer_is_read_whole():
    body = b"x" * 5_000_000
    async with aiohttp.ClientSession() as session:
        with mocked(lambda method, url, **_: CallbackResult(status=200, body=body)):
            async with session.get(URL) as response:
                assert await response.read() == body
