"""Send the notices that are due until killed, with short pauses: `python -m tests.proof.notice_worker`."""

import time
from datetime import timedelta

import django


def main() -> None:
    django.setup()
    from refunds.notices import send  # noqa: PLC0415 - models need Django set up

    send.LEASE = timedelta(seconds=1)
    send.BACK_OFF = (timedelta(milliseconds=100),) * 60
    while True:
        send.send_notices(seconds=5)
        time.sleep(0.05)


if __name__ == "__main__":
    main()
