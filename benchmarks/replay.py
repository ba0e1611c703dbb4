"""AWS as a recording: what it answered once is answered again at once, so that only our side's work is measured.

botocore tells handlers about each request just before it is sent, and takes an answer from them in place of one from
the network. All before that (serializing, signing) and after (parsing) is real.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from botocore.awsrequest import AWSResponse, HTTPHeaders
from botocore.handlers import BUILTIN_HANDLERS

Answer = tuple[dict[str, str], bytes]
"""Headers and body."""
Request = tuple[str, bytes]
"""Operation and body."""


class NotRecordedError(BaseException):
    """Raised when a call is made that was not made before: not an Exception, so that nobody takes it for a fault."""


@dataclass
class Recording:
    """The answers to the calls of one invocation, by operation, in the order in which they came.

    An answer goes to whoever asks the same again, word by word, as reads do, even if several threads ask at once;
    who asks something new, as writes do with their moments and tokens, gets the next of the operation.
    """

    answers: dict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    by_request: dict[Request, list[Answer]] = field(default_factory=lambda: defaultdict(list))

    def calls(self) -> dict[str, int]:
        """Return how often each operation was called."""
        return {name: len(answers) for name, answers in self.answers.items()}


class _Recorder:
    """What the handlers below do just now: nothing, unless it is set."""

    def __init__(self) -> None:
        self.recording: Recording | None = None
        self.replayed: Recording | None = None
        self._next: dict[Request, int] = defaultdict(int)

    def answer(self, request: Any, **_: Any) -> AWSResponse | None:
        if self.replayed is None:
            return None
        target = _text(request.headers["X-Amz-Target"])
        asked = target, request.body
        answers = self.replayed.by_request.get(asked) or self.replayed.answers.get(target)
        if not answers:
            raise NotRecordedError(target)
        key = asked if asked in self.replayed.by_request else (target, b"")
        headers, body = answers[self._next[key] % len(answers)]
        self._next[key] += 1
        return AWSResponse(request.url, 200, HTTPHeaders.from_dict(headers), _Raw(body))

    def rewind(self) -> None:
        self._next.clear()

    def record(self, response_dict: dict[str, Any] | None, context: dict[str, Any], **_: Any) -> None:
        if self.recording is not None and response_dict is not None:
            target, body = context["rialto_request"]
            answer = dict(response_dict["headers"]), response_dict["body"]
            self.recording.answers[target].append(answer)
            self.recording.by_request[target, body].append(answer)

    def remember(self, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        body = params["body"]
        context["rialto_request"] = (
            _text(params["headers"]["X-Amz-Target"]),
            body if isinstance(body, bytes) else body.encode(),
        )


class _Raw(BytesIO):
    """A body as urllib3 gives it."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


_RECORDER = _Recorder()
# For every session that is made from now on, and before whoever else answers.
BUILTIN_HANDLERS[:0] = [
    ("before-call", _RECORDER.remember),
    ("before-send", _RECORDER.answer),
    ("response-received", _RECORDER.record),
]


@contextmanager
def recording() -> Iterator[Recording]:
    """Record the answers of successful calls."""
    _RECORDER.recording = Recording()
    try:
        yield _RECORDER.recording
    finally:
        _RECORDER.recording = None


@contextmanager
def replaying(recorded: Recording) -> Iterator[None]:
    """Answer every call from the recording, over and over."""
    _RECORDER.replayed = recorded
    _RECORDER.rewind()
    try:
        yield
    finally:
        _RECORDER.replayed = None
