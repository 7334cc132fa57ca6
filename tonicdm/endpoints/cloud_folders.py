"""Folders of third-party cloud platforms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Unpack

from tonicdm.endpoints.base import Listed, split_data_quantity
from tonicdm.endpoints.bodies import body_of, changes_of
from tonicdm.endpoints.fields import Extra
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.options import Reading, named, options_of
from tonicdm.errors import InvalidOptionError
from tonicdm.http.operation import Operation
from tonicdm.models import CloudFolderChild, FileCategory, Platform, Workflow
from tonicdm.paging import Paginator
from tonicdm.types import IDLike, RecordDataQuantity, Unset

PATH = "/fileset/cloudfilesystem-children"


class CloudFolderOptions(Reading, total=False):
    """Options of a list of a cloud folder's children (reference: getCloudChildren)."""

    folder_id: str
    """The platform's ID of the folder; without it the workflow's, the project's, or the platform's root folder."""
    project_id: IDLike
    """Take the root folder of this project."""
    workflow: Workflow | str
    """Take the folder of this workflow."""
    search_query: str | Mapping[str, Any] | Sequence[Any]
    """JSON, as text or as values; its grammar is not documented."""
    sort_direction: Literal["asc", "desc"]
    """Direction of the order."""


class CloudFolderFields(Extra, total=False):
    """Fields of a child of a cloud folder (reference: CloudFolderChildWrite).

    The reference shows neither the field of its name nor that of its parent; they go into ``extra``.
    """

    file_category: FileCategory | str | Unset | None
    """Functional group of the file."""


class CloudFolders(Listed[CloudFolderChild]):
    """Files and folders on cloud platforms (``/fileset/cloudfilesystem-children``).

    The reference shows not how a single child is named in a change or deletion; see `update` and `delete`.
    """

    record_type = "cloud_folders"
    _listing = ListOperation(
        operation=Operation(
            method="GET",
            path=PATH,
            options=options_of(CloudFolderOptions, "platform"),
            required=frozenset({"platform"}),
        ),
        model=CloudFolderChild,
        own_ids=False,
    )
    _stubs = False
    _create_operation = Operation(method="POST", path=PATH)
    _update_operation = Operation(method="PATCH", path=PATH)

    def list(
        self,
        *,
        platform: Platform | str,
        data_quantity: RecordDataQuantity = "basic",
        **options: Unpack[CloudFolderOptions],
    ) -> Paginator[CloudFolderChild]:
        """List the children of a cloud folder (reference: getCloudChildren).

        Args:
            platform: The cloud platform.
            data_quantity: ``basic`` or ``complete``.
            **options: See `CloudFolderOptions`.
            folder_id: The platform's ID of the folder; without it the workflow's, the project's, or the platform's root
                folder.
            project_id: Take the root folder of this project.
            workflow: Take the folder of this workflow.
            search_query: JSON, as text or as values; its grammar is not documented.
            sort_direction: Direction of the order.
            start_page: The first page to fetch; 1 unless given.
            prefetch: Pages to fetch ahead of the one being read; each is paid for, read or not.
            on_invalid: What becomes of an element that is no record: ``raise``, unless given, ends the list with an
                error that carries the others; ``skip`` leaves it out and in `Paginator.skipped`.
            max_pages: Pages after which a list counts as one that never ends; 10,000 unless given.
            options: Options that this package does not know for the list, by wire name: texts, numbers, booleans,
                times, or lists of them.
            on_ignored: What to do where an answer contradicts an option: ``raise`` an `OptionIgnoredError`, unless
                ``accept`` is given, which takes the records as they come.
        """
        return self._list(data_quantity, {"platform": platform, **options})

    async def create(self, **fields: Unpack[CloudFolderFields]) -> CloudFolderChild | None:
        """Create a folder; files can't be created so (reference: postCloudChild).

        Args:
            fields: See `CloudFolderFields`.
            file_category: Functional group of the file.
            extra: Fields that this package does not know, by wire name.
            data_quantity: How much of the record comes back: ``basic`` unless given; with ``id_only`` no more than its
                ID and its time of change.

        Returns:
            The folder as the server answered it; None if it answered nothing.
        """
        data_quantity, given = split_data_quantity(fields)
        return await self._write(
            self._create_operation, CloudFolderChild, body_of(CloudFolderChild, given), data_quantity
        )

    async def update(self, child: str, **fields: Unpack[CloudFolderFields]) -> CloudFolderChild | None:
        """Rename a file or folder (reference: patchCloudChild).

        Args:
            child: The platform's ID of the child; it goes into the body, as IDs of all other records do.
            fields: See `CloudFolderFields`; the new name goes into ``extra``.
            file_category: Functional group of the file.
            extra: Fields that this package does not know, by wire name.
            data_quantity: How much of the record comes back: ``basic`` unless given; with ``id_only`` no more than its
                ID and its time of change.

        Returns:
            The child if the server answered it; None, as documented, if it answered nothing.
        """
        if not child:
            raise InvalidOptionError("child must not be empty. Nothing was sent.")
        data_quantity, given = split_data_quantity(fields)
        body = {"id": child, **changes_of(CloudFolderChild, given)}
        return await self._write(self._update_operation, CloudFolderChild, body, data_quantity)

    async def delete(self, *, options: Mapping[str, str]) -> None:
        """Delete a file or folder from its parent (reference: deleteCloudChild).

        Args:
            options: What names the child, by wire name. The reference does not show it, and a deletion that names
                nothing is not sent.
        """
        if not options or None in options.values():
            raise InvalidOptionError("a deletion needs options that name the child. Nothing was sent.")
        await self._delete(Operation(method="DELETE", path=PATH, options=named(options)), options)
