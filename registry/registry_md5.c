#include "registry/registry_md5.h"

#include <openssl/evp.h>

#include <stdio.h>

bool registry_md5_hex(const void *data, size_t len, char out_hex[REGISTRY_MD5_HEX_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (EVP_Digest(data, len, digest, &size, EVP_md5(), NULL) != 1 ||
        size * 2 + 1 != REGISTRY_MD5_HEX_SIZE) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        (void)snprintf(out_hex + i * 2, 3, "%02x", digest[i]);
    }
    return true;
}
