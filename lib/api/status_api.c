/* Statuses and messages for the host, and the library's version. None of these clears the thread's message. */
#include <string.h>

#include "base/status.h"

typedef struct entry {
    pt_status_t status;
    const char *name, *message;
} entry_t;

#define ENTRY(status, message)   \
    {                            \
        status, #status, message \
    }
static const entry_t entries[] = {
    ENTRY(PT_OK, "success"),
    ENTRY(PT_ERR_ARGUMENT, "an argument is NULL, out of range or contradicts another"),
    ENTRY(PT_ERR_MEMORY, "out of memory"),
    ENTRY(PT_ERR_IO, "a file could not be read or written"),
    ENTRY(PT_ERR_FORMAT, "the content of a file or text is not what its format allows"),
    ENTRY(PT_ERR_UNSUPPORTED, "this build, processor or version cannot do this"),
    ENTRY(PT_ERR_SHAPE, "shapes or dtypes do not fit together"),
    ENTRY(PT_ERR_NOT_FOUND, "there is nothing of that name"),
    ENTRY(PT_ERR_CALLBACK, "a callback of the host failed or did not report success"),
    ENTRY(PT_ERR_CANCELLED, "cancelled by the host"),
    ENTRY(PT_ERR_BUSY, "the handle is in use"),
    ENTRY(PT_ERR_VERSION, "a struct or file is of a newer version than this library"),
    ENTRY(PT_ERR_NONFINITE, "a number is not finite"),
    ENTRY(PT_ERR_BUDGET, "the budget of bytes cannot be met"),
    ENTRY(PT_END, "end of data"),
    ENTRY(PT_ERR_STATE, "the call does not fit the state of the handle"),
    ENTRY(PT_ERR_INTERNAL, "the library contradicts itself: please report it"),
    ENTRY(PT_ERR_DEVICE, "the device that computes failed"),
};

static const entry_t *find(pt_status_t status)
{
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++)
        if (entries[i].status == status)
            return &entries[i];
    return NULL;
}

const char *pt_status_name(pt_status_t status)
{
    const entry_t *entry = find(status);
    return entry != NULL ? entry->name : "PT_ERR_?";
}

const char *pt_status_message(pt_status_t status)
{
    const entry_t *entry = find(status);
    return entry != NULL ? entry->message : "unknown status";
}

const char *pt_last_error(void)
{
    return pt__error_message();
}

size_t pt_last_error_copy(char *buffer, size_t size)
{
    return pt__message_copy(pt__error_message(), buffer, size);
}

#define TEXT_OF(number) #number
#define TEXT(number)    TEXT_OF(number)

const char *pt_version(void)
{
    return TEXT(PT_VERSION_MAJOR) "." TEXT(PT_VERSION_MINOR) "." TEXT(PT_VERSION_PATCH);
}

int32_t pt_version_number(void)
{
    return PT_VERSION_MAJOR * 1000000 + PT_VERSION_MINOR * 1000 + PT_VERSION_PATCH;
}
