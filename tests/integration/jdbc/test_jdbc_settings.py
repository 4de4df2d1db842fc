"""Which tables are copied, how they are named and dealt out, and the settings that no other file has."""
import json
import os
import urllib.error
import urllib.request

import pytest

from jdbc_support import Dump, dump_all, dump_failure, wait_for

MODE = ("mode=incrementing", "incrementing.column.name=id", "poll.interval.ms=10")


def make(server, *names, schema="public"):
    server.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
    for name in names:
        server.execute(f'CREATE TABLE "{schema}"."{name}"(id SERIAL PRIMARY KEY)')
        server.execute(f'INSERT INTO "{schema}"."{name}" DEFAULT VALUES')


def topics(directory, server, *settings, count, mode=MODE):
    return sorted(r["topic"] for r in dump_all(directory, server.jdbc_url, *mode, *settings, count=count))


# setting, tables of which a row must come
CHOICES = [
    (["table.whitelist=orders,sales.items"], ["items", "orders"]),
    (["table.whitelist=\"public\".\"orders\""], ["orders"]),
    (["table.whitelist= public.orders , \"sales\".\"items\" "], ["items", "orders"]),
    (["table.whitelist=Mixed Case"], ["Mixed Case"]),
    (["table.blacklist=orders,public.Mixed Case"], ["items", "log_2021", "log_2022"]),
    (["table.include.list=public\\.log_.*"], ["log_2021", "log_2022"]),
    (["table.include.list=public\\.log_.*,sales\\..*", "table.exclude.list=.*2021"], ["items", "log_2022"]),
    (["table.exclude.list=public\\..*"], ["items"]),
    (["schema.pattern=sales"], ["items"]),
    (["schema.pattern=s%"], ["items"]),
    (["catalog.pattern=ro_t", "schema.pattern=sales"], ["items"]),
    (["table.types=VIEW", "validate.non.null=false"], ["v"]),
    (["table.types=PARTITIONED TABLE"], ["p"]),
    (["table.types=table,view", "schema.pattern=sales"], ["items"]),
    (["table.types=MATERIALIZED VIEW", "validate.non.null=false"], ["m"]),
]


@pytest.mark.parametrize("settings, expected", CHOICES, ids=[" ".join(c[0]) for c in CHOICES])
def test_which_tables_are_copied(postgres, tmp_path, settings, expected):
    make(postgres, "orders", "log_2021", "log_2022", "Mixed Case")
    make(postgres, "items", schema="sales")
    postgres.execute("CREATE VIEW v AS SELECT id FROM orders")
    postgres.execute("CREATE MATERIALIZED VIEW m AS SELECT id FROM orders")
    postgres.execute("CREATE TABLE p(id SERIAL PRIMARY KEY) PARTITION BY RANGE (id)")
    if any("PARTITIONED" in s for s in settings):
        postgres.execute("CREATE TABLE hidden PARTITION OF p DEFAULT")
        postgres.execute("INSERT INTO p DEFAULT VALUES")
    with Dump(tmp_path, postgres.jdbc_url, *MODE, *settings) as dump:
        wait_for(lambda: len(dump.records()) >= len(expected), "a row of each table")
        dump.never(lambda: len(dump.records()) > len(expected), 0.1, "no others")
        assert sorted(r["topic"] for r in dump.records()) == expected


def test_pattern_that_matches_no_catalog(postgres, tmp_path):
    make(postgres, "orders")
    assert "not assigned a table" in dump_failure(tmp_path, postgres.jdbc_url, *MODE, "catalog.pattern=other")


def test_equal_names_in_two_schemas_are_refused(postgres, tmp_path):
    make(postgres, "orders")
    make(postgres, "orders", schema="sales")
    error = dump_failure(tmp_path, postgres.jdbc_url, *MODE)
    assert "detected duplicate unqualified table names" in error
    assert '["public"."orders", "sales"."orders"]' in error
    assert "duplicate" in dump_failure(tmp_path, postgres.jdbc_url, *MODE, "table.whitelist=orders")
    assert topics(tmp_path, postgres, "table.whitelist=sales.orders", count=1) == ["orders"]


def test_names_without_quotes(postgres, tmp_path):
    """quote.sql.identifiers=never: the server folds what it reads; the locks looked at are of the table read."""
    make(postgres, "orders")
    low = postgres.connect()
    low.autocommit = False
    low.cursor().execute("INSERT INTO orders DEFAULT VALUES")
    postgres.execute("INSERT INTO orders DEFAULT VALUES")
    with Dump(tmp_path, postgres.jdbc_url, *MODE, "quote.sql.identifiers=never") as dump:
        dump.never(lambda: len(dump.records()) > 1, 0.3, "id 3 must wait for id 2")
        low.commit()
        wait_for(lambda: [r["value"]["id"] for r in dump.records()] == [1, 2, 3], "all rows")


GRANULARITIES = [("connect_logical", 1640995200123), ("nanos_long", 1640995200123456000),
                 ("nanos_string", "1640995200123456000"), ("nanos_iso_datetime_string", "2022-01-01T00:00:00.123456"),
                 ("micros_long", 1640995200123456), ("micros_string", "1640995200123456"),
                 ("micros_iso_datetime_string", "2022-01-01T00:00:00.123456")]


@pytest.mark.parametrize("granularity, expected", GRANULARITIES)
@pytest.mark.parametrize("mode", ["bulk", "timestamp"])
def test_granularity(postgres, tmp_path, granularity, expected, mode):
    postgres.execute("CREATE TABLE t(at TIMESTAMP NOT NULL)")
    postgres.execute("INSERT INTO t VALUES ('2022-01-01 00:00:00.123456')")
    records = dump_all(tmp_path, postgres.jdbc_url, f"mode={mode}", "timestamp.column.name=at", "poll.interval.ms=10",
                       f"timestamp.granularity={granularity}", count=1)
    value = records[0]["value"]["at"]
    assert value == expected or (isinstance(value, str) and value.rstrip("0").startswith(expected))
    if mode == "timestamp":
        assert records[0]["offset"] == {"timestamp": 1640995200123, "timestamp_nanos": 123456000}


def test_suffix_comes_last_in_table_mode(postgres, tmp_path):
    postgres.execute("CREATE TABLE t(id SERIAL PRIMARY KEY)")
    postgres.execute("INSERT INTO t SELECT FROM generate_series(1, 20)")
    records = dump_all(tmp_path, postgres.jdbc_url, *MODE, "query.suffix=LIMIT 3", count=20)
    assert [r["value"]["id"] for r in records] == list(range(1, 21))


@pytest.mark.parametrize("tasks", [1, 2, 3, 7, 20])
def test_tables_are_split_over_tasks(postgres, tmp_path, tasks):
    make(postgres, *(f"t{i}" for i in range(7)))
    with Dump(tmp_path, postgres.jdbc_url, *MODE, arguments=["--tasks", str(tasks)]) as dump:
        wait_for(lambda: len(dump.records()) == 7, "a row of each table")
        assert sorted(r["topic"] for r in dump.records()) == [f"t{i}" for i in range(7)]


def test_several_hosts_and_a_schema_path_with_spaces(postgres, tmp_path):
    make(postgres, "orders", schema="my shop")
    url = (f"jdbc:postgresql://127.0.0.1:1,127.0.0.1:{postgres.port}/root?user=root&targetServerType=primary"
           '&currentSchema="my shop", public&options=-c%20statement_timeout=60000')
    records = dump_all(tmp_path, url, "mode=bulk", "topic.prefix=q", count=1, name="hosts",
                       *["query=SELECT id, current_setting('statement_timeout') AS s FROM orders"])
    assert records[0]["value"] == {"id": 1, "s": "1min"}


def call(method, url, body=None):
    request = urllib.request.Request(url, method=method, data=json.dumps(body).encode() if body is not None else None,
                                     headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return {"status": error.code, "error": error.read().decode()}


@pytest.mark.skipif(not os.path.exists(os.environ.get("WEIR_BIN", "build/dev/cli/weir")), reason="needs weir itself")
def test_tables_that_come_and_go_while_the_worker_runs(postgres, tmp_path):
    from confluent_kafka import Consumer
    from harness import ANY_PORTS, Weir
    make(postgres, "a")
    weir = Weir(tmp_path, *ANY_PORTS).start()
    try:
        call("PUT", weir.connect + "/connectors/pg/config", {
            "connector.class": "JdbcSourceConnector", "connection.url": postgres.jdbc_url, "mode": "incrementing",
            "incrementing.column.name": "id", "topic.prefix": "x-", "poll.interval.ms": "10", "tasks.max": "3",
            "table.poll.interval.ms": "100", "value.converter": "org.apache.kafka.connect.json.JsonConverter",
            "value.converter.schemas.enable": "false"})
        seen = []
        consumer = Consumer({"bootstrap.servers": weir.kafka, "group.id": "g", "auto.offset.reset": "earliest",
                             "topic.metadata.refresh.interval.ms": "200", "allow.auto.create.topics": True})
        consumer.subscribe(["^x-.*"])

        def got(*expected):
            for message in consumer.consume(100, timeout=0.2):
                if message.error() is None:
                    seen.append((message.topic(), json.loads(message.value())["id"]))
            assert len(seen) <= len(expected), seen
            return sorted(seen) == sorted(expected)

        def tasks():
            status = call("GET", weir.connect + "/connectors/pg/status")
            return [t["state"] for t in status.get("tasks", [])]
        wait_for(lambda: got(("x-a", 1)), "the first table")
        make(postgres, "b", "c")
        wait_for(lambda: tasks() == ["RUNNING"] * 3, "a task for each table")
        wait_for(lambda: got(("x-a", 1), ("x-b", 1), ("x-c", 1)), "the new tables")
        postgres.execute("DROP TABLE b")
        wait_for(lambda: tasks() == ["RUNNING"] * 2, "the table is gone, and so is its task")
        postgres.execute("INSERT INTO a DEFAULT VALUES; INSERT INTO c DEFAULT VALUES")
        wait_for(lambda: got(("x-a", 1), ("x-b", 1), ("x-c", 1), ("x-a", 2), ("x-c", 2)), "nothing missing, nothing twice")
        consumer.close()
    finally:
        weir.stop()
