#include "cli/record_regex.h"

#include <stdint.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "common/mem.h"

/* Backtracking for longer than this is an error, not a hang. */
#define RECORD_REGEX_MATCH_LIMIT 1000000

struct record_regex {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *limits;
};

enum err_code record_regex_compile(const char *text, struct record_regex **out_regex, struct err *e)
{
    int problem = 0;
    PCRE2_SIZE offset = 0;
    struct record_regex *r = mem_calloc(1, sizeof *r);
    if (r == NULL) {
        return err_nomem(e, "regular expression");
    }
    r->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
                            PCRE2_ANCHORED | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &problem, &offset,
                            NULL);
    if (r->code == NULL) {
        PCRE2_UCHAR reason[256] = "";
        (void)pcre2_get_error_message(problem, reason, sizeof reason);
        record_regex_destroy(r);
        return err_set(e, ERR_INVALID, "%s near index %zu of \"%s\"", (const char *)reason, offset,
                       text);
    }
    r->data = pcre2_match_data_create_from_pattern(r->code, NULL);
    r->limits = pcre2_match_context_create(NULL);
    if (r->data == NULL || r->limits == NULL) {
        record_regex_destroy(r);
        return err_nomem(e, "regular expression");
    }
    (void)pcre2_set_match_limit(r->limits, RECORD_REGEX_MATCH_LIMIT);
    *out_regex = r;
    return ERR_OK;
}

void record_regex_destroy(struct record_regex *r)
{
    if (r != NULL) {
        pcre2_code_free(r->code);
        pcre2_match_data_free(r->data);
        pcre2_match_context_free(r->limits);
        mem_free(r);
    }
}

/* How many bytes at the end are the beginning of a character whose rest is still to come: PCRE
 * would take them for bytes that are no UTF-8. */
static size_t record_regex_unfinished(struct bytes input)
{
    size_t back = 0;
    while (back < 3 && back < input.len && (input.data[input.len - 1 - back] & 0xc0) == 0x80) {
        back++;
    }
    if (back == input.len) {
        return 0;
    }
    uint8_t first = input.data[input.len - 1 - back];
    size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
    return length > back + 1 ? back + 1 : 0;
}

enum err_code record_regex_measure(const struct record_regex *r, struct bytes input, bool ended,
                                   size_t *out_len, bool *out_more, struct err *e)
{
    size_t len = input.len - (ended ? 0 : record_regex_unfinished(input));
    int n = len == 0 && !ended ? PCRE2_ERROR_PARTIAL
                               : pcre2_match(r->code, input.data, len, 0,
                                             ended ? 0 : PCRE2_PARTIAL_HARD, r->data, r->limits);
    *out_more = n == PCRE2_ERROR_PARTIAL;
    if (*out_more) {
        return ERR_OK;
    }
    if (n == PCRE2_ERROR_NOMATCH) {
        return err_set(e, ERR_PARSE, "the regular expression does not match \"%.*s\"",
                       (int)(input.len < 40 ? input.len : 40), (const char *)input.data);
    }
    if (n < 0) {
        PCRE2_UCHAR reason[256] = "";
        (void)pcre2_get_error_message(n, reason, sizeof reason);
        return err_set(e, ERR_PARSE, "regular expression: %s", (const char *)reason);
    }
    *out_len = pcre2_get_ovector_pointer(r->data)[1];
    /* Records of nothing would never end. */
    return *out_len > 0
               ? ERR_OK
               : err_set(e, ERR_PARSE, "the regular expression matches nothing at \"%.*s\"",
                         (int)(input.len < 40 ? input.len : 40), (const char *)input.data);
}
