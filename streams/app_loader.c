#include "streams/app_loader.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "common/logger.h"
#include "common/mem.h"
#include "streams/include/weir/streams.h"
#include "streams/runtime/streams_config.h"
#include "streams/runtime/streams_internal.h"

#define LOADER_APPS_MAX 256

struct loaded_app {
    void *library;
    struct weir_streams *streams;
};

struct streams_runtime {
    struct loaded_app *apps;
    size_t count;
};

static enum err_code loader_configure(const struct streams_config *config, struct weir_config *c,
                                      struct err *e)
{
    const char *const settings[][2] = {{"bootstrap.servers", config->bootstrap_servers},
                                       {"schema.registry.url", config->registry_url},
                                       {"state.dir", config->state_dir}};
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (settings[i][1] == NULL) {
            continue;
        }
        enum err_code code = streams_config_set(c, settings[i][0], settings[i][1], e);
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

static enum err_code loader_build(weir_streams_app_build_fn build, struct weir_config *c,
                                  struct logger *lg, struct metrics *metrics,
                                  struct weir_streams **out_streams, struct err *e)
{
    struct weir_error error = {""};
    struct weir_builder *b = weir_builder_create();
    if (b == NULL) {
        return err_nomem(e, "streams application");
    }
    bool built = build(b, c);
    struct weir_topology *t = weir_builder_build(b, &error);
    weir_builder_destroy(b);
    if (!built || t == NULL) {
        weir_topology_destroy(t);
        return err_set(e, ERR_INVALID, "%s",
                       error.text[0] != '\0' ? error.text : "weir_streams_app_build said no");
    }
    enum err_code code = streams_create(t, c, lg, metrics, out_streams, e);
    if (code != ERR_OK) {
        weir_topology_destroy(t);
        return code;
    }
    if (!weir_streams_start(*out_streams, &error)) {
        weir_streams_destroy(*out_streams);
        *out_streams = NULL;
        return err_set(e, ERR_INTERNAL, "%s", error.text);
    }
    return ERR_OK;
}

static enum err_code loader_open(const struct streams_config *config, const char *path,
                                 struct logger *lg, struct metrics *metrics,
                                 struct loaded_app *out_app, struct err *e)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        return err_set(e, ERR_INVALID, "%s", dlerror());
    }
    weir_streams_app_build_fn build = NULL;
    void *symbol = dlsym(library, "weir_streams_app_build");
    memcpy(&build, &symbol, sizeof build); /* ISO C has no cast for this */
    struct weir_config *c = weir_config_create();
    enum err_code code = c != NULL ? loader_configure(config, c, e) : err_nomem(e, "settings");
    if (code == ERR_OK && build == NULL) {
        code = err_set(e, ERR_INVALID, "it does not export weir_streams_app_build");
    }
    if (code == ERR_OK && build != NULL) {
        code = loader_build(build, c, lg, metrics, &out_app->streams, e);
    }
    if (code == ERR_OK) {
        logger_info(lg, "streams.started", "app=%s path=%s", weir_config_get(c, "application.id"),
                    path);
        out_app->library = library;
    } else {
        (void)dlclose(library); /* nothing of it runs */
    }
    weir_config_destroy(c);
    return code;
}

enum err_code streams_runtime_start(const struct streams_config *config, struct logger *lg,
                                    struct metrics *metrics, struct streams_runtime **out_runtime,
                                    struct err *e)
{
    if (config->app_count > LOADER_APPS_MAX) {
        return err_set(e, ERR_LIMIT, "more than %d streams applications", LOADER_APPS_MAX);
    }
    struct streams_runtime *r = mem_calloc(1, sizeof *r);
    struct loaded_app *apps = mem_calloc(config->app_count + 1, sizeof *apps);
    if (r == NULL || apps == NULL) {
        mem_free(r);
        mem_free(apps);
        return err_nomem(e, "streams role");
    }
    r->apps = apps;
    for (size_t i = 0; i < config->app_count; i++) {
        enum err_code code = loader_open(config, config->apps[i], lg, metrics, &apps[i], e);
        if (code != ERR_OK) {
            streams_runtime_stop(r);
            return err_wrap(e, "streams application %s", config->apps[i]);
        }
        r->count++;
    }
    *out_runtime = r;
    return ERR_OK;
}

bool streams_runtime_ready(struct streams_runtime *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (weir_streams_state(r->apps[i].streams) != WEIR_STATE_RUNNING) {
            return false;
        }
    }
    return true;
}

void streams_runtime_stop(struct streams_runtime *r)
{
    if (r == NULL) {
        return;
    }
    for (size_t i = 0; i < r->count; i++) {
        weir_streams_destroy(r->apps[i].streams);
        (void)dlclose(r->apps[i].library); /* its threads are gone */
    }
    mem_free(r->apps);
    mem_free(r);
}
