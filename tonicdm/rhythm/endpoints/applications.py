"""Applications for memberships, and members of chapters."""

from __future__ import annotations

from tonicdm.rhythm.endpoints.base import FieldNames, Resource
from tonicdm.rhythm.models import ChapterMemberContact, MembershipApplication


class Applications(Resource):
    """Joins, renewals and the like (``/applications`` of the membership service)."""

    async def get(
        self, application: str, *, fields: FieldNames = None, consistent: bool | None = None
    ) -> MembershipApplication:
        """Return one application (reference: getApplication).

        Args:
            application: Its id.
            fields: Only these fields.
            consistent: Whether a change made just now must be seen.

        Raises:
            NotFoundError: There is none with this id.
        """
        return await self._read(
            "getApplication", MembershipApplication, {"id": application}, fields=fields, consistent_read=consistent
        )


class Chapters(Resource):
    """Chapters of the association (``/chapters`` of the membership service)."""

    async def member_contact(self, chapter: str, contact: str) -> ChapterMemberContact:
        """Return the contact data of a chapter's member (reference: getChapterMemberContact).

        Args:
            chapter: The chapter's id.
            contact: The member's contact.

        Raises:
            NotFoundError: The chapter has no such member.
        """
        return await self._read(
            "getChapterMemberContact", ChapterMemberContact, {"chapterId": chapter, "contactId": contact}
        )
