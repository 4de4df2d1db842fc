/* MD5, apart from the rest because OpenSSL's headers and common/err.h share a name. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define REGISTRY_MD5_HEX_SIZE 33

/* Lower-case hex with a terminator. False when OpenSSL refuses (out of memory). */
bool registry_md5_hex(const void *data, size_t len, char out_hex[REGISTRY_MD5_HEX_SIZE]);
