"""What every queue, function and route of the stack gets, whoever declares it, so that none is left out."""

from collections.abc import Mapping
from typing import Any

from infra.errors import DeploymentError
from infra.template import Document

API = "RestAPI"
RETAINED = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
"""What a resource gets that outlives its stack."""
SIGNED = "SignedRequests"
SIGNATURE = "sigv4"
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-authtype.html
SIGNATURE_V4 = {
    "type": "apiKey",
    "name": "Authorization",
    "in": "header",
    "x-amazon-apigateway-authtype": "awsSigv4",
}


def protect(document: Document) -> Document:
    """Return a packaged template: queues stay and take TLS only, logs stay for a time, routes can ask for a signature.

    Raises:
        DeploymentError: when a queue has a policy already. A queue has one only, so the last would win.
    """
    resources = dict(document["Resources"])
    if _of_type(resources, "AWS::SQS::QueuePolicy"):
        raise DeploymentError("A queue's policy is written by infra/protection.py: add to it there.")
    for name, queue in _of_type(resources, "AWS::SQS::Queue").items():
        resources[name] = {**queue, **RETAINED}
        resources[f"{name}TlsOnly"] = _tls_only(name)
    for name, function in _of_type(resources, "AWS::Serverless::Function").items():
        resources[f"{name}Logs"] = _log_group(name)
        resources[name] = _with(function, LoggingConfig={"LogGroup": {"Ref": f"{name}Logs"}})
    api = resources[API]
    resources[API] = _with(api, DefinitionBody=_signed_on_demand(api["Properties"]["DefinitionBody"]))
    return {**document, "Resources": resources}


def _of_type(resources: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {name: resource for name, resource in resources.items() if resource["Type"] == kind}


def _with(resource: Mapping[str, Any], **properties: Any) -> dict[str, Any]:
    return {**resource, "Properties": {**resource["Properties"], **properties}}


def _tls_only(queue: str) -> dict[str, Any]:
    """Refuse whoever does not come over TLS. It allows nobody anything."""
    statement = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": {"Fn::GetAtt": [queue, "Arn"]},
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": [{"Ref": queue}], "PolicyDocument": document}}


def _log_group(function: str) -> dict[str, Any]:
    """Lambda would make one by itself, which keeps every line for ever."""
    # It stays when its stack goes. With what is unique of the stack's id in its name, it does not keep a stack of the
    # same name from being made again.
    unique = {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}
    name = {"Fn::Sub": [f"/aws/lambda/${{AWS::StackName}}-{function}-${{Unique}}", {"Unique": unique}]}
    properties = {"LogGroupName": name, "RetentionInDays": {"Ref": "LogRetention"}}
    return {"Type": "AWS::Logs::LogGroup", **RETAINED, "Properties": properties}


def _signed_on_demand(body: Mapping[str, Any]) -> dict[str, Any]:
    """Ask for a signature at every route, by the method: API Gateway knows no rule for all of them."""
    security = {"Fn::If": [SIGNED, [{SIGNATURE: []}], {"Ref": "AWS::NoValue"}]}
    paths = {
        path: {method: {**operation, "security": security} for method, operation in methods.items()}
        for path, methods in body["paths"].items()
    }
    return {**body, "paths": paths, "securityDefinitions": {SIGNATURE: SIGNATURE_V4}}
