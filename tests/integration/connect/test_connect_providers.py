"""Config providers: what ${file:...} and ${env:...} stand for is used and never shown."""
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from connect_rest import AVRO_CONVERTER, FILE_SOURCE, JSON_CONVERTER, call, consume, ready, status, wait_state  # noqa: E402
from harness import free_port, wait_for  # noqa: E402

PROVIDERS = "org.apache.kafka.common.config.provider."


def test_secrets_are_used_and_never_shown(make_weir, tmp_path):
    path = tmp_path / "hunter2-in.txt"
    path.write_text("one\n")
    secrets = tmp_path / "secrets.properties"
    secrets.write_text(f"path = {path}\ntoken: hunter2-token\nmode=maybe-hunter2\n")
    properties = tmp_path / "worker.properties"
    properties.write_text(f"""
# As of connect-distributed.sh
heartbeat.interval.ms=3000
config.storage.topic=_my-configs
config.providers=file,env
config.providers.file.class={PROVIDERS}FileConfigProvider
config.providers.file.param.allowed.paths={tmp_path}
config.providers.env.class={PROVIDERS}EnvVarConfigProvider
value.converter={JSON_CONVERTER}
value.converter.schemas.enable=${{env:WEIR_TEST_ENVELOPE}}
""")
    weir = ready(make_weir("--connect-properties", str(properties),
                           env={"WEIR_TEST_TOPIC": "from-hunter2-env", "WEIR_TEST_ENVELOPE": "false"}))
    assert "worker.property_ignored key=heartbeat.interval.ms" in weir.output()
    config = {"connector.class": FILE_SOURCE, "file": f"${{file:{secrets}:path}}", "topic": "${env:WEIR_TEST_TOPIC}",
              "kept": "${vault:secret:x}", "tasks.max": "1"}
    code, body, _ = call(weir, "PUT", "/connectors/f/config", config)
    assert (code, body["config"]) == (201, {**config, "name": "f"})
    wait_state(weir, "f", "RUNNING", "RUNNING")
    assert consume(weir, "from-hunter2-env", 1) == ['"one"']  # the worker's converter, without envelope

    # A restart reads configs and task configs back from the topic: nobody wrote what they stand for.
    tasks = call(weir, "GET", "/connectors/f/tasks")[1]
    assert tasks[0]["config"]["file"] == config["file"] and tasks[0]["config"]["topic"] == config["topic"]
    weir.kill()
    ready(weir.start())
    wait_state(weir, "f", "RUNNING", "RUNNING")
    with open(path, "a") as f:
        f.write("two\n")
    wait_for(lambda: '"two"' in consume(weir, "from-hunter2-env"), "the task goes on")

    # Errors: of validation, of a task, of what cannot be read.
    bad = {**config, "value.converter": JSON_CONVERTER, "value.converter.schemas.enable": f"${{file:{secrets}:mode}}"}
    code, body, _ = call(weir, "PUT", "/connectors/bad/config", bad)
    assert (code, body["message"].splitlines()[1]) == (
        400, f"Invalid value ${{file:{secrets}:mode}} for configuration value.converter.schemas.enable: "
        "Expected value to be either true or false")
    code, body, _ = call(weir, "PUT", "/connector-plugins/FileStreamSource/config/validate", {**bad, "name": "bad"})
    assert {c["value"]["name"]: c["value"]["value"] for c in body["configs"]}["file"] == config["file"]
    avro = {**config, "value.converter": AVRO_CONVERTER,
            "value.converter.schema.registry.url": f"http://127.0.0.1:{free_port()}/${{file:{secrets}:token}}"}
    assert call(weir, "PUT", "/connectors/avro/config", avro)[0] == 201
    trace = wait_state(weir, "avro", "RUNNING", "FAILED")["tasks"][0]["trace"]
    assert f"${{file:{secrets}:token}}" in trace
    for name, text in (("/etc/passwd", "is not within config.providers.file.param.allowed.paths"),
                       (f"{tmp_path}/none", "Could not read properties from file")):
        code, body, _ = call(weir, "PUT", "/connectors/g/config", {**config, "file": f"${{file:{name}:root}}"})
        assert code == 400 and text in body["message"], body

    shown = [call(weir, "GET", p)[1] for p in (
        "/connectors?expand=info&expand=status", "/connectors/f", "/connectors/f/config", "/connectors/f/tasks",
        "/connectors/f/tasks-config", "/connectors/avro/status")]
    stored = subprocess.run(["kcat", "-b", weir.kafka, "-C", "-t", "_my-configs", "-e", "-q", "-K", "="],
                            capture_output=True, text=True, timeout=30).stdout
    assert "task-f-0=" in stored and "connector-avro=" in stored
    states = subprocess.run(["kcat", "-b", weir.kafka, "-C", "-t", "_connect-status", "-e", "-q", "-K", "="],
                            capture_output=True, text=True, timeout=30).stdout
    assert "status-task-avro-0=" in states
    for what in (json.dumps(shown), stored, "".join(line for line in states.splitlines() if "status-topic" not in line)):
        assert "hunter2" not in what, what


def test_a_failed_connector_starts_again_with_the_same_config(make_weir, tmp_path):
    path, secrets, properties = tmp_path / "in.txt", tmp_path / "secrets.properties", tmp_path / "worker.properties"
    path.write_text("one\n")
    secrets.write_text(f"path={path}\n")
    properties.write_text(f"config.providers=file\nconfig.providers.file.class={PROVIDERS}FileConfigProvider\n")
    weir = ready(make_weir("--connect-properties", str(properties)))
    config = {"connector.class": FILE_SOURCE, "file": f"${{file:{secrets}:path}}", "topic": "t"}
    assert call(weir, "PUT", "/connectors/f/config", config)[0] == 201
    wait_state(weir, "f", "RUNNING", "RUNNING")
    secrets.rename(tmp_path / "away")
    assert call(weir, "POST", "/connectors/f/restart?includeTasks=true")[0] == 202
    now = wait_state(weir, "f", "FAILED", "FAILED")
    assert "Could not read properties from file" in now["connector"]["trace"]
    (tmp_path / "away").rename(secrets)
    assert call(weir, "PUT", "/connectors/f/config", config)[0] == 200
    wait_state(weir, "f", "RUNNING", "FAILED")  # its tasks wait for a restart, as in the original
    assert call(weir, "POST", "/connectors/f/restart?includeTasks=true&onlyFailed=true")[0] == 202
    wait_state(weir, "f", "RUNNING", "RUNNING")


def test_what_connectors_may_override_is_limited(make_weir, tmp_path):
    properties = tmp_path / "worker.properties"
    properties.write_text("connector.client.config.override.policy=Principal\n")
    weir = ready(make_weir("--connect-properties", str(properties)))
    config = {"connector.class": FILE_SOURCE, "file": "/none", "topic": "t", "producer.override.linger.ms": "5",
              "producer.override.security.protocol": "PLAINTEXT", "admin.override.client.id": "x"}
    code, body, _ = call(weir, "PUT", "/connectors/f/config", config)
    assert code == 400 and body["message"].splitlines()[1:3] == [
        f"The 'Principal' policy does not allow '{key}' to be overridden in the connector configuration."
        for key in ("linger.ms", "client.id")]
    config = {k: v for k, v in config.items() if "linger" not in k and "client.id" not in k}
    assert call(weir, "PUT", "/connectors/f/config", config)[0] == 201


def test_properties_that_cannot_be_used_stop_the_worker(make_weir, tmp_path):
    properties = tmp_path / "worker.properties"
    for text, why in (("config.providers=vault\n", "config.providers.vault.class is not set"),
                      ("value.converter=No.Such\n", "Invalid value No.Such for configuration value.converter: Class No.Such "
                       "could not be found."), ("offset.flush.interval.ms=soon\n", "Invalid value soon for configuration "
                       "offset.flush.interval.ms: Not a number of type LONG"), ("k=\\u12\n", "malformed escape")):
        properties.write_text(text)
        weir = make_weir("--connect-properties", str(properties), start=False)
        weir.start(wait=False)
        assert weir.process.wait(60) != 0
        assert why in weir.output()
