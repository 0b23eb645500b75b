"""As much of JSON Schema as the published schemas use."""

from __future__ import annotations

from typing import Any

_TYPES: dict[str, Any] = {
    "array": list,
    "object": dict,
    "string": str,
    "null": type(None),
    "boolean": bool,
}


def errors(schema: dict[str, Any], value: Any, at: str = "$") -> list[str]:
    """What of the value the schema does not allow."""
    out: list[str] = []
    if "oneOf" in schema:
        fits = [one for one in schema["oneOf"] if not errors(one, value, at)]
        return out if len(fits) == 1 else [f"{at}: fits {len(fits)} of oneOf"]
    if "enum" in schema and value not in schema["enum"]:
        out.append(f"{at}: {value!r} is not in the list")
    kinds = schema.get("type", [])
    if kinds and not any(
        _is(kind, value) for kind in ([kinds] if isinstance(kinds, str) else kinds)
    ):
        return [*out, f"{at}: {value!r} is no {kinds}"]
    if "minimum" in schema and value < schema["minimum"]:
        out.append(f"{at}: {value} is too small")
    if isinstance(value, dict):
        known = schema.get("properties", {})
        out += [f"{at}: lacks {name}" for name in schema.get("required", []) if name not in value]
        if schema.get("additionalProperties") is False:
            out += [f"{at}: has {name}" for name in value if name not in known]
        for name, one in known.items():
            if name in value:
                out += errors(one, value[name], f"{at}.{name}")
    if isinstance(value, list):
        for index, one in enumerate(value):
            out += errors(schema.get("items", {}), one, f"{at}[{index}]")
    return out


def _is(kind: str, value: Any) -> bool:
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, _TYPES[kind])
