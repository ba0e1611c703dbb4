"""The settings of an instance."""

from pathlib import Path

import pytest
from instance import EVERYWHERE, Instance, SetupError


def test_the_other_ports_follow_the_first() -> None:
    instance = Instance.from_environment({"RIALTO_PORT": "9000"})
    assert (instance.port, instance.cloud_port, instance.exchange_port) == (9000, 9001, 9002)


def test_two_ports_make_two_folders_and_two_stacks() -> None:
    one, other = Instance.from_environment({}), Instance.from_environment({"RIALTO_PORT": "9000"})
    assert one.home != other.home
    assert one.stack_name != other.stack_name


def test_only_loopback_by_default() -> None:
    assert Instance.from_environment({}).bind == "127.0.0.1"


def test_an_empty_setting_is_none() -> None:
    assert Instance.from_environment({"RIALTO_PORT": "", "CLOUD": ""}) == Instance.from_environment({})


def test_the_endpoint_is_that_of_the_chosen_cloud() -> None:
    assert Instance.from_environment({"RIALTO_CLOUD_PORT": "9999"}).endpoint == "http://127.0.0.1:9999"
    localstack = {"CLOUD": "localstack", "LOCALSTACK_ENDPOINT": "http://127.0.0.1:4567/"}
    assert Instance.from_environment(localstack).endpoint == "http://127.0.0.1:4567"


@pytest.mark.parametrize("port", ["0", "65536", "-1", "x", "8080.0", "65535"])
def test_a_bad_port_is_one_clear_line(port: str) -> None:
    # 65535 leaves no room for the two ports after it.
    with pytest.raises(SetupError, match=r"^RIALTO_\w*PORT=\S+ is not a port[^\n]*$"):
        Instance.from_environment({"RIALTO_PORT": port})


def test_the_ports_must_differ() -> None:
    with pytest.raises(SetupError, match="three different ports"):
        Instance.from_environment({"RIALTO_PORT": "9000", "RIALTO_EXCHANGE_PORT": "9000"})


def test_an_unknown_cloud_is_refused() -> None:
    with pytest.raises(SetupError, match="CLOUD=moon is unknown: use embedded or localstack"):
        Instance.from_environment({"CLOUD": "moon"})


def test_free_ports_are_three_and_differ(tmp_path: Path) -> None:
    instance = Instance.on_free_ports(tmp_path)
    assert len({instance.port, instance.cloud_port, instance.exchange_port}) == 3


def test_the_url_is_one_that_can_be_reached() -> None:
    assert Instance.from_environment({"RIALTO_BIND": EVERYWHERE}).url == "http://127.0.0.1:8080"
    assert Instance.from_environment({"RIALTO_BIND": "127.0.0.2"}).url == "http://127.0.0.2:8080"
