"""What can go wrong between the sources and a running stack."""


class DeploymentError(Exception):
    """Raised when packaging or deploying fails for a reason that the message tells in full."""
