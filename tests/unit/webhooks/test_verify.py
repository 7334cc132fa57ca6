"""What is genuine, and that nothing of a secret is ever shown."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from tests.cases import for_each
from tonicdm.errors import ConfigError, SignatureError
from tonicdm.types import Secret
from tonicdm.webhooks.receiver import lowered
from tonicdm.webhooks.verify import SharedSecret, StandardWebhooks, Unverified, Verifier

from .conftest import BODY, KEY, NOW, signed


def check(verifier, headers, body=BODY, now=NOW):
    verifier.check(lowered(headers), body, now)


def test_the_example_of_the_specification_is_genuine() -> None:
    """The vector that the reference libraries of Standard Webhooks test with."""
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    verifier = StandardWebhooks("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    check(verifier, headers, b'{"test": 2432232314}', 1614265330)


@pytest.mark.parametrize(
    "secret", [KEY, KEY.decode(), Secret(KEY.decode()), "whsec_" + base64.b64encode(KEY).decode()], ids=type
)
def test_a_secret_may_be_bytes_text_masked_or_base64(secret) -> None:
    check(StandardWebhooks(secret), signed())


def test_while_secrets_rotate_either_is_good_and_a_third_is_not() -> None:
    new = b"a new key of 24 bytes or more"
    both = StandardWebhooks(new, KEY)
    check(both, signed())
    check(both, signed(key=new))
    with pytest.raises(SignatureError):
        check(both, signed(key=b"other"))


def test_one_good_signature_among_several_and_other_versions_is_enough() -> None:
    headers = signed()
    wrong = signed(key=b"other")["Webhook-Signature"]
    check(StandardWebhooks(KEY), {**headers, "Webhook-Signature": f"v2,xyz {wrong} {headers['Webhook-Signature']}"})
    for given_ in (wrong, headers["Webhook-Signature"].replace("v1,", "v2,"), headers["Webhook-Signature"][3:], "v1,"):
        with pytest.raises(SignatureError, match="wrong"):
            check(StandardWebhooks(KEY), {**headers, "Webhook-Signature": given_})


@pytest.mark.parametrize(("away", "genuine"), [(300, True), (-300, True), (301, False), (-301, False)])
def test_a_timestamp_may_be_off_by_the_tolerance_either_way(away, genuine) -> None:
    headers, verifier = signed(at=NOW + away), StandardWebhooks(KEY)
    if genuine:
        check(verifier, headers)
    else:
        with pytest.raises(SignatureError, match="300 s away"):
            check(verifier, headers)
        check(StandardWebhooks(KEY, tolerance=400), headers)


@for_each("name", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
@for_each("change", ["absent", "empty", "changed"])
def test_every_header_is_needed_as_it_was_signed(name, change) -> None:
    headers = signed()
    del headers[name]
    if change != "absent":
        headers[name] = "" if change == "empty" else {"Webhook-Timestamp": str(int(NOW) + 1)}.get(name, "v1,other")
    with pytest.raises(SignatureError):
        check(StandardWebhooks(KEY), headers)


@for_each("sent", ["now", "-5", "1e9", "١٢٣", "9" * 40, "1800000000.5", "nan"])
def test_a_timestamp_is_a_plain_number_of_seconds(sent) -> None:
    with pytest.raises(SignatureError, match="no Unix time"):
        check(StandardWebhooks(KEY), {**signed(), "Webhook-Timestamp": sent})


@given(st.data())
def test_any_other_body_is_refused(data) -> None:
    position = data.draw(st.integers(0, len(BODY) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != BODY[position]))
    with pytest.raises(SignatureError):
        check(StandardWebhooks(KEY), signed(), BODY[:position] + bytes([other]) + BODY[position + 1 :])


def test_headers_of_any_bytes_are_refused_not_choked_on() -> None:
    odd = "v1,\udcff\udcfe é"
    for headers in ({**signed(), "Webhook-Signature": odd}, {**signed(), "Webhook-Id": odd}, {"X-Key": odd}):
        for verifier in (StandardWebhooks(KEY), SharedSecret("X-Key", KEY)):
            with pytest.raises(SignatureError):
                check(verifier, headers)


def test_a_shared_secret_is_seen_before_the_body() -> None:
    verifier = SharedSecret("X-Key", "old", "new")
    for value in ("old", "new"):
        verifier.screen({"x-key": value}, NOW)
        check(verifier, {"X-Key": value})
    for headers in ({}, {"x-key": ""}, {"x-key": "ne"}, {"x-key": "newer"}, {"x-key": "old, new"}):
        with pytest.raises(SignatureError):
            verifier.screen(headers, NOW)


def test_what_headers_give_away_is_refused_before_the_body() -> None:
    verifier = StandardWebhooks(KEY)
    verifier.screen(lowered(signed()), NOW)
    for headers in ({}, signed(at=NOW - 1000)):
        with pytest.raises(SignatureError):
            verifier.screen(lowered(headers), NOW)


def test_only_what_was_checked_is_vouched_for() -> None:
    assert StandardWebhooks(KEY).confirms
    assert SharedSecret("x", KEY).confirms
    assert not Unverified().confirms
    check(Unverified(), {})


@for_each(
    "make",
    [
        StandardWebhooks,
        lambda: StandardWebhooks(""),
        lambda: StandardWebhooks(KEY, b""),
        lambda: StandardWebhooks("whsec_"),
        lambda: StandardWebhooks("whsec_no base64!"),
        lambda: StandardWebhooks(KEY, tolerance=0),
        lambda: StandardWebhooks(b"a key of fewer bytes"),
        lambda: StandardWebhooks("whsec_QUJD"),
        lambda: StandardWebhooks("whpk_" + "QUJD" * 8),
        lambda: StandardWebhooks("whsk_" + "QUJD" * 8),
        lambda: StandardWebhooks("-----BEGIN PUBLIC KEY-----QUJDQUJDQUJDQUJDQUJD"),
        lambda: StandardWebhooks("''"),
        lambda: SharedSecret("x", '""'),
        lambda: SharedSecret("x"),
        lambda: SharedSecret("x", ""),
        lambda: SharedSecret(" ", KEY),
    ],
)
def test_no_secret_or_no_readable_one_is_an_error_that_does_not_repeat_it(make) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert "no base64!" not in str(caught.value)


def test_no_verifier_shows_its_secret() -> None:
    for verifier, count in ((StandardWebhooks(KEY, "whsec_" + "QUJD" * 8), 2), (SharedSecret("X-Key", KEY), 1)):
        shown = repr(verifier) + str(verifier)
        assert f"{count} secrets" in shown
        assert "key of" not in shown
        assert "QUJD" not in shown


def test_a_verifier_of_ones_own_needs_the_check_alone() -> None:
    class Mine(Verifier):
        def check(self, headers, body, now):
            if headers.get("x") != "1":
                raise SignatureError("x is not 1")

    mine = Mine()
    mine.screen({}, NOW)
    assert mine.confirms
    mine.check({"x": "1"}, b"", NOW)


# --- signatures in a header -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "joined", ["{wrong},{right}", "{wrong}, {right}", "{right},{wrong}", "{wrong} {right}", "v1a,abc,{wrong},,{right}"]
)
def test_signatures_joined_by_commas_are_all_tried(joined) -> None:
    headers, wrong = signed(), signed(key=b"other")["Webhook-Signature"]
    header = joined.format(wrong=wrong, right=headers["Webhook-Signature"])
    check(StandardWebhooks(KEY), {**headers, "Webhook-Signature": header})


def test_signatures_in_two_lines_are_all_tried() -> None:
    """As a proxy hands on what a sender wrote in two header lines: servers keep both."""
    headers, wrong = signed(), signed(key=b"other")["Webhook-Signature"]
    for order in ([wrong, headers["Webhook-Signature"]], [headers["Webhook-Signature"], wrong]):
        lines = CIMultiDict([*(pair for pair in headers.items() if pair[0] != "Webhook-Signature")])
        for value in order:
            lines.add("Webhook-Signature", value)
        check(StandardWebhooks(KEY), lines)


@pytest.mark.parametrize("version", ["v1a", "v2", "xv1", "V1"])
def test_a_signature_of_another_version_is_none_of_ours(version) -> None:
    headers = signed()
    other = headers["Webhook-Signature"].replace("v1,", f"{version},")
    with pytest.raises(SignatureError):
        check(StandardWebhooks(KEY), {**headers, "Webhook-Signature": other})


def test_what_a_verifier_signs_it_accepts() -> None:
    for verifier in (StandardWebhooks(KEY, b"another key of 24 bytes or more"), SharedSecret("X-Key", KEY)):
        verifier.check(verifier.sign(BODY, event_id="e1", now=NOW), BODY, NOW)


def test_who_verifies_nothing_says_so() -> None:
    assert repr(Unverified()) == "Unverified()"
    assert not Unverified.confirms
