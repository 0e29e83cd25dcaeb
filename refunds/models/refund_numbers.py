"""Numbers of refunds and approvals: short, random, and easy to read out on the telephone."""

import re

from django.utils.crypto import get_random_string

NUMBER_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # no 0/O, 1/I/L: it is read out on the telephone
_DIGITS = NUMBER_ALPHABET[:8]
NUMBER_LENGTH = 10
REFUND_NUMBER = re.compile(rf"R[{NUMBER_ALPHABET}]{{{NUMBER_LENGTH}}}")


def new_refund_number() -> str:
    """Return a refund number: short enough for `reason`, random so that two systems on one i'mport account differ.

    It ends with a digit: the search takes a word without any for a name.
    """
    return f"R{_random_part()}"


def new_approval_number() -> str:
    """Return the number of a request for approval, made like a refund's."""
    return f"A{_random_part()}"


def _random_part() -> str:
    return f"{get_random_string(NUMBER_LENGTH - 1, NUMBER_ALPHABET)}{get_random_string(1, _DIGITS)}"
