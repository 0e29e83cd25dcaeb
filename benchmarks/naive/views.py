"""The guide's view: look up the payment, get a token, cancel, save what i'mport answers."""

import json

import requests
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from benchmarks.naive.models import Payment

SECONDS = 60


@csrf_exempt
def cancel(request: HttpRequest, *, sends_checksum: bool) -> HttpResponse:
    """Refund. The guide recommends to send the balance as `checksum`; it may be left out."""
    asked = json.loads(request.body)
    payment = Payment.objects.get(merchant_uid=asked["merchant_uid"])
    cancelable = payment.amount - payment.cancel_amount
    if cancelable <= 0:
        return JsonResponse({"message": "이미 전액환불된 주문입니다."}, status=400)
    keys = {"imp_key": settings.IAMPORT_IMP_KEY, "imp_secret": settings.IAMPORT_IMP_SECRET}
    signed_in = requests.post(f"{settings.IAMPORT_API_URL}/users/getToken", json=keys, timeout=SECONDS).json()
    body = {
        "imp_uid": payment.imp_uid,
        "amount": asked["cancel_request_amount"],
        "reason": asked.get("reason", ""),
        **({"checksum": cancelable} if sends_checksum else {}),
    }
    answer = requests.post(
        f"{settings.IAMPORT_API_URL}/payments/cancel",
        json=body,
        headers={"Authorization": signed_in["response"]["access_token"]},
        timeout=SECONDS,
    ).json()
    if answer["code"] != 0:
        return JsonResponse({"message": answer["message"]}, status=400)
    payment.cancel_amount = answer["response"]["cancel_amount"]
    payment.save()
    return JsonResponse(answer["response"])


def healthz(_request: HttpRequest) -> HttpResponse:
    """Answer that the server runs."""
    return HttpResponse("ok")
