#include "cli/name_match.h"

#include <string.h>

#include "cli/command.h"
#include "common/mem.h"
#include "common/pattern.h"

struct name_match {
    struct pattern **patterns;
    size_t count;
};

enum err_code name_match_create(const struct cli *cli, struct name_match **out_match, struct err *e)
{
    struct name_match *m = mem_calloc(1, sizeof *m);
    size_t count = cli_argument_count(cli);
    struct pattern **patterns = mem_calloc(count + 1, sizeof(struct pattern *));
    if (m == NULL || patterns == NULL) {
        mem_free(m);
        mem_free(patterns);
        return err_nomem(e, "regular expressions");
    }
    m->patterns = patterns;
    for (; m->count < count; m->count++) {
        const char *text = cli_argument(cli, m->count);
        if (pattern_compile(strcmp(text, "*") == 0 ? ".*" : text, &patterns[m->count], e) !=
            ERR_OK) {
            name_match_destroy(m);
            return err_wrap(e, "--regex \"%s\"", text);
        }
    }
    *out_match = m;
    return ERR_OK;
}

void name_match_destroy(struct name_match *m)
{
    if (m == NULL) {
        return;
    }
    for (size_t i = 0; i < m->count; i++) {
        pattern_destroy(m->patterns[i]);
    }
    mem_free(m->patterns);
    mem_free(m);
}

bool name_match_has(const struct name_match *m, const char *name)
{
    struct err e;
    bool has = false;
    for (size_t i = 0; i < m->count && !has; i++) {
        if (pattern_match(m->patterns[i], name, &has, &e) != ERR_OK) {
            has = false;
        }
    }
    return has;
}
