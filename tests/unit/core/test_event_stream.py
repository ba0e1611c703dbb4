from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.event_stream import Event, render_stream
from tests.event_stream import read_stream

_texts = st.text(min_size=1)
_ids = st.none() | st.text("ABCabc012-_", min_size=1)
_events = st.lists(st.builds(Event, st.sampled_from(["order", "gap"]), _texts, _ids))


@given(_events, st.integers(0, 10**6))
def test_a_client_reads_what_was_written(events: list[Event], retry: int) -> None:
    stream = read_stream(render_stream(events, retry))

    assert stream.retry == retry
    assert [(event.name, event.text) for event in stream.events] == [
        (event.name, event.data.replace("\r\n", "\n").replace("\r", "\n")) for event in events
    ]


@given(_events)
def test_an_event_moves_the_place_to_its_id_and_one_without_leaves_it(events: list[Event]) -> None:
    place, places = "before", []
    for event in events:
        place = event.id or place
        places.append(place)

    assert [event.last_id for event in read_stream(render_stream(events, 1), "before").events] == places


@given(st.lists(st.builds(Event, st.just("order"), _texts, st.text("abc", min_size=1)), min_size=1), st.data())
def test_of_an_answer_that_is_cut_off_whole_events_are_left(events: list[Event], data: st.DataObject) -> None:
    text = render_stream(events, 1)
    whole = read_stream(text).events

    received = read_stream(text[: data.draw(st.integers(0, len(text)))]).events

    assert received == whole[: len(received)]


def test_an_answer_without_events_has_bytes_all_the_same() -> None:
    assert render_stream([], 5000) == "retry: 5000\n\n: nothing new\n\n"
