"""Stacks beside the one that the tests of a session share: deployed on free ports, and nothing is left of them."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deployment import start, stop, wipe
from instance import Instance

from tests.e2e.stack import Stack


@contextmanager
def deployed_stack(instance: Instance, parameters: Mapping[str, str]) -> Iterator[Stack]:
    """Deploy the stack of an instance, and wipe the instance in the end."""
    try:
        with Stack(start(instance, parameters)) as stack:
            yield stack
    finally:
        stop(instance)
        wipe(instance)


@contextmanager
def own_stack(purpose: str, parameters: Mapping[str, str]) -> Iterator[Stack]:
    """Deploy a stack in a folder of its own, which the purpose names: for what runs without pytest."""
    with (
        tempfile.TemporaryDirectory(prefix=f"rialto-{purpose}-") as home,
        deployed_stack(Instance.on_free_ports(Path(home) / "instance"), parameters) as stack,
    ):
        yield stack
