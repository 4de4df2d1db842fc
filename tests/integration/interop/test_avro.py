"""Made-up schemas: what the registry stores, refuses and finds incompatible is what Apache Avro says of them."""
import copy
import json
import os
import pathlib
import random
import subprocess

import pytest
import requests

from harness import wait_for

ROOT = pathlib.Path(__file__).resolve().parents[3]
CACHE = pathlib.Path(os.environ.get("WEIR_TEST_CACHE", ROOT / "build/cache"))
PRIMITIVES = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"]
TEXTS = {  # as the registry words them: {path}, {message}
    "FIXED_SIZE_MISMATCH": "The size of FIXED type field at path '{path}' in the new schema does not match with the old schema",
    "TYPE_MISMATCH": "The type (path '{path}') of a field in the new schema does not match with the old schema",
    "NAME_MISMATCH": "The name of the schema has changed (path '{path}')",
    "MISSING_ENUM_SYMBOLS": "The new schema is missing enum symbols '{message}' at path '{path}' in the old schema",
    "MISSING_UNION_BRANCH": "The new schema is missing a type inside a union field at path '{path}' in the old schema",
    "READER_FIELD_MISSING_DEFAULT_VALUE": "The field '{message}' at path '{path}' in the new schema has no default value and is "
                                          "missing in the old schema",
}


class Maker:
    """Random schemas; names repeat, so that types are referred to, clash and are aliases of each other."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.names = []

    def chance(self, of_a_hundred):
        return self.random.randrange(100) < of_a_hundred

    def pick(self, *choices):
        return self.random.choice(choices)

    def some(self, *choices):
        return self.random.sample(choices, self.random.randint(0, len(choices)))

    def with_attributes(self, schema):
        if self.chance(15):
            schema[self.pick("p", "q", "connect.name")] = self.pick(1, 1.50, "é\t", {"b": 1, "a": [1e5, None]}, True)
        return schema

    def default(self, schema):
        if isinstance(schema, list):
            return self.default(schema[0]) if schema else None
        if not isinstance(schema, dict):
            return {"null": None, "boolean": True, "int": 7, "long": 3000000000, "float": 3.4, "double": self.pick(1, 1e-7, 100.0),
                    "bytes": "\u00ff", "string": "x"}.get(schema)
        kind = schema["type"]
        if kind in ("array", "map"):
            inner = self.default(schema["items" if kind == "array" else "values"])
            return [inner] if kind == "array" else {"z": inner, "a": inner}
        if kind == "record":
            return {f["name"]: self.default(f["type"]) for f in schema["fields"]}
        return {"enum": "X", "fixed": "a" * schema.get("size", 0)}.get(kind, self.default(kind) if kind in PRIMITIVES else None)

    def named(self, depth):
        name = self.pick("A", "B", "C", "D", "E", "map")
        schema = {"type": "record", "name": name}
        if self.chance(30):
            schema["namespace"] = self.pick("n", "m", "")
        if self.chance(20):
            schema["aliases"] = self.some("B", "C", "m.D", ".E", "n.A", "int")
        if self.chance(20):
            schema["doc"] = self.pick("", "d")
        self.names.append(self.pick(name, name, "n." + name))
        kind = self.pick("enum", "fixed", "record", "record", "record")
        if kind == "enum":
            schema.update(type="enum", symbols=["X", *self.some("Y", "Z")], **({"default": "X"} if self.chance(30) else {}))
        elif kind == "fixed":
            schema.update(type="fixed", size=self.random.randint(0, 3))
        else:
            schema["fields"] = [self.field(field, depth) for field in self.some("a", "b", "c", "d")]
        return self.with_attributes(schema)

    def field(self, name, depth):
        field = {"name": name, "type": self.schema(depth - 1)}
        if self.chance(50):
            field["default"] = self.default(field["type"])
        if self.chance(15):
            field["aliases"] = self.some("b", "c", "f")
        if self.chance(10):
            field["order"] = self.pick("ignore", "descending", "ascending")
        return self.with_attributes(field)

    def schema(self, depth=4):
        roll = self.random.randrange(100)
        if depth == 0 or roll < 35:
            if self.names and self.chance(30):
                return self.random.choice(self.names)
            primitive = self.random.choice(PRIMITIVES)
            if self.chance(20):
                return self.with_attributes({"type": primitive, "logicalType": self.pick("date", "decimal", "none"), "scale": 2})
            return primitive
        if roll < 50:
            branches = [self.schema(depth - 1) for _ in range(self.random.randint(0, 4))]
            return [b for b in branches if not isinstance(b, list)]
        if roll < 65:
            kind = self.pick("array", "map")
            return self.with_attributes({"type": kind, "items" if kind == "array" else "values": self.schema(depth - 1)})
        return self.named(depth)

    def changed(self, schema):
        schema = copy.deepcopy(schema)
        nodes = []

        def walk(node):
            if isinstance(node, (dict, list)):
                nodes.append(node)
                for inner in node.values() if isinstance(node, dict) else node:
                    walk(inner)
        walk(schema)
        for node in self.random.sample(nodes, min(len(nodes), 2)):
            if isinstance(node, list):
                self.random.shuffle(node)
                if node and self.chance(50):
                    node.pop()
            elif "symbols" in node:
                node["symbols"] = ["X", *self.some("Y", "V", "W")]
            elif "fields" in node and self.chance(70):
                node["fields"].append({"name": self.pick("e", "f"), "type": self.random.choice(PRIMITIVES)})
            elif "size" in node:
                node["size"] += 1
            elif node.get("type") in PRIMITIVES:
                node["type"] = self.random.choice(PRIMITIVES)
            for key in ("items", "values"):
                if key in node and self.chance(50):
                    node[key] = self.random.choice(PRIMITIVES)
        return schema


def cases(seed, count):
    maker = Maker(seed)
    for _ in range(count):
        maker.names = []
        references = [s for s in (maker.schema(2) for _ in range(2)) if isinstance(s, dict) and "name" in s] \
            if maker.chance(30) else []
        schema = maker.schema()
        case = {"references": [json.dumps(r) for r in references], "schema": json.dumps(schema)}
        if not references:
            case["old"] = json.dumps(maker.changed(schema))
        yield case


def avro(requests_made):
    out = subprocess.run(["java", "-cp", f"{CACHE}/avro/lib/*", ROOT / "tests/interop/avro/AvroCheck.java"], check=True,
                         input="".join(json.dumps(r) + "\n" for r in requests_made), capture_output=True, text=True).stdout
    return [json.loads(line) for line in out.rstrip("\n").split("\n")]


class Registry:
    def __init__(self, url):
        self.url = url

    def post(self, path, schema, references=()):
        body = {"schema": schema, "references": list(references)}
        return requests.post(self.url + path, json=body, timeout=60)

    def register(self, subject, schema, references=()):
        """The id, or None when it is refused as a schema."""
        answer = self.post(f"/subjects/{subject}/versions", schema, references)
        assert answer.status_code == 200 or answer.json()["error_code"] == 42201, (schema, answer.text)
        return answer.json().get("id")

    def references(self, number, texts):
        made = []
        for i, text in enumerate(texts):
            subject = f"r{number}-{i}"
            if self.register(subject, text, made) is None:
                return None
            made.append({"name": f"{i}", "subject": subject, "version": 1})
        return made


def finding(kind, path, message):
    if kind == "THROWN":
        return f"Unexpected exception during compatibility check: {message}"
    description = TEXTS[kind].format(path=path, message=message)
    return f"{{errorType:'{kind}', description:'{description}', additionalInfo:'{message}'}}"


@pytest.mark.interop
@pytest.mark.parametrize("seed", [1, 2])
def test_made_up_schemas(make_weir, seed):
    weir = make_weir("--roles", "broker,registry")
    wait_for(lambda: requests.get(weir.registry + "/status/ready", timeout=60).status_code == 200, "registry ready")
    registry = Registry(weir.registry)
    made = list(cases(seed, 400))
    seen = {"stored": 0, "refused": 0, "compatible": 0, "incompatible": 0}
    for number, (case, told) in enumerate(zip(made, avro(made))):
        references = registry.references(number, case["references"])
        if "error" in told or references is None:
            # Avro takes a record that is defined again inside itself, before it has compared the two.
            refused = references is None or registry.register(f"s{number}", case["schema"], references) is None or \
                ("old" in case and registry.register(f"o{number}", case["old"]) is None)
            assert refused, json.dumps([case, told])
            seen["refused"] += 1
            continue
        answer = registry.post(f"/subjects/s{number}/versions", case["schema"], references)
        if "Can't redefine" in answer.text:
            continue
        assert answer.status_code == 200, json.dumps([case, told, answer.text])
        stored = requests.get(f"{weir.registry}/schemas/ids/{answer.json()['id']}/schema", timeout=60)
        assert stored.content.decode() == told["text"], json.dumps([case, told])
        seen["stored"] += 1
        if "old" not in case or registry.register(f"o{number}", case["old"]) is None:
            continue
        answer = registry.post(f"/compatibility/subjects/o{number}/versions/1?verbose=true", case["schema"]).json()
        expected = [finding(*f) for f in told["findings"]]
        assert answer["is_compatible"] == (not expected), json.dumps([case, told, answer])
        # The last three are on the old schema.
        assert answer.get("messages", [])[:-3] == expected, json.dumps([case, told, answer])
        seen["incompatible" if expected else "compatible"] += 1
    assert min(seen.values()) > 20, f"the cases show too little: {seen}"
