"""Usage of downloads and uploads that mypy and pyright check; never run."""

from __future__ import annotations

import io
import pathlib
from typing import assert_type

from tonicdm import Secret, TonicDM
from tonicdm.transfer.download import Downloaded
from tonicdm.transfer.project import FileLinks, ProjectDownload
from tonicdm.transfer.upload import Uploaded, UploadPlan


async def link() -> str:
    return "https://files.example.org/x"


async def files(tonic: TonicDM) -> None:
    found = await tonic.download(Secret("https://files.example.org/x"), pathlib.Path("x"), size=5, checksum="md5:00")
    assert_type(found, Downloaded)
    assert_type(found.path, pathlib.Path | None)
    assert_type(await tonic.download(link, io.BytesIO(), on_progress=lambda done, whole: None), Downloaded)
    assert_type(await tonic.download_project("0" * 32, "folder", FileLinks(field="url")), ProjectDownload)
    assert_type(await tonic.save_thumbnails(["0" * 32], "folder"), list[Downloaded])
    assert_type(await tonic.upload("x", UploadPlan(url_field="url")), Uploaded)
    await tonic.download("https://x/y", 5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
