#include "connect/runtime/java_properties.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/mem.h"

struct scanner {
    const char *at;
    const char *end;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\f';
}

static bool is_break(char c)
{
    return c == '\n' || c == '\r';
}

static void skip_spaces(struct scanner *s)
{
    while (s->at < s->end && is_space(*s->at)) {
        s->at++;
    }
}

static void skip_break(struct scanner *s)
{
    if (s->end - s->at >= 2 && s->at[0] == '\r' && s->at[1] == '\n') {
        s->at++;
    }
    s->at++;
}

/* White space and comments before a key. */
static void skip_to_key(struct scanner *s)
{
    for (;;) {
        while (s->at < s->end && (is_space(*s->at) || is_break(*s->at))) {
            s->at++;
        }
        if (s->at == s->end || (*s->at != '#' && *s->at != '!')) {
            return;
        }
        while (s->at < s->end && !is_break(*s->at)) {
            s->at++;
        }
    }
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static void append_utf8(unsigned code, struct buf *out)
{
    if (code < 0x80) {
        buf_append_char(out, (char)code);
    } else if (code < 0x800) {
        buf_append_char(out, (char)(0xc0 | code >> 6));
        buf_append_char(out, (char)(0x80 | (code & 0x3f)));
    } else {
        buf_append_char(out, (char)(0xe0 | code >> 12));
        buf_append_char(out, (char)(0x80 | (code >> 6 & 0x3f)));
        buf_append_char(out, (char)(0x80 | (code & 0x3f)));
    }
}

/* Behind a backslash. False for a malformed \u. */
static bool read_escape(struct scanner *s, struct buf *out)
{
    static const char letters[] = "tnrf";
    static const char meant[] = "\t\n\r\f";
    if (s->at == s->end) {
        return true;
    }
    if (is_break(*s->at)) { /* the line goes on behind the white space of the next */
        skip_break(s);
        skip_spaces(s);
        return true;
    }
    char c = *s->at++;
    if (c != 'u') {
        const char *letter = strchr(letters, c);
        buf_append_char(out, c != '\0' && letter != NULL ? meant[letter - letters] : c);
        return true;
    }
    unsigned code = 0;
    for (int i = 0; i < 4; i++) {
        int digit = s->at < s->end ? hex_digit(*s->at++) : -1;
        if (digit < 0) {
            return false;
        }
        code = code << 4 | (unsigned)digit;
    }
    if (code == 0 || (code >= 0xd800 && code < 0xe000)) {
        return false; /* no text of ours: half a character, or the end of a C string */
    }
    append_utf8(code, out);
    return true;
}

/* A key ends at the first separator that is not escaped, a value at the end of the line. */
static bool read_part(struct scanner *s, bool key, struct buf *out)
{
    while (s->at < s->end && !is_break(*s->at)) {
        if (key && (is_space(*s->at) || *s->at == '=' || *s->at == ':')) {
            return true;
        }
        if (*s->at == '\0') {
            return false;
        }
        if (*s->at != '\\') {
            buf_append_char(out, *s->at++);
            continue;
        }
        s->at++;
        if (!read_escape(s, out)) {
            return false;
        }
    }
    return true;
}

static enum err_code read_pair(struct scanner *s, struct buf *key, struct buf *value,
                               struct connect_config *out, struct err *e)
{
    buf_clear(key);
    buf_clear(value);
    bool good = read_part(s, true, key);
    skip_spaces(s);
    if (good && s->at < s->end && (*s->at == '=' || *s->at == ':')) {
        s->at++;
        skip_spaces(s);
    }
    good = good && read_part(s, false, value);
    const char *key_text = buf_text(key);
    const char *value_text = buf_text(value);
    if (!good || key_text == NULL || value_text == NULL) {
        return err_set(e, ERR_PARSE, "malformed escape or character behind \"%.60s\"",
                       key_text != NULL ? key_text : "");
    }
    return connect_config_set(out, key_text, value_text, e);
}

enum err_code java_properties_parse(struct bytes text, struct connect_config *out, struct err *e)
{
    struct scanner s = {(const char *)text.data, (const char *)text.data + text.len};
    struct buf key;
    struct buf value;
    enum err_code code = ERR_OK;
    buf_init(&key, JAVA_PROPERTIES_BYTES_MAX);
    buf_init(&value, JAVA_PROPERTIES_BYTES_MAX);
    for (skip_to_key(&s); code == ERR_OK && s.at < s.end; skip_to_key(&s)) {
        code = read_pair(&s, &key, &value, out, e);
    }
    buf_deinit(&key);
    buf_deinit(&value);
    return code;
}

enum err_code java_properties_read_file(const char *path, char **out_text, size_t *out_len,
                                        struct err *e)
{
    struct stat info;
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return err_errno(e, errno, "%s", path);
    }
    /* A pipe or a device would have us wait. */
    if (fstat(fileno(file), &info) != 0 || !S_ISREG(info.st_mode)) {
        (void)fclose(file);
        return err_set(e, ERR_INVALID, "%s: not a regular file", path);
    }
    char *text = mem_alloc(JAVA_PROPERTIES_BYTES_MAX + 1);
    if (text == NULL) {
        (void)fclose(file);
        return err_nomem(e, "read file");
    }
    size_t len = fread(text, 1, JAVA_PROPERTIES_BYTES_MAX + 1, file);
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    enum err_code code = ERR_OK;
    if (failed) {
        code = err_set(e, ERR_IO, "%s: cannot be read", path);
    } else if (len > JAVA_PROPERTIES_BYTES_MAX) {
        code = err_set(e, ERR_LIMIT, "%s: larger than %zu bytes", path, JAVA_PROPERTIES_BYTES_MAX);
    }
    if (code != ERR_OK) {
        mem_free(text);
        return code;
    }
    text[len] = '\0';
    *out_text = text;
    *out_len = len;
    return ERR_OK;
}
