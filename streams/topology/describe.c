/* The text of a topology, as Kafka Streams prints it: tools parse it, people compare it. */
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"
#include "streams/topology/topology.h"

#define DESCRIBE_BYTES_MAX ((size_t)4 * 1024 * 1024)

struct describe_item {
    const struct topology_node *node;
    size_t size; /* of the subtree, counted along every path */
};

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the topology, which has TOPOLOGY_NODES_MAX nodes */
static size_t describe_size(const struct topology_node *n)
{
    size_t size = 1;
    for (size_t i = 0; i < n->children.count; i++) {
        size += describe_size(n->children.items[i]);
    }
    return size;
}

static int describe_compare(const void *a, const void *b)
{
    const struct describe_item *x = a;
    const struct describe_item *y = b;
    if (x->size != y->size) {
        return x->size > y->size ? -1 : 1;
    }
    return strcmp(x->node->name, y->node->name);
}

static void describe_links(struct buf *out, const char *arrow, const struct topology_list *links)
{
    buf_printf(out, "      %s ", arrow);
    struct describe_item *items = mem_calloc(links->count + 1, sizeof *items);
    if (items == NULL) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < links->count; i++) {
        items[i] = (struct describe_item){links->items[i], describe_size(links->items[i])};
    }
    qsort(items, links->count, sizeof *items, describe_compare);
    for (size_t i = 0; i < links->count; i++) {
        buf_printf(out, "%s%s", i > 0 ? ", " : "", items[i].node->name);
    }
    buf_append_text(out, links->count == 0 ? "none\n" : "\n");
    mem_free(items);
}

static void describe_node(struct buf *out, const struct topology_node *n)
{
    if (n->kind == TOPOLOGY_SOURCE) {
        buf_printf(out, "    Source: %s (topics: [", n->name);
        for (size_t i = 0; i < n->topic_count; i++) {
            buf_printf(out, "%s%s", i > 0 ? ", " : "", n->topics[i]);
        }
        buf_append_text(out, "])\n");
        describe_links(out, "-->", &n->children);
        return;
    }
    if (n->kind == TOPOLOGY_SINK) {
        buf_printf(out, "    Sink: %s (topic: %s)\n", n->name, n->topics[0]);
    } else {
        buf_printf(out, "    Processor: %s (stores: [%s])\n", n->name,
                   n->store != NULL ? n->store->name : "");
        describe_links(out, "-->", &n->children);
    }
    describe_links(out, "<--", &n->parents);
}

static void describe_sub(struct buf *out, const struct weir_topology *t, int sub,
                         struct describe_item *items)
{
    size_t count = 0;
    for (const struct topology_node *n = t->first; n != NULL; n = n->next) {
        if (n->sub == sub && n->merged_into == NULL) {
            items[count++] = (struct describe_item){n, describe_size(n)};
        }
    }
    qsort(items, count, sizeof *items, describe_compare);
    /* The original puts one space behind "Topologies:" and two before each heading: the first
     * heading stands one further to the right. */
    buf_printf(out, "%sSub-topology: %d\n", sub == 0 ? "   " : "  ", sub);
    for (size_t i = 0; i < count; i++) {
        describe_node(out, items[i].node);
    }
    buf_append_char(out, '\n');
}

char *weir_topology_describe(const struct weir_topology *t)
{
    struct describe_item *items = mem_calloc(t->node_count + 1, sizeof *items);
    if (items == NULL) {
        return NULL;
    }
    struct buf out;
    buf_init(&out, DESCRIBE_BYTES_MAX);
    buf_append_text(&out, "Topologies:\n");
    for (int sub = 0; sub < t->sub_count; sub++) {
        describe_sub(&out, t, sub, items);
    }
    mem_free(items);
    char *text = buf_take_text(&out);
    buf_deinit(&out);
    return text;
}

void weir_free(void *memory)
{
    mem_free(memory);
}
