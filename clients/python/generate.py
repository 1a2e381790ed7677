#!/usr/bin/env python3
"""Writes src/hlidka/ops.py and refusals.py from proto/asyncapi.yaml, which is made from the project's tables.

    clients/python/generate.py            write both anew
    clients/python/generate.py --check    exit 1, with the difference, if they are not what the tables say
"""
import argparse
import difflib
import keyword
import sys
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1] / "proto/asyncapi.yaml"
HEAD = '"""{}\n\nWritten by generate.py from proto/asyncapi.yaml; not edited by hand.\n"""\n'

SCALARS = {"string": "str", "integer": "int", "boolean": "bool"}


def camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.replace(".", "_").split("_"))


def referred(ref: str) -> str:
    return camel(ref.rsplit("/", 1)[1])


def annotation(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return referred(schema["$ref"])
    kind = schema["type"]
    if isinstance(kind, list):
        return " | ".join(SCALARS[k] for k in kind)
    if kind == "array":
        return f"list[{annotation(schema['items'])}]"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"dict[str, {annotation(values) if isinstance(values, dict) else 'Any'}]"
    if "enum" in schema and kind == "string":
        return "Literal[" + ", ".join(f'"{v}"' for v in schema["enum"]) + "]"
    return "bytes" if schema.get("format") == "binary" else SCALARS[kind]


def model(name: str, schema: dict[str, Any]) -> str:
    required = set(schema.get("required", ()))
    fields = [(n, annotation(p)) for n, p in schema.get("properties", {}).items()]
    typed = [(n, a if n in required else f"NotRequired[{a}]") for n, a in fields]
    if any(keyword.iskeyword(n) for n, _ in typed):
        lines = "".join(f'    "{n}": {a},\n' for n, a in typed)
        return f'\n{camel(name)} = TypedDict("{camel(name)}", {{\n{lines}}})\n'
    lines = "".join(f"    {n}: {a}\n" for n, a in typed) or "    pass\n"
    return f"\nclass {camel(name)}(TypedDict):\n{lines}"


def in_order(schemas: dict[str, Any]) -> list[str]:
    """Names so that what is referred to comes first."""
    done: dict[str, None] = {}

    def refs(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else []
            return own + [r for v in node.values() for r in refs(v)]
        return [r for v in node for r in refs(v)] if isinstance(node, list) else []

    def visit(name: str) -> None:
        if name not in done:
            for other in refs(schemas[name]):
                visit(other)
            done[name] = None

    for name in schemas:
        visit(name)
    return list(done)


def ops(document: dict[str, Any]) -> str:
    schemas, messages = document["components"]["schemas"], document["components"]["messages"]
    out = [HEAD.format("Every op with the types of its body and of its result: `client.call(ops.RATELIMIT_CHECK, {…})`."),
           "# ruff: noqa: E501", "from typing import Any, Literal, NotRequired, TypedDict\n", "from .op import Op\n"]
    out += [model(n, schemas[n]) for n in in_order(schemas)]
    for name, operation in document["operations"].items():
        if operation["action"] != "receive" or "reply" not in operation:
            continue
        request = referred(messages[name]["payload"]["$ref"])
        result = referred(messages[f"{name}.reply"]["payload"]["properties"]["result"]["$ref"])
        once, signed = operation["x-once"], operation["x-signed"]
        out.append(f"# {operation['summary']}\n{name.replace('.', '_').upper()}: Op[{request}, {result}] = "
                   f'Op("{name}", once={once}, signed={signed})')
    return "\n".join(out) + "\n"


def refusals(document: dict[str, Any]) -> str:
    out = [HEAD.format("One exception for each code that a service refuses with."), "from .errors import Refused\n"]
    codes = document["x-error-codes"]
    for code in codes:
        out.append(f'\nclass {camel(code["code"])}(Refused):\n    """{code["status"]}: {code["title"]}"""\n')
    out.append("\nBY_CODE: dict[str, type[Refused]] = {")
    out += [f'    "{code["code"]}": {camel(code["code"])},' for code in codes]
    return "\n".join([*out, "}"]) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    document = yaml.load(SOURCE.read_text(), Loader=yaml.CSafeLoader)
    drifted = False
    for name, text in (("ops.py", ops(document)), ("refusals.py", refusals(document))):
        path = HERE / "src/hlidka" / name
        if not check:
            path.write_text(text)
            continue
        there = path.read_text() if path.exists() else ""
        drifted |= there != text
        sys.stdout.writelines(difflib.unified_diff(there.splitlines(True), text.splitlines(True), name, "the tables"))
    return 1 if drifted else 0


if __name__ == "__main__":
    sys.exit(main())
