"""SQLite as the JDBC connector reads it."""
import sqlite3

from jdbc_support import Dump, dump_all, wait_for

TABLE = """CREATE TABLE purchases(id INTEGER PRIMARY KEY, category VARCHAR(120), amount MONEY,
credit_card VARCHAR(20), distance FLOAT, at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP, d DECIMAL(10,2), b BLOB, n INTEGER)"""


def make(tmp_path):
    connection = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    connection.execute(TABLE)
    return connection, f"jdbc:sqlite:{tmp_path}/a.db"


def test_declared_types_and_widening(tmp_path):
    connection, url = make(tmp_path)
    connection.execute("INSERT INTO purchases VALUES (1, 'a', 1234.5, '4532', 43, '2022-07-09 21:33:14.064', 12.345, "
                       "x'00ff', 5)")
    with Dump(tmp_path, url, "mode=incrementing", "incrementing.column.name=id", "table.whitelist=purchases",
              "poll.interval.ms=10", arguments=["--schema"]) as dump:
        wait_for(lambda: len(dump.records()) == 1, "the first row")
        connection.execute("INSERT INTO purchases(id, n) VALUES (2, 5000000000)")
        connection.execute("INSERT INTO purchases(id, n) VALUES (3, 6)")
        wait_for(lambda: len(dump.records()) == 3, "the next rows")
    first, second, third = dump.records()
    assert first["partition"] == '{"protocol":"1","table":"purchases"}'
    assert first["value"] == {"id": 1, "category": "a", "amount": 1234.5, "credit_card": "4532", "distance": 43.0,
                              "at": 1657402394064, "d": "12.35", "b": "00ff", "n": 5}
    types = {k: v["type"] for k, v in first["schema"].items() if isinstance(v, dict)}
    assert types == {"id": "int32", "category": "string", "amount": "double", "credit_card": "string",
                     "distance": "double", "at": "int64", "d": "bytes", "b": "bytes", "n": "int32"}
    assert not first["schema"]["id"]["optional"]
    assert second["value"]["n"] == 5000000000
    assert second["schema"]["n"]["type"] == third["schema"]["n"]["type"] == "int64"


def test_timestamps_kept_as_text_or_numbers(tmp_path):
    connection, url = make(tmp_path)
    for i, at in enumerate(("2022-07-09 21:33:14", 1657402395000, "2022-07-09T21:33:16.5Z"), 1):
        connection.execute("INSERT INTO purchases(id, at) VALUES (?, ?)", (i, at))
    records = dump_all(tmp_path, url, "mode=timestamp", "timestamp.column.name=at", "validate.non.null=false",
                       "table.whitelist=purchases", "poll.interval.ms=10", count=3)
    assert [r["value"]["at"] for r in records] == [1657402394000, 1657402395000, 1657402396500]


def test_open_writer_is_waited_for_in_timestamp_mode(tmp_path):
    connection, url = make(tmp_path)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO purchases(id) VALUES (1)")
    with Dump(tmp_path, url, "mode=timestamp", "timestamp.column.name=at", "validate.non.null=false",
              "table.whitelist=purchases", "poll.interval.ms=10") as dump:
        dump.never(lambda: dump.records(), 1.5, "nothing is committed")
        connection.execute("COMMIT")
        wait_for(lambda: len(dump.records()) == 1, "the row that was stamped before the first poll")


def test_missing_file_is_waited_for(tmp_path):
    with Dump(tmp_path, f"jdbc:sqlite:{tmp_path}/later.db", "mode=bulk", "topic.prefix=q",
              "query=SELECT 1 AS one, 'x' AS x", "connection.backoff.ms=50") as dump:
        wait_for(lambda: "unable to open database file" in dump.errors(), "a warning")
        sqlite3.connect(tmp_path / "later.db").execute("CREATE TABLE t(x)")
        wait_for(lambda: dump.records(), "a row")
        assert dump.records()[0]["value"] == {"one": 1, "x": "x"}
