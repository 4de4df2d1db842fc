#include "cli/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"

#define TABLE_COLUMNS_MAX 32
#define TABLE_BYTES_MAX ((size_t)256 << 20)
#define TABLE_CELL_MIN 6
#define TABLE_GAP 2

/* Cells lie in one buffer, each with its terminator; a row is the index of its first cell. */
struct table {
    struct buf text;
    struct buf rows; /* uint32 counts of cells, one a row */
    bool failed;
};

struct table *table_create(void)
{
    struct table *t = mem_calloc(1, sizeof *t);
    if (t != NULL) {
        buf_init(&t->text, TABLE_BYTES_MAX);
        buf_init(&t->rows, TABLE_BYTES_MAX);
    }
    return t;
}

void table_destroy(struct table *t)
{
    if (t != NULL) {
        buf_deinit(&t->text);
        buf_deinit(&t->rows);
        mem_free(t);
    }
}

void table_row(struct table *t)
{
    buf_append_u8(&t->rows, 0);
}

void table_cell(struct table *t, const char *fmt, ...)
{
    if (t->rows.len == 0 || t->rows.data[t->rows.len - 1] == TABLE_COLUMNS_MAX) {
        t->failed = true;
        return;
    }
    va_list args;
    va_start(args, fmt);
    buf_vprintf(&t->text, fmt, args);
    va_end(args);
    buf_append_u8(&t->text, 0);
    t->rows.data[t->rows.len - 1]++;
}

void table_texts(struct table *t, ...)
{
    table_row(t);
    va_list args;
    va_start(args, t);
    for (const char *text = va_arg(args, const char *); text != NULL;
         text = va_arg(args, const char *)) {
        table_cell(t, "%s", text);
    }
    va_end(args);
}

size_t table_row_count(const struct table *t)
{
    return t->rows.len;
}

/* Characters, not bytes: every byte but UTF-8 continuations counts. */
static size_t table_width(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++) {
        n += ((unsigned char)*text & 0xc0) != 0x80 ? 1 : 0;
    }
    return n;
}

static void table_measure(const struct table *t, size_t *widths)
{
    const char *cell = (const char *)t->text.data;
    for (size_t r = 0; r < t->rows.len; r++) {
        for (size_t c = 0; c < t->rows.data[r]; c++) {
            size_t width = table_width(cell) + TABLE_GAP;
            widths[c] = width > widths[c] ? width : widths[c];
            cell += strlen(cell) + 1;
        }
    }
}

bool table_print(const struct table *t)
{
    if (t->failed || buf_failed(&t->text) || buf_failed(&t->rows)) {
        (void)fputs("weir: table too large\n", stderr);
        return false;
    }
    size_t widths[TABLE_COLUMNS_MAX];
    for (size_t c = 0; c < TABLE_COLUMNS_MAX; c++) {
        widths[c] = TABLE_CELL_MIN;
    }
    table_measure(t, widths);
    const char *cell = (const char *)t->text.data;
    for (size_t r = 0; r < t->rows.len; r++) {
        size_t count = t->rows.data[r];
        for (size_t c = 0; c < count; c++) {
            size_t pad = c + 1 < count ? widths[c] - table_width(cell) : 0;
            (void)printf("%s%*s", cell, (int)pad, "");
            cell += strlen(cell) + 1;
        }
        (void)putchar('\n');
    }
    return ferror(stdout) == 0;
}

void table_print_title(const char *title)
{
    (void)puts(title);
    for (size_t i = table_width(title); i > 0; i--) {
        (void)putchar('=');
    }
    (void)putchar('\n');
}
