"""What every StateStore must do. A test class inherits it and gives the store."""

from chalicelib.operations.store import StateStore


class StateStoreContract:
    def test_unknown_state_is_empty(self, states: StateStore) -> None:
        assert states.load("sweep") == {}

    def test_stored_state_comes_back(self, states: StateStore) -> None:
        states.store("sweep", {"3": ["2026-03-02T09:30:00.123456Z", "an-order"]})
        assert states.load("sweep") == {"3": ["2026-03-02T09:30:00.123456Z", "an-order"]}

    def test_state_is_replaced_as_a_whole(self, states: StateStore) -> None:
        states.store("sweep", {"1": ["a", "b"], "2": ["c", "d"]})
        states.store("sweep", {"2": ["e", "f"]})
        assert states.load("sweep") == {"2": ["e", "f"]}

    def test_names_are_apart(self, states: StateStore) -> None:
        states.store("sweep", {"1": ["a", "b"]})
        assert states.load("invariants") == {}

    def test_first_state_is_stored_if_there_is_none_yet(self, states: StateStore) -> None:
        assert states.swap("sweep", {}, {"1": ["a", "b"]})
        assert not states.swap("sweep", {}, {"2": ["c", "d"]})
        assert states.load("sweep") == {"1": ["a", "b"]}

    def test_state_is_replaced_if_it_is_the_one_that_was_loaded(self, states: StateStore) -> None:
        states.store("sweep", {"3": None, "1": ["a", "b"]})
        seen = states.load("sweep")
        assert states.swap("sweep", seen, {"2": ["c", "d"]})
        assert not states.swap("sweep", seen, {"4": ["e", "f"]})
        assert states.load("sweep") == {"2": ["c", "d"]}
