#include "common/pattern.h"

#include <stdint.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "common/mem.h"

#define PATTERN_MATCH_LIMIT 1000000
#define PATTERN_GROUP_NAME_MAX 64

struct pattern {
    pcre2_code *code;
};

enum err_code pattern_compile(const char *text, struct pattern **out_pattern, struct err *e)
{
    int code = 0;
    PCRE2_SIZE offset = 0;
    struct pattern *p = mem_calloc(1, sizeof *p);
    if (p == NULL) {
        return err_nomem(e, "pattern");
    }
    p->code =
        pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, PCRE2_UTF, &code, &offset, NULL);
    if (p->code == NULL) {
        PCRE2_UCHAR reason[256] = "";
        (void)pcre2_get_error_message(code, reason, sizeof reason);
        mem_free(p);
        return err_set(e, ERR_INVALID, "%s near index %zu of \"%s\"", (const char *)reason, offset,
                       text);
    }
    *out_pattern = p;
    return ERR_OK;
}

void pattern_destroy(struct pattern *p)
{
    if (p != NULL) {
        pcre2_code_free(p->code);
        mem_free(p);
    }
}

/* *out_data is NULL when there is no match. */
static enum err_code pattern_run(const struct pattern *p, const char *subject,
                                 pcre2_match_data **out_data, struct err *e)
{
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(p->code, NULL);
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    if (data == NULL || limits == NULL) {
        pcre2_match_data_free(data);
        pcre2_match_context_free(limits);
        return err_nomem(e, "pattern");
    }
    (void)pcre2_set_match_limit(limits, PATTERN_MATCH_LIMIT);
    int n = pcre2_match(p->code, (PCRE2_SPTR)subject, strlen(subject), 0,
                        PCRE2_ANCHORED | PCRE2_ENDANCHORED, data, limits);
    pcre2_match_context_free(limits);
    if (n > 0) {
        *out_data = data;
        return ERR_OK;
    }
    pcre2_match_data_free(data);
    if (n == PCRE2_ERROR_NOMATCH) {
        *out_data = NULL;
        return ERR_OK;
    }
    PCRE2_UCHAR reason[256] = "";
    (void)pcre2_get_error_message(n, reason, sizeof reason);
    return err_set(e, ERR_INVALID, "matching \"%s\": %s", subject, (const char *)reason);
}

enum err_code pattern_match(const struct pattern *p, const char *subject, bool *out_matches,
                            struct err *e)
{
    pcre2_match_data *data = NULL;
    enum err_code rc = pattern_run(p, subject, &data, e);
    if (rc == ERR_OK) {
        *out_matches = data != NULL;
        pcre2_match_data_free(data);
    }
    return rc;
}

static void pattern_append_group(const char *subject, pcre2_match_data *data, uint32_t group,
                                 struct buf *out)
{
    const PCRE2_SIZE *ovector = pcre2_get_ovector_pointer(data);
    PCRE2_SIZE from = ovector[(size_t)2 * group];
    PCRE2_SIZE to = ovector[(size_t)2 * group + 1];
    if (from != PCRE2_UNSET) {
        buf_append(out, subject + from, to - from);
    }
}

/* "$12" takes as many digits as make a group that exists, as Java does. Returns what was read. */
static size_t pattern_append_numbered(const char *at, const char *subject, pcre2_match_data *data,
                                      struct buf *out)
{
    uint32_t count = pcre2_get_ovector_count(data);
    uint32_t group = 0;
    size_t n = 0;
    while (at[n] >= '0' && at[n] <= '9') {
        uint32_t next = group * 10 + (uint32_t)(at[n] - '0');
        if (next >= count) {
            break;
        }
        group = next;
        n++;
    }
    if (n > 0) {
        pattern_append_group(subject, data, group, out);
    }
    return n;
}

/* "${name}", at points behind the brace. Returns what was read, brace included; 0: no such group.
 */
static size_t pattern_append_named(const struct pattern *p, const char *at, const char *subject,
                                   pcre2_match_data *data, struct buf *out)
{
    char name[PATTERN_GROUP_NAME_MAX];
    size_t len = strcspn(at, "}");
    if (at[len] != '}' || len >= sizeof name) {
        return 0;
    }
    memcpy(name, at, len);
    name[len] = '\0';
    int group = pcre2_substring_number_from_name(p->code, (PCRE2_SPTR)name);
    if (group < 0) {
        return 0;
    }
    pattern_append_group(subject, data, (uint32_t)group, out);
    return len + 1;
}

static enum err_code pattern_expand(const struct pattern *p, const char *subject,
                                    pcre2_match_data *data, const char *replacement,
                                    struct buf *out, struct err *e)
{
    for (const char *at = replacement; *at != '\0'; at++) {
        if (at[0] == '\\' && at[1] != '\0') {
            buf_append_char(out, at[1]);
            at++;
        } else if (at[0] == '$') {
            size_t n = at[1] == '{' ? pattern_append_named(p, at + 2, subject, data, out)
                                    : pattern_append_numbered(at + 1, subject, data, out);
            if (n == 0) {
                return err_set(e, ERR_INVALID, "\"%s\" names a group that is not there: %s",
                               replacement, at);
            }
            at += n + (at[1] == '{' ? 1 : 0);
        } else {
            buf_append_char(out, *at);
        }
    }
    return buf_check(out, "replacement", e);
}

enum err_code pattern_replace(const struct pattern *p, const char *subject, const char *replacement,
                              struct buf *out, bool *out_matches, struct err *e)
{
    pcre2_match_data *data = NULL;
    enum err_code rc = pattern_run(p, subject, &data, e);
    if (rc == ERR_OK && data != NULL) {
        rc = pattern_expand(p, subject, data, replacement, out, e);
    }
    if (rc == ERR_OK) {
        *out_matches = data != NULL;
    }
    pcre2_match_data_free(data);
    return rc;
}
