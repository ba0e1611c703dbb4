"""Every request of the collection does what it says."""

from pathlib import Path

from tests.e2e.bruno import Runner, read_blocks, read_entries, requests_of
from tests.e2e.stack import Stack

COLLECTION = Path(__file__).parents[2] / "docs" / "collection"


def test_every_request_of_the_collection_succeeds(stack: Stack) -> None:
    environment = read_entries(read_blocks(COLLECTION / "environments" / "local.bru")["vars"])
    runner = Runner(stack.http, {**environment, "base_url": stack.deployment.url})

    files = requests_of(COLLECTION)
    faults = {path.name: found for path in files if (found := runner.run(path))}

    assert len(files) >= 30
    assert not faults
