import pytest

from chalicelib.core.errors import InvalidRequestError
from chalicelib.core.idempotency import id_for, read_key


def test_request_without_key_has_none() -> None:
    assert read_key({}) is None


@pytest.mark.parametrize("key", ["a", "0" * 255, "a key with blanks", "!~"])
def test_printable_key_is_taken_as_it_stands(key: str) -> None:
    assert read_key({"Idempotency-Key": key}) == key


@pytest.mark.parametrize("key", ["", " ", "\t", "0" * 256, "a\nb", "a\x00", "\x7f", "schlüssel", "€"])
def test_key_that_is_blank_too_long_or_not_printable_is_refused(key: str) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        read_key({"Idempotency-Key": key})
    (error,) = raised.value.extensions["errors"]
    assert (error["loc"], error["type"]) == (["header", "Idempotency-Key"], "idempotency_key")


def test_same_scope_and_key_give_the_same_id() -> None:
    assert id_for("broker", "a") == id_for("broker", "a")


def test_other_scope_or_key_gives_another_id() -> None:
    assert len({id_for("broker", "a"), id_for("broker", "b"), id_for("market", "a")}) == 3


def test_without_key_every_id_is_new() -> None:
    assert id_for("broker", None) != id_for("broker", None)
