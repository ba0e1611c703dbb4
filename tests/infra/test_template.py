"""What must be true of everything that is deployed."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint_file

from app import app
from chalicelib.broker.placement import LETTER_LIFE
from chalicelib.operations import book_sweep, invariants, reconcile, sweep
from chalicelib.operations.schedule import TIME
from chalicelib.operations.service import REDRIVE_TIME
from chalicelib.operations.wiring import SWEEP_LEASE
from chalicelib.strategies.item import NewestSignalIndex, SignalItem
from chalicelib.strategies.service import MARGIN
from chalicelib.strategies.signal import ExitScope
from infra.errors import DeploymentError
from infra.template import check_parameters, with_choices
from tests.infra.conftest import Template
from tests.infra.resources import FUNCTIONS, functions, of_type, queues, tables

STREAMS = [("BrokerOrders", "HandOverDeadLetters"), ("MarketOrders", "MatchDeadLetters")]
FAULT = {"message": "Internal server error while placing the order", "RESPONSE": "ERROR"}


def default(template: Template, parameter: str) -> float:
    return float(template["Parameters"][parameter]["Default"])


def dead_letter_queues(template: Template) -> set[str]:
    """Return the queues that take what others give up."""
    policies = [queue["RedrivePolicy"] for queue in queues(template).values() if "RedrivePolicy" in queue]
    redriven = {policy["deadLetterTargetArn"]["Fn::GetAtt"][0] for policy in policies}
    return redriven | {
        source["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]
        for source in sources(template, "DynamoDB")
    }


def sources(template: Template, kind: str) -> list[dict[str, Any]]:
    events = [event for function in functions(template).values() for event in function.get("Events", {}).values()]
    return [event["Properties"] for event in events if event["Type"] == kind]


def stream_of(template: Template, table: str) -> dict[str, Any]:
    """Return the event source that reads a table's stream."""
    wanted = {"Fn::GetAtt": [table, "StreamArn"]}
    (source,) = [source for source in sources(template, "DynamoDB") if source["Stream"] == wanted]
    return source


class TestFunctions:
    def test_every_function_is_an_entry_point_of_the_app(self, template: Template) -> None:
        assert {name: function["Handler"] for name, function in functions(template).items()} == FUNCTIONS

    def test_every_function_has_a_role_of_its_own(self, template: Template) -> None:
        roles = [function["Role"]["Fn::GetAtt"][0] for function in functions(template).values()]
        assert len(set(roles)) == len(roles)

    def test_api_answers_before_the_gateway_gives_up(self, template: Template) -> None:
        assert functions(template)["APIHandler"]["Timeout"] == {"Ref": "ApiTimeout"}
        assert default(template, "ApiTimeout") <= template["Parameters"]["ApiTimeout"]["MaxValue"] <= 29

    def test_sweep_ends_before_the_next_one_starts_and_is_not_repeated(self, template: Template) -> None:
        sweep = functions(template)["Sweep"]
        assert sweep["Timeout"] < 60
        assert sweep["EventInvokeConfig"]["MaximumRetryAttempts"] == 0


class TestQueues:
    def test_every_queue_has_dead_letters_or_takes_them(self, template: Template) -> None:
        without = {name for name, queue in queues(template).items() if "RedrivePolicy" not in queue}
        assert without == dead_letter_queues(template)

    def test_what_an_hourly_check_found_holds_until_the_next(self, template: Template) -> None:
        # Without data in between, "notBreaching" would call off the alarm a minute after it was raised.
        assert template["Resources"]["InvariantViolationsAlarm"]["Properties"]["TreatMissingData"] == "ignore"

    def test_every_dead_letter_queue_has_an_alarm_at_the_first_letter(self, template: Template) -> None:
        alarmed = set()
        for alarm in of_type(template, "AWS::CloudWatch::Alarm").values():
            if alarm["MetricName"] == "ApproximateNumberOfMessagesVisible":
                assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0, "GreaterThanThreshold")
                alarmed |= {dimension["Value"]["Fn::GetAtt"][0] for dimension in alarm["Dimensions"]}
        assert alarmed == dead_letter_queues(template)

    def test_every_queue_is_encrypted_and_keeps_messages_as_long_as_it_can(self, template: Template) -> None:
        for queue in queues(template).values():
            assert queue["SqsManagedSseEnabled"] is True
            assert queue["MessageRetentionPeriod"] == LETTER_LIFE.total_seconds()


class TestTables:
    def test_every_table_can_be_restored_to_any_moment(self, template: Template) -> None:
        for table in tables(template).values():
            assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}

    def test_every_table_is_encrypted_and_paid_on_demand(self, template: Template) -> None:
        for table in tables(template).values():
            assert (table["SSESpecification"], table["BillingMode"]) == ({"SSEEnabled": True}, "PAY_PER_REQUEST")

    def test_no_table_goes_with_its_stack(self, template: Template) -> None:
        for name in tables(template):
            resource = template["Resources"][name]
            assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")
            assert resource["Properties"]["DeletionProtectionEnabled"] == {"Fn::If": ["IsProd", True, False]}

    def test_indexes_of_the_broker_have_keys_only(self, template: Template) -> None:
        for index in tables(template)["BrokerOrders"]["GlobalSecondaryIndexes"]:
            assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}

    def test_every_table_is_in_the_environment_of_the_functions(self, template: Template) -> None:
        variables = template["Globals"]["Function"]["Environment"]["Variables"]
        named = [value["Ref"] for name, value in variables.items() if name.endswith("_TABLE")]
        assert sorted(named) == sorted(tables(template))

    def test_index_of_the_signals_has_what_their_list_shows(self, template: Template) -> None:
        (index,) = tables(template)["Signals"]["GlobalSecondaryIndexes"]
        assert index["IndexName"] == NewestSignalIndex.Meta.index_name
        assert index["Projection"]["NonKeyAttributes"] == NewestSignalIndex.Meta.projection.non_key_attributes
        assert set(index["Projection"]["NonKeyAttributes"]) < SignalItem.get_attributes().keys()

    @pytest.mark.parametrize(("table", "index"), [("Positions", "by_user"), ("OrderLog", "newest")])
    def test_lists_of_positions_and_round_trips_need_no_second_read(
        self, template: Template, table: str, index: str
    ) -> None:
        (found,) = tables(template)[table]["GlobalSecondaryIndexes"]
        assert (found["IndexName"], found["Projection"]) == (index, {"ProjectionType": "ALL"})

    def test_book_can_be_read_consistently(self, template: Template) -> None:
        (index,) = tables(template)["MarketOrders"]["LocalSecondaryIndexes"]
        assert index["IndexName"] == "open_book"


class TestTimings:
    def test_each_waits_longer_than_the_one_inside_it(self, template: Template) -> None:
        names = ["ExchangeTimeout", "PlacementTimeout", "PlacementLease", "PlacementVisibility"]
        waits = [default(template, name) for name in names]
        assert waits == sorted(set(waits))

    @pytest.mark.parametrize(
        ("name", "value", "limit"),
        [
            ("ExchangeTimeout", "20", "PlacementTimeout=20"),
            ("PlacementTimeout", "31", "PlacementLease=30"),
            ("PlacementLease", "120", "PlacementVisibility=120"),
            ("ApiTimeout", "12.5", "SignalLease=12"),
        ],
    )
    def test_one_that_would_not_is_not_deployed(self, template: Template, name: str, value: str, limit: str) -> None:
        other, _, lasts = limit.partition("=")
        with pytest.raises(DeploymentError, match=f"^{name}={value} has to stay below {limit}[.]$"):
            check_parameters(template, {name: value, other: lasts})

    def test_worker_may_ask_and_place_within_its_time_out(self, template: Template) -> None:
        # To find the order and to place it, then to cancel it when the client asked meanwhile.
        assert 3 * default(template, "ExchangeTimeout") < default(template, "PlacementTimeout")

    def test_visibility_is_six_times_the_time_out(self, template: Template) -> None:
        assert default(template, "PlacementVisibility") >= 6 * default(template, "PlacementTimeout")

    def test_request_stops_by_itself_and_its_signal_is_taken_over_only_when_it_is_dead(
        self, template: Template
    ) -> None:
        api, lease = default(template, "ApiTimeout"), default(template, "SignalLease")
        assert lease - MARGIN.total_seconds() < api < lease

    def test_sweep_has_a_signal_for_longer_than_it_lives(self, template: Template) -> None:
        assert SWEEP_LEASE.total_seconds() > functions(template)["Sweep"]["Timeout"]

    def test_sweep_comes_to_its_end_before_its_time_out(self, template: Template) -> None:
        """Each job stops after a time of its own; the signals have what is left before the invariants."""
        jobs = (sweep.ORDERS_TIME, sweep.LETTERS_TIME, reconcile.BUDGET, book_sweep.BUDGET)
        assert sum(jobs, timedelta()) + MARGIN < TIME
        assert (TIME + MARGIN + invariants.STEPS).total_seconds() < functions(template)["Sweep"]["Timeout"]

    def test_redrive_answers_before_its_time_out(self, template: Template) -> None:
        longest = max(REDRIVE_TIME, sweep.CATCH_UP_TIME) + MARGIN
        assert longest.total_seconds() < default(template, "ApiTimeout")

    def test_parameters_are_what_is_deployed(self, template: Template) -> None:
        placements = queues(template)["Placements"]
        assert functions(template)["PlaceOrders"]["Timeout"] == {"Ref": "PlacementTimeout"}
        assert placements["VisibilityTimeout"] == {"Ref": "PlacementVisibility"}
        assert placements["RedrivePolicy"]["maxReceiveCount"] == {"Ref": "PlacementMaxReceives"}


class TestReports:
    def test_queue_is_partitioned_and_each_partition_goes_at_its_own_speed(self, template: Template) -> None:
        queue = queues(template)["Reports"]
        assert (queue["FifoQueue"], queue["DeduplicationScope"]) == (True, "messageGroup")
        assert queue["FifoThroughputLimit"] == "perMessageGroupId"

    def test_dead_letters_of_a_partitioned_queue_are_partitioned_as_sqs_demands(self, template: Template) -> None:
        assert queues(template)["ReportsDeadLetters"]["FifoQueue"] is True
        assert "FifoQueue" not in queues(template)["ReportRetriesDeadLetters"]

    @pytest.mark.parametrize(("function", "queue"), [("ApplyReports", "Reports"), ("RetryReports", "ReportRetries")])
    def test_visibility_is_six_times_the_time_out(self, template: Template, function: str, queue: str) -> None:
        assert queues(template)[queue]["VisibilityTimeout"] == {"Ref": "ReportVisibility"}
        assert default(template, "ReportVisibility") >= 6 * functions(template)[function]["Timeout"]

    def test_partition_is_held_up_for_less_long_than_an_order_is_retried(self, template: Template) -> None:
        assert default(template, "ReportMaxReceives") < default(template, "ReportRetryMaxReceives")

    def test_message_takes_the_exchange_s_queue_from_the_outputs(self, template: Template) -> None:
        assert template["Outputs"]["ReportsQueue"]["Value"] == {"Ref": "Reports"}


class TestRulesOfSignals:
    def test_exit_scope_is_one_of_those_that_there_are(self, template: Template) -> None:
        parameter = template["Parameters"]["ExitScope"]
        assert parameter["AllowedValues"] == [scope.value for scope in ExitScope]
        assert parameter["Default"] == ExitScope.USER.value

    def test_quantity_is_at_least_one(self, template: Template) -> None:
        parameter = template["Parameters"]["SignalQuantity"]
        assert (parameter["Default"], parameter["MinValue"]) == (1, 1)

    @pytest.mark.parametrize("name", ["ExitScope", "SignalQuantity", "SignalLease"])
    def test_functions_get_the_parameters(self, template: Template, name: str) -> None:
        variables = template["Globals"]["Function"]["Environment"]["Variables"]
        assert {"Ref": name} in variables.values()


class TestEventSources:
    def test_queue_workers_report_partial_failures(self, template: Template) -> None:
        for source in sources(template, "SQS"):
            assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]

    @pytest.mark.parametrize(("table", "letters"), STREAMS)
    def test_streams_give_up_into_a_queue_after_limited_tries(
        self, template: Template, table: str, letters: str
    ) -> None:
        source = stream_of(template, table)
        assert source["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": [letters, "Arn"]}
        assert 0 < source["MaximumRetryAttempts"] <= 10_000
        assert 0 < source["MaximumRecordAgeInSeconds"] < 24 * 3600
        assert source["BisectBatchOnFunctionError"] is True

    @pytest.mark.parametrize("table", [table for table, _ in STREAMS])
    def test_stream_is_read_from_its_beginning_with_both_images(self, template: Template, table: str) -> None:
        assert stream_of(template, table)["StartingPosition"] == "TRIM_HORIZON"
        assert tables(template)[table]["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}

    def test_stream_wakes_the_hand_over_only_for_orders_that_wait(self, template: Template) -> None:
        source = stream_of(template, "BrokerOrders")
        patterns = [json.loads(pattern["Pattern"]) for pattern in source["FilterCriteria"]["Filters"]]
        turned = {
            "NewImage": {"status": {"S": ["PENDING_CANCEL"]}},
            "OldImage": {"status": {"S": [{"anything-but": ["PENDING_CANCEL"]}]}},
        }
        assert patterns == [{"eventName": ["INSERT"]}, {"eventName": ["MODIFY"], "dynamodb": turned}]

    def test_placements_run_in_parallel_up_to_a_bound(self, template: Template) -> None:
        source = functions(template)["PlaceOrders"]["Events"]["PlaceOrdersSqsEventSource"]["Properties"]
        assert (source["BatchSize"], source["ScalingConfig"]) == (
            10,
            {"MaximumConcurrency": {"Ref": "PlacementConcurrency"}},
        )

    def test_no_source_points_at_a_placeholder(self, template: Template) -> None:
        assert "000000000000" not in json.dumps(template)
        assert "/stream/x" not in json.dumps(template)


class TestGateway:
    def responses(self, template: Template) -> dict[str, Any]:
        found: dict[str, Any] = with_choices(template, {})["Resources"]["RestAPI"]["Properties"]["DefinitionBody"][
            "x-amazon-apigateway-gateway-responses"
        ]
        return found

    def test_fault_of_the_gateway_itself_has_the_body_of_the_contract(self, template: Template) -> None:
        response = self.responses(template)["DEFAULT_5XX"]
        assert response["statusCode"] == "500"
        assert json.loads(response["responseTemplates"]["application/json"]) == FAULT

    @pytest.mark.parametrize(
        ("name", "status", "code"),
        [
            ("MISSING_AUTHENTICATION_TOKEN", 404, "no_such_route"),
            ("REQUEST_TOO_LARGE", 413, "body_too_large"),
            ("THROTTLED", 429, "throttled"),
        ],
    )
    def test_refusal_of_the_gateway_itself_is_a_problem(
        self, template: Template, name: str, status: int, code: str
    ) -> None:
        response = self.responses(template)[name]
        content = json.loads(response["responseTemplates"]["application/json"])
        assert response["statusCode"] == str(status)
        assert content.keys() - {"RESPONSE"} == {"type", "title", "status", "detail", "code", "request_id"}
        assert (content["status"], content["code"]) == (status, code)
        assert content["type"] == f"urn:rialto:problem:{code}"

    @pytest.mark.parametrize(
        ("name", "response"), [("DEFAULT_5XX", "ERROR"), ("REQUEST_TOO_LARGE", "REJECTED"), ("THROTTLED", "ERROR")]
    )
    def test_producer_finds_a_response_in_what_the_gateway_itself_answers(
        self, template: Template, name: str, response: str
    ) -> None:
        content = json.loads(self.responses(template)[name]["responseTemplates"]["application/json"])
        assert content["RESPONSE"] == response

    @pytest.mark.parametrize("path", sorted(app.routes))
    def test_route_takes_any_content_so_that_its_refusal_is_ours(self, path: str) -> None:
        # One that only reads, too: Chalice looks at the header, whether there is a body or not.
        for route in app.routes[path].values():
            assert route.content_types == ["*/*"]


def test_linter_for_templates_finds_nothing(template_path: Path) -> None:
    assert lint_file(template_path) == []
