"""The resources of the template by their kind, each with its properties."""

from typing import Any

from tests.infra.conftest import Template

FUNCTIONS = {
    "APIHandler": "app.app",
    "HandOverOrders": "app.hand_over_orders",
    "MatchOrders": "app.match_orders",
    "RetryMatches": "app.retry_matches",
    "PlaceOrders": "app.place_orders",
    "ApplyReports": "app.apply_reports",
    "RetryReports": "app.retry_reports",
    "Sweep": "app.sweep",
}


def of_type(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    return {n: r["Properties"] for n, r in template["Resources"].items() if r["Type"] == kind}


def tables(template: Template) -> dict[str, dict[str, Any]]:
    return of_type(template, "AWS::DynamoDB::Table")


def queues(template: Template) -> dict[str, dict[str, Any]]:
    return of_type(template, "AWS::SQS::Queue")


def functions(template: Template) -> dict[str, dict[str, Any]]:
    return of_type(template, "AWS::Serverless::Function")
