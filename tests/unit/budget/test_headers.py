"""What each odd header is worth: one table, the same as in docs/explanation/budget.md, and any text there is."""

import os
import time

import hypothesis.strategies as st
import multidict
from hypothesis import example, given

from tests.cases import for_each
from tonicdm.budget.headers import MAX_DELAY_SECONDS, MAX_LIMIT, Report, When, http_date, read, retry_after

START = 1_800_000_000.0
DATE = "Fri, 15 Jan 2027 08:00:00 GMT"
LIMIT, REMAINING, RESET = "X-Rate-Limit-Limit", "X-Rate-Limit-Remaining", "X-Rate-Limit-Reset"


@for_each(
    ("text", "limit"),
    [
        ("3600", 3600),
        (" 3600 ", 3600),
        ("3600.0", 3600),
        ("3600, 3600", 3600),
        ("3600, 1800", None),
        ("1", 1),
        ("0", None),
        ("-3600", None),
        ("1000000000", 10**9),
        ("1000000001", None),
        ("0" * 26 + "3600", 3600),
        ("0" * 27 + "3600", None),
        ("9" * 20, None),
        ("9" * 400, None),
        ("", None),
        (",", None),
        ("3_600", None),
        ("٣٦٠٠", None),
        ("nan", None),
        ("inf", None),
        ("1e3", None),
        ("many", None),
    ],
)
def test_a_limit_is_1_to_a_thousand_million(text, limit):
    assert read({LIMIT: text}).limit == limit


@for_each(
    ("text", "remaining"),
    [("0", 0), ("-1", 0), ("-9000", 0), ("17.9", 17), ("5,5", 5), ("5,6", None), ("9" * 400, None), ("none", None)],
)
def test_a_negative_remaining_is_zero(text, remaining):
    assert read({REMAINING: text}).remaining == remaining


def test_more_left_than_allowed_says_nothing_of_either_and_leaves_the_reset():
    assert read({LIMIT: "10", REMAINING: "11", RESET: "1800000000"}) == Report(reset=When(at=START))


@for_each(
    ("text", "reset"),
    [
        ("1800000000", When(at=START)),
        ("1800000000.25", When(at=START + 0.25)),
        ("1800000000000", When(at=START)),
        ("1800000000,1800000000", When(at=START)),
        (DATE, When(at=START)),
        (f"{DATE}, {DATE}", When(at=START)),
        ("60", When(after=60.0)),
        ("0", When(after=0.0)),
        ("-1", None),
        ("1800000000,1800003600", None),
        ("999999999", None),
        ("9" * 400, None),
        ("soon", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", None),
    ],
)
def test_a_reset_is_unix_seconds_milliseconds_a_span_or_a_date(text, reset):
    assert read({LIMIT: "junk", RESET: text}) == Report(reset=reset)


def test_repeated_lines_that_agree_are_one():
    lines = multidict.CIMultiDict([(LIMIT, "60"), (LIMIT, "60"), (REMAINING, "1"), (REMAINING, "2"), (RESET, "5")])
    assert read(lines) == Report(limit=60, reset=When(after=5.0))


def test_names_are_found_in_any_case():
    assert read({"x-rate-limit-limit": "60", "X-RATE-LIMIT-REMAINING": "1"}) == Report(limit=60, remaining=1)


@for_each("zone", ["", "America/Los_Angeles", "Asia/Tokyo"])
@for_each(
    "text",
    [
        DATE,
        "Fri, 15 Jan 2027 08:00:00",
        "Fri, 15 Jan 2027 08:00:00 -0000",
        "Fri, 15 Jan 2027 08:00:00 +0000",
        "Fri, 15 Jan 2027 08:00:00 UTC",
        "Friday, 15-Jan-27 08:00:00 GMT",
        "Fri Jan 15 08:00:00 2027",
        "15 Jan 2027 08:00:00",
        "  Fri, 15 Jan 2027 08:00:00 GMT",
    ],
)
def test_an_http_date_is_utc_wherever_it_is_read(text, zone, monkeypatch):
    monkeypatch.setitem(os.environ, "TZ", zone)
    time.tzset()
    try:
        assert http_date(text) == START
    finally:
        monkeypatch.undo()
        time.tzset()


@for_each(
    "text",
    [
        "yesterday",
        "",
        "Fri, 15 Jan 2027 08:00:00 PST",
        "Fri, 15 Jan 2027 08:00:00 CET",
        "Fri, 15 Jan 2027 08:00:00 +0900",
        "Fri, 32 Jan 2027 08:00:00 GMT",
        "Fri, 15 Foo 2027 08:00:00 GMT",
        "Fri, 15 Jan 2027 25:00:00 GMT",
        "Fri, 15 Jan 0001 08:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Fri, 15 Jan 99999999999 08:00:00 GMT",
        "1800000000",
        "2027-01-15T08:00:00Z",
    ],
)
def test_what_is_no_http_date_is_none(text):
    assert http_date(text) is None


def test_a_date_out_of_a_cache_tells_no_time():
    assert read({"Date": DATE, "Age": "3"}).date is None
    assert read({"Date": DATE}).date == START


@for_each(
    ("text", "seconds"),
    [
        ("17", 17.0),
        ("1.5", 1.5),
        ("5, 5", 5.0),
        ("Fri, 15 Jan 2027 08:00:30 GMT", 30.0),
        ("Fri, 15 Jan 2027 08:00:30", 30.0),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0.0),
        ("-3", None),
        ("1e3", None),
        ("9" * 400, None),
        ("1800000000", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_by_the_answers_own_clock(text, seconds):
    assert retry_after({"Retry-After": text, "Date": DATE}, 0.0) == seconds


NUMBERISH = st.one_of(
    st.text(max_size=40),
    st.from_regex(r"-?[0-9]{0,25}(\.[0-9]{0,5})?", fullmatch=True),
    st.floats().map(str),
    st.integers().map(str),
    st.integers(1, 500).map(lambda length: "9" * length),
    st.lists(st.sampled_from(["3600", "-1", "0", "1800000000", DATE, "x", ""]), max_size=4).map(",".join),
    st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,2} [A-Z][a-z]{2} [0-9]{1,6} [0-9]{2}:[0-9]{2}:[0-9]{2}( [A-Z]{3})?"),
)
LINES = st.lists(
    st.tuples(st.sampled_from([LIMIT, REMAINING, RESET, "Date", "Age", "Retry-After", "x-rate-limit-reset"]), NUMBERISH)
)


@given(lines=LINES)
@example(lines=[(LIMIT, "9" * 5000), ("Retry-After", "9" * 5000), ("Date", "Fri, 15 Jan 2027 08:00:60 GMT")])
def test_no_text_raises_and_what_is_read_is_plausible(lines):
    headers = multidict.CIMultiDictProxy(multidict.CIMultiDict(lines))
    report = read(headers)
    assert report == read(multidict.MultiDict(lines)), "they are looked up by name, others read line by line"
    assert report.limit is None or 1 <= report.limit <= MAX_LIMIT
    assert report.remaining is None or 0 <= report.remaining <= (report.limit or MAX_LIMIT)
    assert report.date is None or 1e9 <= report.date < 1e10
    for when in (report.reset, report.retry_after):
        assert when is None or (when.at is None and 0 <= when.after <= MAX_DELAY_SECONDS) or 1e9 <= when.on(0.0) < 1e10
    seconds = retry_after(headers, START)
    assert seconds is None or 0 <= seconds < 1e10


@given(limit=st.floats(), remaining=st.floats(), reset=st.floats())
@example(limit=10**400, remaining=0, reset=0)
def test_values_read_by_other_means_are_judged_alike(limit, remaining, reset):
    report = Report.of(limit, remaining, reset)
    assert report.limit is None or 1 <= report.limit <= MAX_LIMIT


def test_a_report_of_given_values_is_judged_as_headers_are():
    """Each value goes to its own place, and what is implausible is none."""
    report = Report.of(3600, 120, START + 60, START)
    assert (report.limit, report.remaining, report.date) == (3600, 120, START)
    assert report.reset == When(at=START + 60)
    assert Report.of(3600, 120, START, None).date is None
    assert Report.of(3600, 120, START, -5.0).date is None
    odd = Report.of(float("inf"), float("nan"), float("nan"))
    assert (odd.limit, odd.remaining, odd.reset) == (None, None, None)
    assert Report.of(10**400, 5, START).limit is None, "no float can hold it"


def test_a_window_that_nobody_has_used_has_its_whole_limit_left():
    report = Report.of(3600, 3600, START)
    assert (report.limit, report.remaining) == (3600, 3600)
    over = Report.of(3600, 3601, START)
    assert (over.limit, over.remaining) == (None, None), "one of them is wrong, and nobody knows which"


def test_a_remaining_beyond_any_limit_is_none_and_the_greatest_is_kept():
    assert read({REMAINING: str(MAX_LIMIT)}).remaining == MAX_LIMIT
    assert read({REMAINING: str(MAX_LIMIT + 1)}).remaining is None


def test_the_rate_limit_of_a_report_is_there_only_with_all_three():
    """A span is added to the response's own date, or to the time here where it has none."""
    full = read({LIMIT: "3600", REMAINING: "7", RESET: str(int(START)), "Date": DATE})
    seen = full.rate_limit(0.0)
    assert seen is not None
    assert (seen.limit, seen.remaining, seen.reset) == (3600, 7, START)
    span = read({LIMIT: "3600", REMAINING: "7", RESET: "60", "Date": DATE}).rate_limit(5.0)
    assert span is not None
    assert span.reset == START + 60
    here = read({LIMIT: "3600", REMAINING: "7", RESET: "60"}).rate_limit(START + 9)
    assert here is not None
    assert here.reset == START + 69
    for name in (LIMIT, REMAINING, RESET):
        headers = {LIMIT: "3600", REMAINING: "7", RESET: str(int(START))}
        del headers[name]
        assert read(headers).rate_limit(START) is None


def test_years_of_two_digits_are_of_the_century_around_1970():
    assert http_date("Friday, 15-Jan-27 08:00:00 GMT") == START
    assert http_date("Friday, 15-Jan-70 08:00:00 GMT") == http_date("Thu, 15 Jan 1970 08:00:00 GMT")
    assert http_date("Sunday, 15-Jan-69 08:00:00 GMT") == http_date("Tue, 15 Jan 2069 08:00:00 GMT")
    assert http_date("Friday, 15-Jan-99 08:00:00 GMT") == http_date("Fri, 15 Jan 1999 08:00:00 GMT")


def test_a_leap_second_is_the_last_one_of_its_minute_once_more():
    assert http_date("Fri, 15 Jan 2027 08:00:60 GMT") == START + 59


def test_the_longest_span_is_kept_and_a_longer_one_is_none():
    assert read({RESET: str(int(MAX_DELAY_SECONDS))}).reset == When(after=MAX_DELAY_SECONDS)
    assert read({RESET: str(int(MAX_DELAY_SECONDS) + 1)}).reset is None


def test_dates_that_agree_are_one_however_they_are_joined():
    """Repeated lines, two dates in one line, dates with and without a comma of their own."""
    plain = "Friday 15 Jan 2027"
    assert read(multidict.MultiDict([("Date", DATE), ("Date", DATE)])).date == START
    assert read({"Date": f"{DATE}, {DATE}"}).date == START
    assert read({"Date": f"{DATE}, {DATE}, {DATE}"}).date == START
    other = "Fri, 15 Jan 2027 08:00:01 GMT"
    assert read(multidict.MultiDict([("Date", other), ("Date", DATE)])).date is None
    assert read({"Date": f"{other}, {DATE}"}).date is None
    assert read({"Date": plain}).date is None
