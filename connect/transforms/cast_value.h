/* One value cast to another primitive type, as the Cast transform does. Pure. */
#pragma once

#include "connect/include/connect_schema.h"

/* "int8" ... "string"; false for other words. */
bool cast_value_parse_type(const char *word, enum connect_type *out_type);
/* schema may be NULL. A null stays null. */
enum err_code cast_value_cast(const struct connect_value *v, const struct connect_schema *schema,
                              enum connect_type type, struct arena *a,
                              struct connect_value *out_value, struct err *e);
