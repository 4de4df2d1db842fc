/* What the two halves of bench_streams share: the application, and the purchases that go in. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct serde_registry;
struct weir_builder;
struct weir_config;

#define BENCH_CARD_TEXT 24

/* examples/fraud/count.c */
bool bench_build(struct weir_builder *b, struct weir_config *config);
/* "4023-8871-0000012345": one of so many cards. */
void bench_card(uint64_t *random, int64_t cards, char out[BENCH_CARD_TEXT]);
/* The Purchase of the example, as the connector writes it; ten to a millisecond of event time. */
void bench_purchase(struct buf *out, int32_t schema_id, int64_t id, const char *card);
/* Registers the schema of purchases under the subject of their topic; ends the program when it
 * cannot. */
int32_t bench_schema(struct weir_builder *b, struct serde_registry *registry);
/* Prints what the engine does per second, without a cluster; the exit status. */
int bench_engine(int64_t records, int64_t cards, size_t cache_bytes);
