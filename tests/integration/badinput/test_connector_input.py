"""Connectors that cannot work: what REST, status and log say, that nobody else suffers, and that secrets stay secret."""
import json
import shutil
import subprocess
import tempfile
import urllib.parse

import pytest

from harness import Postgres, free_port, wait_for
from stack import assert_error, http, stack  # noqa: F401

JDBC = "io.confluent.connect.jdbc.JdbcSourceConnector"
FILE = "org.apache.kafka.connect.file.FileStreamSourceConnector"
AVRO = "io.confluent.connect.avro.AvroConverter"
JSON = "org.apache.kafka.connect.json.JsonConverter"
SECRET = "s3cr3t-Pa55word"
FAILS = "Connector configuration is invalid and contains the following {} error(s):\n{}\nYou can also find the above list of " \
        "errors at the endpoint `/connector-plugins/{{connectorType}}/config/validate`"


@pytest.fixture(scope="module")
def database():
    """A Postgres in which role `careful` needs a password."""
    server = Postgres(tempfile.mkdtemp(prefix="weir-pg-")).create()
    hba = server.data / "pg_hba.conf"
    hba.write_text("host all careful 127.0.0.1/32 scram-sha-256\n" + hba.read_text())
    server.start()
    subprocess.run([str(server.bin / "createdb"), "-h", "127.0.0.1", "-p", str(server.port), "-U", "root", "root"], check=True)
    server.execute(f"CREATE ROLE careful LOGIN PASSWORD '{SECRET}'")
    yield server
    server.stop("immediate")
    shutil.rmtree(server.directory, ignore_errors=True)


def url(database, **parameters):
    parameters = {"user": "root", **parameters}
    return f"jdbc:postgresql://127.0.0.1:{database.port}/root?" + urllib.parse.urlencode(parameters)


def jdbc(database, table, **more):
    return {"connector.class": JDBC, "connection.url": url(database), "mode": "incrementing", "incrementing.column.name": "id",
            "topic.prefix": "", "table.whitelist": table, "value.converter": JSON, "poll.interval.ms": "50",
            "table.poll.interval.ms": "300", "connection.backoff.ms": "200", **more}


def put(weir, name, config, *expect):
    answer = http(weir, "connect", "PUT", f"/connectors/{name}/config", config)
    if expect:
        assert answer[0] in expect, answer
    return answer


def delete(weir, name):
    assert http(weir, "connect", "DELETE", f"/connectors/{name}")[0] in (204, 404)


def status(weir, name):
    return http(weir, "connect", "GET", f"/connectors/{name}/status")[1]


def wait_states(weir, name, connector, *tasks):
    def right():
        now = status(weir, name)
        return "connector" in now and now["connector"]["state"] == connector and [t["state"] for t in now["tasks"]] == list(tasks) and now
    return wait_for(right, f"{name} {connector} {tasks}; now {status(weir, name)}")


def rows(weir, topic, count):
    """The ids of a JsonConverter topic, at least `count` of them."""
    def read():
        out = subprocess.run(["kcat", "-b", weir.kafka, "-C", "-t", topic, "-o", "beginning", "-e", "-q"], capture_output=True,
                             text=True, timeout=30)
        ids = [json.loads(line)["payload"]["id"] for line in out.stdout.splitlines()]
        return ids if len(ids) >= count else None
    return wait_for(read, f"{count} rows in {topic}")


def refusal(weir, config, name="bad"):
    answer = put(weir, name, config)
    message = assert_error(answer, 400, 500)
    assert http(weir, "connect", "GET", f"/connectors/{name}")[0] == 404, "a refused connector must not be stored"
    return answer[0], message


def test_unknown_classes(stack, database):  # noqa: F811
    code, message = refusal(stack, {"connector.class": "com.example.Nope"})
    assert code == 500
    assert message.startswith("Failed to find any class that implements Connector and which name matches com.example.Nope, "
                              "available connectors are: PluginDesc{klass=class ")
    code, message = refusal(stack, {"name": "bad", "tasks.max": "1"})
    assert code == 400 and message.startswith("Connector config {") and message.endswith("} contains no connector type")
    for key, value in (("transforms.a.type", "com.example.Smt"), ("value.converter", "com.example.Converter"),
                       ("key.converter", "Nope")):
        config = jdbc(database, "t", **{key: value}, **({"transforms": "a"} if "transforms" in key else {}))
        assert refusal(stack, config) == (400, FAILS.format(1, f"Invalid value {value} for configuration {key}: "
                                                               f"Class {value} could not be found."))


BAD_VALUES = [
    ({"mode": "zz"}, 1, "Invalid value zz for configuration mode: String must be one of: , bulk, timestamp, incrementing, timestamp+incrementing"),
    ({"mode": None}, 1, "Query mode must be specified"),
    ({"connection.url": None}, 1, 'Missing required configuration "connection.url" which has no default value.'),
    ({"tasks.max": "0"}, 1, "Invalid value 0 for configuration tasks.max: Value must be at least 1"),
    ({"tasks.max": "abc"}, 2, "Invalid value abc for configuration tasks.max: Not a number of type INT"),
    ({"tasks.max": "99999999999999999999"}, 2, "Invalid value 99999999999999999999 for configuration tasks.max: Not a number of type INT"),
    ({"batch.max.rows": "many"}, 1, "Invalid value many for configuration batch.max.rows: Not a number of type INT"),
    ({"errors.tolerance": "some"}, 1, "Invalid value some for configuration errors.tolerance: String must be one of"),
    ({"validate.non.null": "maybe"}, 1, "Invalid value maybe for configuration validate.non.null: Expected value to be either true or false"),
    ({"transforms": "a,a", "transforms.a.type": "org.apache.kafka.connect.transforms.ValueToKey", "transforms.a.fields": "id"}, 1,
     "Duplicate alias provided."),
    ({"transforms": "a", "transforms.a.type": "org.apache.kafka.connect.transforms.ValueToKey"}, 1,
     'Missing required configuration "transforms.a.fields" which has no default value.'),
    ({"transforms": "a"}, 1, "transforms.a.type"),
    ({"numeric.mapping": "zz"}, 1, "Invalid value zz for configuration numeric.mapping"),
    ({"topic.prefix": "a/b"}, 1, "Invalid value a/b for configuration topic.prefix: Topic prefix must not contain any character other than "
                                 "ASCII alphanumerics, '.', '_' and '-'."),
]


@pytest.mark.parametrize("change, count, text", BAD_VALUES, ids=[",".join(f"{k}={v}" for k, v in b[0].items())[:40] for b in BAD_VALUES])
def test_bad_values_are_a_list(stack, database, change, count, text):  # noqa: F811
    config = {k: v for k, v in {**jdbc(database, "t"), **change}.items() if v is not None}
    code, message = refusal(stack, config)
    assert code == 400
    assert text in message, message
    listed = int(message.split("following ")[1].split(" ")[0])
    assert listed >= count and len(message.splitlines()) == listed + 2, message
    # What validate says is the same.
    code, answer = http(stack, "connect", "PUT", "/connector-plugins/JdbcSourceConnector/config/validate", {**config, "name": "bad"})
    assert (code, answer["error_count"]) == (200, listed)
    found = [e for c in answer["configs"] for e in c["value"]["errors"]]
    assert sorted(found) == sorted(message.splitlines()[1:-1])


def test_several_faults_are_told_at_once_and_the_old_config_goes_on(stack, database):  # noqa: F811
    database.execute("CREATE TABLE several (id SERIAL PRIMARY KEY); INSERT INTO several DEFAULT VALUES")
    put(stack, "several", jdbc(database, "several"), 201)
    wait_states(stack, "several", "RUNNING", "RUNNING")
    code, answer = put(stack, "several", jdbc(database, "several", **{"tasks.max": "x", "mode": "y", "key.converter": "z"}))
    assert code == 400 and "following 4 error(s)" in answer["message"]
    code, answer = put(stack, "several", {**jdbc(database, "several"), "mode": None})
    assert code == 400 and "Null value can not be supplied as the configuration value." in answer["message"]
    for nested in ({"a": 1}, [1]):
        assert put(stack, "several", {**jdbc(database, "several"), "mode": nested})[0] in (400, 500)
    database.execute("INSERT INTO several DEFAULT VALUES")
    assert rows(stack, "several", 2) == [1, 2]
    assert http(stack, "connect", "GET", "/connectors/several/config")[1] == {**jdbc(database, "several"), "name": "several"}
    delete(stack, "several")


def test_names(stack, tmp_path):  # noqa: F811
    config = {"connector.class": FILE, "file": str(tmp_path / "none"), "topic": "t"}
    for name in ("a/b", "sp ace", "ünï", "%", "a+b", "..", "x" * 200, "\"q\"", "<&>", "?#"):
        path = "/connectors/" + urllib.parse.quote(name, safe="")
        assert http(stack, "connect", "PUT", path + "/config", config)[0] == 201, name
        assert http(stack, "connect", "GET", path)[1]["name"] == name
        assert name in http(stack, "connect", "GET", "/connectors")[1]
        wait_for(lambda p=path: http(stack, "connect", "GET", p + "/status")[1].get("connector"), "status")
        assert http(stack, "connect", "DELETE", path)[0] == 204
    for name in ("a\nb", "\x01", "tab\t", "\x7f", "\r\n"):
        path = "/connectors/" + urllib.parse.quote(name, safe="")
        if name.strip() == name:
            assert_error(http(stack, "connect", "PUT", path + "/config", config), 400)
            assert_error(http(stack, "connect", "POST", "/connectors", {"name": name, "config": config}), 400)
    for name in ("", "   "):
        assert_error(http(stack, "connect", "POST", "/connectors", {"name": name, "config": config}), 400)
    for body in ({"config": config}, {"name": "n"}, {"name": 7, "config": config}, {"name": "n", "config": []}, {}, [],
                 {"name": "n", "config": {"name": "m", **config}}, {"name": "n", "config": config, "initial_state": "DANCING"}):
        assert_error(http(stack, "connect", "POST", "/connectors", body), 400, 500)
    assert http(stack, "connect", "GET", "/connectors")[1] == []


def test_passwords_are_never_shown(stack, database):  # noqa: F811
    wrong = "wr0ng-" + SECRET
    for name, more in (("key", {"connection.user": "careful", "connection.password": wrong}),
                       ("url", {"connection.url": url(database, user="careful", password=wrong)})):
        config = jdbc(database, "t", **{"connection.attempts": "1"}, **more)
        put(stack, name, config, 201)
        now = wait_for(lambda n=name: (lambda s: s.get("connector", {}).get("state") == "FAILED" and s)(status(stack, n)) or None,
                       f"{name} failed: {status(stack, name)}")
        assert 'password authentication failed for user "careful"' in json.dumps(now).replace("\\\\", "").replace('\\"', '"'), now
        assert wrong not in json.dumps(now)
        code, answer = http(stack, "connect", "PUT", "/connector-plugins/JdbcSourceConnector/config/validate", {**config, "name": "v"})
        assert code == 200
        shown = {c["value"]["name"]: c["value"]["value"] for c in answer["configs"]}
        if name == "key":
            assert shown["connection.password"] == "[hidden]"
            assert wrong not in json.dumps(answer)
    # The right one, and the connector goes on by itself.
    database.execute("CREATE TABLE guarded (id SERIAL PRIMARY KEY); GRANT SELECT ON guarded TO careful; INSERT INTO guarded DEFAULT VALUES")
    put(stack, "key", jdbc(database, "guarded", **{"connection.user": "careful", "connection.password": SECRET,
                                                   "connection.url": url(database).split("?")[0]}), 200)
    wait_states(stack, "key", "RUNNING", "RUNNING")
    assert rows(stack, "guarded", 1) == [1]
    for bad in (f"jdbc:postgresql://h:port/x?password={wrong}", f"jdbc:nosuch://u:{wrong}@h/x?password={wrong}",
                f"postgresql://u:{wrong}@h/x", f"jdbc:postgresql://u:{wrong}@127.0.0.1:{free_port()}/x?password={wrong}"):
        put(stack, "odd", jdbc(database, "t", **{"connection.url": bad, "connection.attempts": "1"}))
        if http(stack, "connect", "GET", "/connectors/odd")[0] == 200:
            now = wait_for(lambda: (lambda s: "FAILED" in json.dumps(s) and s)(status(stack, "odd")), f"odd fails: {bad}")
            assert wrong not in json.dumps(now), bad
        delete(stack, "odd")
        wait_for(lambda: http(stack, "connect", "GET", "/connectors/odd/status")[0] == 404, "odd gone")
    for name in ("key", "url"):
        delete(stack, name)
    log = stack.output()
    assert wrong not in log
    assert SECRET not in log


def test_a_database_that_is_away(stack, database):  # noqa: F811
    """At POST and in mid run: it is asked for ever (attempts are for a database that says no), the log says why, no row is
    lost, and a connector can be deleted at once meanwhile."""
    database.execute("CREATE TABLE away (id SERIAL PRIMARY KEY); INSERT INTO away DEFAULT VALUES")
    database.stop()
    try:
        put(stack, "away", jdbc(database, "away", **{"connection.attempts": "1000"}), 201)
        put(stack, "short", jdbc(database, "away", **{"connection.attempts": "2", "connection.backoff.ms": "50"}), 201)
        put(stack, "gone", jdbc(database, "away", **{"connection.attempts": "1000", "connection.backoff.ms": "600000"}), 201)
        wait_for(lambda: f"PSQLException: Connection to 127.0.0.1:{database.port} refused. Check that the hostname and port are correct "
                         "and that the postmaster is accepting TCP/IP connections." in stack.output(), "the log says why")
        wait_for(lambda: "connector" in status(stack, "gone"), "gone has a status")
        delete(stack, "gone")  # in the middle of a back-off of ten minutes
        wait_for(lambda: http(stack, "connect", "GET", "/connectors/gone/status")[0] == 404, "gone is gone", 10)
    finally:
        database.start()
    wait_states(stack, "away", "RUNNING", "RUNNING")
    assert set(rows(stack, "away", 2)) == {1}  # both connectors read it
    delete(stack, "short")
    for mode in ("fast", "immediate"):
        database.stop(mode)
        database.start()
        database.execute("INSERT INTO away DEFAULT VALUES")
    there = {row for row, in database.execute("SELECT id FROM away")}
    wait_for(lambda: set(rows(stack, "away", 4)) == there, "every row")  # a crash may skip ids, never rows
    wait_states(stack, "away", "RUNNING", "RUNNING")
    delete(stack, "away")


def test_a_table_that_is_missing_is_picked_up_when_it_appears(stack, database):  # noqa: F811
    put(stack, "later", jdbc(database, "later"), 201)
    now = wait_states(stack, "later", "RUNNING", "FAILED")
    assert now["tasks"][0]["trace"].startswith(
        "org.apache.kafka.connect.errors.ConnectException: Task is being killed because it was not assigned a table nor a query to "
        "execute. If run in table mode please make sure that the tables exist on the database."), now
    database.execute("CREATE TABLE later (id SERIAL PRIMARY KEY); INSERT INTO later DEFAULT VALUES")
    wait_states(stack, "later", "RUNNING", "RUNNING")
    assert rows(stack, "later", 1) == [1]
    # Dropped, and there again: the column's ids go on behind the last one.
    database.execute("DROP TABLE later")
    wait_for(lambda: status(stack, "later")["tasks"][0]["state"] == "FAILED" or "jdbc.query_failed" in stack.output(), "noticed")
    database.execute("CREATE TABLE later (id INT PRIMARY KEY); INSERT INTO later VALUES (7)")
    if status(stack, "later")["tasks"][0]["state"] == "FAILED":
        http(stack, "connect", "POST", "/connectors/later/restart?includeTasks=true&onlyFailed=true")
    wait_states(stack, "later", "RUNNING", "RUNNING")
    assert rows(stack, "later", 2) == [1, 7]
    delete(stack, "later")


FAILURES = {
    "nullable": ("CREATE TABLE nullable (id INT)", {},
                 'Cannot make incremental queries using incrementing column id on "public"."nullable" because this column is nullable.'),
    "nocolumn": ("CREATE TABLE nocolumn (num INT PRIMARY KEY)", {}, "Incrementing column: id does not exist in table"),
    "textid": ("CREATE TABLE textid (id TEXT PRIMARY KEY)", {}, "Invalid type for incrementing column: "),
    "badtype": ("CREATE TABLE badtype (id INT PRIMARY KEY, place POINT)", {}, "place"),
    "badtype2": ("CREATE TABLE badtype2 (id INT PRIMARY KEY, span TSRANGE); INSERT INTO badtype2 VALUES (1, '[2020-01-01,2020-01-02)')", {}, "span"),
    "nots": ("CREATE TABLE nots (id INT PRIMARY KEY, ts TIMESTAMP)", {"mode": "timestamp", "timestamp.column.name": "ts"},
             "Cannot make incremental queries using timestamp columns [ts]"),
    "badquery": ("SELECT 1", {"query": "SELECT nonsense FROM", "mode": "bulk", "table.whitelist": "", "topic.prefix": "q"}, "syntax error"),
    "denied": ("CREATE TABLE denied (id INT PRIMARY KEY); CREATE ROLE poor LOGIN", {"connection.user": "poor"}, "permission denied"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_tables_that_cannot_be_read_say_why(stack, database, name):  # noqa: F811
    sql, more, text = FAILURES[name]
    database.execute(sql)
    config = jdbc(database, name, **more)
    if "connection.user" in more:
        config["connection.url"] = url(database).split("?")[0]
    put(stack, name, config, 201)
    now = wait_for(lambda: (lambda s: "trace" in json.dumps(s) and s)(status(stack, name)), f"{name} fails: {status(stack, name)}")
    traces = [now["connector"].get("trace", ""), *[t.get("trace", "") for t in now["tasks"]]]
    assert any(text in t and t.startswith(("org.apache.kafka.", "java.", "org.postgresql.")) for t in traces), now
    delete(stack, name)


def test_the_registry_refuses(stack, database, tmp_path):  # noqa: F811
    path = tmp_path / "in.txt"
    path.write_text("one\n")
    database.execute("CREATE TABLE refused (id SERIAL PRIMARY KEY, n INT); INSERT INTO refused (n) VALUES (1)")
    assert http(stack, "registry", "POST", "/subjects/refused-value/versions", {"schema": '"string"'})[0] == 200
    avro = {"value.converter": AVRO, "value.converter.schema.registry.url": stack.registry}
    put(stack, "refused", jdbc(database, "refused", **avro), 201)
    lines = wait_states(stack, "refused", "RUNNING", "FAILED")["tasks"][0]["trace"].splitlines()
    assert lines[0] == "org.apache.kafka.connect.errors.ConnectException: Tolerance exceeded in error handler"
    assert any(line.startswith("Caused by: org.apache.kafka.common.config.ConfigException: Failed to access Avro data from topic refused : "
                               'Schema being registered is incompatible with an earlier schema for subject "refused-value"')
               and line.endswith("; error code: 409") for line in lines), lines
    # No url for the converter; a registry that is not there, or is none.
    put(stack, "nourl", {"connector.class": FILE, "file": str(path), "topic": "nourl", "value.converter": AVRO}, 400)
    put(stack, "nonsense", {"connector.class": FILE, "file": str(path), "topic": "nonsense", "value.converter": AVRO,
                            "value.converter.schema.registry.url": "not a url"}, 400)
    nobody = free_port()
    for name, bad in (("nobody", f"http://u:{SECRET}@127.0.0.1:{nobody}"), ("other", stack.connect),
                      ("kafka", f"http://{stack.kafka}")):
        put(stack, name, {"connector.class": FILE, "file": str(path), "topic": name, "value.converter": AVRO,
                          "value.converter.schema.registry.url": bad}, 201)
    for name in ("nobody", "other", "kafka"):
        trace = wait_states(stack, name, "RUNNING", "FAILED")["tasks"][0]["trace"]
        assert trace.splitlines()[0].startswith("org.apache.kafka."), trace
        if name == "nobody":
            assert trace.splitlines()[1:3] == [
                "Caused by: org.apache.kafka.connect.errors.DataException: Failed to serialize Avro data from topic nobody :",
                "Caused by: org.apache.kafka.common.errors.SerializationException: Error serializing Avro message"]
            assert "Caused by: java.net.ConnectException: Connection refused" in trace.splitlines()
            assert f"127.0.0.1:{nobody}" in trace and SECRET not in trace and SECRET not in stack.output()
    # Others went on, and the refused one goes on once the subject allows it.
    database.execute("CREATE TABLE fine (id SERIAL PRIMARY KEY); INSERT INTO fine DEFAULT VALUES")
    put(stack, "fine", jdbc(database, "fine"), 201)
    assert rows(stack, "fine", 1) == [1]
    assert http(stack, "registry", "PUT", "/config/refused-value", {"compatibility": "NONE"})[0] == 200
    assert http(stack, "connect", "POST", "/connectors/refused/tasks/0/restart")[0] == 204
    wait_states(stack, "refused", "RUNNING", "RUNNING")
    for name in ("refused", "nobody", "other", "kafka", "fine"):
        delete(stack, name)
