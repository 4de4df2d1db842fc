/*
 * Word count: every word of every line, counted.
 *
 *     lines -> words -> by word, through a repartition topic -> count -> word-counts
 */
#include <weir/streams.h>

#include <string.h>

static void to_words(struct weir_context *ctx, const struct weir_value *key,
                     const struct weir_value *line, void *user)
{
    (void)key;
    (void)user;
    struct weir_text text = weir_as_text(ctx, line);
    size_t at = 0;
    while (at < text.len) {
        const char *word = text.data + at;
        const char *space = memchr(word, ' ', text.len - at);
        size_t len = space != NULL ? (size_t)(space - word) : text.len - at;
        if (len > 0) {
            weir_emit(ctx, weir_make_text(ctx, (struct weir_text){word, len}));
        }
        at += len + 1;
    }
}

static const struct weir_value *the_word(struct weir_context *ctx, const struct weir_value *key,
                                         const struct weir_value *word, void *user)
{
    (void)ctx;
    (void)key;
    (void)user;
    return word;
}

bool weir_streams_app_build(struct weir_builder *b, struct weir_config *config)
{
    weir_config_set(config, "application.id", "wordcount", NULL);
    weir_config_set(config, "commit.interval.ms", "1000", NULL);
    weir_config_set(config, "default.key.serde", "string", NULL);
    weir_config_set(config, "default.value.serde", "string", NULL);

    struct weir_stream *lines = weir_builder_stream(b, "lines", NULL);
    struct weir_stream *words = weir_stream_flat_map_values(lines, to_words, NULL);
    struct weir_table *counts =
        weir_grouped_count(weir_stream_group_by(words, the_word, NULL, NULL),
                           &(struct weir_materialized){.name = "counts"});
    weir_stream_to(weir_table_to_stream(counts), "word-counts",
                   &(struct weir_produced){.value = weir_serde_long()});
    return true;
}
