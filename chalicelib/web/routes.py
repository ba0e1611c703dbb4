"""The web page over HTTP: fixed files, and no other name leads to one."""

from pathlib import Path

from chalice.app import Response

from chalicelib.core.errors import NotFoundError
from chalicelib.core.files import POLICY, file_response, read_files
from chalicelib.core.http import Routes, view

routes = Routes(__name__)

FOLDER = Path(__file__).parent / "static"
PAGE = "index.html"


@routes.route("/", methods=["GET"])
@view(lambda: routes.current_request)
def get_page() -> Response:
    """Show the page. Its addresses are relative: it works behind a stage prefix."""
    request = routes.current_request
    path = str(request.context.get("path") or "/")
    if not path.endswith("/"):
        # Without the slash the browser would look for the files one level too high.
        return Response("", status_code=307, headers={**POLICY, "Location": f"{path.rpartition('/')[2]}/"})
    return file_response(read_files(FOLDER)[PAGE], request.headers)


@routes.route("/web/{name}", methods=["GET"])
@view(lambda: routes.current_request)
def get_web_file(name: str) -> Response:
    """Send one file of the page."""
    file = read_files(FOLDER).get(name)
    if file is None:
        raise NotFoundError(f"There is no file {name[:64]!r}.", code="unknown_file")
    return file_response(file, routes.current_request.headers)
