"""Every row of the REST interface: method, path, body -> status, code, message or answer, against the real binary.

A row is (method, path, body, expected): expected is the JSON of a 200, or (status, error_code, message) of a refusal;
a message that ends in "..." is the beginning of the real one. Rows of one table run in order on one registry.
"""
import hashlib
import json
import re
import urllib.parse

import pytest
import requests

from harness import wait_for

TYPE = "application/vnd.schemaregistry.v1+json"
V1 = '{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}'
V2 = '{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"int","default":0}]}'
BAD = '{"type":"record","name":"R","fields":[{"name":"z","type":"int"}]}'
FIXED = '{"type":"fixed","name":"F","namespace":"n","size":4}'
USER = '{"type":"record","name":"U","fields":[{"name":"f","type":"n.F"}]}'
RESOLVED = '{"type":"record","name":"U","fields":[{"name":"f","type":' + FIXED + '}]}'
REFERENCE = {"name": "n.F", "subject": "common", "version": 1}
NOT_FOUND = (404, 404, "HTTP 404 Not Found")
BAD_VERSION = (422, 42202, "The specified version '%s' is not a valid version id. Allowed values are between "
               "[1, 2^31-1] and the string \"latest\"")
SUBJECT_1 = {"subject": "s", "version": 1, "id": 1, "schema": V1}
SUBJECT_2 = {"subject": "s", "version": 2, "id": 2, "schema": V2}


@pytest.fixture
def stack(make_weir):
    weir = make_weir("--roles", "broker,registry")
    wait_for(lambda: requests.get(weir.registry + "/status/ready", timeout=60).status_code == 200, "registry ready")
    return weir


def call(stack, method, path, body=None, headers=None):
    headers = dict(headers or {})
    if body is not None:
        headers.setdefault("Content-Type", TYPE)
        body = body if isinstance(body, str) else json.dumps(body)
    return requests.request(method, stack.registry + path, data=body, headers=headers, timeout=60)


def run(stack, rows):
    for number, (method, path, body, expected) in enumerate(rows):
        answer = call(stack, method, path, body)
        where = f"row {number}: {method} {path} {body}\n-> {answer.status_code} {answer.text}"
        assert answer.headers["Content-Type"] == TYPE, where
        if not isinstance(expected, tuple):
            assert answer.status_code == 200, where
            assert answer.json() == expected and type(answer.json()) is type(expected), where
            continue
        status, code, message = expected
        error = answer.json()
        assert (answer.status_code, error["error_code"]) == (status, code), where
        assert set(error) == {"error_code", "message"}, where
        if message.endswith("..."):
            assert error["message"].startswith(message[:-3]), where
        else:
            assert error["message"] == message, where


def schema(text, **more):
    return {"schema": text, **more}


SCHEMAS = [
    ("GET", "/", None, {}),
    ("POST", "/", None, {}),
    ("GET", "/subjects", None, []),
    ("GET", "/schemas", None, []),
    ("GET", "/schemas/types", None, ["AVRO"]),
    ("GET", "/contexts", None, ["."]),
    ("GET", "/contexts?offset=1", None, []),
    ("GET", "/contexts?contextPrefix=.x", None, []),
    # registering
    ("POST", "/subjects/s/versions", schema(V1, schemaType="AVRO", references=[], metadata=None, ruleSet=None), {"id": 1}),
    ("POST", "/subjects/s/versions/", schema(V1), {"id": 1}),
    ("POST", "/subjects/s/versions?normalize=False", schema(V2, version=-1), {"id": 2}),
    ("POST", "/subjects/s/versions", schema(V2, version=0, unknown=[]), {"id": 2}),
    ("POST", "/subjects/s/versions", schema(BAD), (
        409, 409, 'Schema being registered is incompatible with an earlier schema for subject "s", details: [{...')),
    ("POST", "/subjects/s/versions", schema('{"type":"foo"}'), (
        422, 42201, "Invalid schema {subject=s,version=0,id=-1,schemaType=AVRO,references=[],metadata=null,ruleSet=null,"
        "schema={\"type\":\"foo\"},schemaTags=null} with refs [] of type AVRO, details: Type not supported: foo")),
    ("POST", "/subjects/s/versions", schema('"x"', references=[REFERENCE, {**REFERENCE, "name": "b"}]), (
        422, 42201, "Invalid schema {subject=s,version=0,id=-1,schemaType=AVRO,references=[{name='n.F', subject='common', "
        "version=1}, {name='b', subject='common', version=1}],...")),
    ("POST", "/subjects/e/versions", schema(""), (422, 42201, "Empty schema")),
    ("POST", "/subjects/e/versions", schema(" \n"), (422, 42201, "Empty schema")),
    ("POST", "/subjects/e/versions", {}, (422, 42201, "Empty schema")),
    ("POST", "/subjects/s/versions", schema(" "), {"id": 2}),
    ("POST", "/subjects/s/versions", schema(""), {"id": 2}),
    ("POST", "/subjects/s/versions", schema('"int"', schemaType="X"), (422, 42201, "Invalid schema type X")),
    ("POST", "/subjects/n/versions", schema(V1, version=7), (
        422, 42201, "Version is not one more than previous version")),
    ("POST", "/subjects/s/versions", schema(V1, version=1), (
        422, 42201, "Version is not one more than previous version")),
    ("POST", "/subjects/s/versions", schema(V2, version=-1), {"id": 2}),
    ("POST", "/subjects/n/versions", schema(V1, id=7), (422, 42205, "Subject n in context . is not in import mode")),
    ("POST", "/subjects/__GLOBAL/versions", schema(V1), (422, 42208, "The specified subject '__GLOBAL' is not a valid.")),
    ("POST", "/subjects/__EMPTY/versions", schema(V1), (422, 42208, "The specified subject '__EMPTY' is not a valid.")),
    ("POST", "/subjects/a%0Ab/versions", schema(V1), (422, 42208, "The specified subject 'a\nb' is not a valid.")),
    ("POST", "/subjects/s/versions?force=true", schema(BAD), {"id": 3}),
    ("DELETE", "/subjects/s/versions/3", None, 3),
    ("DELETE", "/subjects/s/versions/3?permanent=true", None, 3),
    # by id
    ("GET", "/schemas/ids/1", None, schema(V1)),
    ("GET", "/schemas/ids/1?subject=s&fetchMaxId=True", None, {"schema": V1, "maxId": 3}),
    ("GET", "/schemas/ids/1?format=&findTags=a&findTags=b&referenceFormat=qualified", None, schema(V1)),
    ("GET", "/schemas/ids/1/schema", None, json.loads(V1)),
    ("GET", "/schemas/ids/1/subjects", None, ["s"]),
    ("GET", "/schemas/ids/1/subjects?offset=1", None, []),
    ("GET", "/schemas/ids/1/versions", None, [{"subject": "s", "version": 1}]),
    ("GET", "/schemas/ids/0", None, (404, 40403, "Schema 0 not found")),
    ("GET", "/schemas/ids/9", None, (404, 40403, "Schema 9 not found")),
    ("GET", "/schemas/ids/9/schema", None, (404, 40403, "Schema 9 not found")),
    ("GET", "/schemas/ids/9/subjects", None, (404, 40403, "Schema not found")),
    ("GET", "/schemas/ids/9/versions", None, (404, 40403, "Schema not found")),
    ("GET", "/schemas/ids/x", None, NOT_FOUND),
    ("GET", "/schemas/ids/99999999999", None, NOT_FOUND),
    # subjects and versions
    ("GET", "/subjects/", None, ["s"]),
    ("GET", "/subjects?subjectPrefix=x", None, []),
    ("GET", "/subjects?subjectPrefix=:*:s&offset=-1&limit=0", None, ["s"]),
    ("GET", "/subjects?limit=x", None, NOT_FOUND),
    ("GET", "/schemas?subjectPrefix=s", None, [SUBJECT_1, SUBJECT_2]),
    ("GET", "/schemas?latestOnly=true", None, [SUBJECT_2]),
    ("GET", "/schemas?offset=1&limit=1", None, [SUBJECT_2]),
    ("GET", "/subjects/s/versions", None, [1, 2]),
    ("GET", "/subjects/s/versions?limit=1", None, [1]),
    ("GET", "/subjects/none/versions", None, (404, 40401, "Subject 'none' not found.")),
    ("GET", "/subjects/s/versions/1", None, SUBJECT_1),
    ("GET", "/subjects/s/versions/latest", None, SUBJECT_2),
    ("GET", "/subjects/s/versions/LATEST", None, SUBJECT_2),
    ("GET", "/subjects/s/versions/-1", None, SUBJECT_2),
    ("GET", "/subjects/s/versions/1/schema", None, json.loads(V1)),
    ("GET", "/subjects/s/versions/9", None, (404, 40402, "Version 9 not found.")),
    ("GET", "/subjects/none/versions/1", None, (404, 40401, "Subject 'none' not found.")),
    ("GET", "/subjects/s/versions/0", None, (*BAD_VERSION[:2], BAD_VERSION[2] % "0")),
    ("GET", "/subjects/s/versions/-2", None, (*BAD_VERSION[:2], BAD_VERSION[2] % "-2")),
    ("GET", "/subjects/s/versions/x", None, (*BAD_VERSION[:2], BAD_VERSION[2] % "x")),
    ("DELETE", "/subjects/s/versions/x", None, (*BAD_VERSION[:2], BAD_VERSION[2] % "x")),
    ("GET", "/subjects/s/metadata", None, SUBJECT_2),
    ("GET", "/subjects/s/metadata?key=a&value=b", None, (404, 40403, "Schema not found")),
    ("GET", "/subjects/none/metadata?key=a&value=b", None, (404, 40401, "Subject 'none' not found.")),
    ("GET", "/subjects/s/metadata?key=a", None, (400, 400, "...")),
    # looking up
    ("POST", "/subjects/s", schema(V1), SUBJECT_1),
    ("POST", "/subjects/s?normalize=False&deleted=False", schema(V1), SUBJECT_1),
    ("POST", "/subjects/s", schema(BAD), (404, 40403, "Schema not found")),
    ("POST", "/subjects/none", schema(BAD), (404, 40401, "Subject 'none' not found.")),
    ("POST", "/subjects/s", schema(""), (404, 40403, "Schema not found")),
    ("POST", "/subjects/none", schema(" "), (404, 40401, "Subject 'none' not found.")),
    ("POST", "/subjects/s", schema("{"), (422, 42201, "Invalid schema {subject=s,...")),
    # compatibility
    ("POST", "/compatibility/subjects/s/versions/latest", schema(V2), {"is_compatible": True}),
    ("POST", "/compatibility/subjects/s/versions/1", schema(BAD), {"is_compatible": False}),
    ("POST", "/compatibility/subjects/s/versions/", schema(BAD), {"is_compatible": False}),
    ("POST", "/compatibility/subjects/none/versions", schema(BAD), {"is_compatible": True}),
    ("POST", "/compatibility/subjects/none/versions/latest", schema(BAD), {"is_compatible": True}),
    ("POST", "/compatibility/subjects/none/versions/1", schema(BAD), (404, 40402, "Version 1 not found.")),
    ("POST", "/compatibility/subjects/s/versions/x", schema(BAD), (*BAD_VERSION[:2], BAD_VERSION[2] % "x")),
    ("POST", "/compatibility/subjects/s/versions/1", schema("{}"), (422, 42201, "Invalid schema {subject=s,...")),
    ("POST", "/compatibility/subjects/s/versions/1?verbose=True", schema('{"type":"foo"}'),
     {"is_compatible": False, "messages": [
         "Invalid schema {subject=s,version=0,id=-1,schemaType=AVRO,references=[],metadata=null,ruleSet=null,"
         "schema={\"type\":\"foo\"},schemaTags=null} with refs [] of type AVRO, details: Type not supported: foo"]}),
    ("POST", "/compatibility/subjects/s/versions/1", schema(""), (422, 42201, "Empty schema")),
    ("POST", "/compatibility/subjects/s/versions?verbose=true", schema(" "),
     {"is_compatible": False, "messages": ["Empty schema"]}),
    ("POST", "/compatibility/subjects/s/versions/1?verbose=true", schema(V2), {"is_compatible": True}),
    # deleting
    ("DELETE", "/subjects/none", None, (404, 40401, "Subject 'none' not found.")),
    ("DELETE", "/subjects/none/versions/1", None, (404, 40401, "Subject 'none' not found.")),
    ("DELETE", "/subjects/s/versions/9", None, (404, 40402, "Version 9 not found.")),
    ("DELETE", "/subjects/s/versions/1?permanent=true", None, (
        404, 40407, "Subject 's' Version 1 was not deleted first before being permanently deleted")),
    ("DELETE", "/subjects/s/versions/1", None, 1),
    ("DELETE", "/subjects/s/versions/1", None, (
        404, 40406, "Subject 's' Version 1 was soft deleted.Set permanent=true to delete permanently")),
    ("GET", "/schemas/ids/1/subjects", None, []),
    ("GET", "/schemas/ids/1/subjects?deleted=true", None, ["s"]),
    ("GET", "/schemas/ids/1/versions", None, []),
    ("GET", "/subjects/s/versions?deleted=true", None, [1, 2]),
    ("GET", "/subjects/s/versions?deletedOnly=true&deleted=true", None, [1]),
    ("GET", "/subjects/s/versions?deletedAsNegative=true", None, [-1, 2]),
    ("GET", "/subjects/s/versions/1", None, (404, 40402, "Version 1 not found.")),
    ("GET", "/subjects/s/versions/1?deleted=true", None, SUBJECT_1),
    ("POST", "/subjects/s?deleted=true", schema(V1), SUBJECT_1),
    ("POST", "/subjects/s", schema(V1), (404, 40403, "Schema not found")),
    ("DELETE", "/subjects/s?permanent=true", None, (
        404, 40405, "Subject 's' was not deleted first before being permanently deleted")),
    ("DELETE", "/subjects/s/versions/latest", None, 2),
    ("GET", "/subjects/s/versions/latest?deleted=true", None, (404, 40402, "Version -1 not found.")),
    ("GET", "/subjects/s/versions/latest", None, (404, 40401, "Subject 's' not found.")),
    ("DELETE", "/subjects/s", None, (
        404, 40404, "Subject 's' was soft deleted.Set permanent=true to delete permanently")),
    ("GET", "/subjects?deletedOnly=true", None, ["s"]),
    ("GET", "/schemas?deleted=true&latestOnly=true", None, [SUBJECT_2]),
    ("GET", "/schemas/ids/2", None, schema(V2)),
    ("DELETE", "/subjects/s?permanent=true", None, [1, 2]),
    ("GET", "/schemas/ids/2", None, (404, 40403, "Schema 2 not found")),
]

REFERENCES = [
    ("POST", "/subjects/common/versions", schema(FIXED), {"id": 1}),
    ("POST", "/subjects/u/versions", schema(USER, references=[{**REFERENCE, "version": -1}]), {"id": 2}),
    ("POST", "/subjects/u/versions", schema(USER, references=[{**REFERENCE, "version": 5}]), (
        422, 42201, "Invalid schema {subject=u,version=0,id=-1,schemaType=AVRO,references=[{name='n.F', subject='common', "
        "version=5}],...")),
    ("GET", "/schemas/ids/2", None, {"schema": USER, "references": [REFERENCE]}),
    ("GET", "/schemas/ids/2?format=resolved", None, {"schema": RESOLVED, "references": [REFERENCE]}),
    ("GET", "/schemas/ids/2/schema?format=resolved", None, json.loads(RESOLVED)),
    ("GET", "/subjects/u/versions/1?format=resolved", None,
     {"subject": "u", "version": 1, "id": 2, "schema": RESOLVED, "references": [REFERENCE]}),
    ("GET", "/subjects/u/versions/1/schema?format=resolved", None, json.loads(RESOLVED)),
    ("POST", "/subjects/u?format=resolved", schema(USER, references=[REFERENCE]),
     {"subject": "u", "version": 1, "id": 2, "schema": RESOLVED, "references": [REFERENCE]}),
    ("POST", "/subjects/u", schema(USER), (422, 42201, "Invalid schema {...")),
    ("GET", "/subjects/common/versions/1/referencedby", None, [2]),
    ("GET", "/subjects/common/versions/latest/referencedBy", None, [2]),
    ("GET", "/subjects/u/versions/1/referencedby", None, []),
    ("GET", "/subjects/common/versions/2/referencedby", None, (404, 40402, "Version 2 not found.")),
    ("GET", "/subjects/none/versions/2/referencedby", None, (404, 40401, "Subject 'none' not found.")),
    ("DELETE", "/subjects/common", None, (
        422, 42206, "One or more references exist to the schema {magic=1,keytype=SCHEMA,subject=common,version=1}.")),
    ("DELETE", "/subjects/common/versions/1", None, (
        422, 42206, "One or more references exist to the schema {magic=1,keytype=SCHEMA,subject=common,version=1}.")),
    # normalized references are sorted and there is one of each
    ("DELETE", "/subjects/common/versions/1?permanent=true", None, (
        422, 42206, "One or more references exist to the schema {magic=1,keytype=SCHEMA,subject=common,version=1}.")),
    ("DELETE", "/subjects/common?permanent=true", None, (
        422, 42206, "One or more references exist to the schema {magic=1,keytype=SCHEMA,subject=common,version=1}.")),
    ("POST", "/subjects/u/versions", schema(""), {"id": 2}),  # the previous one, with its references
    # the same with its references written out is found
    ("POST", "/subjects/u/versions", schema(RESOLVED), {"id": 2}),
    ("POST", "/subjects/u", schema(RESOLVED), {
        "subject": "u", "version": 1, "id": 2, "schema": USER, "references": [REFERENCE]}),
    ("POST", "/subjects/b/versions", schema('"string"'), {"id": 3}),
    ("POST", "/subjects/u2/versions?normalize=true", schema(USER, references=[
        REFERENCE, {"name": "b", "subject": "b", "version": 1}, REFERENCE]), {"id": 4}),
    ("GET", "/schemas/ids/4", None, {"schema": USER, "references": [{"name": "b", "subject": "b", "version": 1}, REFERENCE]}),
    ("DELETE", "/subjects/u", None, [1]),
    ("GET", "/subjects/common/versions/1/referencedby", None, [4]),
    ("GET", "/subjects/common/versions/1/referencedby?deleted=true", None, [2, 4]),
    ("DELETE", "/subjects/u2", None, [1]),
    ("DELETE", "/subjects/b", None, [1]),
    ("DELETE", "/subjects/common", None, [1]),
    ("GET", "/subjects/common/versions/1/referencedby", None, []),  # of a deleted version too
    ("GET", "/subjects/common/versions/1/referencedby?deleted=true", None, [2, 4]),
    ("PUT", "/mode", {"mode": "IMPORT"}, (
        422, 42206, "One or more references exist to the schema {magic=1,keytype=SCHEMA,subject=b,version=1}.")),
    ("DELETE", "/subjects/common?permanent=true", None, (
        422, 42206, "One or more references exist to the schema {magic=1,keytype=SCHEMA,subject=common,version=1}.")),
]

NO_CONFIG = (404, 40408, "Subject 's' does not have subject-level compatibility configured")
NO_MODE = (404, 40409, "Subject 's' does not have subject-level mode configured")
SETTINGS = [
    ("GET", "/config", None, {"compatibilityLevel": "BACKWARD"}),
    ("GET", "/config/", None, {"compatibilityLevel": "BACKWARD"}),
    ("GET", "/config/s", None, NO_CONFIG),
    ("GET", "/config/s?defaultToGlobal=true", None, {"compatibilityLevel": "BACKWARD"}),
    ("PUT", "/config/s", {"compatibility": "full_Transitive"}, {"compatibility": "FULL_TRANSITIVE"}),
    ("GET", "/config/s", None, {"compatibilityLevel": "FULL_TRANSITIVE"}),
    ("PUT", "/config/s", {}, {}),
    ("PUT", "/config/s", {"normalize": True}, {"normalize": True}),
    ("GET", "/config/s", None, {"compatibilityLevel": "FULL_TRANSITIVE", "normalize": True}),
    ("PUT", "/config/s", {"normalize": "False"}, {"normalize": False}),
    ("PUT", "/config/s", {"normalize": 1}, (400, 400, "\"normalize\" must be true or false")),
    ("PUT", "/config/s", {"normalize": None}, {}),
    ("GET", "/config/s", None, {"compatibilityLevel": "FULL_TRANSITIVE"}),
    ("DELETE", "/config/s", None, {"compatibilityLevel": "FULL_TRANSITIVE"}),
    ("DELETE", "/config/s", None, (404, 40401, "Subject 's' not found.")),
    ("PUT", "/config", {"compatibility": "NONE"}, {"compatibility": "NONE"}),
    ("GET", "/config/s?defaultToGlobal=True", None, {"compatibilityLevel": "NONE"}),
    ("PUT", "/config/n", {"normalize": True}, {"normalize": True}),
    ("GET", "/config/n", None, {"compatibilityLevel": "NONE", "normalize": True}),  # the level that holds
    ("DELETE", "/config/n", None, {"compatibilityLevel": "NONE", "normalize": True}),
    # the default context by its name
    ("GET", "/config/:.:", None, {"compatibilityLevel": "NONE"}),
    ("PUT", "/config/:.:", {"compatibility": "FULL"}, {"compatibility": "FULL"}),
    ("DELETE", "/config/:.:", None, {"compatibilityLevel": "FULL"}),
    ("GET", "/mode/:.:", None, {"mode": "READWRITE"}),
    ("PUT", "/config/:.:s", {"compatibility": "NONE"}, {"compatibility": "NONE"}),
    ("DELETE", "/config/s", None, {"compatibilityLevel": "NONE"}),
    ("PUT", "/config/:.other:", {"compatibility": "NONE"}, (422, 42208, "The specified subject ':.other:' is not a valid....")),
    ("PUT", "/config", {"compatibility": "NONE"}, {"compatibility": "NONE"}),
    ("DELETE", "/config", None, {"compatibilityLevel": "NONE"}),
    ("DELETE", "/config", None, {"compatibilityLevel": "BACKWARD"}),
    ("PUT", "/config", {"compatibility": "X"}, (
        422, 42203, "Invalid compatibility level. Valid values are none, backward, forward, full, backward_transitive, "
        "forward_transitive, and full_transitive")),
    ("PUT", "/config", None, (422, 422, "...")),
    ("PUT", "/config", "{", (400, 400, "...")),
    ("GET", "/mode", None, {"mode": "READWRITE"}),
    ("GET", "/mode/s", None, NO_MODE),
    ("GET", "/mode/s?defaultToGlobal=true", None, {"mode": "READWRITE"}),
    ("PUT", "/mode/s", {"mode": "READONLY"}, {"mode": "READONLY"}),
    ("POST", "/subjects/s/versions", schema(V1), (422, 42205, "Subject s in context . is in read-only mode")),
    ("GET", "/mode/s", None, {"mode": "READONLY"}),
    ("PUT", "/config/s", {"compatibility": "NONE"}, (422, 42205, "Subject s in context . is in read-only mode")),
    ("DELETE", "/config/s", None, (404, 40401, "Subject 's' not found.")),
    ("DELETE", "/mode/s", None, {"mode": "READONLY"}),
    ("PUT", "/mode/s", {"mode": "readonly"}, {"mode": "readonly"}),  # what was sent is sent back
    ("GET", "/mode/s", None, {"mode": "READONLY"}),
    ("PUT", "/mode/s", {"mode": None}, {}),
    ("GET", "/mode/s", None, NO_MODE),
    ("PUT", "/mode/s", {"mode": "READONLY"}, {"mode": "READONLY"}),
    ("PUT", "/mode/s", {}, {}),
    ("DELETE", "/mode/s", None, (404, 40401, "Subject 's' not found.")),
    ("DELETE", "/mode/s?recursive=true", None, {}),
    ("PUT", "/mode", {"mode": "x"}, (
        422, 42204, "Invalid mode. Valid values are READWRITE, READONLY, IMPORT and FORWARD.")),
    ("PUT", "/mode/s", {"mode": "FORWARD"}, (422, 42204, "Forward mode only supported on global level")),
    ("PUT", "/mode", {"mode": "READONLY_OVERRIDE"}, {"mode": "READONLY_OVERRIDE"}),
    ("PUT", "/config", {"compatibility": "NONE"}, (422, 42205, "Subject null in context . is in read-only mode")),
    ("DELETE", "/config", None, (422, 42205, "Subject null in context . is in read-only mode")),
    ("PUT", "/mode/s", {"mode": "READWRITE"}, {"mode": "READWRITE"}),
    ("POST", "/subjects/s/versions", schema(V1), {"id": 1}),
    ("DELETE", "/mode?recursive=true", None, {"mode": "READONLY_OVERRIDE"}),
    ("GET", "/mode/s", None, NO_MODE),
    ("GET", "/mode", None, {"mode": "READWRITE"}),
    ("DELETE", "/mode", None, {"mode": "READWRITE"}),
    ("PUT", "/mode", {}, {}),
    ("PUT", "/mode", {"mode": "IMPORT"}, (422, 42205, "Cannot import since found existing subjects")),
    ("PUT", "/mode/i", {"mode": "IMPORT"}, {"mode": "IMPORT"}),
    ("POST", "/subjects/i/versions", schema(V2), (422, 42205, "Subject i in context . is not in read-write mode")),
    ("POST", "/subjects/i/versions", schema(V2, id=1), (
        422, 42205, "Overwrite new schema with id 1 in context . is not permitted.")),
    ("POST", "/subjects/i/versions", schema(V2, id=40, version=3), {"id": 40}),
    ("POST", "/subjects/i/versions", schema(BAD, id=41, version=3), {"id": 41}),  # an import may replace
    ("PUT", "/mode/i", {"mode": "IMPORT"}, {"mode": "IMPORT"}),  # it is in that mode already
    ("POST", "/subjects/i/versions", schema(BAD, id=41, version=7), {"id": 41}),
    ("GET", "/subjects/i/versions", None, [3, 7]),
    ("DELETE", "/subjects/i/versions/7", None, 7),
    ("PUT", "/mode/i?force=true", {"mode": "IMPORT"}, {"mode": "IMPORT"}),
    ("GET", "/subjects/i/versions?deleted=true", None, [3, 7]),  # nothing is cleared by force
    ("DELETE", "/subjects/i/versions/7?permanent=true", None, 7),
    ("GET", "/subjects/i/versions/3", None, {"subject": "i", "version": 3, "id": 41, "schema": BAD}),
    ("DELETE", "/subjects/i", None, [3]),
    ("DELETE", "/subjects/i?permanent=true", None, [3]),
    ("GET", "/mode/i", None, (404, 40409, "Subject 'i' does not have subject-level mode configured")),
    ("GET", "/v1/metadata/version", None, {"version": "0.1.0", "commitId": ""}),
    ("GET", "/v1/metadata/deployment", None, {"attributes": []}),
]

TRANSPORT = [
    ("GET", "/nowhere", None, NOT_FOUND),
    ("GET", "/schemas/ids/1/x", None, NOT_FOUND),
    ("PATCH", "/subjects", None, (405, 405, "HTTP 405 Method Not Allowed")),
    ("POST", "/config", {}, (405, 405, "HTTP 405 Method Not Allowed")),
    ("POST", "/subjects/s/versions", None, (422, 422, "...")),
    ("POST", "/subjects/s/versions", "[]", (400, 400, "...")),
    ("POST", "/subjects/s/versions", "{", (400, 400, "...")),
    ("POST", "/subjects/s/versions", {"schema": 5}, (400, 400, "...")),
    ("POST", "/subjects/s/versions", {"schema": V1, "references": 5}, (400, 400, "...")),
    ("POST", "/subjects/s/versions", {"schema": V1, "id": "x"}, (400, 400, "...")),
    ("POST", "/subjects/s/versions", {"schema": V1, "version": {}}, (400, 400, "...")),
    ("POST", "/subjects/a%2Fb%3Ac%20d+e/versions", schema(V1), {"id": 1}),
    ("GET", "/subjects", None, ["a/b:c d+e"]),
    ("GET", "/subjects/" + urllib.parse.quote("a/b:c d+e", safe="") + "/versions", None, [1]),
    ("GET", "/subjects/:.:a%2Fb%3Ac%20d+e/versions", None, [1]),
]


@pytest.mark.tsan
@pytest.mark.parametrize("rows", [SCHEMAS, REFERENCES, SETTINGS, TRANSPORT],
                         ids=["schemas", "references", "settings", "transport"])
def test_rows(stack, rows):
    run(stack, rows)


@pytest.mark.parametrize("accept,status,answered", [
    (None, 200, TYPE), ("*/*", 200, TYPE), (TYPE, 200, TYPE), ("application/json", 200, "application/json"),
    ("application/vnd.schemaregistry+json", 200, "application/vnd.schemaregistry+json"),
    (TYPE + ", application/vnd.schemaregistry+json, application/json", 200, TYPE),
    ("text/html, application/json;q=0.5", 200, "application/json"), ("text/html", 406, TYPE),
    # java.net.HttpURLConnection
    ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", 200, TYPE)])
def test_answer_types(stack, accept, status, answered):
    answer = call(stack, "GET", "/subjects", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, answered)
    if status == 406:
        assert answer.json() == {"error_code": 406, "message": "HTTP 406 Not Acceptable"}


@pytest.mark.parametrize("sent,status", [(TYPE, 200), ("application/json", 200), ("application/octet-stream", 200),
                                         ("application/vnd.schemaregistry+json; charset=utf-8", 200), ("text/plain", 415)])
def test_request_types(stack, sent, status):
    answer = call(stack, "PUT", "/config", {"compatibility": "FULL"}, {"Content-Type": sent})
    assert answer.status_code == status
    if status == 415:
        assert answer.json() == {"error_code": 415, "message": "HTTP 415 Unsupported Media Type"}


def test_request_id(stack):
    call(stack, "POST", "/subjects/s/versions", schema(V1))
    for path in ("/subjects", "/schemas/ids/1", "/schemas/ids/9"):
        assert call(stack, "GET", path, headers={"X-Request-ID": "abc"}).headers["X-Request-ID"] == "abc"
    made = [call(stack, "GET", "/subjects").headers["X-Request-ID"] for _ in range(2)]
    assert made[0] != made[1] and all(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", m)
                                      for m in made)


def test_guids(stack):
    """The GUID of a schema is the MD5 of its text and references as a UUID."""
    call(stack, "POST", "/subjects/s/versions", schema('"string"'))
    digest = hashlib.md5(b'"string"').hexdigest()
    guid = "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:]))
    run(stack, [
        ("GET", f"/schemas/guids/{guid}", None, {"schema": '"string"'}),
        ("GET", f"/schemas/guids/{guid.upper()}", None, {"schema": '"string"'}),
        ("GET", f"/schemas/guids/{guid}/ids", None, [{"context": ".", "id": 1}]),
        ("GET", f"/schemas/guids/{guid[:-1]}0", None, (404, 40403, f"Schema {guid[:-1]}0 not found"))
        if guid[-1] != "0" else ("GET", "/", None, {}),
        ("GET", "/schemas/guids/x", None, (404, 40403, "Schema x not found")),
        ("GET", "/schemas/guids/x/ids", None, []),
    ])


def test_cluster_ids_and_metrics(stack):
    scope = call(stack, "GET", "/v1/metadata/id").json()["scope"]
    assert scope["path"] == [] and scope["clusters"]["schema-registry-cluster"] == "schema-registry"
    assert len(scope["clusters"]["kafka-cluster"]) > 10
    call(stack, "POST", "/subjects/s/versions", schema(V1))
    call(stack, "GET", "/nowhere")
    metrics = requests.get(f"http://127.0.0.1:{stack.ports['admin']}/metrics", timeout=60).text
    assert "weir_registry_schemas 1" in metrics and "weir_registry_subjects 1" in metrics
    assert re.search(r'^weir_registry_requests_total\{code="2xx"\} [1-9]', metrics, re.M), metrics
    assert re.search(r'^weir_registry_requests_total\{code="4xx"\} [1-9]', metrics, re.M), metrics
