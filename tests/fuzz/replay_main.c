/*
 * Feeds every file of the given corpus folders once to LLVMFuzzerTestOneInput, so that builds
 * without libFuzzer still run what fuzzing has found. Options (leading '-') are libFuzzer's and are
 * ignored.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        perror(path);
        return 1;
    }
    static uint8_t data[1 << 20];
    size_t size = fread(data, 1, sizeof data, f);
    (void)fclose(f);
    /* An exact-size heap copy lets the address sanitizer see a read past the end. */
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL) {
        return 1;
    }
    for (size_t i = 0; i < size; i++) {
        copy[i] = data[i];
    }
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    return 0;
}

int main(int argc, char **argv)
{
    int failed = 0;
    size_t count = 0;
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-') {
            continue;
        }
        DIR *dir = opendir(argv[i]);
        if (dir == NULL) {
            perror(argv[i]);
            return 1;
        }
        for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
            if (entry->d_name[0] == '.') {
                continue;
            }
            char path[4096];
            (void)snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
            failed |= replay_file(path);
            count++;
        }
        (void)closedir(dir);
    }
    (void)fprintf(stderr, "%zu corpus files replayed\n", count);
    return count > 0 ? failed : 1;
}
