"""What the environment holds where no real account may be reached. It imports nothing: it has to be set before others.

The rest of what a function finds there comes of the template, see tests/moto_stack.py.
"""

NOBODY = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
"""Credentials of no account."""
FUNCTION = {"POWERTOOLS_SERVICE_NAME": "rialto", "POWERTOOLS_METRICS_NAMESPACE": "Rialto"}
"""As infra/resources.yaml has them, for what runs without the stack."""
