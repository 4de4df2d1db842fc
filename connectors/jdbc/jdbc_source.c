#include "connectors/jdbc/jdbc_source.h"

#include "connect/include/source_connector.h"
#include "connectors/jdbc/jdbc_connector.h"
#include "connectors/jdbc/jdbc_settings.h"
#include "connectors/jdbc/jdbc_task.h"

static const struct source_connector_ops jdbc_source_ops = {
    .task_class = "io.confluent.connect.jdbc.source.JdbcSourceTask",
    .validate = jdbc_connector_validate,
    .start = jdbc_connector_start,
    .task_configs = jdbc_connector_task_configs,
    .monitor = jdbc_connector_monitor,
    .stop = jdbc_connector_stop,
    .task_create = jdbc_task_create,
    .task_poll = jdbc_task_poll,
    .task_destroy = jdbc_task_destroy,
};

const struct connect_plugin jdbc_source_plugin = {
    .type = CONNECT_PLUGIN_SOURCE,
    .class_name = "io.confluent.connect.jdbc.JdbcSourceConnector",
    .version = WEIR_VERSION,
    .keys = jdbc_settings_keys,
    .key_count = JDBC_SETTINGS_KEY_COUNT,
    .source = &jdbc_source_ops,
};
