/* The plug-in tables of this folder, one or two a file. */
#pragma once

#include "connect/include/connect_plugin.h"

extern const struct connect_plugin set_schema_metadata_key_plugin;
extern const struct connect_plugin set_schema_metadata_value_plugin;
extern const struct connect_plugin value_to_key_plugin;
extern const struct connect_plugin extract_field_key_plugin;
extern const struct connect_plugin extract_field_value_plugin;
extern const struct connect_plugin mask_field_key_plugin;
extern const struct connect_plugin mask_field_value_plugin;
extern const struct connect_plugin insert_field_key_plugin;
extern const struct connect_plugin insert_field_value_plugin;
extern const struct connect_plugin replace_field_key_plugin;
extern const struct connect_plugin replace_field_value_plugin;
extern const struct connect_plugin regex_router_plugin;
extern const struct connect_plugin cast_field_key_plugin;
extern const struct connect_plugin cast_field_value_plugin;
extern const struct connect_plugin hoist_field_key_plugin;
extern const struct connect_plugin hoist_field_value_plugin;
extern const struct connect_plugin drop_headers_plugin;
extern const struct connect_plugin flatten_struct_key_plugin;
extern const struct connect_plugin flatten_struct_value_plugin;
extern const struct connect_plugin header_from_key_plugin;
extern const struct connect_plugin header_from_value_plugin;
extern const struct connect_plugin insert_header_plugin;
extern const struct connect_plugin timestamp_converter_key_plugin;
extern const struct connect_plugin timestamp_converter_value_plugin;
extern const struct connect_plugin timestamp_router_plugin;
extern const struct connect_plugin filter_record_plugin;
extern const struct connect_plugin predicates_topic_plugin;
extern const struct connect_plugin predicates_header_plugin;
extern const struct connect_plugin predicates_tombstone_plugin;
