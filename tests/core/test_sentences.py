"""Stored sentences in the language of whoever reads them."""

from django.utils.translation import override

from core.sentences import Sentence, packed, said_again, sentence, unpacked
from payments.labels import pg_label


def test_sentence_with_a_name_that_is_the_same_in_all_languages_is_translated() -> None:
    with override("en"):
        written = sentence("Back through %(method)s") % {"method": pg_label("kcp")}
        stored = packed(written)

    assert written == "Back through NHN KCP"
    with override("ko"):
        assert said_again(written) == unpacked(stored) == "NHN KCP(으)로 환불"


def test_sentence_that_the_catalogues_no_longer_have_is_shown_as_it_was_written() -> None:
    stored = packed(Sentence("An old sentence", [{"id": "An old sentence"}]))

    with override("ko"):
        assert unpacked(stored) == "An old sentence"
