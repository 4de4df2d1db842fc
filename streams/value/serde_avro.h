/* Avro in the Confluent framing: values are read into, and written from, struct weir_value. */
#pragma once

#include "streams/value/serde_registry.h"
#include "streams/value/stream_serde.h"

struct topology_schema;

/* The schemas that a topology's program makes records with; frees the chain. NULL is fine. */
void serde_avro_free_schemas(struct topology_schema *schemas);
