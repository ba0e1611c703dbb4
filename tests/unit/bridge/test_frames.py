"""Frames from text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.frames import FrameError, read_frame

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(
    st.dictionaries(st.text(), JSON, max_size=4), st.lists(JSON, max_size=4), st.sampled_from([None, 2]), st.booleans()
)
def test_reads_what_json_reads(
    fields: dict[str, object], reports: list[object], indent: int | None, plain: bool
) -> None:
    fields.pop("reports", None)
    text = json.dumps({**fields, "reports": reports, "after": 1}, indent=indent, ensure_ascii=plain)
    frame = read_frame(text)
    assert frame.fields == {**fields, "after": 1}
    assert [report.content for report in frame.reports] == reports
    assert [json.loads(report.text) for report in frame.reports] == reports
    assert all(report.text.isascii() for report in frame.reports)


def test_a_report_is_passed_on_as_it_came() -> None:
    text = '{"type": "reports", "reports": [ {"avg_px" : 123456789012345678.100001, "seq":1} ,{"seq": 2}]}'
    assert [report.text for report in read_frame(text).reports] == [
        '{"avg_px" : 123456789012345678.100001, "seq":1}',
        '{"seq": 2}',
    ]


def test_what_the_queue_would_not_take_is_escaped() -> None:
    (report,) = read_frame('{"reports":[{"reason":"\ufffe\U0001f600é"}]}').reports
    assert report.text == '{"reason":"\\ufffe\\ud83d\\ude00\\u00e9"}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        "}",
        "[]",
        "null",
        "{}x",
        '{"type"}',
        '{"type":}',
        '{"type":"a",}',
        '{"type":"a" "b":1}',
        "{[1]:2}",
        '{"reports":{}}',
        '{"reports":[}',
        '{"reports":[1',
        '{"reports":[1,]}',
        '{"a":' + "[" * 100_000,
        '{"a":' + "9" * 5_000 + "}",
    ],
)
def test_what_is_no_frame_is_refused(text: str) -> None:
    with pytest.raises(FrameError, match=r"^no frame"):
        read_frame(text)


@pytest.mark.parametrize("session", [None, "", 7, "x" * 101, "a\nb"])
def test_a_session_is_a_short_text(session: object) -> None:
    with pytest.raises(FrameError):
        _ = read_frame(json.dumps({"session": session})).session


@pytest.mark.parametrize("seq", [None, -1, 1.0, True, "1"])
def test_a_number_is_a_whole_one(seq: object) -> None:
    with pytest.raises(FrameError):
        read_frame(json.dumps({"seq": seq})).number("seq")


@pytest.mark.parametrize(
    "report", [7, None, [], {}, {"seq": 0}, {"seq": -1}, {"seq": "1"}, {"seq": True}, {"seq": 1.0}]
)
def test_a_report_without_a_usable_number_has_none(report: object) -> None:
    assert read_frame(json.dumps({"reports": [report]})).reports[0].number == 0
