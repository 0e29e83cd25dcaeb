"""The pages on which managers decide what buyers are told: the settings, and the wording with its preview."""

from dataclasses import dataclass

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from core import mail
from core.admin.log import log
from core.admin.pages import StaffRequest, admin_page, staff_may
from core.sentences import sentence as _
from refunds.admin.notices.forms import LANGUAGES, SettingsForm, WordingForm
from refunds.models import NoticeKind, NoticeLanguage, NoticeSettings, NoticeText
from refunds.notices.compose import Mail, compose
from refunds.notices.line import Line, NotTakenError
from refunds.notices.outbox import shop_settings
from refunds.notices.sample import sample_refund
from refunds.notices.send import message_of
from refunds.notices.settings import save_settings, save_wording
from refunds.notices.wording import PLACEHOLDERS, Wording, usual_wording, wording_of
from refunds.permissions import may_manage_notices

MEANINGS: dict[str, Promise] = {
    "shop": gettext_lazy("the name of the shop"),
    "buyer_name": gettext_lazy("the buyer's name"),
    "order": gettext_lazy("the order number"),
    "goods": gettext_lazy("what was bought"),
    "amount": gettext_lazy("the amount of the refund"),
    "expected_by": gettext_lazy("the day by which the money usually arrives"),
    "reason": gettext_lazy("why it failed and what the buyer can do, in our words"),
}
WHEN: dict[str, Promise] = {
    NoticeKind.REFUNDED: gettext_lazy("as soon as the refund is done"),
    NoticeKind.ACCEPTED: gettext_lazy("when the PG has accepted the refund and executes it later"),
    NoticeKind.REFUSED: gettext_lazy(
        "10 minutes after the refund failed, unless it was requested again; always if it was accepted before"
    ),
    NoticeKind.LATE: gettext_lazy(
        "when the PG has not executed it after 5 business days, or the buyer says that nothing came"
    ),
}


@dataclass(frozen=True, slots=True)
class KindLine:
    """One kind of e-mail on the page of the settings."""

    label: str
    when: str
    wordings: list[tuple[str, str, bool]]  # language, address, the shop's own


@never_cache
@require_http_methods(["GET", "POST"])
@staff_may(may_manage_notices)
def notice_settings(request: StaffRequest) -> HttpResponse:
    """Show the settings; on POST save them."""
    shop = shop_settings()
    form = SettingsForm(
        request.POST if request.method == "POST" else None,
        instance=shop,
        initial={"is_on": shop.on_since is not None, "kinds": shop.kinds or _USUAL_KINDS},
    )
    if request.method == "POST" and form.is_valid():
        saved = save_settings(**form.cleaned_data)
        log(request.user, saved, text=_("Switched on") if saved.on_since else _("Switched off"))
        text = _("Saved. Buyers are told from now on.") if saved.on_since else _("Saved. Buyers get no e-mails.")
        messages.success(request, text, extra_tags="saved")
        return HttpResponseRedirect(reverse("admin:refunds_buyernotice_settings"))
    return admin_page(
        request,
        "admin/refunds/notices/settings.html",
        _("Settings of e-mails to buyers"),
        form=form,
        lines=[_line(NoticeKind(kind)) for kind in NoticeKind],
        can_send=mail.is_on(),
        default_sender=settings.DEFAULT_FROM_EMAIL if mail.is_on() else "",
        contact=settings.SHOP_CONTACT,
    )


_USUAL_KINDS = [NoticeKind.REFUNDED.value, NoticeKind.ACCEPTED.value, NoticeKind.LATE.value]


def _line(kind: NoticeKind) -> KindLine:
    own = set(NoticeText.objects.filter(kind=kind).values_list("language", flat=True))
    wordings = [(str(label), _address(kind, language), language in own) for language, label in LANGUAGES]
    return KindLine(str(kind.label), str(WHEN[kind]), wordings)


@never_cache
@require_http_methods(["GET", "POST"])
@staff_may(may_manage_notices)
def wording(request: StaffRequest, kind: str, language: str) -> HttpResponse:
    """Show the wording of one kind with a preview; on POST preview, save, restore it or send it to oneself."""
    if kind not in NoticeKind.values or language not in NoticeLanguage.values:
        raise Http404
    current, do = wording_of(kind, language), request.POST.get("do", "")
    if do == "restore":
        usual = usual_wording(kind, language)
        return _saved(request, kind, language, usual)
    form = WordingForm(
        kind,
        language,
        request.POST if request.method == "POST" else None,
        initial={"subject": current.subject, "body": current.body},
    )
    shown = None
    if request.method == "GET":
        shown = compose(sample_refund(kind, language), kind, shop=_shop(), language=language, wording=current)
    elif form.is_valid():
        typed = Wording(form.cleaned_data["subject"], form.cleaned_data["body"])
        if do == "save":
            return _saved(request, kind, language, typed)
        refund = form.cleaned_data["refund"] or sample_refund(kind, language)
        shown = compose(refund, kind, shop=_shop(), language=language, wording=typed)
        if do == "test":
            _send_to_oneself(request, shown)
    return _wording_page(request, form, shown, kind=NoticeKind(kind), language=language, is_own=current.is_own)


def _wording_page(
    request: StaffRequest, form: WordingForm, shown: Mail | None, *, kind: NoticeKind, language: str, is_own: bool
) -> HttpResponse:
    return admin_page(
        request,
        "admin/refunds/notices/wording.html",
        _("Wording: %(kind)s") % {"kind": kind.label},
        form=form,
        shown=shown,
        is_own=is_own,
        own_address=request.user.email,
        can_send=mail.is_on(),
        placeholders=[(f"{{{name}}}", MEANINGS[name]) for name in PLACEHOLDERS[kind]],
        languages=[(label, _address(kind, code), code == language) for code, label in LANGUAGES],
    )


def _saved(request: StaffRequest, kind: str, language: str, texts: Wording) -> HttpResponse:
    save_wording(kind=kind, language=language, subject=texts.subject, body=texts.body)
    names = {"kind": NoticeKind(kind).label, "language": NoticeLanguage(language).label}
    log(request.user, shop_settings(), text=_("Wording changed: %(kind)s (%(language)s)") % names)
    messages.success(request, _("Saved."), extra_tags="saved")
    return HttpResponseRedirect(_address(kind, language))


def _send_to_oneself(request: StaffRequest, shown: Mail) -> None:
    """Send the mail that the page shows to who asks for it, now."""
    if not request.user.email or not mail.is_on():
        text = _("No test was sent: your account has no e-mail address, or this server cannot send e-mails.")
        messages.error(request, text, extra_tags="test_impossible")
        return
    test = Mail(_("[Test] %(subject)s") % {"subject": shown.subject}, shown.text, shown.html)
    line = Line()
    try:
        line.send(message_of(test, to=request.user.email, shop=_shop(), headers={}))
    except NotTakenError as exc:
        failed = _("The test was not sent: %(reason)s") % {"reason": exc.reason}
        messages.error(request, failed, extra_tags="test_failed")
    else:
        sent = _("A test was sent to %(address)s.") % {"address": request.user.email}
        messages.success(request, sent, extra_tags="test_sent")
    finally:
        line.close()


def _shop() -> NoticeSettings:
    """Return the settings, with a name for a shop that has none yet."""
    shop = shop_settings()
    shop.shop = shop.shop or _("Your shop")
    return shop


def _address(kind: str, language: str) -> str:
    return reverse("admin:refunds_buyernotice_wording", args=[kind, language])
