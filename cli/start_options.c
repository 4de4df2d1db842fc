#include "cli/start_options.h"

#define PORT_MAX 65535

static const struct conf_option start_option_table[] = {
    {"roles", CONF_LIST, "broker,registry,connect,streams", 0, 0, NULL, "ROLES", false, "General",
     "What to run, of broker, registry, connect, streams"},
    {"data.dir", CONF_TEXT, "weir-data", 0, 0, NULL, "DIR", false, "General",
     "Where everything is kept; one process at a time"},
    {"bootstrap.servers", CONF_TEXT, NULL, 0, 0, NULL, "HOST:PORT,...", false, "General",
     "The Kafka cluster that registry, connect and streams use; without it the built-in broker"},
    {"log.level", CONF_CHOICE, "info", 0, 0, "debug|info|warn|error|off", "LEVEL", false, "General",
     "Least level of the events on standard error"},
    {"admin.host", CONF_TEXT, "127.0.0.1", 0, 0, NULL, "HOST", false, "General",
     "Address of /metrics and /status/ready"},
    {"admin.port", CONF_INT, "9644", 0, PORT_MAX, NULL, "PORT", false, "General",
     "Port of /metrics and /status/ready; 0 = any"},

    {"kafka.host", CONF_TEXT, "127.0.0.1", 0, 0, NULL, "HOST", false, "Broker",
     "Address of the Kafka protocol; 0.0.0.0 opens it to the network"},
    {"kafka.port", CONF_INT, "9092", 0, PORT_MAX, NULL, "PORT", false, "Broker",
     "Port of the Kafka protocol; 0 = any"},
    {"kafka.advertised.host", CONF_TEXT, NULL, 0, 0, NULL, "HOST", false, "Broker",
     "What clients, and the other roles, are told to connect to; default: kafka.host, for 0.0.0.0 "
     "localhost"},
    {"kafka.advertised.port", CONF_INT, "0", 0, PORT_MAX, NULL, "PORT", false, "Broker",
     "Port that clients are told; 0 = the one listened on"},
    {"broker.node.id", CONF_INT, "0", 0, INT32_MAX, NULL, "N", false, "Broker",
     "Node id; kept in the data directory"},
    {"broker.io.threads", CONF_INT, "0", 0, 64, NULL, "N", false, "Broker",
     "Event loops; 0 = one per processor"},
    {"broker.num.partitions", CONF_INT, "1", 1, 10000, NULL, "N", false, "Broker",
     "Partitions of a topic created without a count"},
    {"broker.auto.create.topics", CONF_BOOL, "true", 0, 0, NULL, "true|false", false, "Broker",
     "Create a topic when a producer or consumer first names it"},
    {"broker.max.connections", CONF_INT, "10000", 1, 1000000, NULL, "N", false, "Broker",
     "More are closed at once"},
    {"broker.idle.timeout", CONF_DURATION, "10m", 1000, 86400000, NULL, "TIME", false, "Broker",
     "An idle connection is closed after this time"},
    {"broker.group.initial.rebalance.delay", CONF_DURATION, "0ms", 0, 300000, NULL, "TIME", false,
     "Broker",
     "How long a new consumer group waits for more members; Kafka's default of 3s suits large "
     "fleets"},
    {"broker.retention.check.interval", CONF_DURATION, "5m", 100, 86400000, NULL, "TIME", false,
     "Broker", "How often retention is enforced"},
    {"broker.compaction.check.interval", CONF_DURATION, "15s", 100, 86400000, NULL, "TIME", false,
     "Broker", "How often topics to compact are looked for"},
    {"broker.offsets.retention", CONF_DURATION, "7d", 60000, 3650L * 86400000, NULL, "TIME", false,
     "Broker", "How long the offsets of a group without members are kept; whole minutes"},
    {"broker.offsets.retention.check.interval", CONF_DURATION, "10m", 100, 86400000, NULL, "TIME",
     false, "Broker", "How often offsets that are too old are looked for"},

    {"registry.host", CONF_TEXT, "127.0.0.1", 0, 0, NULL, "HOST", false, "Schema registry",
     "Address of the registry"},
    {"registry.port", CONF_INT, "8081", 0, PORT_MAX, NULL, "PORT", false, "Schema registry",
     "Port of the registry; 0 = any"},
    {"registry.topic", CONF_TEXT, "_schemas", 0, 0, NULL, "TOPIC", false, "Schema registry",
     "Topic that holds the schemas"},
    {"registry.compatibility", CONF_CHOICE, "BACKWARD", 0, 0,
     "NONE|BACKWARD|BACKWARD_TRANSITIVE|FORWARD|FORWARD_TRANSITIVE|FULL|FULL_TRANSITIVE", "LEVEL",
     false, "Schema registry", "Compatibility level of subjects without their own"},

    {"connect.host", CONF_TEXT, "127.0.0.1", 0, 0, NULL, "HOST", false, "Connect",
     "Address of the Connect REST interface"},
    {"connect.port", CONF_INT, "8083", 0, PORT_MAX, NULL, "PORT", false, "Connect",
     "Port of the Connect REST interface; 0 = any"},
    {"connect.group.id", CONF_TEXT, "kafka-connect", 0, 0, NULL, "ID", false, "Connect",
     "Name of the worker group"},
    {"connect.config.storage.topic", CONF_TEXT, "_connect-configs", 0, 0, NULL, "TOPIC", false,
     "Connect", "Topic of connector configurations"},
    {"connect.offset.storage.topic", CONF_TEXT, "_connect-offsets", 0, 0, NULL, "TOPIC", false,
     "Connect", "Topic of source offsets"},
    {"connect.status.storage.topic", CONF_TEXT, "_connect-status", 0, 0, NULL, "TOPIC", false,
     "Connect", "Topic of states"},
    {"connect.key.converter", CONF_TEXT, "org.apache.kafka.connect.storage.StringConverter", 0, 0,
     NULL, "CLASS", false, "Connect", "Converter of keys for connectors that set none"},
    {"connect.value.converter", CONF_TEXT, "org.apache.kafka.connect.storage.StringConverter", 0, 0,
     NULL, "CLASS", false, "Connect", "Converter of values for connectors that set none"},
    {"connect.offset.flush.interval", CONF_DURATION, "1s", 10, 3600000, NULL, "TIME", false,
     "Connect", "How often source offsets are committed: what a crash repeats at most"},
    {"connect.properties", CONF_TEXT, NULL, 0, 0, NULL, "FILE", false, "Connect",
     "Worker properties as of connect-distributed: key.converter*, value.converter*, producer.*, "
     "admin.*, config.providers*, override policy, security of clients"},

    {"streams.app", CONF_LIST, "", 0, 0, NULL, "FILE.so,...", false, "Streams",
     "Topologies to run: shared objects built on weir/streams.h"},
    {"streams.state.dir", CONF_TEXT, NULL, 0, 0, NULL, "DIR", false, "Streams",
     "Where state stores live; default: streams in data.dir"},
    {"streams.schema.registry.url", CONF_TEXT, NULL, 0, 0, NULL, "URL", false, "Streams",
     "Registry of the topologies; default: the built-in one"},

    {"replication.factor", CONF_INT, "-1", -1, 32767, NULL, "N", false, "On an existing cluster",
     "Replication of the topics that registry, connect and streams create; -1 = the cluster's "
     "default"},
};

const struct conf_option *start_options(size_t *out_count)
{
    *out_count = sizeof start_option_table / sizeof start_option_table[0];
    return start_option_table;
}
