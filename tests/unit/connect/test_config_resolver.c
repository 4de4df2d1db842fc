/* References in configs, and the property files behind them. */
#include "connect/runtime/config_resolver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "connect/runtime/java_properties.h"
#include "tests/support/test.h"

static void reads_properties_as_java_does(void **state)
{
    (void)state;
    static const char text[] = "# comment\n! another\r\n\n  a=1\nb : two words \nc 3\nd\n"
                               "long=x\\\n   y\\\r\n z\ne\\=f\\:g\\ h=i\\tj\\u00e4\\\\\nurl=a=b:c\n"
                               "a=last\\\n";
    struct connect_config c;
    struct err e;
    connect_config_init(&c);
    assert_int_equal(java_properties_parse(bytes_of_text(text), &c, &e), ERR_OK);
    assert_int_equal(c.count, 7);
    assert_string_equal(connect_config_get(&c, "a"), "last");
    assert_string_equal(connect_config_get(&c, "b"), "two words ");
    assert_string_equal(connect_config_get(&c, "c"), "3");
    assert_string_equal(connect_config_get(&c, "d"), "");
    assert_string_equal(connect_config_get(&c, "long"), "xyz");
    assert_string_equal(connect_config_get(&c, "e=f:g h"), "i\tj\xc3\xa4\\");
    assert_string_equal(connect_config_get(&c, "url"), "a=b:c");
    assert_int_equal(java_properties_parse(bytes_of_text("k=\\u12"), &c, &e), ERR_PARSE);
    assert_int_equal(java_properties_parse(bytes_of("k=\0v", 4), &c, &e), ERR_PARSE);
    connect_config_deinit(&c);
}

struct fixture {
    char directory[64];
    char secrets[128];
    struct connect_config properties;
    struct connect_config config;
    struct config_resolver *resolver;
    struct err e;
};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){.directory = "/tmp/weir-resolver-XXXXXX"};
    assert_non_null(mkdtemp(f.directory));
    (void)snprintf(f.secrets, sizeof f.secrets, "%s/db.properties", f.directory);
    FILE *file = fopen(f.secrets, "we");
    assert_non_null(file);
    (void)fputs("user=root\npassword=s3cret\nempty=\n", file);
    assert_int_equal(fclose(file), 0);
    connect_config_init(&f.properties);
    connect_config_init(&f.config);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    config_resolver_destroy(f->resolver);
    connect_config_deinit(&f->properties);
    connect_config_deinit(&f->config);
    (void)unlink(f->secrets);
    (void)rmdir(f->directory);
    return 0;
}

static void open_resolver(struct fixture *f, const char *allowed)
{
    static const char prefix[] = "org.apache.kafka.common.config.provider.";
    const struct {
        const char *name;
        const char *class_name;
    } rows[] = {{"file", "FileConfigProvider"},
                {"dir", "DirectoryConfigProvider"},
                {"env", "EnvVarConfigProvider"}};
    (void)connect_config_set(&f->properties, "config.providers", "file, dir,env", NULL);
    for (size_t i = 0; i < 3; i++) {
        char key[64];
        char class_name[128];
        (void)snprintf(key, sizeof key, "config.providers.%s.class", rows[i].name);
        (void)snprintf(class_name, sizeof class_name, "%s%s", prefix, rows[i].class_name);
        (void)connect_config_set(&f->properties, key, class_name, NULL);
    }
    (void)connect_config_set(&f->properties, "config.providers.env.param.allowlist.pattern", "HO.E",
                             NULL);
    if (allowed != NULL) {
        (void)connect_config_set(&f->properties, "config.providers.file.param.allowed.paths",
                                 allowed, NULL);
        (void)connect_config_set(&f->properties, "config.providers.dir.param.allowed.paths",
                                 allowed, NULL);
    }
    assert_int_equal(config_resolver_create(&f->properties, &f->resolver, &f->e), ERR_OK);
}

static enum err_code resolve(struct fixture *f, const char *value, struct config_resolution *out)
{
    assert_int_equal(connect_config_set(&f->config, "k", value, &f->e), ERR_OK);
    return config_resolver_resolve(f->resolver, &f->config, out, &f->e);
}

static void expect(struct fixture *f, const char *value, const char *resolved)
{
    struct config_resolution r;
    assert_int_equal(resolve(f, value, &r), ERR_OK);
    assert_string_equal(connect_config_get(&r.config, "k"), resolved);
    config_resolution_deinit(&r);
}

static void puts_in_what_references_stand_for(void **state)
{
    struct fixture *f = *state;
    char value[512];
    open_resolver(f, NULL);
    (void)snprintf(value, sizeof value, "u=${file:%s:user}&p=${file:%s:password};${file:%s:empty}",
                   f->secrets, f->secrets, f->secrets);
    expect(f, value, "u=root&p=s3cret;");
    (void)snprintf(value, sizeof value, "${dir:%s:db.properties}", f->directory);
    expect(f, value, "user=root\npassword=s3cret\nempty=\n");
    expect(f, "${env:HOME}", getenv("HOME"));
    /* What nobody has, and what is no reference, stays as it is. */
    static const char *const kept[] = {
        "${env:PATH}", "${vault:a:b}", "${topic}-${timestamp}", "${", "${env:", "a$b{c}", "${:}"};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        expect(f, kept[i], kept[i]);
    }
    (void)snprintf(value, sizeof value, "${file:%s:nothing}", f->secrets);
    expect(f, value, value);
    (void)snprintf(value, sizeof value, "${dir:%s:../x}", f->directory);
    expect(f, value, value);
}

static void says_what_cannot_be_read(void **state)
{
    struct fixture *f = *state;
    struct config_resolution r;
    open_resolver(f, f->directory);
    assert_int_equal(resolve(f, "${file:/nowhere/x:key}", &r), ERR_INVALID);
    assert_string_equal(f->e.text, "configuration k: ${file:/nowhere/x:key}: Could not read "
                                   "properties from file: /nowhere/x: No such file or directory");
    config_resolution_deinit(&r);
    assert_int_equal(resolve(f, "${file:/etc/passwd:root}", &r), ERR_INVALID);
    assert_non_null(strstr(f->e.text, "The path /etc/passwd is not within "
                                      "config.providers.file.param.allowed.paths"));
    config_resolution_deinit(&r);
    char value[256];
    (void)snprintf(value, sizeof value, "${file:%s/../../etc/passwd:root}", f->directory);
    assert_int_equal(resolve(f, value, &r), ERR_INVALID);
    config_resolution_deinit(&r);
    (void)snprintf(value, sizeof value, "${file:%s:user}", f->secrets);
    expect(f, value, "root");
    assert_int_equal(resolve(f, "${env:a:b}", &r), ERR_INVALID);
    config_resolution_deinit(&r);
}

static void masks_and_restores(void **state)
{
    struct fixture *f = *state;
    struct config_resolution r;
    char value[256];
    char text[128] = "cannot log in with s3cret, not even with s3cret";
    char expected[512];
    char reference[200];
    open_resolver(f, NULL);
    (void)snprintf(reference, sizeof reference, "${file:%s:password}", f->secrets);
    (void)snprintf(value, sizeof value, "jdbc:x?password=%s", reference);
    assert_int_equal(resolve(f, value, &r), ERR_OK);
    config_resolution_mask(&r, text, sizeof text);
    (void)snprintf(expected, sizeof expected, "cannot log in with %s, not even with %s", reference,
                   reference);
    assert_memory_equal(text, expected, strlen(text));
    assert_null(strstr(text, "s3cret"));
    /* A task's config goes back to the topic with the reference. */
    (void)connect_config_set(&r.config, "tables", "t", NULL);
    assert_int_equal(config_resolver_restore(f->resolver, &f->config, &r.config, &f->e), ERR_OK);
    assert_string_equal(connect_config_get(&r.config, "k"), value);
    assert_string_equal(connect_config_get(&r.config, "tables"), "t");
    config_resolution_deinit(&r);
}

static void a_provider_that_is_unknown_is_refused(void **state)
{
    struct fixture *f = *state;
    (void)connect_config_set(&f->properties, "config.providers", "vault", NULL);
    assert_int_equal(config_resolver_create(&f->properties, &f->resolver, &f->e), ERR_INVALID);
    assert_non_null(strstr(f->e.text, "config.providers.vault.class is not set"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_properties_as_java_does),
        cmocka_unit_test_setup_teardown(puts_in_what_references_stand_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_what_cannot_be_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(masks_and_restores, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_provider_that_is_unknown_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
