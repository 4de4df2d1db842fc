#include "connect/store/connector_state.h"

#include <strings.h>

#include "common/mem.h"

static void state_free(struct connector_state *s)
{
    connect_config_deinit(&s->config);
    connect_config_set_deinit(&s->tasks);
    mem_free(s->name);
    mem_free(s);
}

static enum err_code copy_parts(struct connector_state *s, const struct connector_state *from)
{
    s->config_version = from->config_version;
    s->tasks_version = from->tasks_version;
    s->target = from->target;
    s->consistent = from->consistent;
    enum err_code code = connect_config_merge(&s->config, &from->config, NULL);
    for (size_t i = 0; code == ERR_OK && i < from->tasks.count; i++) {
        struct connect_config *task = connect_config_set_add(&s->tasks);
        code = task != NULL ? connect_config_merge(task, &from->tasks.configs[i], NULL) : ERR_NOMEM;
    }
    return code;
}

struct connector_state *connector_state_create(const char *name, const struct connector_state *from)
{
    struct connector_state *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    s->ref_count = 1;
    s->consistent = true;
    s->name = mem_strdup(name);
    if (s->name == NULL || (from != NULL && copy_parts(s, from) != ERR_OK)) {
        state_free(s);
        return NULL;
    }
    return s;
}

/* Const for everyone but the count. */
static struct connector_state *as_mutable(const struct connector_state *s)
{
    return (struct connector_state *)(uintptr_t)s;
}

const struct connector_state *connector_state_ref(const struct connector_state *s)
{
    if (s != NULL) {
        as_mutable(s)->ref_count++;
    }
    return s;
}

void connector_state_unref(const struct connector_state *s)
{
    if (s != NULL && --as_mutable(s)->ref_count == 0) {
        state_free(as_mutable(s));
    }
}

const char *connector_state_target_word(enum connector_state_target target)
{
    static const char *const words[] = {"STARTED", "PAUSED", "STOPPED"};
    return words[target];
}

bool connector_state_target_parse(const char *text, enum connector_state_target *out_target)
{
    static const struct {
        const char *word;
        enum connector_state_target target;
    } words[] = {
        {"STARTED", CONNECTOR_STATE_STARTED},
        {"RUNNING", CONNECTOR_STATE_STARTED},
        {"PAUSED", CONNECTOR_STATE_PAUSED},
        {"STOPPED", CONNECTOR_STATE_STOPPED},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(words[i].word, text) == 0) {
            *out_target = words[i].target;
            return true;
        }
    }
    return false;
}

void connector_state_list_deinit(struct connector_state_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        connector_state_unref(list->items[i]);
    }
    mem_free(list->items);
    *list = (struct connector_state_list){0};
}
