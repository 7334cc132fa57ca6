"""RFIs, submittals, PCOs, COs, tasks and file transfers, and the parts they consist of. Fields are snake_case."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping

from tonicdm.sandbox.world.addresses import email_text
from tonicdm.sandbox.world.firm import NOTHING, Firm, Record
from tonicdm.sandbox.world.projects import staff_column
from tonicdm.sandbox.world.stamps import FIRST_DAY, date, stamp
from tonicdm.sandbox.world.words import STAGES, SUBJECTS

PARTS = {
    "rfis": "rfi_parts",
    "submittals": "submittal_parts",
    "pcos": "pco_parts",
    "cos": "co_parts",
    "file_transfers": "file_transfer_parts",
}
"""Type of the parts of each type of item."""
PART_TYPES = ("receive", "forward", "return_of_forward", "response")
"""Types of an item's first, second, ... part."""

_CODES = ("Design error", "Field condition", "Owner request", "Value engineering", "Code compliance")


def item(firm: Firm, record_type: str, rank: int) -> Record:
    """Make the fields that RFIs, submittals, PCOs and COs share (reference, WorkflowItem)."""
    table = firm.tables[record_type]
    links = table.links
    noise = firm.noise(record_type, rank)
    received = FIRST_DAY + (noise >> 20) % 100_000_000
    return {
        "id": table.id(rank),
        "status": firm.status(record_type, rank),
        "project_id": firm.maybe_id("projects", links["project"][rank]),
        "item_discipline": firm.maybe("disciplines", links["discipline"][rank]),
        "stage": STAGES[noise & 7],
        "manual_stage": noise & 64 == 0,
        "manual_received_datetime": stamp(received, 1),
        "our_response_required_date": date(received + 864_000),
        "our_number": f"{record_type[:-1].upper()}-{table.slots(rank):04d}",
        "our_revision": str((noise >> 8) & 3),
        "our_title": SUBJECTS[(noise >> 4) & 7],
        "responsible_person_id": firm.maybe_id("persons", links["person"][rank]),
        **item_parts(record_type)(firm, rank),
        "datetimeCreated": firm.created(rank),
        "datetimeUpdated": stamp(table.updated[rank], rank),
    }


def item_parts(record_type: str) -> Callable[[Firm, int], Record]:
    """Return what makes the list of an item's parts."""
    return lambda firm, rank: {
        "parts": [firm.stub(PARTS[record_type], number) for number in parts_of(firm, record_type, rank)]
    }


def rfi(firm: Firm, rank: int) -> Record:
    """Make an RFI."""
    code = firm.noise("rfis", rank) >> 44
    codes = firm.tables["reason_codes"].ids.count
    made = item(firm, "rfis", rank)
    if code & 1:
        made["reasonCode"] = firm.stub("reason_codes", code % codes)
    return made


def submittal(firm: Firm, rank: int) -> Record:
    """Make a submittal."""
    noise = firm.noise("submittals", rank)
    return {
        **item(firm, "submittals", rank),
        "our_response_required": noise & 256 == 0,
        "our_specsection": f"{(noise >> 12) % 50:02d} {(noise >> 16) % 100:02d} 00",
    }


def change_order(record_type: str) -> Callable[[Firm, int], Record]:
    """Return what makes PCOs or COs; cost and time are texts (reference)."""

    def make(firm: Firm, rank: int) -> Record:
        noise = firm.noise(record_type, rank)
        return {**item(firm, record_type, rank), "cost": f"{noise % 100_000}.00", "time": f"{noise % 30} days"}

    return make


def item_links(record_type: str) -> Callable[[Firm], Mapping[str, array[int]]]:
    """Return what puts items into projects and between sender, receiver and a copied address."""

    def fill(firm: Firm) -> Mapping[str, array[int]]:
        return {
            "project": firm.draw(record_type, "project", "projects"),
            "discipline": firm.draw(record_type, "discipline", "disciplines"),
            "person": staff_column(firm, record_type, "person"),
            **{name: firm.draw(record_type, name, "email_addresses") for name in ("sender", "receiver", "copied")},
        }

    return fill


def parts_of(firm: Firm, record_type: str, rank: int) -> list[int]:
    """Return the ranks of an item's parts."""
    return firm.children(PARTS[record_type], "item", record_type, rank)


def addresses(firm: Firm, record_type: str, rank: int, line: str) -> set[str]:
    """Return the addresses any part of an item is from, to or copied to (reference, filterFrom, filterTo, filterCc)."""
    parts = PARTS[record_type]
    collected: set[str] = set()
    for number in parts_of(firm, record_type, rank):
        value = firm.record(parts, number).get(line)
        collected.update([value] if isinstance(value, str) else value or [])
    return collected


def part(record_type: str, parent: str) -> Callable[[Firm, int], Record]:
    """Return what makes parts (reference, WorkflowPart); the first is received, the second forwarded, and so on."""

    def make(firm: Firm, rank: int) -> Record:
        table, items = firm.tables[record_type], firm.tables[parent]
        noise = firm.noise(record_type, rank)
        turn = table.slots(rank) // items.ids.count
        above = table.links["item"][rank]
        sender, receiver, copied = _correspondents(firm, parent, above, turn)
        done = FIRST_DAY + (noise >> 20) % 100_000_000
        files = table.links["fileset"][rank]
        return {
            "id": table.id(rank),
            "part_type": PART_TYPES[turn % len(PART_TYPES)],
            "status": "active",
            "number": f"{turn + 1}",
            "revision": str(noise & 3),
            "title": SUBJECTS[(noise >> 4) & 7],
            "message": f"<p>{SUBJECTS[(noise >> 8) & 7]}</p>",
            "item_id": firm.maybe_id(parent, above),
            "action_datetime": stamp(done, 0),
            "from_organization_id": firm.id("organizations", noise % firm.tables["organizations"].ids.count),
            "response_required_date": date(done + 864_000),
            "fileset_zone": firm.zone,
            **({} if files == NOTHING else {"fileset_id": firm.id("filesets", files)}),
            "from": sender,
            "to": receiver,
            "cc": copied,
            "datetimeUpdated": stamp(table.updated[rank], rank),
        }

    return make


def _correspondents(firm: Firm, record_type: str, rank: int, turn: int) -> tuple[str | None, list[str], list[str]]:
    links = firm.tables[record_type].links
    # What was received is forwarded by its receiver to the one who was copied.
    names = ("sender", "receiver", "copied") if turn == 0 else ("receiver", "copied")
    if rank == NOTHING or links["sender"][rank] == NOTHING:
        return None, [], []
    texts = [email_text(firm, links[name][rank]) or "" for name in names]
    return texts[0], [texts[1]], texts[2:]


def part_links(record_type: str, parent: str) -> Callable[[Firm], Mapping[str, array[int]]]:
    """Return what deals parts out to items, each with a fileset."""
    return lambda firm: {
        "item": firm.parents(record_type, parent),
        "fileset": firm.draw(record_type, "fileset", "filesets", none=0.3),
    }


def task(firm: Firm, rank: int) -> Record:
    """Make a task; the reference shows its id only."""
    table = firm.tables["tasks"]
    noise = firm.noise("tasks", rank)
    return {
        "id": table.id(rank),
        "status": firm.status("tasks", rank),
        "project_id": firm.maybe_id("projects", table.links["project"][rank]),
        "responsible_person_id": firm.maybe_id("persons", table.links["person"][rank]),
        "title": SUBJECTS[noise & 7],
        "due_date": date(FIRST_DAY + (noise >> 20) % 100_000_000),
        "is_done": noise & 512 == 0,
        "datetimeCreated": firm.created(rank),
        "datetimeUpdated": stamp(table.updated[rank], rank),
    }


def task_links(firm: Firm) -> Mapping[str, array[int]]:
    """Put tasks into projects and give them to staff."""
    return {"project": firm.draw("tasks", "project", "projects"), "person": staff_column(firm, "tasks", "person")}


def file_transfer(firm: Firm, rank: int) -> Record:
    """Make a file transfer."""
    table = firm.tables["file_transfers"]
    noise = firm.noise("file_transfers", rank)
    return {
        "id": table.id(rank),
        "datetimeCreated": firm.created(rank),
        "datetimeUpdated": stamp(table.updated[rank], rank),
        "status": firm.status("file_transfers", rank),
        "project_id": firm.maybe_id("projects", table.links["project"][rank]),
        "is_request": noise & 3 == 0,
        "title": SUBJECTS[(noise >> 4) & 7],
        **item_parts("file_transfers")(firm, rank),
    }


def file_transfer_links(firm: Firm) -> Mapping[str, array[int]]:
    """Put file transfers into projects and between addresses."""
    return {
        "project": firm.draw("file_transfers", "project", "projects"),
        **{name: firm.draw("file_transfers", name, "email_addresses") for name in ("sender", "receiver", "copied")},
    }


def reason_code(firm: Firm, rank: int) -> Record:
    """Make a reason code."""
    table = firm.tables["reason_codes"]
    return {
        "id": table.id(rank),
        "brandId": firm.maybe_id("brands", table.links["brand"][rank]),
        "name": _CODES[rank % len(_CODES)],
        "datetimeUpdated": stamp(table.updated[rank], rank),
    }


def reason_code_links(firm: Firm) -> Mapping[str, array[int]]:
    """Give reason codes to the own brands."""
    brands = firm.tables["brands"].slots
    return {"brand": array("I", [brands.back(rank & 1) for rank in range(firm.tables["reason_codes"].ids.count)])}
