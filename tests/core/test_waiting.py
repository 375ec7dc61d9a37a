"""How long a server wants one to wait."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from playground.core.waiting import wait_s, wait_words


@pytest.mark.parametrize(
    ("retry_after", "said", "seconds"),
    [
        ("17", "", 17.0),
        (" 1.5 ", "", 1.5),
        (None, "Please try again in 1m2.5s.", 62.5),
        (None, "Please try again in 7m12s.", 432.0),
        (None, "try again in 200ms", 0.2),
        (None, "Try again in 2 minutes", 120.0),
        (None, "Please retry after 20 seconds.", 20.0),
        (None, "Retry your request after 1 hour", 3600.0),
        ("soon", "try again in 3s", 3.0),
        ("9", "try again in 3s", 9.0),
        # no time to wait
        ("0", "", None),
        ("-5", "", None),
        ("NaN", "", None),
        ("inf", "", None),
        ("1e9", "", None),
        ("\xb2", "", None),
        ("9" * 400, "", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", "", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", "", None),
        ("Fri, 31 Dec 0000 23:59:59 GMT", "", None),
        ("Fri, 31 Dec 2027 23:59:59 +9999", "", None),
        (None, "try again in " + "1" * 5_000, None),
        (None, "try again in 9999999h", None),
        (None, "", None),
    ],
)
def test_what_a_server_says_is_a_time_to_wait_where_it_can_be_one(
    retry_after: str | None, said: str, seconds: float | None
) -> None:
    assert wait_s(retry_after, said) == seconds


def test_a_date_is_waited_for() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    assert wait_s(date) == pytest.approx(3600, abs=30)
    assert wait_s(date.removesuffix(" GMT")) == pytest.approx(3600, abs=30)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.25, "0.25 s"),
        (17.0, "17 s"),
        (119.0, "119 s"),
        (120.0, "2 minutes"),
        (432.3, "8 minutes"),
        (7_200.0, "2 hours"),
        (172_800.0, "2 days"),
    ],
)
def test_a_time_to_wait_is_said_as_people_say_it(seconds: float, words: str) -> None:
    assert wait_words(seconds) == words
