/* What a driver says through the context's notify function, on whatever thread it likes, waits here
 * until the library logs it on the caller's thread. Fixed size: nothing is allocated there. */
#include <stdatomic.h>
#include <string.h>

#include "device/opencl.h"

#define LETTERS    8
#define LETTER_MAX 256

struct clg_mailbox {
    atomic_flag busy;
    size_t count; /* letters that came; those over LETTERS are dropped */
    char letters[LETTERS][LETTER_MAX];
};

struct clg_mailbox *clg_mailbox_create(struct clg_ctx *ctx)
{
    struct clg_mailbox *mailbox = clg_new(ctx, 1, sizeof(*mailbox));

    if (mailbox)
        atomic_flag_clear(&mailbox->busy);
    return mailbox;
}

static void lock(struct clg_mailbox *mailbox)
{
    while (atomic_flag_test_and_set_explicit(&mailbox->busy, memory_order_acquire))
        ;
}

static void unlock(struct clg_mailbox *mailbox)
{
    atomic_flag_clear_explicit(&mailbox->busy, memory_order_release);
}

void CL_CALLBACK clg_mailbox_notify(const char *message, const void *data, size_t size, void *user)
{
    struct clg_mailbox *mailbox = user;
    size_t length;

    (void)data;
    (void)size;
    if (!message || !mailbox) /* Oclgrind 21.10 forgets the user's pointer */
        return;
    length = strlen(message);
    if (length > LETTER_MAX - 1)
        length = LETTER_MAX - 1;
    lock(mailbox);
    if (mailbox->count < LETTERS) {
        char *letter = mailbox->letters[mailbox->count];

        memcpy(letter, message, length);
        letter[length] = '\0';
    }
    mailbox->count++;
    unlock(mailbox);
}

void clg_mailbox_empty(struct clg_ctx *ctx, struct clg_mailbox *mailbox)
{
    char letters[LETTERS][LETTER_MAX];
    size_t count;

    lock(mailbox);
    count = mailbox->count;
    if (count > 0)
        memcpy(letters, mailbox->letters, sizeof(letters));
    mailbox->count = 0;
    unlock(mailbox);
    for (size_t i = 0; i < count && i < LETTERS; i++)
        clg_log_line(ctx, CLG_LOG_WARNING, "the driver says: %s", letters[i]);
    if (count > LETTERS)
        clg_log_line(ctx, CLG_LOG_WARNING, "the driver said %zu more", count - LETTERS);
}
