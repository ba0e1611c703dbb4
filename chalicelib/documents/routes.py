"""The API's document over HTTP: made ahead by docs/generate.py, since making it takes as long as many requests."""

from pathlib import Path

from chalice.app import Response

from chalicelib.core.errors import NotFoundError
from chalicelib.core.files import file_response, read_files
from chalicelib.core.http import Routes, view

routes = Routes(__name__)

FOLDER = Path(__file__).parent / "static"
DOCUMENT = "openapi.json"
PAGE = "page.html"


@routes.route("/openapi.json", methods=["GET"])
@view(lambda: routes.current_request)
def get_openapi() -> Response:
    """Show the API as OpenAPI 3.1."""
    return _send(DOCUMENT)


@routes.route("/docs", methods=["GET"])
@view(lambda: routes.current_request)
def get_docs() -> Response:
    """Show the API as a page, which reads the document. Its addresses are relative: it works behind a stage prefix."""
    return _send(PAGE)


@routes.route("/docs/{name}", methods=["GET"])
@view(lambda: routes.current_request)
def get_docs_file(name: str) -> Response:
    """Send one file of the page."""
    return _send(name)


def _send(name: str) -> Response:
    file = read_files(FOLDER).get(name)
    if file is None:
        raise NotFoundError(f"There is no file {name[:64]!r}.", code="unknown_file")
    return file_response(file, routes.current_request.headers)
