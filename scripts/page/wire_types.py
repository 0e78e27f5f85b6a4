#!/usr/bin/env python3
"""The wire's types for the page's type checker, made from the schemas of the messages.

wire_types.py > scripts/page/wire.d.ts
wire_types.py --module > web/embed/wire.d.ts
"""

import json
import sys
from typing import Any

from voiceprint.server.openapi import asyncapi, openapi

Schema = dict[str, Any]
_PLAIN = {"integer": "number", "number": "number", "string": "string", "boolean": "boolean", "null": "null"}


MADE = "// Made by wire_types.py from the messages' schemas: do not edit.\n"


def declarations(*, module: bool) -> str:
    """TypeScript's types of the messages and their parts, exported by a module, or else in a namespace ``Wire``."""
    schemas: dict[str, Schema] = {}
    for document in (asyncapi(), openapi()):
        schemas |= document["components"]["schemas"]
    types = [f"type {name} = {_type(schema)};\n" for name, schema in sorted(schemas.items())]
    if module:
        return MADE + "".join(f"export {one}" for one in types)
    return f"{MADE}declare namespace Wire {{\n{''.join(f'  {one}' for one in types)}}}\n"


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[1]
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_type(one) for one in schema["anyOf"]))
    if schema["type"] == "array":
        return _array(schema)
    return _object(schema) if schema["type"] == "object" else _PLAIN[schema["type"]]


def _array(schema: Schema) -> str:
    if "prefixItems" in schema:
        return f"[{', '.join(_type(one) for one in schema['prefixItems'])}]"
    return f"({_type(schema['items'])})[]"


def _object(schema: Schema) -> str:
    if "properties" not in schema:
        return f"Record<string, {_type(schema['additionalProperties'])}>"
    required = set(schema.get("required", ()))
    fields = (
        f"{name}{'' if name in required or name == 'type' else '?'}: {_type(field)}"
        for name, field in schema["properties"].items()
    )
    return f"{{ {'; '.join(fields)} }}"


if __name__ == "__main__":
    print(declarations(module="--module" in sys.argv), end="")
