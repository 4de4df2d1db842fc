"""Flags and formats that every command shares, as rpk has them."""
import json
import os
import pty
import signal
import subprocess
import time

import harness
import pytest
import yaml
from harness import WEIR_BIN

from test_records import Cli


@pytest.fixture
def cli(make_weir, tmp_path):
    made = Cli(make_weir("--roles", "broker,registry"))
    made.env["HOME"] = str(tmp_path / "home")
    made.env.pop("XDG_CONFIG_HOME", None)
    return made


def test_regular_expressions(cli):
    cli.ok("topic", "create", "aa1", "aa2", "ab", "b.c")
    rows = cli.ok("topic", "list", "-r", "aa.*", "^b.c$").split()[3:]
    assert rows[::3] == ["aa1", "aa2", "b.c"]
    # Whole names, and never the internal ones.
    assert cli.ok("topic", "list", "-r", "aa").split()[3:] == []
    assert "__consumer_offsets" in cli.ok("topic", "list", "-i")
    assert "__consumer_offsets" not in cli.ok("topic", "list", "-r", "*")
    assert "internal" in cli.fails("topic", "list", "-r", "-i", ".*")
    assert "(" in cli.fails("topic", "list", "-r", "(")
    assert [t["summary"]["name"] for t in json.loads(cli.ok("topic", "describe", "-r", "a.*", "--format", "json"))] == \
        ["aa1", "aa2", "ab"]
    assert cli.ok("topic", "describe", "-r", "zz") == "did not match any topics, exiting.\n"
    assert cli.ok("topic", "delete", "-r", "__.*") == "did not match any topics, exiting.\n"
    assert cli.ok("topic", "delete", "-r", "aa.").split() == ["TOPIC", "STATUS", "aa1", "OK", "aa2", "OK"]
    assert cli.ok("topic", "list").split()[3::3] == ["_schemas", "ab", "b.c"]


def test_at_a_terminal_delete_asks_what_an_expression_may_delete(cli):
    def delete(answer, *flags):
        master, slave = pty.openpty()
        try:
            os.write(master, answer)
            return subprocess.run([WEIR_BIN, "topic", "delete", "-r", "a.*", *flags], stdin=slave, capture_output=True,
                                  text=True, env=cli.env, timeout=harness.DEADLINE_S, check=False)
        finally:
            os.close(master)
            os.close(slave)

    cli.ok("topic", "create", "a1", "a2")
    refused = delete(b"n\n")
    assert refused.returncode == 1 and "a1\n" in refused.stderr and "Delete these 2 topics?" in refused.stderr
    assert "a1" in cli.ok("topic", "list")
    assert delete(b"\n").stdout.split()[2:] == ["a1", "OK", "a2", "OK"]
    cli.ok("topic", "create", "a3")
    unasked = delete(b"", "--no-confirm")
    assert unasked.returncode == 0 and unasked.stderr == ""


def test_formats(cli):
    cli.ok("topic", "create", "t", "-p", "2", "-c", "retention.ms=1000")
    cli.ok("topic", "produce", "t", "-p", "1", stdin="x\n")
    cli.ok("topic", "consume", "t", "-g", "g", "-n", "1")
    commands = [("topic", "list", "t"), ("topic", "list", "-d", "t"), ("topic", "describe", "t"), ("group", "list"),
                ("group", "describe", "g"), ("cluster", "info"), ("cluster", "info", "-d"), ("cluster", "health"),
                ("registry", "schema", "list")]
    for command in commands:
        text = cli.ok(*command)
        assert cli.ok(*command, "--format", "wide") == text
        as_json = cli.ok(*command, "--format", "json")
        assert as_json.count("\n") == 1, command
        assert yaml.safe_load(cli.ok(*command, "--format", "yaml")) == json.loads(as_json), command
        shape = cli.ok(*command, "--format", "help")
        assert shape.startswith("[]{\n  " if as_json.startswith("[") else "{\n  "), command
        value = json.loads(as_json)
        for key in (value[0] if isinstance(value, list) and value else value):
            assert f"  {key}: " in shape, (command, key)
        assert "use text" in cli.fails(*command, "--format", "xml")
    assert cli.ok("topic", "list", "-d", "t", "--format", "yaml").startswith(
        "- name: t\n  partitions: 2\n  replicas: 1\n  partition_list:\n    - partition: 0\n      leader: 0\n")
    topic = json.loads(cli.ok("topic", "describe", "t", "--format", "json"))[0]
    assert topic["summary"] == {"name": "t", "internal": False, "partitions": 2, "replicas": 1, "error": ""}
    assert {"key": "retention.ms", "value": "1000", "source": "DYNAMIC_TOPIC_CONFIG"} in topic["configs"]
    assert topic["partitions"][1] == {"partition": 1, "leader": 0, "epoch": -1, "replicas": [0], "log_start_offset": 0,
                                      "high_watermark": 1}
    group = json.loads(cli.ok("group", "describe", "g", "--format", "json"))[0]
    assert (group["state"], group["total_lag"], group["partitions"][0]["current_offset"]) == ("Empty", 0, 1)


def test_sections(cli):
    cli.ok("topic", "create", "t")
    described = cli.ok("topic", "describe", "t")
    assert described.startswith("SUMMARY\n=======\nNAME        t\nPARTITIONS  1\nREPLICAS    1\n\nCONFIGS\n=======\nKEY ")
    assert not described.endswith("\n\n")
    assert cli.ok("topic", "describe", "t", "-s") == "NAME        t\nPARTITIONS  1\nREPLICAS    1\n"
    assert cli.ok("topic", "describe", "t", "-p").split() == [
        "PARTITION", "LEADER", "EPOCH", "REPLICAS", "LOG-START-OFFSET", "HIGH-WATERMARK", "0", "0", "-", "[0]", "0", "0"]
    missing = cli.run("topic", "describe", "nope", "t", "-s")
    assert missing.returncode == 1 and "nope" in missing.stderr and "NAME        t" in missing.stdout
    info = cli.ok("cluster", "info", "t")
    assert [s.split("\n")[0] for s in info.split("\n\n")] == ["CLUSTER", "BROKERS", "TOPICS", ""]
    assert "__consumer_offsets" in cli.ok("cluster", "info")
    assert "__consumer_offsets" not in cli.ok("cluster", "info", "-t")
    assert cli.ok("cluster", "info", "-b").split()[:4] == ["ID", "HOST", "PORT", "0*"]
    assert cli.ok("cluster", "info", "-t", "-d", "t") == \
        "t, 1 partitions, 1 replicas\n      PARTITION  LEADER  EPOCH  REPLICAS\n      0          0       -      [0]\n"
    listed = cli.run("topic", "list", "nope", "t", "nope")
    assert listed.stdout.split()[3:] == ["nope", "0", "0", "t", "1", "1"] and "nope" in listed.stderr


def test_groups_by_state(cli):
    cli.ok("topic", "create", "t")
    cli.ok("topic", "produce", "t", stdin="x\n")
    cli.ok("topic", "consume", "t", "-g", "g1", "-n", "1")
    assert cli.ok("group", "list", "-s", "empty,dead").split()[3:] == ["0", "g1", "Empty"]
    assert cli.ok("group", "list", "-s", "stable", "-s", "empty").split()[3:] == ["0", "g1", "Empty"]
    assert cli.ok("group", "list", "--states", "Stable").split() == ["BROKER", "GROUP", "STATE"]
    assert "Sleepy" in cli.fails("group", "list", "-s", "Stable,Sleepy")
    assert cli.ok("group", "describe", "-s", "-r", "g.").startswith("GROUP        g1\n")
    assert cli.ok("group", "describe", "-r", "h.*") == "did not match any groups, exiting.\n"
    assert "excludes" in cli.fails("group", "describe", "-c", "-s", "g1")


def test_health_is_watched(cli):
    assert cli.ok("cluster", "health", "-e").count("Healthy:") == 1
    watch = subprocess.Popen([WEIR_BIN, "cluster", "health", "--watch", "--format", "json"], stdout=subprocess.PIPE,
                             text=True, env=cli.env)
    assert json.loads(watch.stdout.readline())["is_healthy"] is True
    watch.send_signal(signal.SIGINT)
    assert watch.wait(timeout=harness.DEADLINE_S) == 0


def test_verbose_and_flags_before_the_verb(cli):
    cli.ok("topic", "create", "t")
    address = cli.env.pop("RPK_BROKERS")
    cli.env["REDPANDA_BROKERS"] = "127.0.0.1:1"
    done = cli.run("-X", f"brokers={address}", "topic", "-v", "list")
    assert done.returncode == 0 and done.stdout.startswith("NAME ")
    assert f"DEBUG  brokers = {address} (-X)" in done.stderr and "Metadata" in done.stderr
    assert "/subjects: 200" in cli.run("registry", "schema", "list", "-v").stderr
    assert cli.ok("topic", "--brokers", address, "list").startswith("NAME ")
    cli.env["RPK_BROKERS"] = address  # newer than REDPANDA_BROKERS
    assert cli.run("topic", "list").stderr == ""
    assert cli.ok("-X", "list").startswith("brokers=")
    assert "registry.tls.ca=" in cli.ok("topic", "list", "-X", "help")
    for bad, word in {"admin.hosts=h:1": "not used", "nope=1": "unknown", "brokers": "KEY=VALUE", "tls.enabled=maybe":
                      "true or false", "globals.dial_timeout=soon": "duration", "brokers=a,,b": "empty"}.items():
        assert word in cli.fails("topic", "list", "-X", bad), bad
    assert "not used" in cli.fails("cluster", "health", "--api-urls", "127.0.0.1:9644")
    # Options that reach the client: a broker without TLS or SASL says no, and why is told.
    assert "SSL" in cli.fails("topic", "list", "-X", "tls.enabled=true", "-X", "globals.retry_timeout=2s")
    assert "SASL" in cli.fails("topic", "list", "--user", "me", "--password", "x", "-X", "globals.retry_timeout=2s")
    assert "sasl.mechanism" in cli.fails("topic", "list", "--user", "me", "--sasl-mechanism", "kerberos")


def test_configuration_files(cli, tmp_path):
    cli.ok("topic", "create", "t")
    address, registry = cli.env.pop("RPK_BROKERS"), cli.env.pop("RPK_REGISTRY_HOSTS")
    host, port = address.split(":")
    home = tmp_path / "home/.config/rpk"
    home.mkdir(parents=True)
    profiles = {"version": 6, "current_profile": "dead", "globals": {"prompt": "x", "retry_timeout": "2s"}, "profiles": [
        {"name": "dead", "kafka_api": {"brokers": ["127.0.0.1:1"]}, "admin_api": {"addresses": ["127.0.0.1:9644"]}},
        {"name": "live", "kafka_api": {"brokers": [address]}, "schema_registry": {"addresses": [registry]}},
        {"name": "bare", "kafka_api": {"brokers": []}},
        {"name": "cloud", "from_cloud": True, "kafka_api": {"brokers": [address]}}]}
    (home / "rpk.yaml").write_text(yaml.safe_dump(profiles))
    assert "127.0.0.1:1" in cli.fails("topic", "list")
    assert "_schemas" in cli.ok("topic", "list", "--profile", "live")
    assert cli.ok("registry", "schema", "list", "--profile", "live").startswith("SUBJECT")
    assert '"nope"' in cli.fails("topic", "list", "--profile", "nope")
    assert "Cloud" in cli.fails("topic", "list", "--profile", "cloud")
    # What a profile leaves open stands in redpanda.yaml, which may be of the older form.
    redpanda = tmp_path / "redpanda.yaml"
    redpanda.write_text(f"redpanda:\n  node_id: 1\nrpk:\n  tune_network: true\n  kafka_api:\n    brokers:\n"
                        f"    - address: {host}\n      port: {port}\n")
    cli.env["PWD"] = str(tmp_path)

    def here(*args):
        return subprocess.run([WEIR_BIN, *args], capture_output=True, text=True, env=cli.env, cwd=tmp_path,
                              timeout=harness.DEADLINE_S, check=False)
    assert "_schemas" in here("topic", "list", "--profile", "bare").stdout
    assert "127.0.0.1:1" in here("topic", "list", "--profile", "dead").stderr
    assert "_schemas" in cli.ok("topic", "list", "--config", str(redpanda))
    assert "_schemas" in cli.ok("topic", "list", "--config", str(home / "rpk.yaml"), "--profile", "live")
    # The environment wins over files, flags over both.
    cli.env["RPK_BROKERS"] = address
    assert "_schemas" in cli.ok("topic", "list")
    assert "127.0.0.1:1" in cli.fails("topic", "list", "-X", "brokers=127.0.0.1:1")
    del cli.env["RPK_BROKERS"]
    assert "127.0.0.1:9092" not in cli.run("topic", "list", "-v").stderr
    assert "brokers = " not in cli.run("topic", "list", "-v", "--ignore-profile", "-X", "globals.retry_timeout=1s").stderr
    # Mistakes are named with their line.
    assert "No such file" in cli.fails("topic", "list", "--config", str(tmp_path / "none.yaml"))
    for text, word in {"rpk:\n  kafka_api:\n    broker: [a]\n": "line 3: kafka_api.broker is unknown",
                       "rpk:\n  kafka_api: [\n": "line", "version: 99\n": "version 99",
                       "rpk:\n  kafka_api:\n    brokers: [[a]]\n": "list of HOST:PORT",
                       "version: 6\nglobals:\n  dial_timeout: soon\n": "line 3: globals.dial_timeout"}.items():
        redpanda.write_text(text)
        assert word in cli.fails("topic", "list", "--config", str(redpanda)), text
    # TLS of a profile turns TLS on.
    redpanda.write_text(f"rpk:\n  kafka_api:\n    brokers: [{address}]\n    tls: {{}}\n")
    assert "SSL" in cli.fails("topic", "list", "--config", str(redpanda), "-X", "globals.retry_timeout=2s")


def test_flags_of_older_scripts(cli):
    done = cli.run("topic", "create", "t", "--compact")
    assert done.returncode == 0
    assert "compact" in cli.ok("topic", "describe", "-c", "t")
    done = cli.run("topic", "produce", "t", "-k", "k", "-n", "1", "-j", "--timestamp=5", stdin="x\n")
    assert done.returncode == 0 and done.stderr.count("has been deprecated") == 3
    done = cli.run("topic", "describe", "t", "--page", "1", "-s")
    assert done.returncode == 0 and "--page has been deprecated" in done.stderr
    assert "does not hand them out" in cli.fails("topic", "consume", "t", "--print-control-records")


def test_records_in_one_of_many_partitions_come_at_once(cli):
    cli.ok("topic", "create", "t", "-p", "12")
    cli.ok("topic", "produce", "t", "-p", "11", stdin="x\n")
    # A fetch that waited for all of --fetch-max-wait would show in some of the runs.
    for _ in range(12):
        start = time.monotonic()
        assert cli.ok("topic", "consume", "t", "-n", "1", "-f", "%v") == "x"
        assert time.monotonic() - start < 4


def test_output_that_cannot_be_written_is_a_failure(cli):
    cli.ok("topic", "create", "t")
    cli.ok("topic", "produce", "t", stdin="x\n")
    for command in (["topic", "list"], ["topic", "describe", "t", "--format", "json"], ["cluster", "health", "-w"], ["-X", "list"],
                    ["topic", "consume", "t"], ["topic", "produce", "t"], ["--help"]):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([WEIR_BIN, *command], input="x\n", stdout=full, stderr=subprocess.PIPE, text=True, env=cli.env,
                                  timeout=harness.DEADLINE_S, check=False)
        assert done.returncode == 1 and "write to standard output" in done.stderr, command
