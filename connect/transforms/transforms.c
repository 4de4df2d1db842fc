#include "connect/transforms/transforms.h"

#include <stddef.h>

#include "connect/transforms/transform_list.h"

const struct connect_plugin *const transforms_plugins[] = {
    &cast_field_key_plugin,
    &cast_field_value_plugin,
    &drop_headers_plugin,
    &extract_field_key_plugin,
    &extract_field_value_plugin,
    &filter_record_plugin,
    &flatten_struct_key_plugin,
    &flatten_struct_value_plugin,
    &header_from_key_plugin,
    &header_from_value_plugin,
    &hoist_field_key_plugin,
    &hoist_field_value_plugin,
    &insert_field_key_plugin,
    &insert_field_value_plugin,
    &insert_header_plugin,
    &mask_field_key_plugin,
    &mask_field_value_plugin,
    &regex_router_plugin,
    &replace_field_key_plugin,
    &replace_field_value_plugin,
    &set_schema_metadata_key_plugin,
    &set_schema_metadata_value_plugin,
    &timestamp_converter_key_plugin,
    &timestamp_converter_value_plugin,
    &timestamp_router_plugin,
    &value_to_key_plugin,
    &predicates_header_plugin,
    &predicates_tombstone_plugin,
    &predicates_topic_plugin,
    NULL,
};
