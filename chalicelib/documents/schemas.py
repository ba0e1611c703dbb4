"""JSON Schema of models and typed dictionaries, each one component with a short name."""

import json
import re
from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from chalicelib.documents.description import Form, Schema

COMPONENTS = "#/components/schemas/"
# What pydantic calls two classes of one name, by their modules.
_LONG_NAME = re.compile(r"chalicelib__(\w+?)__\w+?__(\w+)")


class _Plain(GenerateJsonSchema):
    """Leaves out titles that only repeat a field's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        del schema
        return False


def make_schemas(forms: Iterable[Form]) -> tuple[dict[Form, Schema], dict[str, Schema]]:
    """Return how to refer to each form, and the components that they are made of."""
    adapters: Any = [(form, "validation", TypeAdapter(form)) for form in dict.fromkeys(forms)]
    found, definitions = TypeAdapter.json_schemas(
        adapters, ref_template=COMPONENTS + "{model}", schema_generator=_Plain
    )
    # As text, since a name stands in every reference to it.
    text = json.dumps([[found[form, mode] for form, mode, _ in adapters], definitions.get("$defs", {})])
    references, components = json.loads(_LONG_NAME.sub(_short_name, text).replace("``", "`"))
    return dict(zip((form for form, _, _ in adapters), references, strict=True)), components


def _short_name(match: re.Match[str]) -> str:
    return match[1].capitalize() + match[2]
