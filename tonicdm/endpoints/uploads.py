"""Uploads of large files."""

from __future__ import annotations

from tonicdm.codec import parse_json
from tonicdm.endpoints.base import Endpoint
from tonicdm.endpoints.options import options
from tonicdm.http.operation import Operation
from tonicdm.models import CODEC, PresignedUpload, read_with
from tonicdm.types import IDLike, RecordDataQuantity

PATH = "/fileset/multi-part-initialize"


class Uploads(Endpoint):
    """Uploads in parts (``/fileset/multi-part-initialize``); the paths of the further steps are not documented."""

    record_type = "uploads"
    _initialize_operation = Operation(
        method="GET", path=PATH, options=options("fileset_id", "content_type", "file_path_name_ext")
    )

    async def initialize(
        self,
        *,
        fileset_id: IDLike | None = None,
        content_type: str | None = None,
        file_path_name_ext: str | None = None,
        data_quantity: RecordDataQuantity = "basic",
    ) -> PresignedUpload | str:
        """Start the upload of a file over 100 MB (reference: getMultiPartInitialize).

        Args:
            fileset_id: The fileset to upload into.
            content_type: The file's MIME type.
            file_path_name_ext: Path, name and extension of the file.
            data_quantity: As for `filesets.expiry_url`.

        Returns:
            The signed parameters, as the page's sample shows; or AWS's UploadId as a text, as the page's prose says.
        """
        given = {"fileset_id": fileset_id, "content_type": content_type, "file_path_name_ext": file_path_name_ext}
        checked = self._record_data_quantity(data_quantity)
        answer = await self._caller.call(self._initialize_operation, given, data_quantity=checked)
        with answer.naming_errors(), read_with(checked):
            content = parse_json(answer.body)
            return content if isinstance(content, str) else CODEC.read(content, PresignedUpload)
