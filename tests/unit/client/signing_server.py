"""A Rialto behind a gateway that asks for signatures, and checks them."""

from tests.unit.client.market_server import Answer, SeenRequest
from tests.unit.client.platform_server import PlatformServer
from tests.unit.client.sigv4 import Keys, WireRequest, fault_of

REGION = "eu-central-1"
KEYS = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
TEMPORARY = Keys("ASIAEXAMPLE", "c2VjcmV0/with+signs==", "token/of+a/session==")


class SigningServer(PlatformServer):
    """Answers what is signed with its keys; of other requests nothing is done."""

    def __init__(self) -> None:
        super().__init__()
        self.accepted = KEYS

    def carry_out(self, request: SeenRequest) -> Answer:
        """Do what a signed request asks for; return the answer."""
        wire = WireRequest(request.method, request.target, request.headers, request.content)
        fault = fault_of(wire, self.accepted, REGION)
        if fault:
            self.seen.append(request)
            return 403, {"message": fault}
        return super().carry_out(request)
