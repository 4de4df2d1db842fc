/*
 * weir streams: stateful stream processing on Kafka topics, as a library. The model is that of
 * Kafka Streams: streams, tables, windows, state stores backed by changelog topics; node names,
 * internal topics and record formats are the same, so that tools and people find what they know.
 *
 *   A program   builds a topology (weir_builder_*, weir_stream_*), and either runs it on a cluster
 *               (weir_streams_create, _start, _close) or on records in memory with a virtual clock
 *               (weir_test_driver_*). The same source also loads into `weir start --streams-app`:
 *               export weir_streams_app_build (at the end of this file).
 *
 *   Errors      while building are remembered by the builder: every DSL call on a failed builder
 *               does nothing and returns NULL, NULL handles may be passed on, and
 *               weir_builder_build reports the first failure. Calls that can fail at run time
 *               return false and fill a struct weir_error.
 *
 *   Values      are immutable, and typed by the serde that read them. A `const struct weir_value *`
 *               of NULL is Kafka's null. Values given to a callback, and those that it makes
 * through its context, live until the callback's input record has been processed: keep numbers or
 * copies, never pointers.
 *
 *   Callbacks   run on the stream thread that owns the partition. The same `user` pointer is seen
 * by all threads: make what it points to immutable or guard it. A callback that reads what is not
 * there (a field of a null value, text from a number), or calls weir_fail, fails its record: the
 * thread stops without committing it, and says where and why.
 *
 * Handles of the DSL (weir_stream, weir_table, weir_grouped, weir_windowed, weir_serde,
 * weir_avro_schema) belong to their builder and, after weir_builder_build, to the topology.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_API __attribute__((visibility("default")))

struct weir_builder;
struct weir_topology;
struct weir_stream;
struct weir_table;
struct weir_grouped;
struct weir_windowed;
struct weir_serde;
struct weir_avro_schema;
struct weir_value;
struct weir_context;
struct weir_config;
struct weir_streams;
struct weir_test_driver;

#define WEIR_ERROR_TEXT_MAX 1024

/* What went wrong, for the reader. The caller owns it. NULL may be passed where only the result
 * matters. */
struct weir_error {
    char text[WEIR_ERROR_TEXT_MAX];
};

/* ---- Values ------------------------------------------------------------------------------- */

enum weir_kind {
    WEIR_KIND_NULL,
    WEIR_KIND_BOOL,
    WEIR_KIND_INT,
    WEIR_KIND_LONG,
    WEIR_KIND_FLOAT,
    WEIR_KIND_DOUBLE,
    WEIR_KIND_STRING,
    WEIR_KIND_BYTES,
    WEIR_KIND_RECORD, /* Avro record: fields by name and index */
    WEIR_KIND_ARRAY,
    WEIR_KIND_MAP,      /* Avro map or JSON object: entries by name and index */
    WEIR_KIND_WINDOWED, /* a key and its window: what a windowed aggregation is keyed by */
    WEIR_KIND_OBJECT    /* a pointer of the user's own serde */
};

/* Text as it stands in the record: not NUL-terminated. */
struct weir_text {
    const char *data;
    size_t len;
};

struct weir_bytes {
    const void *data;
    size_t len;
};

/* WEIR_KIND_NULL for NULL. */
WEIR_API enum weir_kind weir_kind(const struct weir_value *value);

/* Reading. Asking for what a value is not (NULL included) fails the context and returns zero or
 * empty text. int widens to long, and float and the integers to double. */
WEIR_API bool weir_as_bool(struct weir_context *ctx, const struct weir_value *value);
WEIR_API int64_t weir_as_long(struct weir_context *ctx, const struct weir_value *value);
WEIR_API double weir_as_double(struct weir_context *ctx, const struct weir_value *value);
WEIR_API struct weir_text weir_as_text(struct weir_context *ctx, const struct weir_value *value);
WEIR_API struct weir_bytes weir_as_bytes(struct weir_context *ctx, const struct weir_value *value);
WEIR_API void *weir_as_object(struct weir_context *ctx, const struct weir_value *value);
/* True when value is a string of exactly this text. Never fails. */
WEIR_API bool weir_text_equals(const struct weir_value *value, const char *text);

/* The field of a record, or the entry of a map: NULL when it is null. Fails the context when record
 * is NULL or has no fields, and when an Avro record has no field of that name; an entry that a map
 * lacks is NULL. */
WEIR_API const struct weir_value *weir_field(struct weir_context *ctx,
                                             const struct weir_value *record, const char *name);
/* By position: fields of a record, items of an array, entries of a map; fails past the end. */
WEIR_API const struct weir_value *weir_item(struct weir_context *ctx,
                                            const struct weir_value *value, size_t index);
/* Fields, items or entries; 0 for all else. */
WEIR_API size_t weir_item_count(const struct weir_value *value);
/* The name of a record's field or a map's entry; fails past the end. */
WEIR_API struct weir_text weir_item_name(struct weir_context *ctx, const struct weir_value *value,
                                         size_t index);

/* Windowed keys. */
WEIR_API const struct weir_value *weir_windowed_key(struct weir_context *ctx,
                                                    const struct weir_value *windowed);
/* First millisecond of the window, and the first one behind it. */
WEIR_API int64_t weir_window_start(struct weir_context *ctx, const struct weir_value *windowed);
WEIR_API int64_t weir_window_end(struct weir_context *ctx, const struct weir_value *windowed);

/* Making. All copy what they are given into the record's memory. NULL (and a failed context) when
 * that memory is used up. */
WEIR_API const struct weir_value *weir_make_bool(struct weir_context *ctx, bool v);
WEIR_API const struct weir_value *weir_make_int(struct weir_context *ctx, int32_t v);
WEIR_API const struct weir_value *weir_make_long(struct weir_context *ctx, int64_t v);
WEIR_API const struct weir_value *weir_make_double(struct weir_context *ctx, double v);
WEIR_API const struct weir_value *weir_make_string(struct weir_context *ctx, const char *text);
WEIR_API const struct weir_value *weir_make_text(struct weir_context *ctx, struct weir_text text);
WEIR_API const struct weir_value *weir_make_bytes(struct weir_context *ctx, struct weir_bytes b);
/* The pointer itself; what it points to must outlive the record. */
WEIR_API const struct weir_value *weir_make_object(struct weir_context *ctx, void *object);
/* A windowed key. */
WEIR_API const struct weir_value *weir_make_windowed(struct weir_context *ctx,
                                                     const struct weir_value *key, int64_t start_ms,
                                                     int64_t end_ms);
/* A record of a schema, all fields null until weir_set. weir_set takes NULL for null, and fails the
 * context for a name that the schema lacks; types are checked when the record is written. Only a
 * record that weir_make_record gave, and that has not been returned yet, may be changed. */
WEIR_API struct weir_value *weir_make_record(struct weir_context *ctx,
                                             const struct weir_avro_schema *schema);
WEIR_API void weir_set(struct weir_context *ctx, struct weir_value *record, const char *name,
                       const struct weir_value *value);
/* The value as text: Avro records as {"name": value, ...} with a space behind each colon and comma,
 * as Avro's generic records print; strings as they are. NULL gives NULL. */
WEIR_API const struct weir_value *weir_make_printed(struct weir_context *ctx,
                                                    const struct weir_value *value);

/* ---- Context of a callback ----------------------------------------------------------------- */

/* Timestamp of the record at hand, ms since 1970. */
WEIR_API int64_t weir_context_timestamp(const struct weir_context *ctx);
/* Where the input record came from. The topic is valid during the callback. */
WEIR_API const char *weir_context_topic(const struct weir_context *ctx);
WEIR_API int32_t weir_context_partition(const struct weir_context *ctx);
WEIR_API int64_t weir_context_offset(const struct weir_context *ctx);
/* Headers of the record at hand. index < weir_context_header_count. */
WEIR_API size_t weir_context_header_count(const struct weir_context *ctx);
WEIR_API const char *weir_context_header(const struct weir_context *ctx, size_t index,
                                         struct weir_bytes *out_value);
/* Fails the record: the thread stops with this text, nothing of the record is committed. */
WEIR_API void weir_fail(struct weir_context *ctx, const char *text);
/* True after weir_fail or a failed accessor; the first failure is kept. */
WEIR_API bool weir_failed(const struct weir_context *ctx);
/* In weir_flat_mapper_fn only: one more output value. */
WEIR_API void weir_emit(struct weir_context *ctx, const struct weir_value *value);

/* ---- Callback types ------------------------------------------------------------------------ */

struct weir_pair {
    const struct weir_value *key;
    const struct weir_value *value;
};

typedef bool (*weir_predicate_fn)(struct weir_context *ctx, const struct weir_value *key,
                                  const struct weir_value *value, void *user);
typedef struct weir_pair (*weir_mapper_fn)(struct weir_context *ctx, const struct weir_value *key,
                                           const struct weir_value *value, void *user);
/* mapValues, selectKey, groupBy: the new value, or the new key. */
typedef const struct weir_value *(*weir_value_mapper_fn)(struct weir_context *ctx,
                                                         const struct weir_value *key,
                                                         const struct weir_value *value,
                                                         void *user);
/* flatMapValues: calls weir_emit once for each output. */
typedef void (*weir_flat_mapper_fn)(struct weir_context *ctx, const struct weir_value *key,
                                    const struct weir_value *value, void *user);
typedef void (*weir_action_fn)(struct weir_context *ctx, const struct weir_value *key,
                               const struct weir_value *value, void *user);
/* A new aggregate: may be NULL. */
typedef const struct weir_value *(*weir_initializer_fn)(struct weir_context *ctx, void *user);
/* The next aggregate; NULL deletes it and emits a tombstone. */
typedef const struct weir_value *(*weir_aggregator_fn)(struct weir_context *ctx,
                                                       const struct weir_value *key,
                                                       const struct weir_value *value,
                                                       const struct weir_value *aggregate,
                                                       void *user);
/* Two values to one; the first value of a key is stored without a call. */
typedef const struct weir_value *(*weir_reducer_fn)(struct weir_context *ctx,
                                                    const struct weir_value *aggregate,
                                                    const struct weir_value *value, void *user);
/* right is NULL when the table has no such key (left join only). */
typedef const struct weir_value *(*weir_joiner_fn)(struct weir_context *ctx,
                                                   const struct weir_value *key,
                                                   const struct weir_value *left,
                                                   const struct weir_value *right, void *user);
/* The event time of a record, ms. partition_time_ms is the greatest of this partition so far, -1
 * before the first. A negative result drops the record and leaves the partition time as it was.
 * weir_context_timestamp is the time that the record carries. */
typedef int64_t (*weir_timestamp_fn)(struct weir_context *ctx, const struct weir_value *key,
                                     const struct weir_value *value, int64_t partition_time_ms,
                                     void *user);

/* ---- Serdes -------------------------------------------------------------------------------- */

/* Built-in, for every builder and thread. */
WEIR_API const struct weir_serde *weir_serde_string(void); /* UTF-8 text */
WEIR_API const struct weir_serde *weir_serde_long(void);   /* 8 bytes, big-endian */
WEIR_API const struct weir_serde *weir_serde_bytes(void);
WEIR_API const struct weir_serde *weir_serde_json(void); /* any JSON document */

/* Avro in the Confluent framing, schemas kept in the registry of schema.registry.url. Reading gives
 * a record of the writer's schema. Writing takes values of any record schema, registered under
 * <topic>-value (or -key) on first use. One such serde serves any number of topics. */
WEIR_API const struct weir_serde *weir_serde_avro(void);

/* A schema to make records with. The text is JSON as in an .avsc file. */
WEIR_API const struct weir_avro_schema *weir_avro_schema_parse(struct weir_builder *b,
                                                               const char *json);

/* A user's own. read returns a value (often weir_make_object) or fails the context, which the
 * deserialization handler then judges; write appends through weir_write. Neither is called for
 * null. */
struct weir_serde_functions {
    const struct weir_value *(*read)(struct weir_context *ctx, struct weir_bytes bytes, void *user);
    void (*write)(struct weir_context *ctx, const struct weir_value *value, void *user);
    void *user;
};
WEIR_API const struct weir_serde *weir_serde_custom(struct weir_builder *b,
                                                    const struct weir_serde_functions *functions);
/* In a serde's write only: appends to what is being written. */
WEIR_API void weir_write(struct weir_context *ctx, const void *data, size_t len);

/* ---- Options: designated initialisers; NULL or zero means the default ------------------------ */

/* What to do about the timestamp that a record carries, when it is negative. */
enum weir_timestamps {
    WEIR_TIMESTAMPS_DEFAULT,            /* default.timestamp.extractor of the config */
    WEIR_TIMESTAMPS_FAIL,               /* stop: FailOnInvalidTimestamp */
    WEIR_TIMESTAMPS_SKIP,               /* drop: LogAndSkipOnInvalidTimestamp */
    WEIR_TIMESTAMPS_USE_PARTITION_TIME, /* stop only when there is none yet */
    WEIR_TIMESTAMPS_WALL_CLOCK          /* ignore what the record carries */
};

/* Serdes that are NULL come from default.key.serde and default.value.serde of the config. */
struct weir_consumed {
    const struct weir_serde *key;
    const struct weir_serde *value;
    enum weir_timestamps timestamps;
    weir_timestamp_fn timestamp; /* if set, instead of timestamps */
    void *timestamp_user;
    const char *name; /* of the source node; of a table's node, its source is "<name>-source" */
};

/* Serdes that are NULL come from upstream, then from the config. */
struct weir_produced {
    const struct weir_serde *key;
    const struct weir_serde *value;
    const char *name;
};

/* A state store. */
struct weir_materialized {
    const char *name; /* NULL: generated, KSTREAM-AGGREGATE-STATE-STORE-0000000001 */
    const struct weir_serde *key;
    const struct weir_serde *value;
    bool caching_off;     /* every update is written, logged and emitted at once */
    bool logging_off;     /* no changelog topic: what is lost locally is lost */
    bool in_memory;       /* instead of RocksDB; always restored from the start of the changelog */
    int64_t retention_ms; /* windowed only; 0 = size + grace, which is also the minimum */
};

struct weir_grouping {
    const struct weir_serde *key;
    const struct weir_serde *value;
    /* Of the repartition topic, if there is one, which the group's aggregations then share; and of
     * weir_stream_group_by's node. */
    const char *name;
};

/* size_ms > 0, 0 < advance_ms <= size_ms, grace_ms >= 0. Windows are [start, start + size), aligned
 * to 1970 UTC. */
struct weir_windows {
    int64_t size_ms;
    int64_t advance_ms;
    int64_t grace_ms;
};
WEIR_API struct weir_windows weir_tumbling(int64_t size_ms, int64_t grace_ms);
WEIR_API struct weir_windows weir_hopping(int64_t size_ms, int64_t advance_ms, int64_t grace_ms);

/* ---- Building a topology ------------------------------------------------------------------- */

/* NULL when out of memory. */
WEIR_API struct weir_builder *weir_builder_create(void);
WEIR_API void weir_builder_destroy(struct weir_builder *b);
/* Remembers a failure of the program's own, for weir_builder_build to report. */
WEIR_API void weir_builder_fail(struct weir_builder *b, const char *text);
/* Checks the whole and takes it out of the builder, which may only be destroyed afterwards. NULL
 * with the reason when any DSL call failed. */
WEIR_API struct weir_topology *weir_builder_build(struct weir_builder *b, struct weir_error *error);
WEIR_API void weir_topology_destroy(struct weir_topology *t);
/* The text that Kafka Streams prints: sub-topologies, nodes, stores. Free with weir_free. */
WEIR_API char *weir_topology_describe(const struct weir_topology *t);
WEIR_API void weir_free(void *memory);

WEIR_API struct weir_stream *weir_builder_stream(struct weir_builder *b, const char *topic,
                                                 const struct weir_consumed *options);
WEIR_API struct weir_stream *weir_builder_stream_topics(struct weir_builder *b,
                                                        const char *const *topics, size_t count,
                                                        const struct weir_consumed *options);
/* Null keys are dropped, null values delete; the later offset wins, whatever its timestamp. */
WEIR_API struct weir_table *weir_builder_table(struct weir_builder *b, const char *topic,
                                               const struct weir_consumed *options,
                                               const struct weir_materialized *store);

/* Stateless operators. Predicates and mappers see null keys and values. */
WEIR_API struct weir_stream *weir_stream_filter(struct weir_stream *s, weir_predicate_fn fn,
                                                void *user);
WEIR_API struct weir_stream *weir_stream_filter_not(struct weir_stream *s, weir_predicate_fn fn,
                                                    void *user);
/* Changes the key: what needs records of one key together goes through a repartition topic next. */
WEIR_API struct weir_stream *weir_stream_map(struct weir_stream *s, weir_mapper_fn fn, void *user);
WEIR_API struct weir_stream *weir_stream_select_key(struct weir_stream *s, weir_value_mapper_fn fn,
                                                    void *user);
WEIR_API struct weir_stream *weir_stream_map_values(struct weir_stream *s, weir_value_mapper_fn fn,
                                                    void *user);
WEIR_API struct weir_stream *weir_stream_flat_map_values(struct weir_stream *s,
                                                         weir_flat_mapper_fn fn, void *user);
WEIR_API struct weir_stream *weir_stream_peek(struct weir_stream *s, weir_action_fn fn, void *user);
WEIR_API struct weir_stream *weir_stream_merge(struct weir_stream *s, struct weir_stream *other);
/* Writes to a topic; partition by murmur2 of the key bytes, as Kafka's own producer. */
WEIR_API void weir_stream_to(struct weir_stream *s, const char *topic,
                             const struct weir_produced *options);

/* Joins with the table's row of the same key at the time of processing; only stream records
 * trigger. Inner: null keys and values are dropped. Left: null values are dropped, and a null key
 * joins nothing. The output has the stream record's key and timestamp. */
WEIR_API struct weir_stream *weir_stream_join_table(struct weir_stream *s, struct weir_table *table,
                                                    weir_joiner_fn fn, void *user);
WEIR_API struct weir_stream *weir_stream_left_join_table(struct weir_stream *s,
                                                         struct weir_table *table,
                                                         weir_joiner_fn fn, void *user);

WEIR_API struct weir_grouped *weir_stream_group_by_key(struct weir_stream *s,
                                                       const struct weir_grouping *options);
WEIR_API struct weir_grouped *weir_stream_group_by(struct weir_stream *s, weir_value_mapper_fn key,
                                                   void *user, const struct weir_grouping *options);
WEIR_API struct weir_windowed *weir_grouped_windowed_by(struct weir_grouped *g,
                                                        struct weir_windows windows);

/* Aggregations. Null keys are dropped; null values are dropped by the unwindowed ones only. Each
 * update is emitted, or with caching the last one before a commit. The output's timestamp is the
 * greatest among the aggregate's records. Windows that have closed (end + grace <= the greatest
 * timestamp that this operator has seen) take no more records: those count as dropped. */
WEIR_API struct weir_table *weir_grouped_count(struct weir_grouped *g,
                                               const struct weir_materialized *store);
WEIR_API struct weir_table *weir_grouped_reduce(struct weir_grouped *g, weir_reducer_fn fn,
                                                void *user, const struct weir_materialized *store);
WEIR_API struct weir_table *weir_grouped_aggregate(struct weir_grouped *g, weir_initializer_fn init,
                                                   weir_aggregator_fn fn, void *user,
                                                   const struct weir_materialized *store);
/* The windowed ones are keyed by WEIR_KIND_WINDOWED. */
WEIR_API struct weir_table *weir_windowed_count(struct weir_windowed *w,
                                                const struct weir_materialized *store);
WEIR_API struct weir_table *weir_windowed_reduce(struct weir_windowed *w, weir_reducer_fn fn,
                                                 void *user, const struct weir_materialized *store);
WEIR_API struct weir_table *weir_windowed_aggregate(struct weir_windowed *w,
                                                    weir_initializer_fn init, weir_aggregator_fn fn,
                                                    void *user,
                                                    const struct weir_materialized *store);

WEIR_API struct weir_stream *weir_table_to_stream(struct weir_table *t);

/* ---- Configuration ------------------------------------------------------------------------- */

/* Keys and defaults are listed in docs/streams.md. Required: application.id, bootstrap.servers.
 * Client settings pass through with the prefixes consumer., main.consumer., restore.consumer.,
 * producer., admin. (librdkafka's names), and topic. for internal topics. */
WEIR_API struct weir_config *weir_config_create(void);
WEIR_API void weir_config_destroy(struct weir_config *c);
/* Refuses unknown keys and values out of range. The later setting wins. */
WEIR_API bool weir_config_set(struct weir_config *c, const char *key, const char *value,
                              struct weir_error *error);
/* NULL when neither set nor defaulted. Valid until the key is set again. */
WEIR_API const char *weir_config_get(const struct weir_config *c, const char *key);

/* ---- Running on a cluster ------------------------------------------------------------------ */

enum weir_state {
    WEIR_STATE_CREATED,
    WEIR_STATE_REBALANCING, /* waiting for the cluster, for topics, or restoring stores */
    WEIR_STATE_RUNNING,
    WEIR_STATE_PENDING_SHUTDOWN,
    WEIR_STATE_NOT_RUNNING,
    WEIR_STATE_ERROR /* a thread has stopped for good: weir_streams_error says why */
};

/* Copies the config; takes the topology on success. A broker or registry that is away is waited
 * for, at start and later: only what cannot heal by itself leads to WEIR_STATE_ERROR. */
WEIR_API struct weir_streams *weir_streams_create(struct weir_topology *t,
                                                  const struct weir_config *config,
                                                  struct weir_error *error);
WEIR_API bool weir_streams_start(struct weir_streams *s, struct weir_error *error);
/* Any thread. */
WEIR_API enum weir_state weir_streams_state(struct weir_streams *s);
/* "RUNNING"; static. */
WEIR_API const char *weir_state_name(enum weir_state state);
/* The first fatal failure; false when there is none. */
WEIR_API bool weir_streams_error(struct weir_streams *s, struct weir_error *out);
/* Sums over all threads: records processed, and records dropped (dropped-records-total). */
WEIR_API int64_t weir_streams_processed_total(struct weir_streams *s);
WEIR_API int64_t weir_streams_dropped_total(struct weir_streams *s);
/* Flushes, commits, closes the stores; waits for the threads. */
WEIR_API void weir_streams_close(struct weir_streams *s);
/* Closes if need be. */
WEIR_API void weir_streams_destroy(struct weir_streams *s);

/* ---- Test driver --------------------------------------------------------------------------- */

/* Runs a topology in this thread on records in memory, with one partition of each topic, stores in
 * memory and a clock that stands still. Each piped record is processed to the end, repartition
 * topics included. */
struct weir_test_driver_options {
    int64_t wall_clock_ms; /* where the clock starts */
    bool manual_commit;    /* commit only in weir_test_driver_commit, not after each record */
    const char *state_dir; /* if set: RocksDB stores below this directory */
};

/* A record in or out. Bytes are as on the wire; data of NULL is null. */
struct weir_test_record {
    const char *topic;
    struct weir_bytes key;
    struct weir_bytes value;
    int64_t timestamp_ms;
};

/* Takes the topology on success. config may lack bootstrap.servers. With schema.registry.url unset,
 * Avro schemas get ids from a registry in memory: 1, 2, ... in order of first use. */
WEIR_API struct weir_test_driver *
weir_test_driver_create(struct weir_topology *t, const struct weir_config *config,
                        const struct weir_test_driver_options *options, struct weir_error *error);
WEIR_API void weir_test_driver_destroy(struct weir_test_driver *d);
/* False when the record made the topology fail: what a stream thread would have stopped for. */
WEIR_API bool weir_test_driver_pipe(struct weir_test_driver *d,
                                    const struct weir_test_record *record,
                                    struct weir_error *error);
/* The next unread record of an output or changelog topic, in order; false when there is none. The
 * bytes are valid until the driver is destroyed. */
WEIR_API bool weir_test_driver_read(struct weir_test_driver *d, const char *topic,
                                    struct weir_test_record *out);
/* Flushes the caches, then commits and checkpoints, as a thread does at each commit interval. */
WEIR_API bool weir_test_driver_commit(struct weir_test_driver *d, struct weir_error *error);
/* Moves the wall clock: records that wait for other topics (max.task.idle.ms) may go on, and it
 * commits when commit.interval.ms has passed (not with manual_commit). */
WEIR_API bool weir_test_driver_advance(struct weir_test_driver *d, int64_t ms,
                                       struct weir_error *error);
WEIR_API int64_t weir_test_driver_dropped_total(const struct weir_test_driver *d);

enum weir_test_restart {
    WEIR_TEST_RESTART_CLEAN,      /* closed and opened again: local stores are kept */
    WEIR_TEST_RESTART_STATE_LOST, /* closed; stores restored from the changelogs */
    WEIR_TEST_RESTART_KILL        /* as after kill -9: no commit, stores restored */
};
/* Topics and committed partition times survive; operator times do not, as in the original. Records
 * since the last commit would be delivered again after a kill: pipe them again. */
WEIR_API bool weir_test_driver_restart(struct weir_test_driver *d, enum weir_test_restart kind,
                                       struct weir_error *error);
/* Bytes of the value of a key-value store (window_start_ms is ignored), or of a window. False when
 * there is none. The bytes are valid until the next call. */
WEIR_API bool weir_test_driver_store_get(struct weir_test_driver *d, const char *store,
                                         struct weir_bytes key, int64_t window_start_ms,
                                         struct weir_bytes *out_value, int64_t *out_timestamp_ms);
/* A value to bytes and back by a serde, as the topic's producer or consumer would. Bytes and value
 * are valid until the next pipe. ctx of the driver is for making and reading values in tests. */
WEIR_API struct weir_context *weir_test_driver_context(struct weir_test_driver *d);
WEIR_API bool weir_test_driver_write(struct weir_test_driver *d, const struct weir_serde *serde,
                                     const char *topic, const struct weir_value *value,
                                     struct weir_bytes *out_bytes, struct weir_error *error);
WEIR_API const struct weir_value *weir_test_driver_value(struct weir_test_driver *d,
                                                         const struct weir_serde *serde,
                                                         const char *topic, struct weir_bytes bytes,
                                                         struct weir_error *error);

/* ---- Applications -------------------------------------------------------------------------- */

/* What a program exports to be run by `weir start --streams-app PATH.so`, or linked with
 * weir_streams_main as a program of its own. Sets at least application.id; bootstrap.servers,
 * schema.registry.url and state.dir are set already. False fails the start; weir_builder_fail says
 * why. */
WEIR_API bool weir_streams_app_build(struct weir_builder *b, struct weir_config *config);
typedef bool (*weir_streams_app_build_fn)(struct weir_builder *b, struct weir_config *config);

/* main() of a stand-alone program: arguments are config settings, key=value, which win over those
 * of the application; "--describe" prints the topology instead. Runs until SIGINT or SIGTERM. */
WEIR_API int weir_streams_main(int argc, char **argv, weir_streams_app_build_fn build);

#ifdef __cplusplus
}
#endif
