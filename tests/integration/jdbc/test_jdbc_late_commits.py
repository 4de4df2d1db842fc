"""No row is skipped: transactions that took a lower id but commit later, or never."""
import json
import random
import threading
import time

import pytest

from jdbc_support import Dump, wait_for


SESSIONS = 8
ROWS = 1000
TABLE = "CREATE TABLE t(id SERIAL PRIMARY KEY, session INT, note TEXT DEFAULT '')"


def writer(server, session, rows, seed, committed, errors):
    """Inserts with random delays between insert and commit, savepoints, rollbacks, conflicts."""
    rng = random.Random(seed)
    try:
        connection = server.connect()
        connection.autocommit = False
        cursor = connection.cursor()
        left = rows
        while left > 0:
            ids = []
            if rng.random() < 0.3:
                cursor.execute("SELECT 1")  # a transaction that is open before it writes
                time.sleep(rng.random() * 0.004)
            if rng.random() < 0.3:
                cursor.execute("SELECT nextval('t_id_seq')")  # the id is taken well before the row
                number = cursor.fetchone()[0]
                time.sleep(rng.random() * 0.006)
                cursor.execute("INSERT INTO t(id, session) VALUES (%s, %s)", (number, session))
                ids.append(number)
            for _ in range(min(left, rng.randint(1, 3))):
                cursor.execute("INSERT INTO t(session) VALUES (%s) RETURNING id", (session,))
                ids.append(cursor.fetchone()[0])
                if rng.random() < 0.1:
                    cursor.execute("SAVEPOINT s")
                    cursor.execute("INSERT INTO t(session) VALUES (%s)", (session,))
                    cursor.execute("ROLLBACK TO s")
            if rng.random() < 0.5:
                time.sleep(rng.random() * 0.01)
            if rng.random() < 0.2:
                cursor.execute("UPDATE t SET note = 'again' WHERE id = %s", (ids[0],))
            if rng.random() < 0.2:
                connection.rollback()
                continue
            if rng.random() < 0.1:
                name = f"weir-{session}-{left}"
                cursor.execute(f"PREPARE TRANSACTION '{name}'")
                connection.rollback()
                time.sleep(rng.random() * 0.01)
                connection.autocommit = True
                cursor.execute(f"COMMIT PREPARED '{name}'")
                connection.autocommit = False
            else:
                connection.commit()
            committed.extend(ids)
            left -= len(ids)
        connection.close()
    except Exception as error:  # noqa: BLE001 - the test shows it
        errors.append(error)


@pytest.mark.parametrize("seed", range(4))
def test_concurrent_sessions_lose_and_repeat_nothing(postgres, tmp_path, seed):
    postgres.execute(TABLE)
    with Dump(tmp_path, postgres.jdbc_url, "mode=incrementing", "incrementing.column.name=id",
              "table.whitelist=t", "topic.prefix=x-", "poll.interval.ms=1") as dump:
        committed, errors, threads = [], [], []
        for session in range(SESSIONS):
            threads.append(threading.Thread(target=writer, args=(
                postgres, session, ROWS // SESSIONS, seed * 100 + session, committed, errors)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors
        wait_for(lambda: len(dump.records()) >= len(committed), "every row")
        ids = [r["value"]["id"] for r in dump.records()]
    assert sorted(ids) == sorted(committed)
    assert ids == sorted(ids), "rows come in the order of their ids"


def test_row_below_waits_for_its_transaction_only(postgres, tmp_path):
    """Held while the lower id is open; not held by a transaction that has not touched the table."""
    postgres.execute(TABLE)
    postgres.execute("CREATE TABLE other(x INT)")
    bystander = postgres.connect()
    bystander.autocommit = False
    bystander.cursor().execute("INSERT INTO other VALUES (1)")
    bystander.cursor().execute("SELECT count(*) FROM t")
    low = postgres.connect()
    low.autocommit = False
    low.cursor().execute("INSERT INTO t(session) VALUES (1)")
    postgres.execute("INSERT INTO t(session) VALUES (2)")
    with Dump(tmp_path, postgres.jdbc_url, "mode=incrementing", "incrementing.column.name=id",
              "table.whitelist=t", "topic.prefix=", "poll.interval.ms=5") as dump:
        dump.never(lambda: dump.records(), 0.5, "id 2 must wait for id 1")
        postgres.execute("UPDATE t SET note = 'while held' WHERE id = 2")
        low.commit()
        wait_for(lambda: len(dump.records()) == 2, "both rows")
        assert [r["value"]["id"] for r in dump.records()] == [1, 2]
        assert dump.records()[1]["value"]["note"] == "while held"
        # A gap that is for good: released as soon as its transaction has rolled back.
        low.cursor().execute("INSERT INTO t(session) VALUES (3)")
        postgres.execute("INSERT INTO t(session) VALUES (4)")
        dump.never(lambda: len(dump.records()) > 2, 0.3, "id 4 must wait for id 3")
        low.rollback()
        wait_for(lambda: len(dump.records()) == 3, "the row behind the gap")
    low.close()
    bystander.close()


def test_prepared_transaction_holds_its_gap(postgres, tmp_path):
    postgres.execute(TABLE)
    low = postgres.connect()
    low.autocommit = False
    cursor = low.cursor()
    cursor.execute("INSERT INTO t(session) VALUES (1)")
    cursor.execute("PREPARE TRANSACTION 'p'")
    low.rollback()
    low.close()
    postgres.execute("INSERT INTO t(session) VALUES (2)")
    with Dump(tmp_path, postgres.jdbc_url, "mode=incrementing", "table.whitelist=t",
              "topic.prefix=", "poll.interval.ms=5") as dump:
        dump.never(lambda: dump.records(), 0.5, "id 2 must wait for the prepared id 1")
        postgres.execute("COMMIT PREPARED 'p'")
        wait_for(lambda: len(dump.records()) == 2, "both rows")
        assert [r["value"]["id"] for r in dump.records()] == [1, 2]


def test_old_gaps_do_not_stall_the_first_poll(postgres, tmp_path):
    postgres.execute(TABLE)
    postgres.execute("INSERT INTO t(session) SELECT 1 FROM generate_series(1, 20000)")
    postgres.execute("DELETE FROM t WHERE id % 3 = 0")
    with Dump(tmp_path, postgres.jdbc_url, "mode=incrementing", "incrementing.column.name=id",
              "table.whitelist=t", "topic.prefix=", "poll.interval.ms=600000") as dump:
        wait_for(lambda: len(dump.records()) == 13334, "every row in the first polls")


def test_query_mode_and_views_are_protected_too(postgres, tmp_path):
    postgres.execute(TABLE)
    postgres.execute("CREATE VIEW v AS SELECT id, note FROM t")
    low = postgres.connect()
    low.autocommit = False
    low.cursor().execute("INSERT INTO t(session) VALUES (1)")
    postgres.execute("INSERT INTO t(session) VALUES (2)")
    common = ("mode=incrementing", "incrementing.column.name=id", "poll.interval.ms=5",
              "validate.non.null=false")
    with Dump(tmp_path, postgres.jdbc_url, "query=SELECT id, note FROM t", "topic.prefix=q", *common,
              name="query") as query, \
            Dump(tmp_path, postgres.jdbc_url, "table.whitelist=v", "table.types=VIEW",
                 "topic.prefix=", *common, name="view") as view:
        query.never(lambda: query.records() or view.records(), 0.5, "id 2 must wait for id 1")
        low.commit()
        for dump in (query, view):
            wait_for(lambda: len(dump.records()) == 2, "both rows")
            assert [r["value"]["id"] for r in dump.records()] == [1, 2]
    low.close()


def test_timestamp_mode_waits_for_open_writers(postgres, tmp_path):
    postgres.execute("CREATE TABLE t(id SERIAL PRIMARY KEY, at TIMESTAMPTZ NOT NULL DEFAULT now())")
    low = postgres.connect()
    low.autocommit = False
    low.cursor().execute("INSERT INTO t DEFAULT VALUES")
    postgres.execute("INSERT INTO t DEFAULT VALUES")
    with Dump(tmp_path, postgres.jdbc_url, "mode=timestamp", "timestamp.column.name=at",
              "table.whitelist=t", "topic.prefix=", "poll.interval.ms=5") as dump:
        dump.never(lambda: dump.records(), 0.5, "the later row must wait")
        low.commit()
        wait_for(lambda: len(dump.records()) == 2, "both rows")
        assert [r["value"]["id"] for r in dump.records()] == [1, 2]
    low.close()


def test_offset_of_a_killed_run_is_continued(postgres, tmp_path):
    """Stopped and started with rows in between: nothing missing, nothing twice."""
    postgres.execute(TABLE)
    seen = []
    for round_number in range(3):
        postgres.execute("INSERT INTO t(session) SELECT 1 FROM generate_series(1, 50)")
        with Dump(tmp_path, postgres.jdbc_url, "mode=incrementing", "table.whitelist=t",
                  "topic.prefix=", "poll.interval.ms=5", name=f"round{round_number}",
                  offsets="offsets.json") as dump:
            wait_for(lambda: len(dump.records()) == 50, "the rows of this round")
            seen += [r["value"]["id"] for r in dump.records()]
    assert seen == list(range(1, 151))
    assert json.load(open(tmp_path / "offsets.json", encoding="utf-8")) == {
        '{"protocol":"1","table":"public.t"}': {"incrementing": 150}}
