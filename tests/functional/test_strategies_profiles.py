"""PUT and GET /strategies/profiles: replaced as a whole or not at all; whoever holds a position can still sell it."""

import json
from typing import Any

import pytest

from chalicelib.strategies.models import MAX_INSTRUMENTS, MAX_PROFILES, MAX_ROWS, MAX_STRATEGIES
from chalicelib.strategies.service import replace_profiles
from chalicelib.strategies.wiring import strategies
from tests.client_faults import ClientFaults
from tests.functional.conftest import problem_of
from tests.functional.gateway import Answer
from tests.functional.traders import BUY, EXAMPLE, HOLLAND, SELL, Profiles, Traders, reasons

PUT, BATCH_WRITE = "dynamodb.PutItem", "dynamodb.BatchWriteItem"
OTHERS: Profiles = {"Zoe": {"STRATEGY_B": ["MINDA"]}}
UNUSUAL: Profiles = {
    "Holland Proctor": {"STRATEGY_A": ["L&T", "ACC"], "STRATEGY_B": []},
    "Nobody's": {},
    "策略": {"😀": ["é", "\\", '"'], " x ": ["twice", "twice"]},
    "x" * 64: {"y" * 64: ["z" * 64]},
}


@pytest.fixture
def traders(aws: dict[str, str]) -> Traders:
    return Traders(aws)


class TestReplacement:
    def test_before_the_first_there_are_none(self, traders: Traders) -> None:
        answer = traders.gateway.get("/strategies/profiles")
        assert (answer.status, answer.content) == (200, {})

    def test_answer_counts_what_was_put(self, traders: Traders) -> None:
        answer = traders.put_profiles(EXAMPLE)
        assert (answer.status, answer.content) == (200, {"users": 2, "rows": 3, "strategies": 3})

    def test_strategy_of_two_users_counts_once(self, traders: Traders) -> None:
        content = traders.put_profiles({"Anne": {"S": ["ACC"]}, "Ben": {"S": [], "T": []}}).content
        assert content == {"users": 2, "rows": 3, "strategies": 2}

    @pytest.mark.parametrize("profiles", [EXAMPLE, UNUSUAL, {}])
    def test_profiles_are_shown_in_the_same_shape(self, traders: Traders, profiles: Profiles) -> None:
        traders.put_profiles(OTHERS)
        traders.put_profiles(profiles)
        assert traders.profiles() == profiles

    def test_what_is_shown_can_be_put_again(self, traders: Traders) -> None:
        traders.put_profiles(UNUSUAL)
        shown = traders.gateway.get("/strategies/profiles").text
        assert traders.put_profiles(shown.encode()).status == 200
        assert traders.gateway.get("/strategies/profiles").text == shown

    def test_file_with_indents_is_taken(self, traders: Traders) -> None:
        assert traders.put_profiles(json.dumps(EXAMPLE, indent=4).encode()).status == 200
        assert traders.profiles() == EXAMPLE

    def test_next_signal_sees_the_new_profiles(self, traders: Traders) -> None:
        traders.put_profiles(EXAMPLE)
        traders.put_profiles(OTHERS)
        assert reasons(traders.signal(*BUY)) == {"Zoe": "opened"}


class TestOpenPositions:
    @pytest.fixture
    def held(self, traders: Traders) -> Traders:
        traders.put_profiles(EXAMPLE)
        traders.signal(*BUY)
        return traders

    @pytest.mark.parametrize(
        "profiles",
        [
            {},
            OTHERS,
            {HOLLAND: {}},
            {HOLLAND: {"STRATEGY_B": []}},
            {HOLLAND: {"STRATEGY_B": ["L&T"]}},
            {HOLLAND: {"STRATEGY_A": ["MINDA"]}},
        ],
    )
    def test_position_outlives_its_profile_and_is_sold_by_its_strategy(self, held: Traders, profiles: Profiles) -> None:
        before = held.positions()
        held.put_profiles(profiles)
        assert held.positions() == before
        assert reasons(held.signal(*SELL))[HOLLAND] == "closed"
        assert held.positions() == []
        assert [trip["user"] for trip in held.log()] == [HOLLAND]

    def test_strategy_that_a_user_runs_by_now_sells_it_too(self, held: Traders) -> None:
        held.put_profiles({HOLLAND: {"STRATEGY_X": []}})
        assert reasons(held.signal("STRATEGY_X", "MINDA", "SELL")) == {HOLLAND: "closed"}

    def test_strategy_that_a_user_left_and_that_holds_nothing_does_not(self, held: Traders) -> None:
        held.put_profiles({HOLLAND: {"STRATEGY_B": ["MINDA"]}})
        assert reasons(held.signal("STRATEGY_A", "MINDA", "SELL")) == {}

    def test_user_who_left_is_not_bought_for(self, held: Traders) -> None:
        held.signal(*SELL)
        held.put_profiles(OTHERS)
        assert reasons(held.signal(*BUY)) == {"Zoe": "opened"}


class TestRace:
    def test_replacement_that_another_overtakes_is_a_conflict(
        self, traders: Traders, client_faults: ClientFaults
    ) -> None:
        traders.put_profiles(EXAMPLE)
        client_faults.loses_answer(BATCH_WRITE, then=lambda: overtake(OTHERS))
        answer = traders.put_profiles(UNUSUAL)
        assert (answer.status, answer.content["code"]) == (409, "profiles_replaced")
        assert traders.profiles() == OTHERS
        assert reasons(traders.signal(*BUY)) == {"Zoe": "opened"}

    def test_of_the_first_two_replacements_one_is_a_conflict_too(
        self, traders: Traders, client_faults: ClientFaults
    ) -> None:
        client_faults.loses_answer(BATCH_WRITE, then=lambda: overtake(OTHERS))
        assert traders.put_profiles(EXAMPLE).status == 409
        assert traders.profiles() == OTHERS

    def test_loser_may_send_its_profiles_again(self, traders: Traders, client_faults: ClientFaults) -> None:
        client_faults.loses_answer(BATCH_WRITE, then=lambda: overtake(OTHERS))
        traders.put_profiles(EXAMPLE)
        assert traders.put_profiles(EXAMPLE).status == 200
        assert traders.profiles() == EXAMPLE


def overtake(profiles: Profiles) -> None:
    replace_profiles(strategies().desk, profiles)


class TestFaults:
    @pytest.mark.parametrize("operation", ["dynamodb.GetItem", PUT, BATCH_WRITE])
    def test_replacement_that_breaks_off_leaves_the_old_profiles_in_force(
        self, traders: Traders, client_faults: ClientFaults, operation: str
    ) -> None:
        traders.put_profiles(EXAMPLE)
        client_faults.never_arrives(operation, times=3)
        assert traders.put_profiles(OTHERS).status == 500
        assert traders.profiles() == EXAMPLE
        assert reasons(traders.signal(*BUY)) == {HOLLAND: "opened"}

    def test_replacement_that_breaks_off_before_its_last_write_leaves_the_old_profiles_in_force(
        self, traders: Traders, client_faults: ClientFaults
    ) -> None:
        traders.put_profiles(EXAMPLE)
        client_faults.loses_answer(BATCH_WRITE, then=lambda: client_faults.never_arrives(PUT, times=3))
        assert traders.put_profiles(OTHERS).status == 500
        assert traders.profiles() == EXAMPLE

    @pytest.mark.parametrize("profiles", [EXAMPLE, {}])
    def test_replacement_whose_answers_are_lost_is_in_force(
        self, traders: Traders, client_faults: ClientFaults, profiles: Profiles
    ) -> None:
        traders.put_profiles(OTHERS)
        client_faults.loses_answer(BATCH_WRITE, then=lambda: client_faults.loses_answer(PUT))
        client_faults.loses_answer(PUT)
        assert traders.put_profiles(profiles).status == 200
        assert traders.profiles() == profiles


def users(count: int, of: Any) -> dict[str, Any]:
    return {f"user {number}": of for number in range(count)}


WRONG: list[tuple[str, Any, tuple[tuple[str, ...], str]]] = [
    ("no body", None, (("body",), "json_invalid")),
    ("empty body", b"", (("body",), "json_invalid")),
    ("no JSON", b"user=strategy", (("body",), "json_invalid")),
    ("cut JSON", json.dumps(EXAMPLE).encode()[:-1], (("body",), "json_invalid")),
    ("NaN", b'{"Anne": NaN}', (("body",), "json_invalid")),
    ("nested deeply", b'{"a":' * 100_000 + b"{}" + b"}" * 100_000, (("body",), "json_invalid")),
    ("list", [], (("body",), "object_type")),
    ("list of users", [EXAMPLE], (("body",), "object_type")),
    ("text", "Anne", (("body",), "object_type")),
    ("null", b"null", (("body",), "object_type")),
    ("user null", {"Anne": None}, (("body", "Anne"), "dict_type")),
    ("user a list of strategies", {"Anne": ["S"]}, (("body", "Anne"), "dict_type")),
    ("user a text", {"Anne": "S"}, (("body", "Anne"), "dict_type")),
    ("strategy null", {"Anne": {"S": None}}, (("body", "Anne", "S"), "list_type")),
    ("strategy a text", {"Anne": {"S": "ACC"}}, (("body", "Anne", "S"), "list_type")),
    ("strategy an object", {"Anne": {"S": {"ACC": 1}}}, (("body", "Anne", "S"), "list_type")),
    ("one level too deep", {"all": {HOLLAND: EXAMPLE[HOLLAND]}}, (("body", "all", HOLLAND), "list_type")),
    ("instrument a number", {"Anne": {"S": ["ACC", 1]}}, (("body", "Anne", "S", "1"), "string_type")),
    ("instrument null", {"Anne": {"S": [None]}}, (("body", "Anne", "S", "0"), "string_type")),
    ("instrument a list", {"Anne": {"S": [["ACC"]]}}, (("body", "Anne", "S", "0"), "string_type")),
    ("instrument empty", {"Anne": {"S": [""]}}, (("body", "Anne", "S", "0"), "string_too_short")),
    ("instrument blank", {"Anne": {"S": [" "]}}, (("body", "Anne", "S", "0"), "string_blank")),
    ("instrument long", {"Anne": {"S": ["x" * 65]}}, (("body", "Anne", "S", "0"), "string_too_long")),
    ("instrument with a separator", {"Anne": {"S": ["a\x1fb"]}}, (("body", "Anne", "S", "0"), "string_characters")),
    ("instrument a surrogate", b'{"A": {"S": ["\\ud800"]}}', (("body", "A", "S", "0"), "string_unicode")),
    ("strategy empty", {"Anne": {"": []}}, (("body", "Anne", "", "[key]"), "string_too_short")),
    ("strategy blank", {"Anne": {" ": []}}, (("body", "Anne", " ", "[key]"), "string_blank")),
    ("strategy with a separator", {"A": {"\x1f": []}}, (("body", "A", "\x1f", "[key]"), "string_blank")),
    ("user empty", {"": {}}, (("body", "", "[key]"), "string_too_short")),
    ("user long", {"x" * 65: {}}, (("body", "x" * 65, "[key]"), "string_too_long")),
    ("user very long", {"x" * 10_000: {}}, (("body", "x" * 100, "[key]"), "string_too_long")),
    ("user with a null", {"a\0": {}}, (("body", "a\0", "[key]"), "string_characters")),
    ("user a surrogate", b'{"\\ud800": {}}', (("body", "\ufffd" * 3, "[key]"), "string_unicode")),
    ("user twice", b'{"Anne": {"S": ["ACC"]}, "Anne": {}}', (("body", "Anne"), "name_repeated")),
    ("user twice in other letters", b'{"Anne": {}, "\\u0041nne": {}}', (("body", "Anne"), "name_repeated")),
    ("strategy twice in a user", b'{"Anne": {"S": [], "S": []}}', (("body", "S"), "name_repeated")),
    ("long user twice", b'{"%s": {}, "%s": {}}' % (b"x" * 999, b"x" * 999), (("body", "x" * 100), "name_repeated")),
    ("surrogate twice", b'{"\\ud800": {}, "\\ud800": {}}', (("body", "?"), "name_repeated")),
    (
        "1,001 instruments",
        {"Anne": {"S": [f"I{number}" for number in range(MAX_INSTRUMENTS + 1)]}},
        (("body", "Anne", "S"), "too_long"),
    ),
]


class TestWrongProfiles:
    @pytest.fixture
    def traders(self, aws: dict[str, str]) -> Traders:
        made = Traders(aws)
        made.put_profiles(EXAMPLE)
        return made

    @pytest.mark.parametrize(("profiles", "error"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
    def test_profiles_of_the_wrong_shape_are_told_where_and_change_nothing(
        self, traders: Traders, profiles: Any, error: tuple[tuple[str, ...], str]
    ) -> None:
        before = traders.everything()
        answer = traders.put_profiles(profiles)
        assert answer.status == 422, answer.text
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert problem_of(answer.content) == {error}
        assert traders.everything() == before

    @pytest.mark.parametrize(
        "profiles", [users(150, 1), users(150, {"S": [""]}), users(1, {f"S{n}": [1] for n in range(150)})]
    )
    def test_of_many_errors_a_hundred_are_told(self, traders: Traders, profiles: Any) -> None:
        answer = traders.put_profiles(profiles)
        assert (answer.status, len(answer.content["errors"])) == (422, 100)

    def test_of_many_repeated_names_a_hundred_are_told(self, traders: Traders) -> None:
        text = ",".join(f'"user {number}":{{}}' for number in range(150))
        answer = traders.put_profiles(f"{{{text},{text}}}".encode())
        assert (answer.status, len(answer.content["errors"])) == (422, 100)
        assert traders.profiles() == EXAMPLE

    def test_of_a_list_the_first_wrong_instrument_is_told(self, traders: Traders) -> None:
        # Not each: the largest body has room for two million of them.
        answer = traders.put_profiles({"Anne": {"S": ["ACC", 1, 2], "T": ["", ""]}})
        assert problem_of(answer.content) == {
            (("body", "Anne", "S", "1"), "string_type"),
            (("body", "Anne", "T", "0"), "string_too_short"),
        }

    def test_largest_body_full_of_errors_is_answered_briefly(self, traders: Traders) -> None:
        ones = "[" + "1," * 999 + "1]"
        text = ",".join(f'"S{number}":{ones}' for number in range(2_080)).encode()
        answer = traders.put_profiles(b'{"Anne":{' + text + b"}}")
        assert (answer.status, len(answer.text) < 20_000) == (422, True)
        assert traders.profiles() == EXAMPLE

    @pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "x"])
    def test_body_declared_as_something_else_is_unsupported(self, traders: Traders, media_type: str) -> None:
        answer = traders.put_profiles(OTHERS, content_type=media_type)
        assert (answer.status, answer.content["code"]) == (415, "unsupported_media_type")
        assert traders.profiles() == EXAMPLE

    def test_body_over_4_megabytes_is_too_large(self, traders: Traders) -> None:
        body = json.dumps(OTHERS).encode()
        self.assert_too_large(traders, traders.put_profiles(body + b" " * (MAX_PROFILES + 1 - len(body))))

    @pytest.mark.parametrize(
        "profiles",
        [
            {"Anne": {f"S{number}": [] for number in range(MAX_ROWS + 1)}},
            {f"user {number}": {f"S{number}": []} for number in range(MAX_STRATEGIES + 1)},
            {f"user {number}": {"S": []} for number in range(MAX_ROWS + 1)},
            {f"user {number}": {} for number in range(MAX_ROWS + 1)},
            {f"user {number}": None for number in range(MAX_ROWS + 1)},
            {"Anne": {}, "Ben": {f"S{number}": [] for number in range(MAX_ROWS)}},
        ],
        ids=[
            "strategies of one user",
            "strategies",
            "users",
            "users without strategies",
            "users of the wrong shape",
            "together",
        ],
    )
    def test_more_than_50_000_rows_are_too_large(self, traders: Traders, profiles: Any) -> None:
        self.assert_too_large(traders, traders.put_profiles(profiles))

    def assert_too_large(self, traders: Traders, answer: Answer) -> None:
        assert (answer.status, answer.content["code"]) == (413, "body_too_large")
        assert traders.profiles() == EXAMPLE


class TestLargestProfiles:
    def test_50_000_rows_of_just_under_4_megabytes_are_shown_as_they_were_put(self, traders: Traders) -> None:
        instruments = ["BIRLASOFT-NSE-SERIES-EQ", "GRASIM INDUSTRIES", "POWERGRID"]
        profiles = {
            f"User number {user}": {f"STRATEGY_{s}": instruments[: 2 + (user + s) % 2] for s in range(10)}
            for user in range(MAX_ROWS // 10)
        }
        text = json.dumps(profiles).encode()
        assert MAX_PROFILES * 0.8 < len(text) < MAX_PROFILES
        answer = traders.put_profiles(text + b" " * (MAX_PROFILES - len(text)))
        assert (answer.status, answer.content) == (200, {"users": 5_000, "rows": MAX_ROWS, "strategies": 10})
        assert traders.profiles() == profiles

    def test_1_000_instruments_are_taken(self, traders: Traders) -> None:
        profiles = {"Anne": {"S": [f"I{number:063d}" for number in range(MAX_INSTRUMENTS)]}}
        assert traders.put_profiles(profiles).status == 200
        assert traders.profiles() == profiles
        assert reasons(traders.signal("S", f"I{999:063d}", "BUY")) == {"Anne": "opened"}

    def test_strategy_with_more_users_than_one_item_holds_is_whole(self, traders: Traders) -> None:
        instruments = [f"I{number:04d}" for number in range(100)]
        profiles = {f"User {number:04d}": {"S": instruments} for number in range(1_000)}
        traders.put_profiles(profiles)
        assert traders.profiles() == profiles
        preview = traders.post_signal(("S", "I0050", "BUY"), "?dry_run=true").content
        assert reasons(preview) == dict.fromkeys(profiles, "opened")
