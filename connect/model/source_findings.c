#include "common/mem.h"
#include "connect/include/source_connector.h"

#define FINDINGS_MAX ((size_t)10000)

void source_findings_init(struct source_findings *f)
{
    *f = (struct source_findings){0};
}

static void free_findings(struct source_finding *findings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        mem_free(findings[i].key);
        mem_free(findings[i].text);
    }
    mem_free(findings);
}

void source_findings_deinit(struct source_findings *f)
{
    free_findings(f->errors, f->error_count);
    free_findings(f->recommendations, f->recommendation_count);
    *f = (struct source_findings){0};
}

static enum err_code add(struct source_finding **findings, size_t *count, const char *key,
                         const char *text, struct err *e)
{
    if (*count == FINDINGS_MAX) {
        return err_set(e, ERR_LIMIT, "more than %zu findings in one config", FINDINGS_MAX);
    }
    struct source_finding *bigger = mem_realloc(*findings, (*count + 1) * sizeof **findings);
    if (bigger == NULL) {
        return err_nomem(e, "validate config");
    }
    *findings = bigger;
    struct source_finding new_one = {.key = mem_strdup(key), .text = mem_strdup(text)};
    if (new_one.key == NULL || new_one.text == NULL) {
        mem_free(new_one.key);
        mem_free(new_one.text);
        return err_nomem(e, "validate config");
    }
    bigger[(*count)++] = new_one;
    return ERR_OK;
}

enum err_code source_findings_add_error(struct source_findings *f, const char *key,
                                        const char *text, struct err *e)
{
    return add(&f->errors, &f->error_count, key, text, e);
}

enum err_code source_findings_add_recommendation(struct source_findings *f, const char *key,
                                                 const char *value, struct err *e)
{
    return add(&f->recommendations, &f->recommendation_count, key, value, e);
}
