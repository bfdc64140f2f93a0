/* clgrad graph: what is in the drawing, and that it is one. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"

static char *drawing(const char *arguments)
{
    char folder[256];
    struct command run;

    test_folder(folder);
    tiny_data(folder, 40);
    command_run(&run, "graph '%s' --device cpu %s", tiny_recipe(folder, ""), arguments);
    cr_assert(run.status == 0 && !run.err[0], "graph %s: exit status %d: %s", arguments, run.status,
              run.err);
    free(run.err);
    test_remove(folder);
    return run.out;
}

static size_t count_of(const char *text, const char *words)
{
    size_t count = 0;

    while ((text = strstr(text, words))) {
        count++;
        text += strlen(words);
    }
    return count;
}

/* The part of the drawing from a cluster's name to its closing brace. */
static char *cluster(const char *dot, const char *name)
{
    char words[64], *start, *part;
    size_t length;

    snprintf(words, sizeof(words), "subgraph cluster_%s {", name);
    start = strstr(dot, words);
    cr_assert_not_null(start, "no %s in: %s", words, dot);
    length = strcspn(start + strlen(words), "}") + strlen(words);
    part = calloc(length + 1, 1);
    cr_assert_not_null(part);
    memcpy(part, start, length);
    return part;
}

static void expect(const char *part, const char *words)
{
    cr_expect_not_null(strstr(part, words), "'%s' is not in: %s", words, part);
}

/* Both ends of every edge are boxes that are drawn. */
static void expect_edges(const char *dot)
{
    for (const char *at = dot; (at = strstr(at, " -> ")); at += 4) {
        const char *line = at, *ends[2] = {NULL, at + 4};

        while (line > dot && line[-1] != '\n')
            line--;
        if (strchr("bru", line[2]) == NULL || line[0] != ' ') /* within a label */
            continue;
        ends[0] = line + 2;
        for (int i = 0; i < 2; i++) {
            char box[32];

            snprintf(box, sizeof(box), " %.*s [", (int)strcspn(ends[i], " ;\n"), ends[i]);
            cr_expect_not_null(strstr(dot, box), "nothing drawn for%s of: %.40s", box, line);
        }
    }
}

TEST(graph, names_what_was_fused_and_groups_it)
{
    char *dot = drawing(""), *forward = cluster(dot, "forward"), *part = cluster(dot, "backward");
    char *update = cluster(dot, "update0");

    expect(forward, "matmul+bias+relu (a b^T)\\n0.weight (5, 8)\\n0.bias (5)\\n-> (16, 5)");
    expect(forward, "matmul+bias (a b^T)\\n2.weight (3, 5)\\n2.bias (3)\\n-> (16, 3)");
    expect(forward, "cross_entropy");
    cr_expect_eq(count_of(forward, "matmul"), 2, "%s", forward);
    expect(part, "matmul+relu_grad\\n2.weight (3, 5)\\n-> (16, 5)");
    expect(part, "(a^T b)\\n-> (5, 8) 1 KiB\\n-> (5) 1 KiB\\n= d 0.weight\\n= d 0.bias");
    expect(part, "= d 2.weight\\n= d 2.bias");
    cr_expect_eq(count_of(part, "matmul"), 3, "%s", part);
    expect(update, "sgd\\n4 parameters");
    cr_expect_eq(count_of(dot, "-> u0;"), 2, "%s", dot);
    expect_edges(dot);
    free(dot);
    free(forward);
    free(part);
    free(update);
}

TEST(graph, a_box_a_layer)
{
    char *dot = drawing("--by layer"), *forward = cluster(dot, "forward");
    char *part = cluster(dot, "backward");

    cr_expect_eq(count_of(forward, "fillcolor"), 4, "not input, 0, 2, loss: %s", forward);
    expect(forward, "label=\"0\\nmatmul+bias+relu (a b^T)\\n-> (16, 5) 1 KiB\"");
    expect(forward, "label=\"loss\\n");
    cr_expect_eq(count_of(part, "fillcolor"), 2, "not 2, 0: %s", part);
    expect_edges(dot);
    free(dot);
    free(forward);
    free(part);
}

TEST(graph, the_same_again)
{
    static const char *const ways[] = {"", "--by launch", "--by=launch"};
    char *first = drawing(ways[0]);

    for (int i = 0; i < 3; i++) {
        char *again = drawing(ways[i]);

        cr_expect_str_eq(first, again, "graph %s differs", ways[i]);
        free(again);
    }
    free(first);
    command_expect(2, "--by is 'op', but must be launch or layer", "graph x --by op");
}
