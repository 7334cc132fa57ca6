"""The record types of the firm, and the number of records of each."""

from __future__ import annotations

from collections.abc import Mapping

from tonicdm.sandbox.world import addresses, files, people, person_slots, places, projects, workflow
from tonicdm.sandbox.world.firm import Link, RecordTypeSpec


def _link(target: str, field: str | None = None) -> Link:
    return Link(target=target, field=field)


def _stub(target: str, field: str) -> Link:
    return Link(target=target, field=field, style="stub")


_DISCIPLINE = _stub("disciplines", "discipline")
_OFFICE = _stub("offices", "office")
_CORRESPONDENTS = {name: _link("email_addresses") for name in ("sender", "receiver", "copied")}
_ITEM: Mapping[str, Link] = {
    "project": _link("projects", "project_id"),
    "discipline": _stub("disciplines", "item_discipline"),
    "person": _link("persons", "responsible_person_id"),
    **_CORRESPONDENTS,
}
_ITEM_SORTS = {"number": "our_number", "title": "our_title", "our_number": "our_number", "stage": "stage"}


def _part(name: str, parent: str, share: int) -> RecordTypeSpec:
    return RecordTypeSpec(
        name=name,
        make=workflow.part(name, parent),
        share=share,
        minimum=2,
        retires=False,
        links={"item": _link(parent, "item_id"), "fileset": _link("filesets", "fileset_id")},
        fill=workflow.part_links(name, parent),
        status_field=None,
    )


RECORD_TYPES: tuple[RecordTypeSpec, ...] = (
    RecordTypeSpec(name="disciplines", make=places.discipline, minimum=12, retires=False, status_field=None),
    RecordTypeSpec(
        name="certification_definitions", make=places.certification_definition, minimum=6, sorts={"name": "name"},
    ),
    RecordTypeSpec(
        name="tenants", make=places.tenant, minimum=8, retires=False, links={"discipline": _DISCIPLINE},
        fill=places.tenant_links, references={"discipline": "disciplines"}, sorts={"domain": "domain"},
    ),
    RecordTypeSpec(
        name="organizations", make=places.organization, share=25, links={"discipline": _DISCIPLINE},
        fill=places.organization_links, references={"discipline": "disciplines"}, sorts={"name": "name"},
    ),
    RecordTypeSpec(
        name="brands", make=places.brand, share=30, minimum=3,
        links={"organization": _link("organizations", "organizationId"), "discipline": _link("disciplines")},
        fill=places.brand_links, references={"disciplines": "disciplines"},
        sorts={"nameLong": "nameLong", "nameShort": "nameShort", "nameInitials": "nameInitials"},
    ),
    RecordTypeSpec(
        name="offices", make=places.office, share=20, minimum=4,
        links={"organization": _link("organizations", "organizationId")}, fill=places.office_links,
        sorts={"name": "name"},
    ),
    RecordTypeSpec(
        name="persons", make=people.person, children=people.rolled_up, share=120, minimum=10,
        links={
            "brand": _link("brands", "brandId"), "organization": _link("organizations", "organizationId"),
            "office": _OFFICE, "discipline": _DISCIPLINE,
        },
        fill=people.person_links, references={"office": "offices", "discipline": "disciplines"},
        sorts={"name": "name", "title": "title"},
    ),
    RecordTypeSpec(
        name="email_addresses", make=addresses.email_address, minimum=16,
        links={
            "person": _link("persons", "personId"), "brand": _link("brands", "brandId"), "office": _OFFICE,
            "discipline": _DISCIPLINE,
        },
        fill=addresses.email_links, references={"office": "offices", "discipline": "disciplines"},
        sorts={"emailAddress": "emailAddress", "name": "name"},
    ),
    RecordTypeSpec(name="user_settings", make=people.user_settings, retires=False, status_field=None),
    RecordTypeSpec(
        name="projects", make=projects.project, share=50, minimum=4,
        links={
            "organization": _link("organizations", "clientOrganizationId"), "brand": _stub("brands", "brand"),
            "office": _OFFICE,
        },
        fill=projects.project_links, references={"brand": "brands", "office": "offices"},
        sorts={"projectNumber": "projectNumber", "projectNameLegal": "projectNameLegal"},
    ),
    RecordTypeSpec(
        name="team", make=projects.member, share=60, minimum=8,
        links={
            "project": _link("projects", "projectId"), "email": _link("email_addresses", "emailAddressId"),
            "brand": _link("brands", "brandId"), "discipline": _link("disciplines"),
        },
        fill=projects.member_links, status_field="ProjectMemberStatus",
        sorts={"name": "email", "email": "email", "title": "title", "office": "brandId"},
    ),
    RecordTypeSpec(
        name="groups", make=projects.group, share=10,
        links={"project": _link("projects", "projectId"), "owner": _link("persons", "ownerId")},
        fill=projects.group_links,
    ),
    RecordTypeSpec(
        name="labels", make=projects.label, share=20, minimum=2, links={"object": _link("persons", "objectId")},
        fill=projects.label_links,
    ),
    RecordTypeSpec(
        name="filesets", make=files.fileset, children=files.fileset_files, share=40, minimum=4, retires=False,
        hyphenated=True, status_field=None, references={"files": "files"},
    ),
    RecordTypeSpec(
        name="files", make=files.file, share=60, minimum=6,
        links={"fileset": Link(target="filesets", field="filesetId", style="hyphenated")}, fill=files.file_links,
    ),
    RecordTypeSpec(
        name="thumbnails", make=files.thumbnail, share=40, minimum=3, retires=False,
        links={"file": _link("files", "fileId")}, fill=files.thumbnail_links, status_field=None,
    ),
    RecordTypeSpec(
        name="cloud_children", make=files.cloud_child, share=10, minimum=20, retires=False,
        links={"parent": _link("cloud_children", "parentId"), "project": _link("projects")}, fill=files.cloud_links,
        status_field=None, sorts={"name": "name"},
    ),
    RecordTypeSpec(name="conversations", make=files.conversation, share=30, minimum=2, retires=False, hyphenated=True,
         status_field=None),
    RecordTypeSpec(
        name="reason_codes", make=workflow.reason_code, minimum=5, retires=False,
        links={"brand": _link("brands", "brandId")}, fill=workflow.reason_code_links, status_field=None,
    ),
    RecordTypeSpec(
        name="rfis", make=workflow.rfi,
        children=workflow.item_parts("rfis"), share=35, minimum=4, links=_ITEM, fill=workflow.item_links("rfis"),
        references={"item_discipline": "disciplines", "parts": "rfi_parts", "reasonCode": "reason_codes"},
        sorts=_ITEM_SORTS,
    ),
    _part("rfi_parts", "rfis", 50),
    RecordTypeSpec(
        name="submittals", make=workflow.submittal,
        children=workflow.item_parts("submittals"), share=25, minimum=3, links=_ITEM,
        fill=workflow.item_links("submittals"),
        references={"item_discipline": "disciplines", "parts": "submittal_parts"}, sorts=_ITEM_SORTS,
    ),
    _part("submittal_parts", "submittals", 30),
    RecordTypeSpec(
        name="pcos", make=workflow.change_order("pcos"),
        children=workflow.item_parts("pcos"), share=5, minimum=3, links=_ITEM,
        fill=workflow.item_links("pcos"), references={"item_discipline": "disciplines", "parts": "pco_parts"},
    ),
    _part("pco_parts", "pcos", 8),
    RecordTypeSpec(
        name="cos", make=workflow.change_order("cos"),
        children=workflow.item_parts("cos"), share=5, minimum=3, links=_ITEM,
        fill=workflow.item_links("cos"), references={"item_discipline": "disciplines", "parts": "co_parts"},
        sorts=_ITEM_SORTS,
    ),
    _part("co_parts", "cos", 8),
    RecordTypeSpec(
        name="tasks", make=workflow.task, share=20, minimum=3,
        links={"project": _link("projects", "project_id"), "person": _link("persons", "responsible_person_id")},
        fill=workflow.task_links,
    ),
    RecordTypeSpec(
        name="file_transfers", make=workflow.file_transfer,
        children=workflow.item_parts("file_transfers"), share=15, minimum=2,
        links={"project": _link("projects", "project_id"), **_CORRESPONDENTS}, fill=workflow.file_transfer_links,
        references={"parts": "file_transfer_parts"},
    ),
    _part("file_transfer_parts", "file_transfers", 25),
    RecordTypeSpec(
        name="notes", make=projects.note, share=30, minimum=2,
        links={"person": Link(target="persons", field="personId", style="hyphenated")}, fill=projects.note_links,
        sorts={"personName": "personName", "actionDateTime": "actionDateTime"},
    ),
)  # fmt: skip
"""Each type after those it refers to."""

_REST = "email_addresses"


def counts(records: int, *, grouped: bool = True) -> dict[str, int]:
    """Return how many records of each type a world of *records* has; email addresses take what the shares leave.

    Args:
        records: Records over all types.
        grouped: Whether organizations may have several brands; if not, each brand of a contact has one of its own.

    Raises:
        ValueError: Too few for one firm with all its types.
    """
    sizes = {spec.name: max(spec.minimum, records * spec.share // 1000) for spec in RECORD_TYPES}
    if not grouped:
        sizes["organizations"] = sizes["brands"] - 1  # the own organization has two
    sizes[_REST] = records - sum(size for name, size in sizes.items() if name != _REST)
    # Each person has an address, and the two own brands have one without a person.
    if sizes[_REST] < person_slots.first_slot(sizes["persons"]) + 2:
        minimum = MIN_RECORDS if grouped else MIN_RECORDS_UNGROUPED
        raise ValueError(f"a world has at least {minimum} records, not {records}")
    return sizes


MIN_RECORDS = 505
"""From so many records on every number makes a world."""
MIN_RECORDS_UNGROUPED = 507
"""The same of a world without the AdvancedContacts licence, where each brand needs an organization of its own."""
