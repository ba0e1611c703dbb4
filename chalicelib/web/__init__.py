"""The web page for people: fixed files, served by the API itself. It knows the API over HTTP only."""
