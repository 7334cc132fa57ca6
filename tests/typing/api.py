"""Usage that mypy and pyright check; never run."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Mapping, Sequence
from typing import Literal

from tonicdm import (
    UNSET,
    APIError,
    BudgetTimeoutError,
    DataQuantity,
    Hooks,
    Page,
    Paginator,
    RateLimitedError,
    Raw,
    RawResponse,
    RecordID,
    RecordNotFoundError,
    RetryPolicy,
    Secret,
    Spent,
    TonicDM,
    UnitBudget,
)
from tonicdm.endpoints.many import RecordBatch
from tonicdm.endpoints.refreshing import Refreshed
from tonicdm.models import (
    Brand,
    CertificationDefinition,
    CloudFolderChild,
    Co,
    Conversation,
    CoPart,
    Discipline,
    Division,
    EmailAddress,
    ExpiryUrl,
    File,
    Fileset,
    FileTransfer,
    FileTransferPart,
    GlobalTenant,
    Group,
    GroupMember,
    Label,
    Me,
    Note,
    Office,
    Organization,
    PcoPart,
    Person,
    PersonEmailAddress,
    Platform,
    PresignedUpload,
    Project,
    ProjectMember,
    ProjectMemberStatus,
    RecordStub,
    Reference,
    Rfi,
    RfiPart,
    Stage,
    Status,
    Submittal,
    Task,
    ThirdPartyToken,
    ThumbnailSet,
)
from tonicdm.store import Store

NOW = datetime.datetime.now(datetime.UTC)
ID: RecordID = RecordID("f71f272f752c4307b36c5124688562c4")


def use(*values: object) -> None:
    """Take *values*, so that no name is unused."""


async def clients() -> None:
    """A client, its views, its budget, its escape hatch."""
    budget = UnitBudget.memory(max_calls_per_second=None)
    async with TonicDM(token="...", zone="us", budget=budget, hooks=Hooks(), retry=RetryPolicy()) as tonic:
        view: TonicDM = tonic.with_options(priority="interactive", max_wait=5.0, option_placement="query", zone="de")
        named: TonicDM = tonic.with_options(headers={"X-Team": "core"}, retry=RetryPolicy(attempts=1))
        spent: UnitBudget = view.budget
        spent.snapshot()
        async with named.meter() as counted:
            both: Spent = counted
            use(both.units, both.calls)
        await tonic.request("GET", "/core/offices", options={"filterIDs": ID}, data_quantity="id_only")


async def once(tonic: TonicDM) -> None:
    """Create a record once."""
    office: Office = await tonic.offices.create_or_find(
        match=["name"], since=NOW, max_units=50, wait=1.0, name="Lisbon"
    )
    rfi: Rfi = await tonic.rfis.create_or_find(match=lambda rfi: rfi.our_title == "x", project_id=ID, our_title="x")
    use(office, rfi)


async def raw_answers(tonic: TonicDM) -> None:
    """Around a call the type of its value is known; by attribute it is not."""
    raw: Raw[Person] = await tonic.with_raw(tonic.persons.get(ID))
    several: Raw[RecordBatch[Person]] = await tonic.with_raw(tonic.persons.get_many([ID]))
    stubs: Raw[list[RecordStub]] = await tonic.with_raw(tonic.persons.list(data_quantity="id_only").all())
    responses: tuple[RawResponse, ...] = several.responses
    name: str | None = raw.value.name
    body: bytes = raw.body
    content: str = raw.headers["content-type"]
    async for page in tonic.with_raw.pages(tonic.persons.list()):
        records: tuple[Person, ...] = page.value.records
        use(records)
    use(name, body, content, responses, stubs, raw.status, raw.units, raw.attempts, raw.elapsed, raw.request_id)


async def qualities(tonic: TonicDM) -> None:
    """The data_quantity decides the type: stubs under id_only, records else."""
    persons: Paginator[Person] = tonic.persons.list()
    basic: Paginator[Person] = tonic.persons.list(data_quantity="basic")
    complete: Paginator[Person] = tonic.persons.list(data_quantity=DataQuantity.COMPLETE)
    stubs: Paginator[RecordStub] = tonic.persons.list(data_quantity="id_only")
    also_stubs: Paginator[RecordStub] = tonic.persons.list(data_quantity=DataQuantity.ID_ONLY)
    async for person in persons:
        name: str | None = person.name
        use(name)
    async for page in basic.pages():
        whole: Page[Person] = page
        use(whole.number, whole.records)
    everything: list[Person] = await complete.all(limit=5)
    first: RecordStub | None = await stubs.first()
    stale = [stub.id for stub in await also_stubs.all() if stub.updated is None or stub.updated < NOW]
    warm: Person = await tonic.persons.get(ID, max_age=60, resolve=["office"])
    kept: Store = TonicDM(store="firm.db", max_age=60, batch_window=0).store
    fresh: Sequence[Person] = await tonic.persons.get_many(stale)
    missing: tuple[RecordID, ...] = (await tonic.persons.get_many([ID, uuid.uuid4()])).missing
    use(everything, first, fresh, missing, warm, kept)


async def own_cache(tonic: TonicDM, cache: dict[str, datetime.datetime | None], also: dict[uuid.UUID, None]) -> None:
    """A refresh gives records of the noun, IDs and times; keys may be texts, IDs or UUIDs."""
    found: Refreshed[Person] = await tonic.persons.refresh(cache)
    changed: tuple[Person, ...] = found.changed
    others: tuple[RecordID, ...] = found.unchanged + found.missing
    times: Mapping[RecordID, datetime.datetime | None] = found.updated
    again: Refreshed[Office] = await tonic.offices.refresh(times)
    await tonic.offices.refresh(also)
    use(changed, others, again)


async def lists(tonic: TonicDM) -> None:
    """What every list takes beside its own options."""
    changed: Paginator[Discipline] = tonic.disciplines.list(options={"updated_after": NOW}, on_ignored="accept")
    persons: Paginator[Person] = tonic.persons.list(filter_ids=[ID] * 480, options={"zzNew": [1, True, "x"]})
    use(changed, persons)


async def named_fields(tonic: TonicDM, contact: EmailAddress, project: Project, own: Organization, me: Me) -> None:
    """The fields that the concepts page names."""
    texts: list[str | None] = [contact.name, contact.title, contact.brand_id, contact.person_id, me.name, me.home_zone]
    zones: list[str | None] = [project.zone, own.home_zone, own.division1_name, own.division2_name]
    days: list[datetime.date | None] = [contact.date_active, contact.date_inactive]
    offices: list[Reference[Office] | None] = [contact.office, project.office, me.office]
    brand: Reference[Brand] | None = project.brand
    divisions: list[Reference[Division] | None] = [project.division1, project.division2, me.division1, me.division2]
    await tonic.email_addresses.update(ID, name="Mel", deskphone_number=1, office=ID, date_inactive=NOW.date())
    await tonic.projects.update(ID, project_number="1", project_name_legal="T", office=ID, brand=brand, division1=None)
    use(texts, zones, days, offices, divisions)


async def by_id(tonic: TonicDM, data_quantity: Literal["id_only", "basic"], any_data_quantity: DataQuantity) -> None:
    """Stubs under id_only and records else, by ID as in lists; each knows when it changed and how it was read."""
    stub: RecordStub = await tonic.persons.get(ID, data_quantity="id_only")
    also_stub: RecordStub = await tonic.rfis.get(ID, data_quantity=DataQuantity.ID_ONLY, max_age=60)
    stubs: Sequence[RecordStub] = await tonic.offices.get_many([ID], data_quantity="id_only")
    gone: tuple[RecordID, ...] = (await tonic.offices.get_many([ID], data_quantity=DataQuantity.ID_ONLY)).missing
    office: Office = await tonic.offices.get(ID, data_quantity=DataQuantity.COMPLETE)
    offices: Sequence[Office] = await tonic.offices.get_many([ID], data_quantity="complete")
    either: Office | RecordStub = await tonic.offices.get(ID, data_quantity=data_quantity)
    later: Office | RecordStub = await tonic.offices.get(ID, data_quantity=any_data_quantity)
    changed: datetime.datetime | None = office.updated or stub.updated
    read: DataQuantity | None = office.data_quantity or stub.data_quantity
    me: Me = await tonic.me.get(data_quantity="complete")
    own: RecordStub = await tonic.organizations.me(data_quantity="id_only")
    myself: RecordStub = await tonic.persons.me(data_quantity=DataQuantity.ID_ONLY)
    made: Office | None = await tonic.offices.create(name="London", data_quantity="id_only")
    use(also_stub, stubs, gone, offices, either, later, changed, read, me, own, myself, made)


async def people(tonic: TonicDM) -> None:
    """Persons, email addresses, organizations, brands, offices."""
    me: Me = await tonic.me.get()
    changed: Me | None = await tonic.me.update(daily_reminder=True, division1=ID, division2=None)
    also_me: Me = await tonic.persons.me()
    person: Person = await tonic.persons.get(ID, data_quantity="complete")
    office: Reference[Office] | None = person.office
    if office is not None and office.record is not None:
        address: str | None = office.record.address
        use(address, office.id, office.updated, office.is_stub)
    made: Person | None = await tonic.persons.create(
        email_addresses=[PersonEmailAddress(email_address="mel@pacific.com"), {"isPrime": True}]
    )
    await tonic.persons.update(ID, office_id=uuid.uuid4(), name="Mel", title=None, status=UNSET, extra={"x": 1})
    await tonic.persons.soft_delete(ID)
    tonic.persons.list(
        search_query={"name": "Mel"}, filter_ids=[ID], filter_organization_ids=[uuid.uuid4()], filter_disciplines=[ID],
        filter_office_ids=[ID], filter_statuses=[Status.ACTIVE, "inactive"], page_size=100, sort_by="name",
        sort_direction="desc", updated_after=NOW, start_page=2, prefetch=1,
    )  # fmt: skip
    one: EmailAddress = await tonic.email_addresses.get(ID)
    addresses: Paginator[EmailAddress] = tonic.email_addresses.list(filter_brand_ids=[ID], updated_after=NOW.date())
    await tonic.email_addresses.create(email_address="mel@pacific.com", is_prime=True, selective_non_creation=True)
    await tonic.email_addresses.update(ID, email_address="mel@pacific.com", date_active=NOW.date())
    organizations: Paginator[Organization] = tonic.organizations.list()
    own: Organization = await tonic.organizations.me()
    staff: Paginator[Person] = tonic.organizations.staff()
    staff_ids: Paginator[RecordStub] = tonic.organizations.staff(data_quantity="id_only", prefetch=1)
    brands: Paginator[Brand] = tonic.brands.list(sort_by="name_short")
    brand: Brand | None = await tonic.brands.update(ID, disciplines=[ID, Reference[Discipline](id=ID)], name_long="P")
    offices: Paginator[Office] = tonic.offices.list(filter_organization_ids=[ID])
    created: Office | None = await tonic.offices.create(name="London", phone_number=2079460000)
    use(
        me,
        changed,
        also_me,
        made,
        one,
        addresses,
        organizations,
        own,
        staff,
        staff_ids,
        brands,
        brand,
        offices,
        created,
    )


async def projects(tonic: TonicDM) -> None:
    """Projects, teams, groups, labels, notes, disciplines, certifications."""
    project: Project | None = await tonic.projects.create(project_number="1", project_name_legal="Tower", zone="us")
    await tonic.projects.update(ID, project_number="1", project_name_legal="Tower", purpose="billable")
    await tonic.projects.soft_delete(ID, project_number="1", project_name_legal="Tower")
    zones = {one.id: one.zone async for one in tonic.projects.list()}
    team: Paginator[ProjectMember] = tonic.team.list(project_id=ID, sort_by="email")
    added: tuple[ProjectMember, ...] = await tonic.team.add(
        ID, ProjectMember(email_address_id=ID, project_member_status=ProjectMemberStatus.ACTIVE)
    )
    group: Group | None = await tonic.groups.create(
        project_id=ID, name="Consultants", scope="shared", members=[GroupMember(email_address_id=ID)]
    )
    await tonic.groups.update(ID, name="All")
    labels: Paginator[Label] = tonic.labels.list(object_ids=[ID], filter_object_type="person")
    note: Note | None = await tonic.notes.create(attached_to_id=ID, person_id=ID, content="<p>x</p>")
    notes: Paginator[Note] = tonic.notes.list(sort_by="person_name")
    disciplines: Paginator[Discipline] = tonic.disciplines.list()
    kinds: Sequence[CertificationDefinition] = await tonic.certification_definitions.get_many([ID])
    use(project, zones, team, added, group, labels, note, notes, disciplines, kinds)


async def files(tonic: TonicDM) -> None:
    """Filesets, files, thumbnails, uploads, cloud folders."""
    filesets: Sequence[Fileset] = await tonic.filesets.get_many([ID])
    link: ExpiryUrl = await tonic.filesets.expiry_url()
    url: str | None = link.expiry_url
    found: Paginator[File] = tonic.files.list(filter_fileset_ids=[ID])
    thumbnails: Paginator[ThumbnailSet] = tonic.thumbnails.list(file_ids=[ID], filter_thumbnail_size="small")
    upload: PresignedUpload | str = await tonic.uploads.initialize(fileset_id=ID, content_type="application/pdf")
    children: Paginator[CloudFolderChild] = tonic.cloud_folders.list(platform=Platform.EGNYTE, workflow="rfi")
    folder: CloudFolderChild | None = await tonic.cloud_folders.create(extra={"name": "Drawings"})
    await tonic.cloud_folders.update("host-1", file_category="pdf")
    await tonic.cloud_folders.delete(options={"id": "host-1"})
    use(filesets, url, found, thumbnails, upload, children, folder)


async def workflow(tonic: TonicDM) -> None:
    """RFIs, submittals, change orders, tasks, file transfers, correspondence."""
    rfis: Paginator[Rfi] = tonic.rfis.list(project_id=ID, filter_stages=[Stage.OPEN, "void"], sort_by="number")
    async for rfi in rfis:
        stage: Stage | None = rfi.stage
        discipline: Reference[Discipline] | None = rfi.item_discipline
        parts: tuple[RfiPart, ...] | None = rfi.parts
        use(stage == "open", discipline, parts, rfi["reasonCode"], rfi.extra)
    made: Rfi | None = await tonic.rfis.create(
        project_id=ID, our_number="12", item_discipline=ID, manual_received_datetime=NOW, parts=[RfiPart(title="x")]
    )
    await tonic.rfis.delete(ID)
    rfi_parts: Paginator[RfiPart] = tonic.rfi_parts.list(rfi_ids=[ID], part_ids=[ID])
    await tonic.rfi_integrations.create(name="Unclear", extra={"x": 1})
    submittal: Submittal = await tonic.submittals.get(ID)
    co: Co | None = await tonic.cos.update(ID, cost="1,200.00", parts=[CoPart(time="3 days")])
    await tonic.pcos.delete(ID)
    pco_parts: Paginator[PcoPart] = tonic.pco_parts.list(pco_ids=[ID])
    tasks: Paginator[Task] = tonic.tasks.list(updated_after=NOW)
    transfers: Paginator[FileTransfer] = tonic.file_transfers.list()
    transfer_parts: Paginator[FileTransferPart] = tonic.file_transfer_parts.list(file_transfer_ids=[ID])
    conversations: Paginator[Conversation] = tonic.conversations.list(filter_ids=[ID])
    use(made, rfi_parts, submittal, co, pco_parts, tasks, transfers, transfer_parts, conversations)


async def rest(tonic: TonicDM) -> None:
    """Tenants, tokens, errors."""
    tenants: Paginator[GlobalTenant] = tonic.tenants.list(filter_customer_types=["paid"])
    token: ThirdPartyToken = await tonic.third_party_tokens.get(Platform.PROCORE, "mel@pacific.com")
    secret: Secret | None = token.token
    try:
        await tonic.offices.get(ID)
    except RecordNotFoundError as error:
        use(error.id, error.path)
    except BudgetTimeoutError as error:
        use(error.reset_at, error.wait)
    except RateLimitedError as error:
        use(error.reset_at, error.rate_limit)
    except APIError as error:
        use(error.status, error.attempts)
    use(tenants, secret.reveal() if secret else None)


async def mistakes(tonic: TonicDM) -> None:
    """What the checkers must refuse; an ignore that is not needed is an error itself."""
    tonic.persons.list(page_sizes=5)  # type: ignore[call-overload]
    tonic.team.list()  # type: ignore[call-arg]
    tonic.team.list(project_id=ID, data_quantity="id_only")  # type: ignore[arg-type]
    tonic.brands.list(sort_by="name")  # type: ignore[call-overload]
    await tonic.projects.update(ID)  # type: ignore[call-arg]
    await tonic.offices.create()  # type: ignore[call-arg]
    await tonic.offices.update(ID, name=5)  # type: ignore[arg-type]
    await tonic.persons.get(5)  # type: ignore[call-overload]
    await tonic.organizations.create()  # type: ignore[attr-defined]
