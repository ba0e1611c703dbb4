from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.clock import format_timestamp, parse_timestamp, utc_now

moments = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - it adds the zone


def test_now_is_aware_and_in_utc() -> None:
    assert utc_now().utcoffset() == timedelta(0)


def test_moment_is_written_with_microseconds_and_z() -> None:
    assert format_timestamp(datetime(2026, 3, 2, 9, 30, tzinfo=UTC)) == "2026-03-02T09:30:00.000000Z"


def test_moment_of_another_zone_is_written_in_utc() -> None:
    berlin = timezone(timedelta(hours=1))
    assert format_timestamp(datetime(2026, 3, 2, 9, 30, tzinfo=berlin)) == "2026-03-02T08:30:00.000000Z"


@given(moments)
def test_moment_comes_back(moment: datetime) -> None:
    assert parse_timestamp(format_timestamp(moment)) == moment


@given(moments, moments)
def test_texts_sort_like_moments(first: datetime, second: datetime) -> None:
    assert (format_timestamp(first) < format_timestamp(second)) == (first < second)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-13-01T00:00:00Z",
        "2026-03-02T09:30:00",
        "2026-03-02",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_what_is_no_timestamp_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_timestamp(text)
