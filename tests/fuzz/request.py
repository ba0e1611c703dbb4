"""One generated request, and how a person sends it again."""

import shlex
from dataclasses import dataclass

SHOWN = 6_000
"""Characters of a curl line at most: what is longer is for a file."""


@dataclass(frozen=True)
class Request:
    """A request as it goes over the wire: path and query are encoded already."""

    method: str
    route: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None

    def curl(self, base: str = "http://127.0.0.1:8080") -> str:
        """Return the line that sends it."""
        parts = ["curl", "-si", "--path-as-is", "-X", self.method]
        for name, value in self.headers:
            parts += ["-H", f"{name}: {value}"]
        line = shlex.join([*parts, f"{base}{self.path}"])
        if self.body is not None:
            line = f"printf '{_octal(self.body)}' | {line} --data-binary @-"
        return line if len(line) <= SHOWN else f"{line[:SHOWN]} ... # {len(line)} characters"


def _octal(body: bytes) -> str:
    """Return the bytes as printf takes them in every shell."""
    plain = {*range(0x20, 0x7F)} - set(b"%\\'")
    return "".join(chr(byte) if byte in plain else f"\\{byte:03o}" for byte in body)
