"""Examples for the help of a command."""


def examples(*commands: str) -> str:
    """Return the commands as an epilog, a line each."""
    return "\n".join(["Examples:", *commands])
