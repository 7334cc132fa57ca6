"""What mypy and pyright say of twenty mistakes that users make: each names what is wrong, where it can."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys

import attrs
import pytest

pytestmark = pytest.mark.thorough

HEAD = """
import uuid
from tonicdm import RecordID, TonicDM, Zone
from tonicdm.models import Person, Rfi

async def f(tonic: TonicDM, rfi: Rfi, person: Person, mail: str, zone: Zone, ids: list[RecordID]) -> None:
"""


@attrs.frozen
class Mistake:
    """A line of code, and words that must stand in what each checker says of it."""

    code: str
    mypy: str
    pyright: str


MISTAKES = [
    Mistake('tonic.rfis.list(filter_stage=["open"])', '"filter_stage" .* did you mean "filter_stages"', "No overloads"),
    Mistake("tonic.rfis.list(filter_from=mail)", "ListOf", 'parameter "filter_from" of type "ListOf'),
    Mistake("tonic.persons.list(filter_ids=uuid.uuid4())", "ListOf", 'parameter "filter_ids"'),
    Mistake('tonic.persons.list(filter_statuses="active")', "ListOf", 'parameter "filter_statuses"'),
    Mistake('tonic.brands.list(sort_by="nameLang")', "No overload", "'name_long'"),
    Mistake('tonic.projects.list(sort_by="number")', "No overload", "'project_number'"),
    Mistake('tonic.persons.list(sort_direction="up")', "No overload", 'parameter "sort_direction"'),
    Mistake('tonic.persons.list(data_quantity="full")', "No overload", "No overloads"),
    Mistake('tonic.persons.list(updated_after="2026-01-01")', "No overload", 'parameter "updated_after"'),
    Mistake('tonic.persons.list(page_size="1000")', "No overload", 'parameter "page_size"'),
    Mistake("await tonic.persons.list()", '"Paginator\\[Person\\]"', "is not awaitable"),
    Mistake("for person in tonic.persons.list(): pass", "Paginator", "is not iterable"),
    Mistake("tonic.persons.get(mail).name", "attribute .name.", '"name" for class "CoroutineType'),
    Mistake("await tonic.persons.get_many(mail)", 'argument type "str"', "CollectionOf"),
    Mistake("await tonic.persons.get(mail, resolve=mail)", 'argument types "str", "str"', "ListOf"),
    Mistake("await tonic.persons.get(mail, data_quantiy='basic')", 'did you mean "data_quantity"', "No overloads"),
    Mistake("await tonic.rfis.create(project_id=mail, our_titel=mail)", 'did you mean "our_title"', '"our_titel"'),
    Mistake("await tonic.rfis.create(our_title=mail)", 'Missing named argument "project_id"', '"project_id"'),
    Mistake("rfi.our_titel", 'maybe "our_title"', '"our_titel"'),
    Mistake("person.office.name", "None", '"name" is not a known attribute of "None"'),
    Mistake('TonicDM(zone="uk")', "Literal\\['us', 'de', 'ie'\\]", "'us'"),
    Mistake('tonic.with_options(zone="US")', "Literal\\['us', 'de', 'ie'\\]", "'us'"),
    Mistake('tonic.with_options(priority="high")', "interactive", "interactive"),
]  # fmt: skip

SOUND = [
    "await tonic.persons.get_many(iter(ids))",
    "await tonic.persons.get_many(dict.fromkeys(ids))",
    "await tonic.persons.get_many(person.id for person in await tonic.persons.list().all() if person.id)",
    "await tonic.persons.get_many({mail, ids[0]})",
    "tonic.persons.list(filter_ids=ids, sort_by='name')",
    "tonic.persons.list(filter_ids=(mail, uuid.uuid4()))",
    "TonicDM(zone=zone)",
]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("typing") / "mistakes.py"
    lines = [*(mistake.code for mistake in MISTAKES), *SOUND]
    path.write_text(HEAD + "".join(f"    {line}\n" for line in lines), encoding="utf-8")
    return path


def by_line(found: list[tuple[int, str]]) -> dict[str, str]:
    """Return what was said of each line of code, by the code."""
    first = HEAD.count("\n") + 1
    codes = [*(mistake.code for mistake in MISTAKES), *SOUND]
    said: dict[str, str] = {}
    for line, message in found:
        code = codes[line - first]
        said[code] = f"{said.get(code, '')}{message}\n"
    return said


@pytest.fixture(scope="module")
def mypy(source: pathlib.Path) -> dict[str, str]:
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={source.parent}", str(source)]
    output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found = re.findall(r"^.*mistakes\.py:(\d+): (?:error|note): (.*)$", output, re.MULTILINE)
    return by_line([(int(line), message) for line, message in found])


@pytest.fixture(scope="module")
def pyright(source: pathlib.Path) -> dict[str, str]:
    pytest.importorskip("pyright")
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, str(source)]
    output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found = [item for item in json.loads(output)["generalDiagnostics"] if item["severity"] == "error"]
    return by_line([(item["range"]["start"]["line"] + 1, item["message"]) for item in found])


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.code)
def test_mypy_says_what_is_wrong(mistake: Mistake, mypy: dict[str, str]) -> None:
    assert re.search(mistake.mypy, mypy.get(mistake.code, "nothing")), mypy.get(mistake.code)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.code)
def test_pyright_says_what_is_wrong(mistake: Mistake, pyright: dict[str, str]) -> None:
    assert re.search(mistake.pyright, pyright.get(mistake.code, "nothing")), pyright.get(mistake.code)


@pytest.mark.parametrize("code", SOUND)
def test_neither_refuses_what_is_sound(code: str, mypy: dict[str, str], pyright: dict[str, str]) -> None:
    assert code not in mypy, mypy[code]
    assert code not in pyright, pyright[code]
