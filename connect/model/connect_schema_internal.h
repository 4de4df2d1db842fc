/* Shared by the schema and its builder only. */
#pragma once

struct connect_schema;

/* Frees a schema whatever its count. NULL is fine. */
void connect_schema_free(struct connect_schema *schema);
