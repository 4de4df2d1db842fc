/*
 * Time zones by name, from the system's zone files (TZif): the wall clock of db.timezone, for
 * timestamps that name no zone. Immutable once open.
 */
#pragma once

#include <stdint.h>

#include "common/err.h"

struct jdbc_zone;

/* "UTC", "Europe/Berlin", "+02:00", "GMT+2", "UTC+2". ERR_NOT_FOUND names the zone. */
enum err_code jdbc_zone_open(const char *name, struct jdbc_zone **out_zone, struct err *e);
void jdbc_zone_close(struct jdbc_zone *zone);

/* Microseconds since 1970: UTC to the wall clock and back. In the hour that a change of clocks
 * repeats the earlier reading wins, as in java.util.Calendar; in the one that it skips the clock is
 * moved on. */
int64_t jdbc_zone_to_wall(const struct jdbc_zone *zone, int64_t utc_us);
int64_t jdbc_zone_to_utc(const struct jdbc_zone *zone, int64_t wall_us);
