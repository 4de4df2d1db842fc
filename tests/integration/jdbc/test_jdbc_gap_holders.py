"""Who can still bring a lower id: every way in which a row can be on its way into a table."""
import subprocess

import pytest

from jdbc_support import Dump, wait_for

COMMON = ("mode=incrementing", "incrementing.column.name=id", "table.whitelist=t", "topic.prefix=", "poll.interval.ms=5",
          "table.types=TABLE,PARTITIONED TABLE")


class Session:
    """A transaction that stays open until it is told otherwise."""

    def __init__(self, server, *statements, isolation=None):
        self.connection = server.connect()
        self.connection.autocommit = False
        if isolation:
            self.connection.set_session(isolation_level=isolation)
        self.cursor = self.connection.cursor()
        self.run(*statements)

    def run(self, *statements):
        for statement in statements:
            self.cursor.execute(statement)
        return self.cursor

    def commit(self):
        self.connection.commit()
        self.connection.close()

    def rollback(self):
        self.connection.rollback()
        self.connection.close()


def ids(dump):
    return [r["value"]["id"] for r in dump.records()]


SERIAL = ["CREATE TABLE t(id SERIAL PRIMARY KEY, v TEXT)"]
BY_HAND = ["CREATE SEQUENCE numbers", "CREATE TABLE t(id BIGINT PRIMARY KEY, v TEXT)"]
PARENT = ["CREATE TABLE t(id SERIAL, v TEXT, PRIMARY KEY (id)) PARTITION BY RANGE (id)",
          "CREATE TABLE t_low PARTITION OF t FOR VALUES FROM (0) TO (2)",
          "CREATE TABLE t_high PARTITION OF t FOR VALUES FROM (2) TO (1000)"]
ONE = "INSERT INTO t(v) VALUES ('x')"
# name: tables, what the open transaction has done (it is about to bring id 1), what it still does, how id 2 comes
WAYS = {
    "insert": (SERIAL, [ONE], [], ONE),
    "only nextval": (SERIAL, ["SELECT nextval('t_id_seq')"], ["INSERT INTO t VALUES (1)"], ONE),
    "identity": (["CREATE TABLE t(id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v TEXT)"], [ONE], [], ONE),
    "sequence that nothing connects with the table": (
        BY_HAND, ["SELECT nextval('numbers')"], ["INSERT INTO t VALUES (1)"], "INSERT INTO t VALUES (nextval('numbers'))"),
    "default that is a function": (
        ["CREATE SEQUENCE numbers", "CREATE FUNCTION n() RETURNS bigint LANGUAGE sql AS $$ SELECT nextval('numbers') $$",
         "CREATE TABLE t(id BIGINT PRIMARY KEY DEFAULT n(), v TEXT)"],
        ["SELECT n()"], ["INSERT INTO t VALUES (1)"], ONE),
    "trigger numbers the rows": (
        BY_HAND + ["CREATE FUNCTION number() RETURNS trigger LANGUAGE plpgsql AS "
                   "$$ BEGIN NEW.id := nextval('numbers'); RETURN NEW; END $$",
                   "CREATE TRIGGER n BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION number()"], [ONE], [], ONE),
    "savepoint rolled back, number used after all": (
        SERIAL, ["SAVEPOINT s", ONE, "ROLLBACK TO s"], ["INSERT INTO t VALUES (1)"], ONE),
    "inner transaction": (SERIAL, ["SAVEPOINT s", ONE, "RELEASE s"], [], ONE),
    "insert through a view": (SERIAL + ["CREATE VIEW w AS SELECT * FROM t"], ["INSERT INTO w(v) VALUES ('x')"], [], ONE),
    "insert by a function": (
        SERIAL + ["CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ INSERT INTO t(v) VALUES ('x') $$"],
        ["SELECT f()"], [], ONE),
    "insert by a trigger of another table": (
        SERIAL + ["CREATE TABLE o(x INT)",
                  "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS "
                  "$$ BEGIN INSERT INTO t(v) VALUES ('x'); RETURN NEW; END $$",
                  "CREATE TRIGGER n AFTER INSERT ON o FOR EACH ROW EXECUTE FUNCTION f()"],
        ["INSERT INTO o VALUES (1)"], [], ONE),
    "insert by a rule": (SERIAL + ["CREATE TABLE o(x INT)",
                                   "CREATE RULE r AS ON INSERT TO o DO ALSO INSERT INTO t(v) VALUES ('x')"],
                         ["INSERT INTO o VALUES (1)"], [], ONE),
    "copy": (SERIAL, ["COPY t(v) FROM PROGRAM 'echo x'"], [], ONE),
    "on conflict": (SERIAL, [ONE + " ON CONFLICT (id) DO UPDATE SET v = 'y'"], [],
                    ONE + " ON CONFLICT DO NOTHING"),
    "with": (SERIAL, ["WITH n AS (INSERT INTO t(v) VALUES ('x') RETURNING id) SELECT * FROM n"], [], ONE),
    "through the parent": (PARENT, [ONE], [], ONE),
    "into a partition": (PARENT, ["INSERT INTO t_low VALUES (1)"], [], "INSERT INTO t VALUES (2)"),
    "into a table that inherits": (
        SERIAL + ["CREATE TABLE child() INHERITS (t)"], ["INSERT INTO child(id) VALUES (1)"], [], "INSERT INTO t VALUES (2)"),
    "table locked": (SERIAL, ["LOCK TABLE t IN EXCLUSIVE MODE", ONE], [], None),
    "serializable": (SERIAL, ["SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", ONE], [], ONE),
}


@pytest.mark.parametrize("way", WAYS)
def test_id_one_is_waited_for(postgres, tmp_path, way):
    tables, before, after, other = WAYS[way]
    for statement in tables:
        postgres.execute(statement)
    if other is None:  # nobody else may write while the table is locked: the number is used up instead
        postgres.execute("INSERT INTO t VALUES (2)")
        other = "SELECT 1"
    low = Session(postgres, *before)
    postgres.execute(other)
    with Dump(tmp_path, postgres.jdbc_url, *COMMON) as dump:
        dump.never(lambda: dump.records(), 0.25, "id 2 must wait for id 1")
        low.run(*after)
        low.commit()
        wait_for(lambda: len(dump.records()) == 2, "both rows")
        assert ids(dump) == [1, 2]


@pytest.mark.parametrize("isolation", ["READ_UNCOMMITTED", "READ_COMMITTED", "REPEATABLE_READ", "SERIALIZABLE"])
@pytest.mark.parametrize("suffix", ["", "LIMIT 1000"])  # a prepared statement, a cursor
def test_every_isolation_mode_sees_what_was_committed_last(postgres, tmp_path, isolation, suffix):
    postgres.execute(SERIAL[0])
    low = Session(postgres, ONE)
    postgres.execute(ONE)
    with Dump(tmp_path, postgres.jdbc_url, *COMMON, f"transaction.isolation.mode={isolation}",
              *([f"query.suffix={suffix}"] if suffix else [])) as dump:
        dump.never(lambda: dump.records(), 0.2, "id 2 must wait for id 1")
        low.commit()
        wait_for(lambda: len(dump.records()) == 2, "both rows")
        assert ids(dump) == [1, 2]


def test_table_is_swapped_by_renaming(postgres, tmp_path):
    """The locks to look at are those of the table that has the name now."""
    postgres.execute("CREATE SEQUENCE numbers")
    for name in ("t", "t_new"):
        postgres.execute(f"CREATE TABLE {name}(id BIGINT PRIMARY KEY, v TEXT)")
        postgres.execute(f"INSERT INTO {name} VALUES (1)")
    with Dump(tmp_path, postgres.jdbc_url, *COMMON) as dump:
        wait_for(lambda: len(dump.records()) == 1, "the first row")
        postgres.execute("ALTER TABLE t RENAME TO t_old; ALTER TABLE t_new RENAME TO t")
        low = Session(postgres, "INSERT INTO t VALUES (2)")
        postgres.execute("INSERT INTO t VALUES (3)")
        dump.never(lambda: len(dump.records()) > 1, 0.3, "id 3 must wait for id 2")
        low.commit()
        wait_for(lambda: len(dump.records()) == 3, "all rows")
        assert ids(dump) == [1, 2, 3]


def test_partition_that_came_later_is_looked_at(postgres, tmp_path):
    postgres.execute("CREATE TABLE t(id BIGINT PRIMARY KEY, v TEXT) PARTITION BY RANGE (id)")
    postgres.execute("CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10)")
    postgres.execute("INSERT INTO t VALUES (8)")
    with Dump(tmp_path, postgres.jdbc_url, *COMMON) as dump:
        wait_for(lambda: len(dump.records()) == 1, "the first row")
        postgres.execute("CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (10) TO (20)")
        low = Session(postgres, "INSERT INTO t2 VALUES (10)")
        postgres.execute("INSERT INTO t VALUES (11)")
        dump.never(lambda: len(dump.records()) > 1, 0.3, "id 11 must wait for id 10")
        low.commit()
        wait_for(lambda: len(dump.records()) == 3, "all rows")
        assert ids(dump) == [8, 10, 11]


def test_prepared_transaction_survives_a_restart_of_the_server(postgres, tmp_path):
    """It goes by another name then: what was remembered of the old server must be forgotten."""
    postgres.execute(SERIAL[0])
    low = Session(postgres, ONE)
    postgres.execute(ONE)
    with Dump(tmp_path, postgres.jdbc_url, *COMMON, "connection.backoff.ms=50", "connection.attempts=1000") as dump:
        dump.never(lambda: dump.records(), 0.2, "id 2 must wait for id 1")
        low.run("PREPARE TRANSACTION 'p'")
        low.rollback()
        dump.never(lambda: dump.records(), 0.2, "id 2 must wait for the prepared id 1")
        postgres.stop("immediate")
        postgres.start()
        wait_for(lambda: postgres.execute("SELECT 1 FROM pg_stat_activity WHERE application_name = 'weir'"),
                 "a new connection")
        dump.never(lambda: dump.records(), 0.5, "id 2 must wait for the recovered id 1")
        postgres.execute("COMMIT PREPARED 'p'")
        wait_for(lambda: len(dump.records()) == 2, "both rows")
        assert ids(dump) == [1, 2]


def test_gaps_open_one_after_the_other(postgres, tmp_path):
    """Each row waits for the transactions of its own gaps; what is deleted or changed while it waits stays so."""
    postgres.execute(SERIAL[0])
    first = Session(postgres, ONE)  # 1
    postgres.execute(ONE)  # 2
    with Dump(tmp_path, postgres.jdbc_url, *COMMON) as dump:
        dump.never(lambda: dump.records(), 0.2, "id 2 must wait for id 1")
        second = Session(postgres, ONE)  # 3
        postgres.execute("INSERT INTO t(v) SELECT 'x' FROM generate_series(1, 3)")  # 4, 5, 6
        postgres.execute("DELETE FROM t WHERE id = 5")
        postgres.execute("UPDATE t SET v = 'changed' WHERE id = 6")
        dump.never(lambda: dump.records(), 0.2, "all must wait for id 1")
        first.commit()
        wait_for(lambda: len(dump.records()) == 2, "what was held by the first")
        dump.never(lambda: len(dump.records()) > 2, 0.2, "id 4 must wait for id 3")
        second.rollback()
        wait_for(lambda: len(dump.records()) == 4, "the rest")
        assert ids(dump) == [1, 2, 4, 6]
        assert dump.records()[3]["value"]["v"] == "changed"


def test_first_poll_of_a_large_table_stops_at_the_gap(postgres, tmp_path):
    postgres.execute(SERIAL[0])
    postgres.execute("INSERT INTO t(v) SELECT 'x' FROM generate_series(1, 30000)")
    postgres.execute("DELETE FROM t WHERE id % 7 = 0")
    low = Session(postgres, ONE)  # 30001
    postgres.execute("INSERT INTO t(v) SELECT 'x' FROM generate_series(1, 10)")
    with Dump(tmp_path, postgres.jdbc_url, *COMMON, "batch.max.rows=100") as dump:
        dump.never(lambda: dump.records(), 0.3, "old gaps and new ones cannot be told apart while a writer is open")
        low.commit()
        wait_for(lambda: len(dump.records()) == 30011 - 4285, "all rows")
        assert ids(dump) == sorted(set(ids(dump)))


def test_ids_that_repeat_are_not_cut_by_a_batch(postgres, tmp_path):
    """Without a unique index a LIMIT could end between two rows of one id."""
    postgres.execute("CREATE TABLE t(id INT NOT NULL, v INT)")
    postgres.execute("INSERT INTO t SELECT i / 10, i FROM generate_series(0, 99) i")
    with Dump(tmp_path, postgres.jdbc_url, *COMMON, "batch.max.rows=7") as dump:
        wait_for(lambda: len(dump.records()) == 100, "all rows")
        assert sorted(r["value"]["v"] for r in dump.records()) == list(range(100))


def test_held_rows_are_told_and_wait_only_so_long(postgres, tmp_path):
    """incrementing.gap.hold.ms: ids reserved in one transaction, used in a later one."""
    postgres.execute(BY_HAND[0])
    postgres.execute(BY_HAND[1])
    postgres.execute("SELECT nextval('numbers')")
    postgres.execute("INSERT INTO t VALUES (nextval('numbers'))")
    with Dump(tmp_path, postgres.jdbc_url, *COMMON, "incrementing.gap.hold.ms=700") as dump:
        dump.never(lambda: dump.records(), 0.3, "held")
        postgres.execute("INSERT INTO t VALUES (1)")
        wait_for(lambda: len(dump.records()) == 2, "both rows")
        assert ids(dump) == [1, 2]


def test_standby_waits_for_the_transactions_of_the_snapshot(postgres, postgres_server, tmp_path):
    from harness import Postgres
    postgres.execute(SERIAL[0])
    standby = Postgres(postgres_server.directory / "standby")
    try:
        standby.directory.mkdir()
        subprocess.run(["chmod", "777", str(standby.directory)], check=True)
        standby._run("pg_basebackup", "-h", "127.0.0.1", "-p", postgres.port, "-U", "root", "-D", standby.data,
                     "-R", "--checkpoint=fast", "--no-sync")
        subprocess.run([*standby.as_user, "sh", "-c", f"echo port = {standby.port} >> {standby.data}/postgresql.conf"],
                       check=True)
        standby.start()
        low = Session(postgres, ONE)
        postgres.execute(ONE)
        with Dump(tmp_path, standby.jdbc_url, *COMMON) as dump:
            wait_for(lambda: standby.execute("SELECT 1 FROM t"), "the row on the standby")
            dump.never(lambda: dump.records(), 0.4, "id 2 must wait for id 1")
            assert "jdbc.standby" in dump.errors()
            low.commit()
            wait_for(lambda: len(dump.records()) == 2, "both rows")
            assert ids(dump) == [1, 2]
    finally:
        standby.stop("immediate")
