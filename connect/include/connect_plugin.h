/*
 * What the worker knows of a plug-in: its class name as configs spell it, its version, its keys and
 * its functions. Plug-ins are static tables; the command that starts the worker hands it the list.
 * A class may also be named by its simple name, and by that without its suffix ("Connector",
 * "Converter"), as in the originals.
 */
#pragma once

#include <stddef.h>

#include "connect/include/connect_config.h"

struct source_connector_ops;
struct transform_ops;
struct predicate_ops;
struct converter_ops;

enum connect_plugin_type {
    CONNECT_PLUGIN_SINK,
    CONNECT_PLUGIN_SOURCE,
    CONNECT_PLUGIN_TRANSFORMATION,
    CONNECT_PLUGIN_PREDICATE,
    CONNECT_PLUGIN_CONVERTER,
    CONNECT_PLUGIN_HEADER_CONVERTER,
};

struct connect_plugin {
    enum connect_plugin_type type;
    const char *class_name; /* "io.confluent.connect.jdbc.JdbcSourceConnector" */
    const char *version;    /* NULL: unknown */
    const struct connect_config_key *keys;
    size_t key_count;
    const void *arg; /* the plug-in's own: which variant of a family this is */
    /* Exactly the one that fits the type is set; a converter that is a header converter, too, is
     * listed twice. */
    const struct source_connector_ops *source;
    const struct transform_ops *transform;
    const struct predicate_ops *predicate;
    const struct converter_ops *converter;
};
