"""The settings of the bridge."""

import pytest

from bridge.__main__ import main
from bridge.backoff import Backoff
from bridge.settings import SettingsError, read_settings

ENVIRON = {"FEED_URL": "ws://exchange/feed", "REPORTS_QUEUE_URL": "http://queue", "OPERATIONS_TABLE": "operations"}


def test_the_rest_has_defaults() -> None:
    settings = read_settings(ENVIRON)
    assert (settings.feed_url, settings.queue_url, settings.table) == tuple(ENVIRON.values())
    assert settings.lease == 5


def test_two_processes_are_two_holders() -> None:
    assert read_settings(ENVIRON).holder != read_settings(ENVIRON).holder


@pytest.mark.parametrize("name", ENVIRON)
@pytest.mark.parametrize("value", [None, ""])
def test_what_is_missing_is_named(name: str, value: str | None) -> None:
    environ = {key: text for key, text in (ENVIRON | {name: value}).items() if text is not None}
    with pytest.raises(SettingsError, match=f"{name} is not set"):
        read_settings(environ)


@pytest.mark.parametrize("lease", ["x", "0", "-1", "0.4", "nan", "inf", "3601"])
def test_a_lease_that_makes_no_sense_is_refused(lease: str) -> None:
    with pytest.raises(SettingsError, match="BRIDGE_LEASE"):
        read_settings(ENVIRON | {"BRIDGE_LEASE": lease})


def test_a_bridge_without_settings_says_so_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("FEED_URL", raising=False)
    assert main() == 2
    assert capsys.readouterr().err == "The environment variable FEED_URL is not set\n"


def test_pauses_double_up_to_the_longest_and_begin_anew() -> None:
    backoff = Backoff(1, 5, draw=lambda: 1.0)
    assert [backoff.pause() for _ in range(4)] == [1, 2, 4, 5]
    backoff.reset()
    assert backoff.pause() == 1


def test_pauses_lie_in_their_upper_half() -> None:
    assert Backoff(1, 5, draw=lambda: 0.0).pause() == 0.5
