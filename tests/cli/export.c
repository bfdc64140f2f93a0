/* clgrad export: the bytes that NumPy and PyTorch read. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

#include "cli/command.h"

static void expect_array(zip_t *archive, const char *name, const char *shape, size_t count)
{
    unsigned char data[1024], *file;
    zip_file_t *member = zip_fopen(archive, name, 0);
    size_t size, head;

    cr_assert_not_null(member, "%s is not in the archive", name);
    size = (size_t)zip_fread(member, data, sizeof(data));
    zip_fclose(member);
    file = data;
    cr_assert_eq(memcmp(file, "\x93NUMPY\x01\0", 8), 0);
    head = 10 + file[8] + 256u * file[9];
    cr_expect_eq(head % 64, 0, "%s: values begin at %zu", name, head);
    cr_expect_eq(size, head + 4 * count, "%s has %zu bytes", name, size);
    cr_expect_eq(file[head - 1], '\n');
    file[head - 1] = '\0';
    cr_expect_not_null(strstr((char *)file + 10, shape), "%s: %s", name, (char *)file + 10);
    cr_expect_not_null(strstr((char *)file + 10, "'descr': '<f4', 'fortran_order': False"));
}

/* The values of "0.bias" are those of the run's own file. */
static void expect_values(zip_t *archive, const char *weights)
{
    unsigned char data[1024];
    zip_file_t *member = zip_fopen(archive, "0.bias.npy", 0);
    size_t size, length, i;
    char *file = file_read(weights, &length);

    cr_assert_not_null(member);
    size = (size_t)zip_fread(member, data, sizeof(data));
    zip_fclose(member);
    for (i = 0; i + 20 <= length && memcmp(file + i, data + size - 20, 20) != 0; i++)
        ;
    cr_expect(i + 20 <= length, "other values than in %s", weights);
    free(file);
}

TEST(export, writes_the_weights)
{
    struct tiny_run tiny;
    char *exported;
    zip_t *archive;

    tiny_setup(&tiny, 40);
    command_expect(0, NULL, "train '%s' --out '%s' --device cpu --quiet", tiny.recipe, tiny.run);
    command_expect(0, NULL, "export '%s' '%s/w.npz' --device cpu", tiny.run, tiny.folder);
    archive = zip_open(file_in(tiny.folder, "w.npz"), ZIP_RDONLY | ZIP_CHECKCONS, NULL);
    cr_assert_not_null(archive);
    cr_expect_eq(zip_get_num_entries(archive, 0), 4);
    expect_array(archive, "0.weight.npy", "'shape': (5, 8), }", 40);
    expect_array(archive, "0.bias.npy", "'shape': (5,), }", 5);
    expect_array(archive, "2.weight.npy", "'shape': (3, 5), }", 15);
    expect_array(archive, "2.bias.npy", "'shape': (3,), }", 3);
    expect_values(archive, file_in(tiny.run, "model.safetensors"));
    zip_discard(archive);
    command_expect(0, NULL, "export '%s' '%s/w.safetensors' --device cpu", tiny.run, tiny.folder);
    exported = file_read(file_in(tiny.folder, "w.safetensors"), NULL);
    cr_expect_not_null(strstr(exported + 8, "\"format\":\"pt\""));
    cr_expect_null(strstr(exported + 8, "optimizer."));
    free(exported);
    command_expect(2, "must end in .npz or .safetensors", "export '%s' w.bin", tiny.run);
    command_expect(1, "/no/w.npz", "export '%s' '%s/no/w.npz' --device cpu", tiny.run, tiny.folder);
    command_expect(1, "model.safetensors", "export '%s' w.npz --device cpu", tiny.folder);
    test_remove(tiny.folder);
}
