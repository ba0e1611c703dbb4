"""What nobody may leave out: transport, encryption, limits, signatures, and nothing public but the API."""

import json
from typing import Any

import pytest

from app import app
from infra.errors import DeploymentError
from infra.protection import protect
from infra.template import with_choices
from tests.infra.conftest import Template
from tests.infra.resources import functions, of_type, queues, tables
from tests.infra.sam import translated

# What the stack is made of. A type that is new here asks: who may reach it, what does it keep, for how long?
KNOWN_TYPES = {
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::DynamoDB::Table",
    "AWS::IAM::Role",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
    "AWS::Serverless::Api",
    "AWS::Serverless::Function",
}


def transformed(template: Template, authorization: str) -> dict[str, Any]:
    """Return what CloudFormation is given for a value of the parameter."""
    parameters = {"Authorization": authorization}
    return translated(with_choices(template, parameters), parameters)


def operations(resources: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    paths = resources["RestAPI"]["Properties"]["Body"]["paths"]
    return {(method.upper(), path): found for path, methods in paths.items() for method, found in methods.items()}


@pytest.fixture(scope="module")
def closed(template: Template) -> dict[str, Any]:
    return transformed(template, "iam")


@pytest.fixture(scope="module")
def opened(template: Template) -> dict[str, Any]:
    return transformed(template, "none")


class TestTransport:
    def test_every_queue_refuses_what_does_not_come_over_tls(self, template: Template) -> None:
        policies = of_type(template, "AWS::SQS::QueuePolicy").values()
        assert sorted(ref["Ref"] for policy in policies for ref in policy["Queues"]) == sorted(queues(template))
        for policy in policies:
            ((queue,), (statement,)) = policy["Queues"], policy["PolicyDocument"]["Statement"]
            assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "sqs:*")
            assert statement["Resource"] == {"Fn::GetAtt": [queue["Ref"], "Arn"]}
            assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}

    def test_policy_written_elsewhere_is_refused_because_one_would_undo_the_other(self, template: Template) -> None:
        with pytest.raises(DeploymentError, match=r"infra/protection\.py"):
            protect(template)


class TestAtRest:
    def test_whatever_keeps_orders_is_encrypted(self, template: Template) -> None:
        assert all(table["SSESpecification"] == {"SSEEnabled": True} for table in tables(template).values())
        assert all(queue["SqsManagedSseEnabled"] is True for queue in queues(template).values())

    def test_every_function_logs_where_lines_are_kept_for_a_limited_time(self, template: Template) -> None:
        groups = of_type(template, "AWS::Logs::LogGroup")
        assert all(group["RetentionInDays"] == {"Ref": "LogRetention"} for group in groups.values())
        logged = {function["LoggingConfig"]["LogGroup"]["Ref"] for function in functions(template).values()}
        assert logged == groups.keys()
        assert len(groups) == len(functions(template))

    def test_log_groups_are_those_that_the_functions_may_write(self, template: Template) -> None:
        for group in of_type(template, "AWS::Logs::LogGroup").values():
            text, values = group["LogGroupName"]["Fn::Sub"]
            assert text.startswith("/aws/lambda/${AWS::StackName}-")
            assert "AWS::StackId" in json.dumps(values), "a stack of the same name would find the logs of the former"

    def test_what_outlives_its_stack_is_all_that_keeps_something(self, template: Template) -> None:
        kept = {"AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::Logs::LogGroup"}
        for resource in template["Resources"].values():
            policies = {resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")}
            assert policies == ({"Retain"} if resource["Type"] in kept else {None})


class TestReach:
    def test_stack_is_made_of_what_was_thought_about(self, template: Template) -> None:
        assert {resource["Type"] for resource in template["Resources"].values()} == KNOWN_TYPES

    def test_only_the_gateway_may_call_and_only_the_api_function(self, template: Template) -> None:
        (permission,) = of_type(template, "AWS::Lambda::Permission").values()
        assert permission["FunctionName"] == {"Ref": "APIHandler"}
        assert permission["Principal"] == "apigateway.amazonaws.com"
        assert permission["SourceArn"]["Fn::Sub"][1] == {"RestAPIId": {"Ref": "RestAPI"}}

    def test_no_function_has_an_address_of_its_own(self, template: Template) -> None:
        assert all("FunctionUrlConfig" not in function for function in functions(template).values())

    def test_only_services_take_the_roles(self, template: Template) -> None:
        for role in of_type(template, "AWS::IAM::Role").values():
            (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
            assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}


class TestThrottling:
    def test_every_route_has_the_limits_of_the_parameters(self, template: Template) -> None:
        (settings,) = template["Resources"]["RestAPI"]["Properties"]["MethodSettings"]
        assert settings == {
            "ResourcePath": "/*",
            "HttpMethod": "*",
            "ThrottlingRateLimit": {"Ref": "ThrottleRate"},
            "ThrottlingBurstLimit": {"Ref": "ThrottleBurst"},
        }

    def test_limits_reach_the_stage(self, opened: dict[str, Any]) -> None:
        (stage,) = [found for found in opened.values() if found["Type"] == "AWS::ApiGateway::Stage"]
        assert stage["Properties"]["MethodSettings"][0]["ThrottlingRateLimit"] == {"Ref": "ThrottleRate"}

    def test_default_is_enough_for_one_busy_machine(self, template: Template) -> None:
        assert template["Parameters"]["ThrottleRate"]["Default"] >= 200
        assert template["Parameters"]["ThrottleBurst"]["Default"] >= template["Parameters"]["ThrottleRate"]["Default"]


class TestAuthorization:
    def test_parameter_is_none_unless_asked_for(self, template: Template) -> None:
        parameter = template["Parameters"]["Authorization"]
        assert (parameter["Default"], parameter["AllowedValues"]) == ("none", ["none", "iam"])

    def test_with_iam_every_route_asks_for_a_signature(self, closed: dict[str, Any]) -> None:
        found = operations(closed)
        assert found.keys() == {(method, path) for path, methods in app.routes.items() for method in methods}
        assert all(operation["security"] == [{"sigv4": []}] for operation in found.values())
        scheme = closed["RestAPI"]["Properties"]["Body"]["securityDefinitions"]["sigv4"]
        assert scheme["x-amazon-apigateway-authtype"] == "awsSigv4"

    def test_with_none_no_route_does(self, opened: dict[str, Any]) -> None:
        assert operations(opened)
        assert all("security" not in operation for operation in operations(opened).values())

    def test_change_of_the_parameter_deploys_the_api_anew(self, opened: dict[str, Any], closed: dict[str, Any]) -> None:
        """Otherwise the stage would go on with the former definition: open, although iam was asked for."""

        def deployments(resources: dict[str, Any]) -> set[str]:
            return {name for name, found in resources.items() if found["Type"] == "AWS::ApiGateway::Deployment"}

        assert len(deployments(opened)) == len(deployments(closed)) == 1
        assert deployments(opened) != deployments(closed)

    @pytest.mark.parametrize(
        ("authorization", "status", "code"), [("none", 404, "no_such_route"), ("iam", 403, "not_signed")]
    )
    def test_refusal_says_what_it_is_about(
        self, template: Template, authorization: str, status: int, code: str
    ) -> None:
        body = transformed(template, authorization)["RestAPI"]["Properties"]["Body"]
        response = body["x-amazon-apigateway-gateway-responses"]["MISSING_AUTHENTICATION_TOKEN"]
        content = json.loads(response["responseTemplates"]["application/json"])
        assert response["statusCode"] == str(status)
        assert (content["status"], content["code"], content["type"]) == (status, code, f"urn:rialto:problem:{code}")
