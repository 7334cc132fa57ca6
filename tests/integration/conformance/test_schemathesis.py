"""The sandbox against the reference file, by a tool that was not written here: schemathesis."""

from __future__ import annotations

import base64
import collections
import importlib.util
import json
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests import processes
from tests.contract.reference import OPERATIONS

from .deviations import DEVIATIONS, Failure, explain

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("schemathesis") is None, reason="schemathesis is installed by nox -s conformance only"
)

FILE = pathlib.Path(__file__).parents[2] / "contract" / "tonicdm.openapi.yaml"
EXAMPLES = 25
"""Generated calls per operation and kind, beside those that cover every option's bounds."""


@pytest.fixture
def url() -> Iterator[str]:
    with processes.sandbox("--records", "2000", "--limit", "1000000000") as url:
        yield url


def events(report: pathlib.Path) -> Iterator[dict[str, Any]]:
    """Return what was recorded of every scenario."""
    for line in report.read_text(encoding="utf-8").splitlines():
        ((name, value),) = json.loads(line).items()
        if name == "ScenarioFinished":
            yield value["recorder"]


def text_of(content: Any) -> bytes:
    return base64.b64decode(content["$base64"]) if isinstance(content, dict) else b""


def failures(recorder: dict[str, Any]) -> Iterator[Failure]:
    for case, checks in recorder.get("checks", {}).items():
        for check in checks:
            if check["status"] == "success":
                continue
            exchange = recorder["interactions"][case]
            found = check["failure_info"]["failure"]
            try:
                body = json.loads(text_of(exchange["request"].get("body")))
            except ValueError:
                body = None
            yield Failure(
                check=check["name"],
                operation=found["operation"],
                status=exchange["response"]["status_code"],
                said=text_of(exchange["response"].get("content")).decode(errors="replace"),
                message=found["message"],
                body=body,
            )


def test_no_answer_contradicts_the_reference_but_for_agreed_deviations(url: str, tmp_path: pathlib.Path) -> None:
    """Every operation, with right and with wrong requests; every deviation is one of the list, and all are seen."""
    report = tmp_path / "report.ndjson"
    tool = pathlib.Path(sys.executable).with_name("schemathesis")
    command = [
        str(tool), "run", str(FILE), "--url", url, "--header", "Authorization: Bearer sandbox-token",
        "--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES), "--seed", "1",
        "--generation-deterministic", "--continue-on-failure", "--suppress-health-check", "all",
        "--report", "ndjson", "--report-ndjson-path", str(report), "--no-color",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert report.exists(), done.stdout + done.stderr
    recorders = list(events(report))
    calls = sum(len(recorder.get("interactions", {})) for recorder in recorders)
    found = [failure for recorder in recorders for failure in failures(recorder)]
    agreed = collections.Counter(name for failure in found if (name := explain(failure)) is not None)
    operations = {recorder["label"] for recorder in recorders}
    print(  # noqa: T201 - for the docs
        f"schemathesis: {calls} calls of {len(operations)} operations, {len(found)} agreed deviations: {dict(agreed)}"
    )
    assert len(operations) == len(OPERATIONS)
    unexplained = {(item.operation, item.check): item for item in found if explain(item) is None}
    assert not unexplained, "\n".join(
        f"{item.check} {item.operation} {item.status}: {item.message[:300]!r} {item.said[:200]} {str(item.body)[:200]}"
        for item in unexplained.values()
    )
    assert {item.name for item in DEVIATIONS} == set(agreed), "a deviation that is never seen needs no agreement"
