/* See zip.h, and APPNOTE.TXT of PKWARE:
 *
 *   [local header, name, extra, data] ... | directory: [entry, name, extra, comment] ... | zip64 end, its locator | end
 *
 * The end is found from behind, since a comment may follow it. What the directory says counts; of a local header only
 * the lengths of its name and extra fields are taken, behind which the data stand. */
#include "formats/zip.h"

#include <string.h>

#include "base/sort.h"

enum {
    END_SIZE = 22,
    LONGEST_COMMENT = 65535,
    LOCATOR_SIZE = 20,
    END64_SIZE = 56,
    ENTRY_SIZE = 46,
    LOCAL_SIZE = 30,
    EXTRA_ZIP64 = 1,
    FLAG_ENCRYPTED = 1
};

static const uint32_t absent32 = 0xFFFFFFFFu; /* the zip64 field has it */

static uint64_t number_at(const uint8_t *at, int32_t size)
{
    uint64_t value = 0;
    for (int32_t i = 0; i < size; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

int32_t pt__zip_is(const uint8_t *bytes, int64_t size)
{
    return size >= END_SIZE && (memcmp(bytes, "PK\3\4", 4) == 0 || memcmp(bytes, "PK\5\6", 4) == 0);
}

typedef struct directory {
    uint64_t at, size, count;
} directory_t;

/* Where there are more or larger files than the old fields hold. */
static pt_status_t find_end64(const uint8_t *bytes, int64_t end, directory_t *directory)
{
    const int64_t locator = end - LOCATOR_SIZE;
    if (locator < END64_SIZE || memcmp(bytes + locator, "PK\6\7", 4) != 0)
        return PT_OK;
    const uint64_t at = number_at(bytes + locator + 8, 8);
    if (at > (uint64_t)(locator - END64_SIZE) || memcmp(bytes + at, "PK\6\6", 4) != 0)
        return pt__fail(PT_ERR_FORMAT, "the zip64 end of the directory is not at byte %llu, where its locator says",
                        (unsigned long long)at);
    directory->count = number_at(bytes + at + 32, 8);
    directory->size = number_at(bytes + at + 40, 8);
    directory->at = number_at(bytes + at + 48, 8);
    return PT_OK;
}

static pt_status_t find_directory(const uint8_t *bytes, int64_t size, directory_t *directory)
{
    const int64_t lowest = size - END_SIZE > LONGEST_COMMENT ? size - END_SIZE - LONGEST_COMMENT : 0;
    int64_t end = size - END_SIZE;
    while (end >= lowest && memcmp(bytes + end, "PK\5\6", 4) != 0)
        end--;
    if (end < lowest)
        return pt__fail(PT_ERR_FORMAT, "the zip archive has no end of its directory: the file is cut short");
    directory->count = number_at(bytes + end + 10, 2);
    directory->size = number_at(bytes + end + 12, 4);
    directory->at = number_at(bytes + end + 16, 4);
    PT__TRY(find_end64(bytes, end, directory));
    if (directory->at > (uint64_t)end || directory->size > (uint64_t)end - directory->at)
        return pt__fail(PT_ERR_FORMAT, "the directory of the zip archive is at byte %llu, %llu bytes, and ends at %lld",
                        (unsigned long long)directory->at, (unsigned long long)directory->size, (long long)end);
    if (directory->count > directory->size / ENTRY_SIZE)
        return pt__fail(PT_ERR_FORMAT, "the directory of the zip archive has %llu bytes, too few for %llu files",
                        (unsigned long long)directory->size, (unsigned long long)directory->count);
    return PT_OK;
}

/* What an entry of the directory says. */
typedef struct entry {
    const uint8_t *name, *extra;
    int64_t name_length, extra_length;
    uint64_t size, stored, local;
} entry_t;

/* The fields that are absent from the entry, in this order. */
static pt_status_t read_zip64(entry_t *entry)
{
    uint64_t *const fields[] = {&entry->size, &entry->stored, &entry->local};
    const uint8_t *at = entry->extra, *end = at + entry->extra_length, *field = NULL, *field_end = NULL;
    while (end - at >= 4 && field == NULL) {
        const uint64_t id = number_at(at, 2), length = number_at(at + 2, 2);
        if (length > (uint64_t)(end - at - 4))
            break;
        if (id == EXTRA_ZIP64) {
            field = at + 4;
            field_end = field + length;
        }
        at += 4 + length;
    }
    for (int i = 0; i < 3; i++) {
        if (*fields[i] != absent32)
            continue;
        if (field == NULL || field_end - field < 8)
            return pt__fail(PT_ERR_FORMAT, "\"%.*s\" in the zip archive lacks the zip64 field that its entry needs",
                            (int)(entry->name_length < 80 ? entry->name_length : 80), (const char *)entry->name);
        *fields[i] = number_at(field, 8);
        field += 8;
    }
    return PT_OK;
}

static pt_status_t check_method(const entry_t *entry, const uint8_t *at)
{
    const uint64_t flags = number_at(at + 8, 2), method = number_at(at + 10, 2);
    const int length = (int)(entry->name_length < 80 ? entry->name_length : 80);
    if (flags & FLAG_ENCRYPTED)
        return pt__fail(PT_ERR_UNSUPPORTED, "\"%.*s\" in the zip archive is encrypted", length,
                        (const char *)entry->name);
    if (method != 0)
        return pt__fail(PT_ERR_UNSUPPORTED,
                        "\"%.*s\" in the zip archive is compressed (method %llu), expected files that are stored as "
                        "they are, as torch.save writes them",
                        length, (const char *)entry->name, (unsigned long long)method);
    return PT_OK;
}

static pt_status_t locate(const uint8_t *bytes, uint64_t limit, const entry_t *entry, pt__zip_file_t *file)
{
    const int length = (int)(entry->name_length < 80 ? entry->name_length : 80);
    if (entry->local > limit || limit - entry->local < LOCAL_SIZE || memcmp(bytes + entry->local, "PK\3\4", 4) != 0)
        return pt__fail(PT_ERR_FORMAT, "\"%.*s\" in the zip archive has no header at byte %llu", length,
                        (const char *)entry->name, (unsigned long long)entry->local);
    const uint8_t *local = bytes + entry->local;
    const uint64_t data = entry->local + LOCAL_SIZE + number_at(local + 26, 2) + number_at(local + 28, 2);
    if (data > limit || entry->size > limit - data || entry->size != entry->stored)
        return pt__fail(PT_ERR_FORMAT, "\"%.*s\" in the zip archive has %llu bytes at byte %llu, but %llu are there",
                        length, (const char *)entry->name, (unsigned long long)entry->size, (unsigned long long)data,
                        (unsigned long long)(data > limit ? 0 : limit - data));
    *file = (pt__zip_file_t){.name = (const char *)entry->name,
                             .name_length = entry->name_length,
                             .data = bytes + data,
                             .size = (int64_t)entry->size};
    return PT_OK;
}

static pt_status_t read_entry(const uint8_t *bytes, const directory_t *directory, uint64_t *at, pt__zip_file_t *file)
{
    const uint64_t left = directory->at + directory->size - *at;
    const uint8_t *from = bytes + *at;
    if (left < ENTRY_SIZE || memcmp(from, "PK\1\2", 4) != 0)
        return pt__fail(PT_ERR_FORMAT, "the directory of the zip archive has no entry at byte %llu",
                        (unsigned long long)*at);
    entry_t entry = {.name = from + ENTRY_SIZE,
                     .name_length = (int64_t)number_at(from + 28, 2),
                     .extra_length = (int64_t)number_at(from + 30, 2),
                     .stored = number_at(from + 20, 4),
                     .size = number_at(from + 24, 4),
                     .local = number_at(from + 42, 4)};
    const uint64_t whole = ENTRY_SIZE + (uint64_t)entry.name_length + (uint64_t)entry.extra_length +
                           number_at(from + 32, 2);
    if (whole > left)
        return pt__fail(PT_ERR_FORMAT, "the directory of the zip archive ends within the entry at byte %llu",
                        (unsigned long long)*at);
    entry.extra = entry.name + entry.name_length;
    *at += whole;
    PT__TRY(check_method(&entry, from));
    PT__TRY(read_zip64(&entry));
    return locate(bytes, directory->at, &entry, file);
}

static int compare_bytes(const char *a, int64_t a_length, const char *b, int64_t b_length)
{
    const int order = memcmp(a, b, (size_t)(a_length < b_length ? a_length : b_length));
    return order != 0 ? order : (a_length > b_length) - (a_length < b_length);
}

static int compare_files(const void *a, const void *b, void *user)
{
    const pt__zip_file_t *x = a, *y = b;
    (void)user;
    return compare_bytes(x->name, x->name_length, y->name, y->name_length);
}

static pt_status_t sort_files(pt__memory_t *memory, pt__zip_t *zip, pt__zip_file_t *unsorted)
{
    const void **sorted;
    PT__TRY(pt__allocate(memory, (size_t)zip->count, sizeof *sorted, "directory of a zip archive", &sorted));
    for (int64_t i = 0; i < zip->count; i++)
        sorted[i] = &unsorted[i];
    pt__sort(sorted, zip->count, compare_files, NULL);
    pt_status_t status = PT_OK;
    for (int64_t i = 0; i < zip->count; i++) {
        zip->files[i] = *(const pt__zip_file_t *)sorted[i];
        if (i > 0 && compare_files(&zip->files[i - 1], &zip->files[i], NULL) == 0)
            status = pt__fail(PT_ERR_FORMAT, "\"%.*s\" is twice in the zip archive",
                              (int)(zip->files[i].name_length < 80 ? zip->files[i].name_length : 80),
                              zip->files[i].name);
    }
    pt__release(memory, sorted);
    return status;
}

pt_status_t pt__zip_open(pt__memory_t *memory, const uint8_t *bytes, int64_t size, pt__zip_t *out)
{
    directory_t directory = {0};
    pt__zip_file_t *unsorted = NULL;
    pt_status_t status;
    *out = (pt__zip_t){0};
    PT__TRY(find_directory(bytes, size, &directory));
    uint64_t at = directory.at;
    PT__TRY_OUT(
        pt__allocate(memory, (size_t)directory.count, sizeof *unsorted, "directory of a zip archive", &unsorted));
    PT__TRY_OUT(
        pt__allocate(memory, (size_t)directory.count, sizeof *out->files, "directory of a zip archive", &out->files));
    for (uint64_t i = 0; i < directory.count; i++)
        PT__TRY_OUT(read_entry(bytes, &directory, &at, &unsorted[i]));
    out->count = (int64_t)directory.count;
    PT__TRY_OUT(sort_files(memory, out, unsorted));
out:
    pt__release(memory, unsorted);
    if (status != PT_OK)
        pt__zip_close(memory, out);
    return status;
}

void pt__zip_close(pt__memory_t *memory, pt__zip_t *zip)
{
    pt__release(memory, zip->files);
    *zip = (pt__zip_t){0};
}

/* The sign of "PREFIX" "NAME" against a file's name. */
static int compare_to(const pt__zip_file_t *file, const char *prefix, int64_t prefix_length, const char *name,
                      int64_t name_length)
{
    if (file->name_length <= prefix_length)
        return compare_bytes(prefix, prefix_length, file->name, file->name_length) < 0 ? -1 : 1;
    const int order = memcmp(prefix, file->name, (size_t)prefix_length);
    return order != 0 ? order
                      : compare_bytes(name, name_length, file->name + prefix_length, file->name_length - prefix_length);
}

const pt__zip_file_t *pt__zip_find(const pt__zip_t *zip, const char *prefix, int64_t prefix_length, const char *name,
                                   int64_t name_length)
{
    int64_t low = 0, high = zip->count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        const int order = compare_to(&zip->files[middle], prefix, prefix_length, name, name_length);
        if (order == 0)
            return &zip->files[middle];
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
