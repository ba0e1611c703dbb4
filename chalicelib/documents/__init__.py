"""The API's description: OpenAPI, and the same as a page."""
