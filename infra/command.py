"""The commands behind `make deploy` and `make destroy`.

python -m infra.command deploy prod [--yes] [--yes-to-data-loss]
python -m infra.command destroy prod [--confirm prod]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import boto3
import httpx
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, TokenRetrievalError
from rialto_client.errors import SigningError
from rialto_client.signature import SignedBy

from infra.approval import Approval, Ask
from infra.deploy import Bucket, Session, upload
from infra.errors import DeploymentError
from infra.health import PATIENCE, check_api, check_functions
from infra.package import package
from infra.rollout import Check, Rollout, Version, roll_out
from infra.stack import Patience, Stack
from infra.stage import AT_ONCE, Stage, read_stage
from infra.teardown import tear_down
from infra.template import Document
from infra.traffic import with_traffic_shift

UNHURRIED = Patience(pause=3.0, timeout=3600.0)
"""A gradual shift takes half an hour at most."""
NO_ACCESS = """AWS does not know who you are: {reason}
Sign in first, for example with `aws configure sso` and `aws sso login`, and name the profile: AWS_PROFILE=… make …
Variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the role of a machine, do as well.
`aws sts get-caller-identity` shows whether it works; docs/deploying.md has the rights that are needed."""
EXPIRED = ("ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code; a foreseeable fault is told without a traceback."""
    options = _parse(arguments)
    try:
        stage = read_stage(options.stage)
        session = open_session(stage)
        if options.command == "deploy":
            approval = Approval(_at_terminal(), options.yes or options.yes_to_data_loss, options.yes_to_data_loss)
            _tell_outputs(deploy_stage(stage, session, approval))
        else:
            confirmed = options.confirm
            destroy_stage(stage, session, Approval((lambda _: confirmed) if confirmed else _at_terminal()))
    except (DeploymentError, SigningError, BotoCoreError, ClientError) as error:
        print(f"{options.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def open_session(stage: Stage, opened: Callable[..., Any] = boto3.Session) -> Session:
    """Return a session in the stage's region, with the caller's usual credentials.

    Raises:
        DeploymentError: if there are none, or they are those of another account than the stage's.
    """
    session: Session = opened(region_name=stage.region)
    try:
        caller = session.client("sts").get_caller_identity()
    except (NoCredentialsError, TokenRetrievalError) as error:
        raise DeploymentError(NO_ACCESS.format(reason=error)) from None
    except ClientError as error:
        if error.response["Error"]["Code"] in EXPIRED:
            raise DeploymentError(NO_ACCESS.format(reason=error)) from None
        raise
    if stage.account and stage.account != caller["Account"]:
        raise DeploymentError(f"The stage {stage.name} belongs to account {stage.account}, not to {caller['Account']}.")
    print(f"Stage {stage.name}: stack {stage.stack}, account {caller['Account']}, {stage.region}, as {caller['Arn']}")
    return session


def deploy_stage(stage: Stage, session: Session, approval: Approval) -> dict[str, str]:
    """Package the sources and roll them out to the stage; return the stack's outputs."""
    print("Packaging.")
    template = package(target=stage.target)

    def adjust(document: Document) -> Document:
        if stage.traffic == AT_ONCE:
            return document
        return with_traffic_shift(document, stage.traffic, stage.parameters)

    bucket = Bucket(session)
    print("Uploading the package.")
    version = Version(upload(bucket, template, stage.parameters, adjust), stage.parameters)
    check = checked_at(session, lambda outputs: outputs["EndpointURL"], _signature(stage))
    rollout = Rollout(_stack(stage, session), bucket, f"{stage.stack}/healthy.json", approval, check, print)
    return roll_out(rollout, version)


def destroy_stage(stage: Stage, session: Session, approval: Approval) -> None:
    """Delete the stage's stack, and tell the names of what stays."""
    for resource in tear_down(_stack(stage, session), stage.name, approval, print):
        print(f"  stays: {resource.name} {resource.physical}")


def checked_at(
    session: Session, address: Callable[[Mapping[str, str]], str], auth: httpx.Auth | None, patience: float = PATIENCE
) -> Check:
    """Return the check of a stack whose API answers at the address that is made from the stack's outputs."""

    def check(outputs: Mapping[str, str]) -> list[str]:
        faults = check_functions(session.client("lambda"), outputs)
        with httpx.Client(base_url=address(outputs), auth=auth, timeout=35) as http:
            return faults or check_api(http, patience)

    return check


def _signature(stage: Stage) -> SignedBy | None:
    credentials = boto3.Session().get_credentials()
    return SignedBy(credentials, stage.region) if credentials else None


def _stack(stage: Stage, session: Session) -> Stack:
    return Stack(session.client("cloudformation"), stage.stack, _Progress(), UNHURRIED)


class _Progress:
    """Tells an activity when it begins, not each time that somebody looks."""

    def __init__(self) -> None:
        self._shown = ""

    def __call__(self, activity: str) -> None:
        if activity != self._shown:
            self._shown = activity
            print(f"  {activity}", flush=True)


def _tell_outputs(outputs: Mapping[str, str]) -> None:
    print("Well. Outputs:")
    for name, value in sorted(outputs.items()):
        print(f"  {name}: {value}")
    print(f"The platform answers at {outputs['EndpointURL']}")


def _at_terminal() -> Ask | None:
    return input if sys.stdin.isatty() else None


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    deploy = commands.add_parser("deploy", help="bring a stage to what the sources say")
    deploy.add_argument("stage")
    deploy.add_argument("--yes", action="store_true", help="apply the changes unasked, unless data would be lost")
    deploy.add_argument("--yes-to-data-loss", action="store_true", help="even then")
    destroy = commands.add_parser("destroy", help="delete a stage; tables, queues and logs stay")
    destroy.add_argument("stage")
    destroy.add_argument("--confirm", default="", metavar="STAGE", help="the stage's name, in place of the question")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
