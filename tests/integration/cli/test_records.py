"""The command as people use it: produce, consume, groups and schemas, on the real stack."""
import json
import os
import signal
import subprocess

import harness
import pytest
from harness import WEIR_BIN, wait_for


class Cli:
    def __init__(self, weir):
        self.env = {**os.environ, "RPK_BROKERS": weir.kafka,
                    "RPK_REGISTRY_HOSTS": weir.registry.removeprefix("http://")}

    def run(self, *args, stdin=""):
        return subprocess.run([WEIR_BIN, *args], input=stdin, capture_output=True, text=True, env=self.env,
                              timeout=harness.DEADLINE_S, check=False)

    def ok(self, *args, stdin=""):
        done = self.run(*args, stdin=stdin)
        assert done.returncode == 0, f"{args}: {done.stdout}{done.stderr}"
        return done.stdout

    def fails(self, *args, stdin=""):
        done = self.run(*args, stdin=stdin)
        assert done.returncode == 1, f"{args}: {done.returncode} {done.stdout}{done.stderr}"
        return done.stderr


@pytest.fixture
def cli(make_weir):
    return Cli(make_weir("--roles", "broker,registry"))


def test_partitions_may_be_named_one_by_one(cli):
    cli.ok("topic", "create", "t", "-p", "4")
    cli.ok("topic", "produce", "t", "-f", r"%p %v\n", stdin="0 a\n1 b\n2 c\n3 d\n")
    out = cli.ok("topic", "consume", "t", "-o", ":end", "-p", "0", "-p", "2,3", "-f", "%v ")
    assert sorted(out.split()) == ["a", "c", "d"]


def test_keys_land_where_java_puts_them(cli):
    assert cli.ok("topic", "create", "song_likes", "-p", "6").split() == ["TOPIC", "STATUS", "song_likes", "OK"]
    # A shell leaves \n as two characters, and the last line has no end.
    out = cli.ok("topic", "produce", "song_likes", "--format", r"%k|%v\n", stdin="key1|a|b\nkey2|c")
    assert "Produced to partition 2 at offset 0 with timestamp" in out
    assert "Produced to partition 5 at offset 0 with timestamp" in out
    assert cli.ok("topic", "consume", "song_likes", "-o", ":end", "-p", "2", "-f", r"%t %p %o %k=%v\n") == \
        "song_likes 2 0 key1=a|b\n"


def test_json_is_what_rpk_prints(cli):
    cli.ok("topic", "create", "t")
    cli.ok("topic", "produce", "t", "-f", r"%V{4}%v", "-H", "h:1", stdin="\x00&é")
    cli.ok("topic", "produce", "t", "-Z", "-k", "gone", stdin="\n")
    records = cli.ok("topic", "consume", "t", "-o", ":end")
    first, second = [json.loads(text) for text in records.replace("}\n{", "}\0{").split("\0")]
    assert r'"value": "\u0000\u0026' in records
    assert list(first) == ["topic", "value", "headers", "timestamp", "partition", "offset"]
    assert first["headers"] == [{"key": "h", "value": "1"}]
    assert list(second) == ["topic", "key", "timestamp", "partition", "offset"]
    lines = cli.ok("topic", "consume", "t", "-o", ":end", "--pretty-print=false", "--meta-only").splitlines()
    assert [json.loads(line).get("value_size") for line in lines] == [4, 0]


def test_offsets(cli):
    cli.ok("topic", "create", "t")
    cli.ok("topic", "produce", "t", stdin="".join(f"{i}\n" for i in range(10)))
    # A range that reaches past the end ends there.
    cases = {":end": range(10), "3:5": range(3, 5), "3-5": range(3, 5), ":2": range(2), "8:end": range(8, 10),
             "@-1h:end": range(10), "@:-1h": [], "8:99": range(8, 10), "20:30": [], ":99": range(10)}
    for offset, expected in cases.items():
        out = cli.ok("topic", "consume", "t", "-o", offset, "-f", r"%v\n")
        assert out.split() == [str(i) for i in expected], offset
    assert cli.ok("topic", "consume", "t", "-o", "-2", "-n", "2", "-f", r"%v\n").split() == ["8", "9"]
    assert cli.ok("topic", "consume", "t", "-o", "+7", "-n", "1", "-f", r"%v\n").split() == ["7"]


def test_a_group_reads_each_record_once(cli):
    cli.ok("topic", "create", "t", "-p", "3")
    cli.ok("topic", "produce", "t", "-f", r"%p %v\n", stdin="".join(f"{i % 3} {i}\n" for i in range(9)))
    seen = []
    for _ in range(3):
        seen += cli.ok("topic", "consume", "t", "-g", "g", "-n", "3", "-f", r"%v\n").split()
    assert sorted(seen) == [str(i) for i in range(9)]
    assert cli.ok("group", "list").split()[3:] == ["0", "g", "Empty"]
    out = cli.ok("group", "describe", "g")
    assert "TOTAL-LAG    0" in out
    cli.ok("topic", "produce", "t", "-p", "1", stdin="more\n")
    assert "TOTAL-LAG    1" in cli.ok("group", "describe", "-s", "g")
    summary, lag = cli.ok("group", "describe", "-t", "g").split("\n\n")
    assert summary.split()[:2] == ["GROUP", "g"] and lag.split() == ["TOPIC", "LAG", "t", "1"]


def test_schemas(cli, tmp_path):
    schema = tmp_path / "a.avsc"
    schema.write_text('{"type":"record","name":"A","fields":[{"name":"a","type":"int"}]}')
    cli.ok("topic", "create", "t")
    made = cli.ok("registry", "schema", "create", "t-value", "--schema", str(schema))
    assert made.split() == ["SUBJECT", "VERSION", "ID", "TYPE", "t-value", "1", "1", "AVRO"]
    assert json.loads(cli.ok("registry", "schema", "get", "t-value", "--schema-version", "latest", "--format", "json")) \
        == [{"subject": "t-value", "version": 1, "id": 1, "type": "AVRO"}]
    assert json.loads(cli.ok("registry", "schema", "get", "--id", "1", "--print-schema")) == json.loads(schema.read_text())
    assert "40401" in cli.fails("registry", "schema", "get", "nope", "--schema-version", "1")
    cli.ok("topic", "produce", "t", "--schema-id", "topic", stdin='{"a": 7}\n')
    raw = cli.ok("topic", "consume", "t", "-n", "1", "-f", "%v{hex}")
    assert raw == "00000000010e"
    assert cli.ok("topic", "consume", "t", "-n", "1", "--use-schema-registry=value", "-f", "%v") == '{"a":7}'
    # What cannot be decoded goes to standard error, as it is; the rest goes on.
    cli.ok("topic", "produce", "t", stdin="plain\n")
    both = cli.run("topic", "consume", "t", "-o", ":end", "--use-schema-registry", "-f", r"%v\n")
    assert both.stdout == '{"a":7}\n' and both.returncode == 0
    assert "offset 1" in both.stderr and "\nplain\n" in both.stderr


def test_produce_with_schemas(cli, tmp_path):
    schema = tmp_path / "a.avsc"
    schema.write_text('{"type":"record","name":"A","fields":[{"name":"a","type":"int"}]}')
    (tmp_path / "k.avsc").write_text('"string"')
    cli.ok("topic", "create", "t", "u")
    cli.ok("registry", "schema", "create", "t-value", "--schema", str(schema))
    cli.ok("registry", "schema", "create", "t-key", "--schema", str(tmp_path / "k.avsc"))
    # A value is JSON over as many lines as it has; the last needs no newline.
    cli.ok("topic", "produce", "t", "--schema-id", "1", stdin='{"a":\n 1}\n{"a": 2}')
    # Each record's topic names its schemas.
    cli.ok("topic", "produce", "--schema-id", "topic", "--schema-key-id", "Topic", "-f", r"%t|%k|%v\n",
           stdin='t|"k"|{"a":3}\n')
    assert cli.ok("topic", "consume", "t", "-o", ":end", "--use-schema-registry=value,key", "-f", r"%k=%v\n") == \
        '={"a":1}\n={"a":2}\n"k"={"a":3}\n'
    assert "u-value" in cli.fails("topic", "produce", "u", "--schema-id", "topic", stdin='{"a":1}\n')
    assert "--schema-id: schema id 99" in cli.fails("topic", "produce", "u", "--schema-id", "99")
    assert "Protobuf" in cli.fails("topic", "produce", "t", "--schema-id", "1", "--schema-type", "A", stdin='{"a":1}\n')


def test_references(cli, tmp_path):
    files = {"a.avsc": '{"type":"record","name":"A","fields":[]}',
             "b.avsc": '{"type":"record","name":"B","fields":[{"name":"a","type":"A"}]}',
             "refs": "// a comment\n\nA a 1\n", "refs.json": '[{"name":"A","subject":"a","version":1}]',
             "refs.yaml": "- name: A\n  subject: a\n  version: 1\n", "bad": "A a 1\nA a\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    cli.ok("registry", "schema", "create", "a", "--schema", str(tmp_path / "a.avsc"))
    create = ("registry", "schema", "create", "b", "--schema", str(tmp_path / "b.avsc"))
    assert "A" in cli.fails(*create)
    for references in ("A:a:1", str(tmp_path / "refs"), str(tmp_path / "refs.json"), str(tmp_path / "refs.yaml")):
        assert cli.ok(*create, "--references", references).split()[4:6] == ["b", "1"]
    assert "bad line 2" in cli.fails(*create, "--references", str(tmp_path / "bad"))
    assert "name:subject:version" in cli.fails(*create, "--references", "A:a")
    assert "no schema with id 1" in cli.fails("registry", "schema", "get", "b", "--id", "1")


def test_formats_of_input_and_echo(cli):
    cli.ok("topic", "create", "t")
    out = cli.ok("topic", "produce", "t", "-f", r"%k{re[\d+]}%v\n", "-o", r"%k=%v@%o\n", stdin="12ab\n345cd")
    assert out == "12=ab@0\n345=cd@1\n"
    assert "does not match" in cli.fails("topic", "produce", "t", "-f", r"%v{re[\d+]}\n", stdin="x\n")
    assert "parenthesis" in cli.fails("topic", "produce", "t", "-f", "%v{re[(]}")
    assert cli.ok("topic", "produce", "t", "-o", "", stdin="x\n") == ""
    cli.ok("topic", "create", "bare")
    assert cli.ok("topic", "produce", "bare", "-o", "%k", stdin="x\n") == ""
    assert cli.ok("topic", "consume", "bare", "-o", ":end", "-f", "%k") == ""
    assert "at offset -1 " in cli.ok("topic", "produce", "t", "--acks", "0", stdin="x\n")
    wait_for(lambda: cli.ok("topic", "consume", "t", "-o", ":end", "-f", "%v").endswith("xx"), "the unacknowledged record")
    # An attribute that is told, beside those that are not.
    assert cli.ok("topic", "consume", "t", "-n", "1", "-f", "%a{timestamp-type} %i %i %[ %]") == "0 1 2 0 4"
    assert "compression" in cli.fails("topic", "consume", "t", "-f", "%a{compression}")


def test_a_slip_makes_no_topic(cli):
    cli.ok("topic", "create", "t")
    done = cli.run("topic", "produce", "-f", r"%t %v\n", stdin="t x\nslip y\n")
    assert done.returncode == 1 and "Produced" in done.stdout and "slip does not exist" in done.stderr
    assert "slip" not in cli.ok("topic", "list")
    cli.ok("topic", "produce", "-f", r"%t %v\n", "--allow-auto-topic-creation", stdin="meant y\n")
    assert "meant" in cli.ok("topic", "list")


def test_refusals_say_what_is_wrong(cli):
    cli.ok("topic", "create", "t")
    assert "does not exist" in cli.fails("topic", "consume", "nope")
    assert "does not exist" in cli.fails("topic", "produce", "nope", stdin="x\n")
    assert "unexpected EOF" in cli.fails("topic", "produce", "t", "-f", r"%k|%v\n", stdin="nokey\n")
    assert "partitions 0 to 0" in cli.fails("topic", "consume", "t", "-p", "4")
    assert "no partition 17" in cli.fails("topic", "produce", "t", "-p", "17", stdin="x\n")
    assert "use none, gzip" in cli.fails("topic", "produce", "t", "-z", "rar", stdin="x\n")
    assert "cooperative-sticky" in cli.fails("topic", "consume", "t", "-g", "g", "-b", "sticky")
    assert "--offset" in cli.fails("topic", "consume", "t", "-o", "soon")
    assert "does not tell it" in cli.fails("topic", "consume", "t", "-f", "%x")
    assert "exclude each other" in cli.fails("topic", "consume", "t", "-g", "g", "-p", "0")
    cli.env["RPK_BROKERS"] = "127.0.0.1:1"
    assert "no broker answers" in cli.fails("topic", "consume", "t")


def test_an_interrupt_ends_a_consumer_with_0(cli):
    cli.ok("topic", "create", "t")
    cli.ok("topic", "produce", "t", stdin="x\n")
    consumer = subprocess.Popen([WEIR_BIN, "topic", "consume", "t", "-g", "g", "-f", r"%v\n"], stdout=subprocess.PIPE,
                                text=True, env=cli.env)
    assert consumer.stdout.readline() == "x\n"
    consumer.send_signal(signal.SIGINT)
    assert consumer.wait(timeout=harness.DEADLINE_S) == 0
    wait_for(lambda: "Empty" in cli.ok("group", "list"), "the group is empty")
