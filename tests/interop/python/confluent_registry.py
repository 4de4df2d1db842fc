"""confluent-kafka's registry client: every call that it has, and the refusals it tells apart. Prints "ok" at the end."""
import sys

from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

V1 = '{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}'
V2 = '{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"int","default":0}]}'
BAD = '{"type":"record","name":"R","fields":[{"name":"z","type":"int"}]}'


def refused(call, *args, **options):
    try:
        call(*args, **options)
    except SchemaRegistryError as error:
        return error.http_status_code, error.error_code
    raise AssertionError(f"{call} {args} was not refused")


def main():
    client = SchemaRegistryClient({"url": sys.argv[1]})
    subject = "py registry: value"  # most calls quote it, some do not
    assert refused(client.lookup_schema, subject, Schema(V1, "AVRO")) == (404, 40401)
    first = client.register_schema(subject, Schema(V1, "AVRO"))
    assert client.register_schema(subject, Schema(V1.replace(",", ", "), "AVRO"), normalize_schemas=True) == first
    second = client.register_schema(subject, Schema(V2, "AVRO"))
    assert SchemaRegistryClient({"url": sys.argv[1]}).get_schema(second).schema_str == V2
    found = client.lookup_schema(subject, Schema(V2, "AVRO"), normalize_schemas=True)
    assert (found.schema_id, found.version, found.subject) == (second, 2, subject)
    assert refused(client.lookup_schema, subject, Schema(BAD, "AVRO")) == (404, 40403)
    assert refused(client.register_schema, subject, Schema(BAD, "AVRO")) == (409, 409)
    assert refused(client.register_schema, subject, Schema('{"type":"foo"}', "AVRO")) == (422, 42201)
    assert client.test_compatibility(subject, Schema(V2, "AVRO"))
    assert not client.test_compatibility(subject, Schema(BAD, "AVRO"), version=1)
    assert client.get_version(subject, 1).schema.schema_str == V1
    assert client.get_latest_version(subject).version == 2
    assert refused(client.get_version, subject, 9) == (404, 40402)
    assert client.get_versions(subject) == [1, 2] and subject in client.get_subjects()

    assert client.get_compatibility() == "BACKWARD"
    assert refused(client.get_compatibility, subject) == (404, 40408)
    assert client.set_compatibility(subject, "NONE")["compatibility"] == "NONE"
    assert client.get_compatibility(subject) == "NONE"
    assert refused(client.set_compatibility, subject, "X") == (422, 42203)

    client.register_schema("py-part", Schema('{"type":"fixed","name":"n.F","size":4}', "AVRO"))
    user = Schema('{"type":"record","name":"U","fields":[{"name":"f","type":"n.F"}]}', "AVRO",
                  [SchemaReference("n.F", "py-part", 1)])
    user_id = client.register_schema("py-user", user)
    got = SchemaRegistryClient({"url": sys.argv[1]}).get_schema(user_id)
    assert [(r.name, r.subject, r.version) for r in got.references] == [("n.F", "py-part", 1)]
    assert refused(client.delete_subject, "py-part") == (422, 42206)

    assert client.delete_version(subject, 1) == 1
    assert client.delete_subject(subject, permanent=True) == [2]  # softly first, then for good
    assert refused(client.get_versions, subject) == (404, 40401)
    print("ok")


main()
