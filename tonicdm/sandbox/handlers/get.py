"""Get one object: the user, the own organization, an address to upload to, a token of another platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tonicdm.sandbox.handlers.filters import CHOICES
from tonicdm.sandbox.messages import Refusal
from tonicdm.sandbox.options import read_ids, read_words
from tonicdm.sandbox.settings import DataQuantity, SandboxSettings
from tonicdm.sandbox.world import World
from tonicdm.sandbox.world.firm import Record
from tonicdm.sandbox.world.ids import hyphenated
from tonicdm.sandbox.world.noise import key_of
from tonicdm.sandbox.world.person_slots import me as user
from tonicdm.sandbox.world.places import own_organization
from tonicdm.sandbox.world.stamps import stamp


def read(world: World, record_type: str, options: Mapping[str, str], data_quantity: DataQuantity) -> Record:
    """Return the object of a single answer.

    Args:
        world: The records.
        record_type: Name of the answer.
        options: Options of the call.
        data_quantity: me and my_organization obey it as records do.

    Raises:
        Refusal: 400, an option's value is wrong.
    """
    match record_type:
        case "me":
            return me(world, data_quantity)
        case "my_organization":
            return my_organization(world, data_quantity)
        case "expiry_url":
            return _expiry_url(world)
        case "presigned_upload":
            return _presigned_upload(world, options)
        case _:
            return _third_party_token(world, options)


def me(world: World, data_quantity: DataQuantity = "basic") -> Record:
    """Return the user's person with the user settings appended, and the home zone (concepts page, "Data Residency")."""
    firm = world.firm
    rank = user(firm)
    if data_quantity == "id_only":
        return firm.stub("persons", rank)
    person = firm.record("persons", rank) if data_quantity == "basic" else firm.complete("persons", rank)
    settings = firm.record("user_settings", 0)
    del settings["id"]
    return {**person, **settings, "homeZone": firm.zone}


def my_organization(world: World, data_quantity: DataQuantity = "basic") -> Record:
    """Return the own organization with the tenant's settings appended (concepts page, "Tenant")."""
    firm = world.firm
    rank = own_organization(firm)
    if data_quantity == "id_only":
        return firm.stub("organizations", rank)
    make = firm.record if data_quantity == "basic" else firm.complete
    return {
        **make("organizations", rank),
        "homeZone": firm.zone,
        "division1Name": "Market Sector",
        "division2Name": "Studio",
    }


def _expiry_url(world: World) -> Record:
    expiry = f"{key_of(world.firm.seed, 'expiry', world.moment()):032x}"
    return {"expiry_id": expiry, "expiry_url": f"https://files.invalid/expiry/{expiry}"}


def _presigned_upload(world: World, options: Mapping[str, str]) -> Record:
    if "filesetId" in options:
        (fileset, *_) = read_ids("filesetId", options["filesetId"])
        if world.get("filesets", fileset) is None:
            raise Refusal(400, f"filesetId: no fileset has the id {fileset}")
    moment = stamp(world.moment(), 0)
    return {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Date": moment.replace("-", "").replace(":", ""),
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Credential": f"SANDBOX/{moment[:10].replace('-', '')}/{world.firm.zone}/s3/aws4_request",
        "X-Amz-Expires": 3600,
        "X-Amz-Signature": f"{key_of(world.firm.seed, moment, *options.items()):064x}",
    }


def _third_party_token(world: World, options: Mapping[str, str]) -> Record:
    (platform, *_) = read_words("platform", options["platform"], CHOICES["platform"])
    if "@" not in options["source"]:
        raise Refusal(400, "source: an email address is expected")
    now = world.moment()
    return {
        "platform": platform,
        "emailAddress": options["source"],
        "token": hyphenated(f"{key_of(world.firm.seed, platform, options['source'], now):032x}"),
        "expiryDatetime": stamp(now + 3600, 1),
    }


def singleton(record: Any, settings: SandboxSettings) -> Any:
    """Return one object, or an array of it: "records are returned in the form of an array" (concepts page)."""
    return [record] if settings.me_shape == "array" else record
