/* Questions about text that come up everywhere and have one right answer. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Well-formed UTF-8: no over-long forms, no surrogates, nothing past U+10FFFF. */
bool text_is_utf8(const char *text, size_t len);
/* All of text is a decimal integer (optional sign) within int64. */
bool text_parse_int64(const char *text, int64_t *out_value);
/* Any case, ASCII. */
bool text_equals_nocase(const char *a, const char *b);
/* "host:port" as clients take it: an IPv6 address in brackets. Cut off when it does not fit. */
void text_write_address(char *out, size_t size, const char *host, unsigned port);
