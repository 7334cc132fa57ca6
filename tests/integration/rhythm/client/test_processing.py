"""Orders, payments, invoices and cancellations are started once, whatever crashes, and waited for to their end."""

from __future__ import annotations

import asyncio
import json
import os
import pathlib
import signal
import sys
import threading

import pytest

from tonicdm.errors import APIError, InvalidOptionError, StoreError
from tonicdm.rhythm import field
from tonicdm.rhythm.errors import SubmissionUnknownError
from tonicdm.rhythm.jobs import JobFile

from .conftest import drive

PROGRAM = pathlib.Path(__file__).with_name("submitting.py")


async def test_an_order_is_submitted_told_and_waited_for(rhythm, box, clock, tmp_path) -> None:
    """What the answer names is kept: the execution, the channel of its progress, its start."""
    told: list[str] = []
    note = tmp_path / "order.job"
    execution = await rhythm.orders.process(memo="Annual dinner", note=note, started=told.append)
    assert told == [execution.arn]
    assert json.loads(note.read_text())["id"] == execution.arn
    assert execution.details is not None
    assert execution.details.notification_channel and execution.details.start_date
    assert execution.details.notification_subscribe_key not in repr(execution.details)
    found = await drive(clock, execution.wait(), rhythm)
    assert found.status == "SUCCEEDED"
    order = await rhythm.orders.list().all()
    assert order[-1].memo == "Annual dinner" and order[-1].id == found.output["order_id"]


async def test_the_loop_goes_on_while_a_note_is_read_written_and_removed(rhythm, box, tmp_path, monkeypatch) -> None:
    """It may stand in a database that takes its time; everything else of the process once stood still with it."""
    loop = asyncio.get_running_loop()

    def in_time(work):
        def slow(*given):
            turned = threading.Event()
            loop.call_soon_threadsafe(turned.set)
            assert turned.wait(60), "the loop stands still"
            return work(*given)

        return slow

    for name in ("matching", "write", "remove"):
        monkeypatch.setattr(JobFile, name, in_time(getattr(JobFile, name)))
    note = tmp_path / "order.job"
    execution = await rhythm.orders.process(memo="x", note=note)
    assert json.loads(note.read_text())["id"] == execution.arn
    box.faults.next("response", status=403, body="{}")
    other = tmp_path / "other.job"
    with pytest.raises(APIError):
        await rhythm.orders.process(memo="y", note=other)
    assert not other.exists()


async def test_a_submission_that_is_cancelled_before_it_is_sent_leaves_no_note(
    rhythm, box, tmp_path, monkeypatch
) -> None:
    """A note would say that it may have begun."""
    write, entered, go = JobFile.write, threading.Event(), threading.Event()

    def slow(self, found):
        entered.set()
        assert go.wait(60)
        write(self, found)

    monkeypatch.setattr(JobFile, "write", slow)
    note = tmp_path / "order.job"
    task = asyncio.create_task(rhythm.orders.process(memo="x", note=note))
    await asyncio.to_thread(entered.wait, 60)
    task.cancel()
    await asyncio.sleep(0)
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not note.exists()
    assert not box.calls(operation="processOrder")


async def test_the_same_call_with_the_same_note_goes_on_with_the_same_execution(rhythm, box, tmp_path) -> None:
    note = tmp_path / "pay.job"
    first = await rhythm.payments.process(type="check", owner_type="contact", note=note)
    again = await rhythm.payments.process(type="check", owner_type="contact", note=note)
    assert first == again
    assert len(box.calls(operation="processPayment")) == 1


async def test_a_note_of_another_submission_is_refused_before_anything_is_sent(rhythm, box, tmp_path) -> None:
    note = tmp_path / "pay.job"
    await rhythm.payments.process(type="check", note=note)
    with pytest.raises(ValueError, match="Nothing was sent"):
        await rhythm.payments.process(type="cash", note=note)
    assert len(box.calls(operation="processPayment")) == 1


@pytest.mark.parametrize("fault", ["drop_after", "drop_before", "cut_body", "server_error"])
@pytest.mark.parametrize("noted", [True, False])
async def test_a_lost_answer_says_that_it_may_have_begun_and_how_to_find_out(
    rhythm, box, clock, tmp_path, fault: str, noted: bool
) -> None:
    """The order is found by its key, and is never submitted a second time."""
    await rhythm.address_types.list().first()
    box.faults.on(fault, path=f"/commerce/orders/{box.tenant_id}")
    note = tmp_path / "order.job" if noted else None
    with pytest.raises(
        SubmissionUnknownError, match=r"do not submit it again before you know\. orders\.find"
    ) as caught:
        await drive(clock, rhythm.orders.process(memo="lost", note=note), rhythm)
    assert (str(note) in str(caught.value)) == noted
    box.faults.reset()
    key = str(caught.value).partition("orders.find('")[2].partition("'")[0]
    order = await rhythm.orders.find(key)
    assert (order is not None and order.memo == "lost") == (fault in {"drop_after", "cut_body"})
    if noted:
        with pytest.raises(SubmissionUnknownError, match=key):
            await rhythm.orders.process(memo="lost", note=note)
    assert len(box.calls(operation="processOrder")) == 1


async def test_what_the_server_refused_did_not_begin_and_may_be_submitted_again(rhythm, box, tmp_path) -> None:
    note = tmp_path / "order.job"
    with pytest.raises(APIError) as caught:
        await rhythm.orders.process(duplicate_prevention_key="seeded-1", note=note)
    assert caught.value.status == 409
    assert not note.exists()
    assert (await rhythm.orders.process(memo="another", note=note)).arn


async def test_a_folder_that_can_not_be_written_submits_nothing(rhythm, box, tmp_path) -> None:
    with pytest.raises(StoreError, match="Nothing was sent"):
        await rhythm.invoices.process(type="dues", note=tmp_path / "absent" / "x.job")
    assert box.calls(operation="processInvoice") == []


async def test_an_invoice_is_made_and_then_paid_publicly_by_its_secret(rhythm, box, clock) -> None:
    """No token goes with a public payment; a wrong secret is refused and shown nowhere."""
    execution = await rhythm.invoices.process(status="open", bill_to_type="contact", line_items=[{"total": 30}])
    await drive(clock, execution.wait(), rhythm)
    invoice = box.world.tables["invoices"].record(2)
    with pytest.raises(APIError) as caught:
        await rhythm.payments.process_public(
            invoice["id"], "not-the-secret", contact_info={"name": "A"}, payment={"token": "card"}
        )
    assert "not-the-secret" not in repr(caught.value) + str(caught.value)
    paid = await rhythm.payments.process_public(
        invoice["id"], invoice["sharing_secret"], contact_info={"name": "A"}, payment={"token": "card"}
    )
    assert (await drive(clock, paid.wait(), rhythm)).status == "SUCCEEDED"
    assert (await rhythm.invoices.get(invoice["id"])).status == "paid"
    assert not any(one.authorized for one in box.calls(operation="processPublicPayment"))


async def test_a_credit_names_the_execution_that_made_it(rhythm, box, clock) -> None:
    """After a lost answer a cancellation is found by its order, and its credit by the execution."""
    order = box.world.tables["orders"].id(3)
    before = len(await rhythm.cancellations.list_by_order(order).all())
    execution = await rhythm.cancellations.process(order_id=order, action="issue credit")
    await drive(clock, execution.wait(), rhythm)
    assert len(await rhythm.cancellations.list_by_order(order).all()) == before + 1
    wanted = field("workflow_execution_id") == execution.arn.rpartition(":")[2]
    found = rhythm.fetch("credits", wanted, fields=["id", "order_id"], strategy="query")
    assert [one.order_id for one in await drive(clock, found.all(), rhythm)] == [order]


@pytest.mark.parametrize("field_name", ["id", "colour"])
async def test_what_can_not_be_sent_is_refused_before_anything_is_noted(rhythm, box, tmp_path, field_name: str) -> None:
    with pytest.raises(InvalidOptionError):
        await rhythm.orders.process(note=tmp_path / "x.job", **{field_name: "x"})
    assert list(tmp_path.iterdir()) == []
    assert box.calls(service="commerce") == []


@pytest.mark.parametrize(
    "kind", ["order", *(pytest.param(kind, marks=pytest.mark.thorough) for kind in ("payment", "invoice"))]
)
async def test_a_kill_after_the_post_starts_nothing_twice(box, broker, tmp_path, kind: str) -> None:
    """Killed between the answer and its note, the next run says that it does not know; after it, it goes on."""
    note = tmp_path / f"{kind}.job"
    token = (await broker.token()).reveal()
    environment = {**os.environ, "RHYTHM_TOKEN": token}
    command = [sys.executable, str(PROGRAM), box.service_url, box.tenant_id, kind, str(note)]

    async def run(*more: str) -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            *command, *more, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        out, _ = await process.communicate()
        return process.returncode, out.decode()

    operation = f"process{kind.title()}"
    assert (await run("kill-before-note"))[0] == -signal.SIGKILL
    assert len(box.calls(operation=operation)) == 1
    code, out = await run()
    assert code == 1 and "do not submit it again" in out
    note.unlink()
    assert (await run("kill-after-note"))[0] == -signal.SIGKILL
    code, out = await run()
    assert code == 0 and out.startswith("arn:"), out
    assert len(box.calls(operation=operation)) == 2


async def test_two_that_pay_at_once_with_one_note_pay_once(tmp_path) -> None:
    """Two cron jobs that overlap: the second says that the first is under way, and sends nothing."""
    from tests.hostile import Hostile, Pause, answer
    from tonicdm.rhythm import RhythmClient
    from tonicdm.rhythm.errors import UnderWayError

    arn = "arn:aws:states:us-east-1:123456789012:execution:pay:4f1c"
    slow = [Pause(0.3), answer(200, {"executionArn": arn})]
    async with (
        Hostile(otherwise=slow) as server,
        RhythmClient("example.org", token="t", base_url_template=f"{server.url}/{{service}}") as rhythm,
    ):
        orders = [rhythm.orders.process(memo="x", note=tmp_path / "o-1.job") for _ in range(2)]
        ends = await asyncio.gather(*orders, return_exceptions=True)
        assert sorted(type(end).__name__ for end in ends) == ["Execution", UnderWayError.__name__]
        assert len(server.requests) == 1
