#include "cli/topic_match.h"

#include "cli/command.h"
#include "cli/kafka.h"
#include "cli/name_match.h"
#include "common/check.h"
#include "common/mem.h"

static enum err_code topic_match_regex(const struct cli *cli, rd_kafka_t *rk, struct topic_match *m,
                                       struct err *e)
{
    struct name_match *match = NULL;
    enum err_code code = name_match_create(cli, &match, e);
    if (code == ERR_OK) {
        code = kafka_metadata(cli, rk, NULL, &m->metadata, e);
    }
    if (code == ERR_OK) {
        m->names = mem_calloc((size_t)m->metadata->topic_cnt + 1, sizeof *m->names);
        code = m->names != NULL ? ERR_OK : err_nomem(e, "topics");
    }
    for (int i = 0; code == ERR_OK && i < m->metadata->topic_cnt; i++) {
        const char *name = m->metadata->topics[i].topic;
        if (!kafka_topic_is_internal(name) && name_match_has(match, name)) {
            CHECK(m->names != NULL);
            m->names[m->count++] = name;
        }
    }
    name_match_destroy(match);
    return code;
}

enum err_code topic_match_find(const struct cli *cli, rd_kafka_t *rk, struct topic_match *out,
                               struct err *e)
{
    struct topic_match m = {.names = NULL};
    enum err_code code = ERR_OK;
    if (cli_flag_bool(cli, "regex")) {
        code = topic_match_regex(cli, rk, &m, e);
    } else {
        m.names = mem_calloc(cli_argument_count(cli) + 1, sizeof *m.names);
        code = m.names != NULL ? ERR_OK : err_nomem(e, "topics");
        for (; code == ERR_OK && m.count < cli_argument_count(cli); m.count++) {
            CHECK(m.names != NULL);
            m.names[m.count] = cli_argument(cli, m.count);
        }
    }
    if (code != ERR_OK) {
        topic_match_deinit(&m);
        return code;
    }
    *out = m;
    return ERR_OK;
}

void topic_match_deinit(struct topic_match *m)
{
    mem_free(m->names);
    if (m->metadata != NULL) {
        rd_kafka_metadata_destroy(m->metadata);
    }
    *m = (struct topic_match){.names = NULL};
}
