#include "streams/runtime/internal_topics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/client_admin.h"
#include "common/check.h"
#include "common/mem.h"
#include "streams/runtime/streams_config.h"
#include "streams/task/task.h"

#define TOPICS_TIMEOUT_MS 10000
#define TOPICS_CONFIGS_MAX 64
/* A chain of repartition topics longer than this does not occur. */
#define TOPICS_ROUNDS_MAX 64

struct topics_plan {
    const struct weir_topology *t;
    const struct weir_config *config;
    struct client_admin *admin;
    const char *application_id;
    int *counts; /* partitions a sub-topology's tasks cover; 0: not known yet */
};

struct topics_settings {
    struct client_config_entry entries[TOPICS_CONFIGS_MAX];
    size_t count;
    char numbers[2][24];
};

/* Neither key nor value is owned: the entries only pass through. */
static void topics_set(struct topics_settings *s, const char *key, const char *value)
{
    char *k = (char *)(uintptr_t)key;
    char *v = (char *)(uintptr_t)value;
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->entries[i].key, key) == 0) {
            s->entries[i].value = v;
            return;
        }
    }
    if (s->count < TOPICS_CONFIGS_MAX) {
        s->entries[s->count++] = (struct client_config_entry){k, v};
    }
}

static void topics_override(void *ctx, const char *key, const char *value)
{
    topics_set(ctx, key, value);
}

static enum err_code topics_make(struct topics_plan *p, const char *name, int partitions,
                                 struct topics_settings *s, struct err *e)
{
    int existing = 0;
    enum err_code code =
        client_admin_count_partitions(p->admin, name, TOPICS_TIMEOUT_MS, &existing, e);
    if (code == ERR_NOT_FOUND) {
        topics_set(s, "message.timestamp.type", "CreateTime");
        streams_config_each(p->config, "topic.", topics_override, s);
        struct client_admin_topic topic = {
            .name = name,
            .partitions = partitions,
            .replication_factor = (int)streams_config_number(p->config, "replication.factor"),
            .configs = s->entries,
            .config_count = s->count};
        code = client_admin_create_topic(p->admin, &topic, TOPICS_TIMEOUT_MS, e);
        if (code == ERR_OK) {
            return ERR_OK;
        }
        if (code == ERR_EXISTS) { /* another instance was faster */
            code = client_admin_count_partitions(p->admin, name, TOPICS_TIMEOUT_MS, &existing, e);
            /* Its metadata may take a moment to get around. */
            code = code == ERR_NOT_FOUND ? ERR_UNAVAILABLE : code;
        }
    }
    if (code != ERR_OK) {
        return err_wrap(e, "internal topic %s", name);
    }
    if (existing != partitions) {
        return err_set(e, ERR_CONFLICT,
                       "internal topic %s has %d partitions, but the topology needs %d: delete it, "
                       "or use another application.id",
                       name, existing, partitions);
    }
    return ERR_OK;
}

static enum err_code topics_make_changelog(struct topics_plan *p, const struct topology_store *s,
                                           struct err *e)
{
    struct topics_settings settings = {0};
    char *name = task_internal_topic(p->application_id, s->name, "-changelog");
    if (name == NULL) {
        return err_nomem(e, "internal topic");
    }
    topics_set(&settings, "cleanup.policy", s->windowed ? "compact,delete" : "compact");
    if (s->windowed) {
        int64_t more =
            streams_config_number(p->config, "windowstore.changelog.additional.retention.ms");
        int64_t retention = 0;
        if (__builtin_add_overflow(s->retention_ms, more, &retention)) {
            retention = INT64_MAX;
        }
        (void)snprintf(settings.numbers[0], sizeof settings.numbers[0], "%" PRId64, retention);
        topics_set(&settings, "retention.ms", settings.numbers[0]);
    }
    enum err_code code = topics_make(p, name, p->counts[s->sub], &settings, e);
    mem_free(name);
    return code;
}

/* The sub-topology that writes a repartition topic. */
static int topics_writer(const struct weir_topology *t, const char *topic)
{
    for (const struct topology_node *n = t->first; n != NULL; n = n->next) {
        if (n->kind == TOPOLOGY_SINK && n->repartition && strcmp(n->topics[0], topic) == 0) {
            return n->sub;
        }
    }
    return -1;
}

/* External sources are asked for; repartition topics take over their writer's count, 0 = not known
 * yet. */
static enum err_code topics_count_source(struct topics_plan *p, const struct topology_node *n,
                                         size_t i, int *out_count, struct err *e)
{
    if (n->repartition) {
        int writer = topics_writer(p->t, n->topics[i]);
        CHECK(writer >= 0);
        *out_count = p->counts[writer];
        return ERR_OK;
    }
    enum err_code code =
        client_admin_count_partitions(p->admin, n->topics[i], TOPICS_TIMEOUT_MS, out_count, e);
    return code == ERR_OK ? ERR_OK : err_wrap(e, "source topic %s", n->topics[i]);
}

static enum err_code topics_count_round(struct topics_plan *p, bool *out_open, struct err *e)
{
    *out_open = false;
    for (const struct topology_node *n = p->t->first; n != NULL; n = n->next) {
        for (size_t i = 0; n->kind == TOPOLOGY_SOURCE && i < n->topic_count; i++) {
            int count = 0;
            enum err_code code = topics_count_source(p, n, i, &count, e);
            if (code != ERR_OK) {
                return code;
            }
            *out_open = *out_open || (n->repartition && count == 0);
            if (count > p->counts[n->sub]) {
                p->counts[n->sub] = count;
            }
        }
    }
    return ERR_OK;
}

static enum err_code topics_count(struct topics_plan *p, struct err *e)
{
    bool open = true;
    for (int round = 0; open; round++) {
        if (round == TOPICS_ROUNDS_MAX) {
            return err_set(e, ERR_INVALID, "repartition topics depend on each other in a circle");
        }
        enum err_code code = topics_count_round(p, &open, e);
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

/* Joined topics must have partitions in common. */
static enum err_code topics_check_join(struct topics_plan *p, const struct topology_node *join,
                                       struct err *e)
{
    for (const struct topology_node *n = p->t->first; n != NULL; n = n->next) {
        if (n->kind != TOPOLOGY_SOURCE || n->sub != join->sub || n->repartition) {
            continue;
        }
        int count = 0;
        enum err_code code =
            client_admin_count_partitions(p->admin, n->topics[0], TOPICS_TIMEOUT_MS, &count, e);
        if (code != ERR_OK) {
            return err_wrap(e, "source topic %s", n->topics[0]);
        }
        if (count != p->counts[join->sub]) {
            return err_set(e, ERR_CONFLICT,
                           "topic %s has %d partitions, but what it is joined with has %d: joins "
                           "need the same number",
                           n->topics[0], count, p->counts[join->sub]);
        }
    }
    return ERR_OK;
}

static enum err_code topics_make_all(struct topics_plan *p, struct err *e)
{
    for (const struct topology_node *n = p->t->first; n != NULL; n = n->next) {
        enum err_code code = ERR_OK;
        if (n->kind == TOPOLOGY_JOIN_TABLE) {
            code = topics_check_join(p, n, e);
        }
        if (n->kind == TOPOLOGY_SOURCE && n->repartition) {
            struct topics_settings settings = {0};
            char *name = task_internal_topic(p->application_id, n->topics[0], NULL);
            topics_set(&settings, "cleanup.policy", "delete");
            topics_set(&settings, "segment.bytes", "52428800");
            topics_set(&settings, "retention.ms", "-1");
            code = name != NULL ? topics_make(p, name, p->counts[n->sub], &settings, e)
                                : err_nomem(e, "internal topic");
            mem_free(name);
        }
        if (code != ERR_OK) {
            return code;
        }
    }
    for (const struct topology_store *s = p->t->stores; s != NULL; s = s->next) {
        enum err_code code = s->logging ? topics_make_changelog(p, s, e) : ERR_OK;
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

enum err_code internal_topics_prepare(const struct weir_topology *t,
                                      const struct weir_config *config, struct client_admin *admin,
                                      struct err *e)
{
    struct topics_plan p = {.t = t,
                            .config = config,
                            .admin = admin,
                            .application_id = weir_config_get(config, "application.id")};
    p.counts = mem_calloc((size_t)t->sub_count + 1, sizeof *p.counts);
    if (p.counts == NULL) {
        return err_nomem(e, "internal topics");
    }
    enum err_code code = topics_count(&p, e);
    if (code == ERR_OK) {
        code = topics_make_all(&p, e);
    }
    mem_free(p.counts);
    return code;
}
