"""Say who decides a request for approval, and where: for operators, whose commands decide none."""

from typing import Any

from django.utils.translation import gettext as _

from core.mail import site_link
from refunds.approvals.words import approval_path, decider_names
from refunds.models import RefundApproval
from refunds.serialization import Json

MOST_NAMED = 10


def decision_json(approval: RefundApproval) -> Json:
    """Return the address of the page that decides it, and the names of those who may."""
    names = decider_names(approval.requested_by_id)[:MOST_NAMED]
    path = approval_path(approval)
    return {"approval_url": site_link(path) or path, "approvers": names}


def decision_text(facts: dict[str, Any]) -> str:
    """Return the same as a sentence."""
    names = ", ".join(facts["approvers"])
    if not names:
        return _("Nobody can approve it yet: give somebody the permission. It waits at %(url)s") % {
            "url": facts["approval_url"]
        }
    words = {"names": names, "url": facts["approval_url"]}
    return _("These can approve it: %(names)s. It waits at %(url)s") % words
