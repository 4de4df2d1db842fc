#include "cli/record_format.h"

#include <stdlib.h>
#include <string.h>

#include "cli/record_regex.h"

#define RECORD_FORMAT_BYTES_MAX ((size_t)1 << 20)

/* What is parsed at the moment. */
struct record_parser {
    struct record_format *format;
    enum record_direction direction;
    const char *at;
    const char *end;
    struct buf literal;
    struct record_item **tail; /* where the next item is hung in */
    bool inside_headers;
    struct err *e;
};

static enum err_code record_parser_items(struct record_parser *p);

static const struct {
    char letter;
    enum record_verb verb;
    bool reads; /* may stand in a format that reads */
} record_verbs[] = {
    {'t', RECORD_VERB_TOPIC, true},        {'k', RECORD_VERB_KEY, true},
    {'v', RECORD_VERB_VALUE, true},        {'T', RECORD_VERB_TOPIC_SIZE, true},
    {'K', RECORD_VERB_KEY_SIZE, true},     {'V', RECORD_VERB_VALUE_SIZE, true},
    {'H', RECORD_VERB_HEADER_COUNT, true}, {'h', RECORD_VERB_HEADERS, true},
    {'p', RECORD_VERB_PARTITION, true},    {'o', RECORD_VERB_OFFSET, true},
    {'e', RECORD_VERB_LEADER_EPOCH, true}, {'d', RECORD_VERB_TIMESTAMP, true},
    {'x', RECORD_VERB_PRODUCER_ID, true},  {'y', RECORD_VERB_PRODUCER_EPOCH, true},
    {'i', RECORD_VERB_COUNTER, false},     {'[', RECORD_VERB_LOG_START, false},
    {'|', RECORD_VERB_LAST_STABLE, false}, {']', RECORD_VERB_HIGH_WATERMARK, false},
    {'a', RECORD_VERB_COMPRESSION, false}, /* the name in braces tells which attribute */
};
#define RECORD_VERB_COUNT (sizeof record_verbs / sizeof record_verbs[0])

struct record_modifier_name {
    const char *name;
    enum record_modifier modifier;
    bool writes;
    bool reads;
};

static const struct record_modifier_name record_number_modifiers[] = {
    {"ascii", RECORD_PLAIN, true, true},       {"number", RECORD_PLAIN, true, true},
    {"hex64", RECORD_HEX64, true, true},       {"hex32", RECORD_HEX32, true, true},
    {"hex16", RECORD_HEX16, true, true},       {"hex8", RECORD_HEX8, true, true},
    {"hex4", RECORD_HEX4, true, true},         {"hex", RECORD_HEX, true, false},
    {"big64", RECORD_BIG64, true, true},       {"big32", RECORD_BIG32, true, true},
    {"big16", RECORD_BIG16, true, true},       {"big8", RECORD_BYTE, true, true},
    {"byte", RECORD_BYTE, true, true},         {"little8", RECORD_BYTE, true, true},
    {"little64", RECORD_LITTLE64, true, true}, {"little32", RECORD_LITTLE32, true, true},
    {"little16", RECORD_LITTLE16, true, true}, {"bool", RECORD_BOOL, true, true},
    {NULL, RECORD_PLAIN, false, false},
};

static const struct record_modifier_name record_text_modifiers[] = {
    {"hex", RECORD_HEX, true, true},
    {"base64", RECORD_BASE64, true, true},
    {"base64raw", RECORD_BASE64_RAW, true, false},
    {"json", RECORD_JSON, false, true},
    {NULL, RECORD_PLAIN, false, false},
};

static const struct {
    const char *name;
    enum record_verb verb;
} record_attributes[] = {
    {"compression", RECORD_VERB_COMPRESSION},
    {"timestamp-type", RECORD_VERB_TIMESTAMP_TYPE},
    {"transactional-bit", RECORD_VERB_TRANSACTIONAL},
    {"control-bit", RECORD_VERB_CONTROL},
};
#define RECORD_ATTRIBUTE_COUNT (sizeof record_attributes / sizeof record_attributes[0])

static bool record_verb_is_text(enum record_verb verb)
{
    return verb == RECORD_VERB_TOPIC || verb == RECORD_VERB_KEY || verb == RECORD_VERB_VALUE;
}

static struct record_item *record_parser_add(struct record_parser *p, enum record_verb verb)
{
    struct record_item *item = arena_alloc(&p->format->arena, sizeof *item);
    if (item != NULL) {
        item->verb = verb;
        *p->tail = item;
        p->tail = &item->next;
        if (!p->inside_headers) {
            /* Which attribute %a asks for comes behind it. */
            uint32_t bit = verb != RECORD_VERB_COMPRESSION ? UINT32_C(1) << verb : 0;
            p->format->verbs |= bit;
        }
    }
    return item;
}

static enum err_code record_parser_flush_literal(struct record_parser *p)
{
    if (p->literal.len == 0) {
        return ERR_OK;
    }
    struct record_item *item = record_parser_add(p, RECORD_VERB_LITERAL);
    if (item == NULL) {
        return err_nomem(p->e, "record format");
    }
    item->text =
        bytes_of(arena_dup(&p->format->arena, p->literal.data, p->literal.len), p->literal.len);
    buf_clear(&p->literal);
    return arena_failed(&p->format->arena) ? err_nomem(p->e, "record format") : ERR_OK;
}

static int record_parser_hex_digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c | 0x20) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

/* Behind a backslash. */
static enum err_code record_parser_escape(struct record_parser *p)
{
    static const char from[] = "tnr\\";
    static const char to[] = "\t\n\r\\";
    char c = p->at < p->end ? *p->at : '\0';
    const char *found = c != '\0' ? strchr(from, c) : NULL;
    if (found != NULL) {
        buf_append_char(&p->literal, to[found - from]);
        p->at++;
        return ERR_OK;
    }
    if (c == 'x' && p->end - p->at >= 3) {
        int high = record_parser_hex_digit(p->at[1]);
        int low = record_parser_hex_digit(p->at[2]);
        if (high >= 0 && low >= 0) {
            buf_append_u8(&p->literal, (uint8_t)(high << 4 | low));
            p->at += 3;
            return ERR_OK;
        }
    }
    return err_set(p->e, ERR_INVALID,
                   "format: unknown escape \"\\%.*s\"; use \\t \\n \\r \\\\ or \\xNN",
                   (int)(p->end - p->at > 3 ? 3 : p->end - p->at), p->at);
}

static bool record_parser_skip(struct record_parser *p, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(p->end - p->at) < n || strncmp(p->at, word, n) != 0) {
        return false;
    }
    p->at += n;
    return true;
}

/* A layout in marks: a run of [ { or #, the layout, and the same run closing. */
static enum err_code record_parser_enclosed(struct record_parser *p, struct bytes *out)
{
    char mark = p->at < p->end ? *p->at : '\0';
    char closing = mark == '[' ? ']' : mark == '{' ? '}' : mark;
    if (mark != '[' && mark != '{' && mark != '#') {
        return err_set(p->e, ERR_INVALID, "format: a layout must stand in [ ], { } or # #");
    }
    size_t run = strspn(p->at, (const char[]){mark, '\0'});
    const char *start = p->at + run;
    for (const char *end = start; (size_t)(p->end - end) >= run; end++) {
        size_t n = 0;
        while (n < run && end[n] == closing) {
            n++;
        }
        if (n == run) {
            char *text = arena_strndup(&p->format->arena, start, (size_t)(end - start));
            *out = bytes_of(text, (size_t)(end - start));
            p->at = end + run;
            return text != NULL ? ERR_OK : err_nomem(p->e, "record format");
        }
    }
    return err_set(p->e, ERR_INVALID, "format: %zu closing %c missing in \"%s\"", run, closing,
                   p->at);
}

/* Closes the braces of a modifier. */
static enum err_code record_parser_close(struct record_parser *p)
{
    if (!record_parser_skip(p, "}")) {
        return err_set(p->e, ERR_INVALID, "format: } missing before \"%s\"", p->at);
    }
    return ERR_OK;
}

static enum err_code record_parser_find_modifier(struct record_parser *p,
                                                 const struct record_modifier_name *names,
                                                 struct record_item *item)
{
    size_t len = strcspn(p->at, "};");
    for (; names->name != NULL; names++) {
        bool allowed = p->direction == RECORD_WRITES ? names->writes : names->reads;
        if (allowed && strlen(names->name) == len && strncmp(names->name, p->at, len) == 0) {
            item->modifier = names->modifier;
            p->at += len;
            return record_parser_close(p);
        }
    }
    return err_set(p->e, ERR_INVALID, "format: {%.*s} is not known for this verb%s", (int)len,
                   p->at, p->direction == RECORD_READS ? " when reading" : "");
}

static enum err_code record_parser_text_modifier(struct record_parser *p, struct record_item *item)
{
    if (p->direction == RECORD_READS && record_parser_skip(p, "re")) {
        item->modifier = RECORD_REGEX;
        enum err_code code = record_parser_enclosed(p, &item->text);
        if (code == ERR_OK) {
            code = record_regex_compile((const char *)item->text.data, &item->regex, p->e);
        }
        return code == ERR_OK ? record_parser_close(p) : code;
    }
    if (p->direction == RECORD_WRITES && record_parser_skip(p, "unpack")) {
        item->modifier = RECORD_UNPACK;
        enum err_code code = record_parser_enclosed(p, &item->text);
        const char *bad = code == ERR_OK
                              ? (const char *)item->text.data +
                                    strspn((const char *)item->text.data, "x<>bBhHiIqQc.s$")
                              : "";
        if (*bad != '\0') {
            return err_set(p->e, ERR_INVALID, "format: unpack does not know '%c'", *bad);
        }
        return code == ERR_OK ? record_parser_close(p) : code;
    }
    return record_parser_find_modifier(p, record_text_modifiers, item);
}

static enum err_code record_parser_number_modifier(struct record_parser *p,
                                                   struct record_item *item)
{
    bool writes_time = p->direction == RECORD_WRITES && item->verb == RECORD_VERB_TIMESTAMP;
    if (writes_time && (record_parser_skip(p, "go") || strncmp(p->at, "strftime", 8) == 0)) {
        item->modifier = record_parser_skip(p, "strftime") ? RECORD_STRFTIME : RECORD_GO_TIME;
        enum err_code code = record_parser_enclosed(p, &item->text);
        return code == ERR_OK ? record_parser_close(p) : code;
    }
    char *end = NULL;
    if (p->direction == RECORD_READS && *p->at >= '0' && *p->at <= '9') {
        item->number = strtoll(p->at, &end, 10);
        item->modifier = RECORD_FIXED;
        if (item->number <= 0) {
            return err_set(p->e, ERR_INVALID, "format: a size must be above 0");
        }
        p->at = end;
        return record_parser_close(p);
    }
    return record_parser_find_modifier(p, record_number_modifiers, item);
}

/* %a{name} or %a{name;number-format}. */
static enum err_code record_parser_attribute(struct record_parser *p, struct record_item *item)
{
    size_t len = strcspn(p->at, ";}");
    for (size_t i = 0; i < RECORD_ATTRIBUTE_COUNT; i++) {
        if (strlen(record_attributes[i].name) != len ||
            strncmp(record_attributes[i].name, p->at, len) != 0) {
            continue;
        }
        item->verb = record_attributes[i].verb;
        p->format->verbs |= UINT32_C(1) << item->verb;
        p->at += len;
        if (!record_parser_skip(p, ";")) {
            return record_parser_close(p);
        }
        enum err_code code = record_parser_find_modifier(p, record_number_modifiers, item);
        item->modifier = item->modifier == RECORD_PLAIN ? RECORD_NUMBER : item->modifier;
        return code;
    }
    return err_set(p->e, ERR_INVALID,
                   "format: %%a{%.*s} is not known; use compression, timestamp-type, "
                   "transactional-bit or control-bit",
                   (int)len, p->at);
}

/* The } that closes what opened before p->at; NULL when there is none. */
static const char *record_parser_find_close(const struct record_parser *p)
{
    int depth = 1;
    for (const char *at = p->at; at < p->end; at++) {
        if ((*at == '%' || *at == '\\') && at + 1 < p->end) {
            at++;
        } else if (*at == '{') {
            depth++;
        } else if (*at == '}' && --depth == 0) {
            return at;
        }
    }
    return NULL;
}

/* The format of each header, parsed by itself. */
/* NOLINTNEXTLINE(misc-no-recursion): headers do not nest */
static enum err_code record_parser_headers(struct record_parser *p, struct record_item *item)
{
    bool counted = (p->format->verbs & UINT32_C(1) << RECORD_VERB_HEADER_COUNT) != 0;
    if (p->inside_headers) {
        return err_set(p->e, ERR_INVALID, "format: %%h inside of %%h");
    }
    if (p->direction == RECORD_READS && !counted) {
        return err_set(p->e, ERR_INVALID, "format: %%H (the header count) must come before %%h");
    }
    const char *close = record_parser_find_close(p);
    if (close == NULL) {
        return err_set(p->e, ERR_INVALID, "format: } missing behind %%h{");
    }
    const char *outer_end = p->end;
    struct record_item **outer_tail = p->tail;
    p->end = close;
    p->tail = &item->inner;
    p->inside_headers = true;
    enum err_code code = record_parser_items(p);
    p->inside_headers = false;
    p->tail = outer_tail;
    p->end = outer_end;
    p->at = close + 1;
    return code;
}

/* NOLINTNEXTLINE(misc-no-recursion): headers do not nest */
static enum err_code record_parser_modifier(struct record_parser *p, struct record_item *item)
{
    bool open = record_parser_skip(p, "{");
    if (item->verb == RECORD_VERB_HEADERS || item->verb == RECORD_VERB_COMPRESSION) {
        if (!open) {
            return err_set(p->e, ERR_INVALID, "format: %s needs braces behind it",
                           item->verb == RECORD_VERB_HEADERS ? "%h" : "%a");
        }
        return item->verb == RECORD_VERB_HEADERS ? record_parser_headers(p, item)
                                                 : record_parser_attribute(p, item);
    }
    if (!open) {
        return ERR_OK;
    }
    return record_verb_is_text(item->verb) ? record_parser_text_modifier(p, item)
                                           : record_parser_number_modifier(p, item);
}

static enum err_code record_parser_check_verb(const struct record_parser *p, size_t i)
{
    if (p->direction == RECORD_READS && !record_verbs[i].reads) {
        return err_set(p->e, ERR_INVALID, "format: %%%c cannot be read", record_verbs[i].letter);
    }
    if (p->inside_headers && strchr("kvKV", record_verbs[i].letter) == NULL) {
        return err_set(p->e, ERR_INVALID,
                       "format: %%%c inside of %%h; a header has %%k %%v %%K %%V",
                       record_verbs[i].letter);
    }
    return ERR_OK;
}

/* Behind a percent sign. */
/* NOLINTNEXTLINE(misc-no-recursion): headers do not nest */
static enum err_code record_parser_verb(struct record_parser *p)
{
    char c = p->at < p->end ? *p->at++ : '\0';
    if (c == '%' || c == '{' || c == '}') {
        buf_append_char(&p->literal, c);
        return ERR_OK;
    }
    for (size_t i = 0; i < RECORD_VERB_COUNT; i++) {
        if (record_verbs[i].letter != c) {
            continue;
        }
        enum err_code code = record_parser_flush_literal(p);
        code = code == ERR_OK ? record_parser_check_verb(p, i) : code;
        struct record_item *item =
            code == ERR_OK ? record_parser_add(p, record_verbs[i].verb) : NULL;
        if (item == NULL) {
            return code != ERR_OK ? code : err_nomem(p->e, "record format");
        }
        return record_parser_modifier(p, item);
    }
    return c == '\0' ? err_set(p->e, ERR_INVALID, "format: %% at the end; write %%%% for the sign")
                     : err_set(p->e, ERR_INVALID, "format: unknown verb %%%c", c);
}

/* NOLINTNEXTLINE(misc-no-recursion): headers do not nest */
static enum err_code record_parser_items(struct record_parser *p)
{
    enum err_code code = ERR_OK;
    while (code == ERR_OK && p->at < p->end) {
        char c = *p->at++;
        if (c == '\\') {
            code = record_parser_escape(p);
        } else if (c == '%') {
            code = record_parser_verb(p);
        } else {
            buf_append_char(&p->literal, c);
        }
    }
    return code == ERR_OK ? record_parser_flush_literal(p) : code;
}

/* Texts after their size verb are sized; a size verb after its text is an error. */
/* NOLINTNEXTLINE(misc-no-recursion): headers do not nest */
static enum err_code record_parser_mark_sized(struct record_item *items, struct err *e)
{
    static const char letters[] = {'t', 'k', 'v'};
    bool sized[3] = {false};
    bool seen[3] = {false};
    for (struct record_item *item = items; item != NULL; item = item->next) {
        if (record_verb_is_text(item->verb)) {
            int i = (int)item->verb - RECORD_VERB_TOPIC;
            item->sized = sized[i];
            seen[i] = true;
        } else if (item->verb >= RECORD_VERB_TOPIC_SIZE && item->verb <= RECORD_VERB_VALUE_SIZE) {
            int i = (int)item->verb - RECORD_VERB_TOPIC_SIZE;
            if (sized[i] || seen[i]) {
                return err_set(e, ERR_INVALID, "format: %%%c must stand once, before %%%c",
                               letters[i] - 0x20, letters[i]);
            }
            sized[i] = true;
        } else if (item->verb == RECORD_VERB_HEADERS) {
            enum err_code code = record_parser_mark_sized(item->inner, e);
            if (code != ERR_OK) {
                return code;
            }
        }
    }
    return ERR_OK;
}

/* A format of nothing but given sizes would find records without end in no input at all. */
static bool record_format_takes_input(const struct record_item *items)
{
    for (const struct record_item *item = items; item != NULL; item = item->next) {
        if (item->modifier != RECORD_FIXED && item->verb != RECORD_VERB_HEADERS) {
            return true;
        }
    }
    return false;
}

enum err_code record_format_init(struct record_format *f, const char *layout,
                                 enum record_direction direction, struct err *e)
{
    *f = (struct record_format){.items = NULL};
    arena_init(&f->arena, RECORD_FORMAT_BYTES_MAX);
    struct record_parser p = {.format = f,
                              .direction = direction,
                              .at = layout,
                              .end = layout + strlen(layout),
                              .tail = &f->items,
                              .e = e};
    buf_init(&p.literal, RECORD_FORMAT_BYTES_MAX);
    enum err_code code = record_parser_items(&p);
    if (code == ERR_OK && buf_failed(&p.literal)) {
        code = err_set(e, ERR_LIMIT, "format: too long");
    }
    buf_deinit(&p.literal);
    if (code == ERR_OK && f->items == NULL) {
        code = err_set(e, ERR_INVALID, "format: it is empty");
    }
    if (code == ERR_OK && direction == RECORD_READS && !record_format_takes_input(f->items)) {
        code = err_set(e, ERR_INVALID, "format: nothing in it reads input");
    }
    if (code == ERR_OK && direction == RECORD_READS) {
        code = record_parser_mark_sized(f->items, e);
    }
    if (code != ERR_OK) {
        record_format_deinit(f);
    }
    return code;
}

/* NOLINTNEXTLINE(misc-no-recursion): headers do not nest */
static void record_format_release(struct record_item *items)
{
    for (struct record_item *item = items; item != NULL; item = item->next) {
        record_regex_destroy(item->regex);
        record_format_release(item->inner);
    }
}

void record_format_deinit(struct record_format *f)
{
    record_format_release(f->items);
    arena_deinit(&f->arena);
    f->items = NULL;
}

bool record_format_uses(const struct record_format *f, enum record_verb verb)
{
    return (f->verbs & UINT32_C(1) << verb) != 0;
}
