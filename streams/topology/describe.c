/*
 * The text of a topology, as Kafka Streams prints it: tools parse it, people compare it.
 *
 * Nodes are sorted by falling size of what hangs below them, then by name. The original sorts the
 * neighbours of a node while it links the nodes up, in the order of a hash table: by the sizes that
 * were known then. Ours is the same to the byte (tests/interop/java/Topologies.java), but for nodes
 * with so many children that the shape of the original's tree shows: a dozen and more.
 */
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"
#include "streams/topology/java_hash.h"
#include "streams/topology/topology.h"

#define DESCRIBE_BYTES_MAX ((size_t)4 * 1024 * 1024)

struct describe_node {
    const struct topology_node *node;
    size_t size; /* of the subtree, counted along every path */
    const struct topology_node **children;
    const struct topology_node **parents;
    size_t child_count; /* linked so far */
    size_t parent_count;
};

struct describe {
    const struct weir_topology *topology;
    struct describe_node *nodes; /* by index of the topology */
    struct arena arena;
    struct buf out;
};

static int describe_compare(const struct describe_node *x, const struct describe_node *y)
{
    if (x->size != y->size) {
        return x->size > y->size ? -1 : 1;
    }
    return strcmp(x->node->name, y->node->name);
}

static int describe_compare_pointers(const void *a, const void *b)
{
    const struct describe_node *const *x = (const struct describe_node *const *)a;
    const struct describe_node *const *y = (const struct describe_node *const *)b;
    return describe_compare(*x, *y);
}

static void describe_insert(const struct describe *d, const struct topology_node **list,
                            size_t *count, const struct topology_node *node)
{
    size_t at = (*count)++;
    while (at > 0 && describe_compare(&d->nodes[node->index], &d->nodes[list[at - 1]->index]) < 0) {
        list[at] = list[at - 1];
        at--;
    }
    list[at] = node;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the topology, which has TOPOLOGY_NODES_MAX nodes */
static void describe_grow(const struct describe *d, struct describe_node *n, size_t delta)
{
    n->size += delta;
    for (size_t i = 0; i < n->parent_count; i++) {
        describe_grow(d, &d->nodes[n->parents[i]->index], delta);
    }
}

static void describe_link(const struct describe *d, struct describe_node *n)
{
    for (size_t i = 0; i < n->node->parents.count; i++) {
        struct describe_node *parent = &d->nodes[n->node->parents.items[i]->index];
        describe_insert(d, n->parents, &n->parent_count, parent->node);
        describe_insert(d, parent->children, &parent->child_count, n->node);
        describe_grow(d, parent, n->size);
    }
}

static void describe_links(struct describe *d, const char *arrow,
                           const struct topology_node *const *links, size_t count)
{
    buf_printf(&d->out, "      %s ", arrow);
    for (size_t i = 0; i < count; i++) {
        buf_printf(&d->out, "%s%s", i > 0 ? ", " : "", links[i]->name);
    }
    buf_append_text(&d->out, count == 0 ? "none\n" : "\n");
}

static void describe_source(struct describe *d, const struct topology_node *n)
{
    size_t *order = arena_alloc_array(&d->arena, n->topic_count, sizeof *order);
    if (order == NULL) {
        d->out.failed = true;
        return;
    }
    java_hash_order(n->topics, n->topic_count, true, order);
    buf_printf(&d->out, "    Source: %s (topics: [", n->name);
    for (size_t i = 0; i < n->topic_count; i++) {
        buf_printf(&d->out, "%s%s", i > 0 ? ", " : "", n->topics[order[i]]);
    }
    buf_append_text(&d->out, "])\n");
}

static void describe_node(struct describe *d, const struct describe_node *x)
{
    const struct topology_node *n = x->node;
    if (n->kind == TOPOLOGY_SOURCE) {
        describe_source(d, n);
    } else if (n->kind == TOPOLOGY_SINK) {
        buf_printf(&d->out, "    Sink: %s (topic: %s)\n", n->name, n->topics[0]);
    } else {
        buf_printf(&d->out, "    Processor: %s (stores: [%s])\n", n->name,
                   n->store != NULL ? n->store->name : "");
    }
    if (n->kind != TOPOLOGY_SINK) {
        describe_links(d, "-->", x->children, x->child_count);
    }
    if (n->kind != TOPOLOGY_SOURCE) {
        describe_links(d, "<--", x->parents, x->parent_count);
    }
}

static void describe_sub(struct describe *d, int sub)
{
    size_t max = d->topology->node_count + 1;
    struct describe_node **nodes =
        (struct describe_node **)arena_alloc_array(&d->arena, max, sizeof *nodes);
    const char **names = (const char **)arena_alloc_array(&d->arena, max, sizeof *names);
    size_t *order = arena_alloc_array(&d->arena, max, sizeof *order);
    if (nodes == NULL || names == NULL || order == NULL) {
        d->out.failed = true;
        return;
    }
    size_t count = 0;
    for (size_t i = 0; i < d->topology->node_count; i++) {
        const struct topology_node *n = d->nodes[i].node;
        if (n->sub == sub) {
            names[count] = n->name;
            nodes[count++] = &d->nodes[i];
        }
    }
    java_hash_order(names, count, false, order);
    for (size_t i = 0; i < count; i++) {
        describe_link(d, nodes[order[i]]);
    }
    qsort((void *)nodes, count, sizeof *nodes, describe_compare_pointers);
    /* The original puts one space behind "Topologies:" and two before each heading: the first
     * heading stands one further to the right. */
    buf_printf(&d->out, "%sSub-topology: %d\n", sub == 0 ? "   " : "  ", sub);
    for (size_t i = 0; i < count; i++) {
        describe_node(d, nodes[i]);
    }
    buf_append_char(&d->out, '\n');
}

/* Every node by itself. */
static bool describe_start(struct describe *d)
{
    d->nodes = arena_alloc_array(&d->arena, d->topology->node_count + 1, sizeof *d->nodes);
    for (const struct topology_node *n = d->topology->first; d->nodes != NULL && n != NULL;
         n = n->next) {
        const struct topology_node **children = (const struct topology_node **)arena_alloc_array(
            &d->arena, n->children.count + 1, sizeof *children);
        const struct topology_node **parents = (const struct topology_node **)arena_alloc_array(
            &d->arena, n->parents.count + 1, sizeof *parents);
        if (children == NULL || parents == NULL) {
            return false;
        }
        d->nodes[n->index] =
            (struct describe_node){.node = n, .size = 1, .children = children, .parents = parents};
    }
    return d->nodes != NULL;
}

char *weir_topology_describe(const struct weir_topology *t)
{
    struct describe d = {.topology = t};
    arena_init(&d.arena, TOPOLOGY_ARENA_BYTES_MAX);
    buf_init(&d.out, DESCRIBE_BYTES_MAX);
    if (describe_start(&d)) {
        buf_append_text(&d.out, "Topologies:\n");
        for (int sub = 0; sub < t->sub_count; sub++) {
            describe_sub(&d, sub);
        }
    } else {
        d.out.failed = true;
    }
    char *text = buf_take_text(&d.out);
    buf_deinit(&d.out);
    arena_deinit(&d.arena);
    return text;
}

void weir_free(void *memory)
{
    mem_free(memory);
}
