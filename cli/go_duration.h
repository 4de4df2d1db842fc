/* "1h30m", "1.5s", "250ms": a duration as Go writes it, without a sign; also "d" for days. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* False when text is none. Fractions of a millisecond are cut. */
bool go_duration_parse(const char *text, int64_t *out_ms);
