"""Signed URIs and their files, as S3 serves them: the signature is all the authorization there is."""

from __future__ import annotations

import hashlib
import hmac
import pathlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from tonicdm.sandbox.messages import FilePart, Refusal, Request, Response, json_response
from tonicdm.sandbox.rhythm.context import Tenant
from tonicdm.sandbox.rhythm.jobs import MEDIA_TYPES, QueryJob
from tonicdm.sandbox.rhythm.operations import FILES

_STAMP = "%Y%m%dT%H%M%SZ"


def signed(url: str, segments: tuple[str, ...], now: float, seconds: int, key: bytes) -> str:
    """Return a URI that opens a file until its time is over.

    Args:
        url: Base URL of the server.
        segments: Tenant, query ID and file name.
        now: Server time.
        seconds: Lifetime.
        key: Key of the sandbox.
    """
    path = "/".join((FILES, *segments))
    moment = datetime.fromtimestamp(now, UTC).strftime(_STAMP)
    query = f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={moment}&X-Amz-Expires={seconds}&X-Amz-SignedHeaders=host"
    return f"{url}/{path}?{query}&X-Amz-Signature={_signature(segments, moment, str(seconds), key)}"


def download(
    request: Request,
    segments: tuple[str, ...],
    tenants: Mapping[str, Tenant],
    now: float,
    key: bytes,
    folder: pathlib.Path,
) -> Response:
    """Answer a GET of a signed URI, or of a part of its file (Range).

    Raises:
        Refusal: 400 with an Authorization header, 403 with a wrong or expired signature, 404, 416.
    """
    if request.header("Authorization") is not None:
        raise Refusal(400, "InvalidArgument: Only one auth mechanism allowed; only the X-Amz-Algorithm query "
                           "parameter, Signature query string parameter or the Authorization header should be "
                           "specified")  # fmt: skip
    query = dict(request.query)
    moment, seconds = query.get("X-Amz-Date", ""), query.get("X-Amz-Expires", "")
    right = _signature(segments, moment, seconds, key)
    if request.method != "GET" or not hmac.compare_digest(right.encode(), query.get("X-Amz-Signature", "").encode()):
        raise Refusal(403, "SignatureDoesNotMatch: The request signature does not match the one provided")
    if now >= datetime.strptime(moment, _STAMP).replace(tzinfo=UTC).timestamp() + int(seconds):
        raise Refusal(403, "AccessDenied: Request has expired")
    tenant, query_id, name = segments
    job = tenants[tenant].queries.get(query_id) if tenant in tenants else None
    if job is None:
        raise Refusal(404, "NoSuchKey: The specified key does not exist")
    if name == "metadata.json":
        return json_response(200, {"type": job.type, "rows": len(job.ranks), "fields": list(job.fields)}, 0)
    return _file(job, job.result(folder), request.header("Range"))


def xml_refusal(refusal: Refusal) -> Response:
    """Return a refusal in the form of S3."""
    code, _, message = refusal.message.partition(": ")
    body = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Response(status=refusal.status, body=body.encode(), content_type="application/xml")


def _file(job: QueryJob, path: pathlib.Path, asked: str | None) -> Response:
    size = path.stat().st_size
    headers = {"Accept-Ranges": "bytes", "ETag": f'"{job.id}"'}
    part = re.fullmatch(r"bytes=(\d+)-(\d*)", asked or "")
    first = int(part[1]) if part else 0
    last = min(int(part[2]) if part and part[2] else size - 1, size - 1)
    if part and first > last:
        raise Refusal(416, "InvalidRange: The requested range is not satisfiable")
    if part:
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Response(
        status=206 if part else 200,
        file=FilePart(path, first, last - first + 1),
        content_type=MEDIA_TYPES[job.format],
        headers=headers,
        records=len(job.ranks),
    )


def _signature(segments: tuple[str, ...], moment: str, seconds: str, key: bytes) -> str:
    text = "\n".join((*segments, moment, seconds))
    return hmac.digest(key, text.encode(), hashlib.sha256).hex()
