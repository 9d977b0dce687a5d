/* Torch's checkpoints (torch.save), of both kinds that are in use:
 *
 *   since 1.6   a zip archive of stored files: NAME/data.pkl, the pickle; NAME/data/KEY, the storages, in place;
 *               perhaps NAME/byteorder, "little" or "big"
 *   before      five pickles, one after the other: a magic number, the protocol 1001, a dict about the system, the
 *               objects, and a list of the storages' keys; then, for each key, its number of elements in 8 bytes and
 *               the storage
 *
 * Nothing of a pickle is called (formats/pickle.h). */
#include "formats/torch.h"

#include <string.h>

#include "base/sort.h"
#include "formats/zip.h"

static const uint8_t magic[] = {0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19}; /* little-endian */

enum { PROTOCOL = 1001, TAR_MAGIC = 257, NAME_SHOWN = 80 };

static int32_t is_tar(const uint8_t *bytes, int64_t size)
{
    return size >= 512 && memcmp(bytes + TAR_MAGIC, "ustar", 5) == 0;
}

static int32_t is_pickle(const uint8_t *bytes, int64_t size)
{
    return size > 2 && bytes[0] == 0x80 && bytes[1] >= 1 && bytes[1] <= 5;
}

static int32_t probe(const uint8_t *bytes, int64_t size)
{
    return pt__zip_is(bytes, size) || is_pickle(bytes, size) || is_tar(bytes, size);
}

static int shown(int64_t length)
{
    return (int)(length < NAME_SHOWN ? length : NAME_SHOWN);
}

static int32_t is_little_endian(void)
{
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    return first == 1;
}

/* ---- The zip kind ---- */

typedef struct archive {
    pt__zip_t zip;
    const char *prefix; /* "NAME/" */
    int64_t prefix_length;
} archive_t;

static const pt__zip_file_t *find_within(const archive_t *archive, const char *name)
{
    return pt__zip_find(&archive->zip, archive->prefix, archive->prefix_length, name, (int64_t)strlen(name));
}

static pt_status_t find_prefix(archive_t *archive)
{
    static const char ending[] = "/data.pkl";
    const int64_t length = (int64_t)sizeof ending - 1;
    for (int64_t i = 0; i < archive->zip.count; i++) {
        const pt__zip_file_t *file = &archive->zip.files[i];
        const int64_t before = file->name_length - length;
        if (before < 0 || memcmp(file->name + before, ending, (size_t)length) != 0 ||
            memchr(file->name, '/', (size_t)before) != NULL)
            continue;
        if (archive->prefix != NULL)
            return pt__fail(PT_ERR_FORMAT, "the zip archive has \"%.*sdata.pkl\" and \"%.*s\"",
                            shown(archive->prefix_length), archive->prefix, shown(file->name_length), file->name);
        archive->prefix = file->name;
        archive->prefix_length = before + 1;
    }
    return archive->prefix != NULL
               ? PT_OK
               : pt__fail(PT_ERR_UNSUPPORTED,
                          "a zip archive without NAME/data.pkl, expected one that torch.save wrote");
}

static pt_status_t check_archive(const archive_t *archive)
{
    const pt__zip_file_t *order = find_within(archive, "byteorder");
    if (order != NULL && (order->size != 6 || memcmp(order->data, "little", 6) != 0))
        return pt__fail(PT_ERR_UNSUPPORTED, "byteorder is \"%.*s\", expected \"little\"", shown(order->size),
                        (const char *)order->data);
    if (find_within(archive, "constants.pkl") != NULL)
        return pt__fail(PT_ERR_UNSUPPORTED, "a TorchScript program, expected a state dict: torch.save(m.state_dict())");
    return PT_OK;
}

static pt_status_t find_in_archive(void *user, const pt__torch_storage_t *storage, const uint8_t **data)
{
    const archive_t *archive = user;
    char name[NAME_SHOWN + 8] = "data/";
    const int64_t length = storage->key->length, bytes = storage->elements * storage->element;
    const pt__zip_file_t *file = NULL;
    if (length <= NAME_SHOWN) {
        memcpy(name + 5, storage->key->bytes, (size_t)length);
        file = pt__zip_find(&archive->zip, archive->prefix, archive->prefix_length, name, length + 5);
    }
    if (file == NULL)
        return pt__fail(PT_ERR_FORMAT, "storage \"%.*s\" is not in the archive", shown(length), storage->key->bytes);
    if (file->size != bytes)
        return pt__fail(PT_ERR_FORMAT, "storage \"%.*s\" has %lld bytes, expected %lld elements of %lld bytes",
                        shown(length), storage->key->bytes, (long long)file->size, (long long)storage->elements,
                        (long long)storage->element);
    *data = file->data;
    return PT_OK;
}

static pt_status_t read_archive(pt__file_tensors_t *file, archive_t *archive)
{
    pt__pickled_t pickled;
    PT__TRY(find_prefix(archive));
    PT__TRY(check_archive(archive));
    const pt__zip_file_t *pickle = find_within(archive, "data.pkl");
    pt_status_t status = pt__pickle_read(&file->context->memory, pickle->data, pickle->size, pt__torch_globals,
                                         pt__torch_n_globals, &pickled);
    if (status != PT_OK)
        return pt__fail_within(status, "data.pkl");
    status = pt__torch_state_read(file, pickled.root, find_in_archive, archive);
    pt__pickle_free(&pickled);
    return status;
}

static pt_status_t open_archive(pt__file_tensors_t *file)
{
    pt__memory_t *memory = &file->context->memory;
    archive_t archive = {0};
    PT__TRY(pt__zip_open(memory, file->bytes, file->size, &archive.zip));
    pt_status_t status = read_archive(file, &archive);
    pt__zip_close(memory, &archive.zip);
    return status;
}

/* ---- The older kind ---- */

typedef struct stored {
    pt__torch_storage_t storage;
    const uint8_t *data; /* NULL: not found yet */
    int64_t counted;     /* elements, by the file */
} stored_t;

typedef struct sequence {
    pt__file_tensors_t *file;
    int64_t at; /* how far the file has been read */
    pt__pickled_t objects, keys;
    stored_t *stored;    /* [count], one for each key that the objects refer to */
    const void **sorted; /* [count] of them, by key */
    int64_t count;
} sequence_t;

static pt_status_t read_next(sequence_t *sequence, const char *what, pt__pickled_t *pickled)
{
    const pt__file_tensors_t *file = sequence->file;
    pt_status_t status = pt__pickle_read(&file->context->memory, file->bytes + sequence->at, file->size - sequence->at,
                                         pt__torch_globals, pt__torch_n_globals, pickled);
    if (status != PT_OK)
        return pt__fail_within(status, "the pickle of %s, at byte %lld", what, (long long)sequence->at);
    sequence->at += pickled->end;
    return PT_OK;
}

static pt_status_t read_magic(sequence_t *sequence)
{
    pt__pickled_t pickled;
    PT__TRY(read_next(sequence, "the magic number", &pickled));
    const pt__pickle_t *number = pickled.root;
    const int32_t is_right = number->kind == PT__PICKLE_NUMBER && number->length == (int64_t)sizeof magic &&
                             memcmp(number->bytes, magic, sizeof magic) == 0;
    pt__pickle_free(&pickled);
    return is_right
               ? PT_OK
               : pt__fail(PT_ERR_UNSUPPORTED, "a pickle without torch's magic number, expected what torch.save wrote");
}

static pt_status_t read_protocol(sequence_t *sequence)
{
    pt__pickled_t pickled;
    PT__TRY(read_next(sequence, "the protocol", &pickled));
    const int32_t is_known = pickled.root->kind == PT__PICKLE_INTEGER && pickled.root->integer == PROTOCOL;
    pt__pickle_free(&pickled);
    return is_known ? PT_OK : pt__fail(PT_ERR_UNSUPPORTED, "the checkpoint's protocol is not %d", PROTOCOL);
}

static pt_status_t read_system(sequence_t *sequence)
{
    pt__pickled_t pickled;
    PT__TRY(read_next(sequence, "the system", &pickled));
    const pt__pickle_t *order = pt__pickle_find(pickled.root, "little_endian");
    const int32_t is_big = order != NULL && !(order->kind == PT__PICKLE_BOOL && order->integer);
    pt__pickle_free(&pickled);
    return is_big ? pt__fail(PT_ERR_UNSUPPORTED, "little_endian is not True: of a processor of another byte order")
                  : PT_OK;
}

static int compare_keys(const pt__pickle_t *x, const pt__pickle_t *y)
{
    const int64_t least = x->length < y->length ? x->length : y->length;
    const int order = memcmp(x->bytes, y->bytes, (size_t)least);
    return order != 0 ? order : (x->length > y->length) - (x->length < y->length);
}

static int compare_stored(const void *a, const void *b, void *user)
{
    const stored_t *x = a, *y = b;
    (void)user;
    return compare_keys(x->storage.key, y->storage.key);
}

/* What the objects refer to, each key once. */
static pt_status_t list_storages(sequence_t *sequence)
{
    pt__memory_t *memory = &sequence->file->context->memory;
    int64_t count = 0, kept = 0;
    for (const pt__pickle_t *at = sequence->objects.references; at != NULL; at = at->reference)
        count++;
    PT__TRY(pt__allocate(memory, (size_t)count, sizeof *sequence->stored, "storages", &sequence->stored));
    PT__TRY(pt__allocate(memory, (size_t)count, sizeof *sequence->sorted, "storages", &sequence->sorted));
    count = 0;
    for (const pt__pickle_t *at = sequence->objects.references; at != NULL; at = at->reference, count++) {
        PT__TRY(pt__torch_storage_read(at, &sequence->stored[count].storage));
        sequence->sorted[count] = &sequence->stored[count];
    }
    pt__sort(sequence->sorted, count, compare_stored, NULL);
    for (int64_t i = 0; i < count; i++) {
        const stored_t *one = sequence->sorted[i], *last = kept > 0 ? sequence->sorted[kept - 1] : NULL;
        if (last == NULL || compare_stored(last, one, NULL) != 0)
            sequence->sorted[kept++] = one;
        else if (last->storage.element != one->storage.element || last->storage.elements != one->storage.elements)
            return pt__fail(
                PT_ERR_FORMAT, "storage \"%.*s\" is said to have %lld elements of %lld bytes and %lld of %lld",
                shown(one->storage.key->length), one->storage.key->bytes, (long long)last->storage.elements,
                (long long)last->storage.element, (long long)one->storage.elements, (long long)one->storage.element);
    }
    sequence->count = kept;
    return PT_OK;
}

static stored_t *find_stored(const sequence_t *sequence, const pt__pickle_t *key)
{
    int64_t low = 0, high = sequence->count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        const stored_t *stored = sequence->sorted[middle];
        const int order = compare_keys(stored->storage.key, key);
        if (order == 0)
            return (stored_t *)(uintptr_t)stored;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* The next storage of the file is that of this key. */
static pt_status_t place_storage(sequence_t *sequence, const pt__pickle_t *key)
{
    const pt__file_tensors_t *file = sequence->file;
    if (key->kind != PT__PICKLE_STRING)
        return pt__fail(PT_ERR_FORMAT, "%s among the storages' keys, expected strings", pt__pickle_kind_name(key));
    stored_t *stored = find_stored(sequence, key);
    if (stored == NULL || stored->data != NULL)
        return pt__fail(PT_ERR_FORMAT, "storage \"%.*s\": %s", shown(key->length), key->bytes,
                        stored == NULL ? "no tensor is in it, which would say of which dtype it is"
                                       : "it is there twice");
    uint64_t counted = 0;
    const int64_t bytes = stored->storage.elements * stored->storage.element;
    if (file->size - sequence->at < 8 || file->size - sequence->at - 8 < bytes)
        return pt__fail(PT_ERR_FORMAT, "storage \"%.*s\" takes %lld bytes from byte %lld on, and the file ends at %lld",
                        shown(key->length), key->bytes, (long long)bytes, (long long)sequence->at + 8,
                        (long long)file->size);
    for (int i = 0; i < 8; i++)
        counted |= (uint64_t)file->bytes[sequence->at + i] << (8 * i);
    if (counted != (uint64_t)stored->storage.elements)
        return pt__fail(PT_ERR_FORMAT, "storage \"%.*s\" has %llu elements by its header and %lld by the pickle",
                        shown(key->length), key->bytes, (unsigned long long)counted,
                        (long long)stored->storage.elements);
    stored->data = file->bytes + sequence->at + 8;
    sequence->at += 8 + bytes;
    return PT_OK;
}

static pt_status_t find_in_sequence(void *user, const pt__torch_storage_t *storage, const uint8_t **data)
{
    const stored_t *stored = find_stored(user, storage->key);
    if (stored == NULL || stored->data == NULL)
        return pt__fail(PT_ERR_FORMAT, "storage \"%.*s\" is not in the file", shown(storage->key->length),
                        storage->key->bytes);
    *data = stored->data;
    return PT_OK;
}

static pt_status_t read_sequence(sequence_t *sequence)
{
    PT__TRY(read_magic(sequence));
    PT__TRY(read_protocol(sequence));
    PT__TRY(read_system(sequence));
    PT__TRY(read_next(sequence, "the objects", &sequence->objects));
    PT__TRY(read_next(sequence, "the storages' keys", &sequence->keys));
    PT__TRY(list_storages(sequence));
    const pt__pickle_t *keys = sequence->keys.root;
    if (keys->kind != PT__PICKLE_LIST)
        return pt__fail(PT_ERR_FORMAT, "the storages' keys are %s, expected a list", pt__pickle_kind_name(keys));
    for (int64_t i = 0; i < keys->count; i++)
        PT__TRY(place_storage(sequence, keys->items[i]));
    return pt__torch_state_read(sequence->file, sequence->objects.root, find_in_sequence, sequence);
}

static pt_status_t open_sequence(pt__file_tensors_t *file)
{
    pt__memory_t *memory = &file->context->memory;
    sequence_t sequence = {.file = file, .objects.memory = memory, .keys.memory = memory};
    pt_status_t status = read_sequence(&sequence);
    pt__pickle_free(&sequence.objects);
    pt__pickle_free(&sequence.keys);
    pt__release(memory, sequence.stored);
    pt__release(memory, sequence.sorted);
    return status;
}

static pt_status_t open_kind(pt__file_tensors_t *file)
{
    if (!is_little_endian())
        return pt__fail(PT_ERR_UNSUPPORTED, "its tensors are little-endian, and this processor is not");
    if (pt__zip_is(file->bytes, file->size))
        return open_archive(file);
    if (is_pickle(file->bytes, file->size))
        return open_sequence(file);
    return pt__fail(PT_ERR_UNSUPPORTED, "a tar archive, as torch before 0.1.10 wrote them: load it with that torch "
                                        "and save it again");
}

static pt_status_t open_file(pt__file_tensors_t *file)
{
    pt_status_t status = open_kind(file);
    return status == PT_OK ? PT_OK : pt__fail_within(status, "%s", file->name);
}

const pt__format_t pt__format_torch = {.name = "a checkpoint of torch", .probe = probe, .open = open_file};
