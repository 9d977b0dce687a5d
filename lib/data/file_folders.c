/* Directories of files: one a class, or all together. Nothing is opened before it is asked for; a file's ending says
 * whether it is one of those meant. */
#include <string.h>

#include "base/file.h"
#include "data/file_set.h"

enum { DEEPEST = 32 /* directories within each other: links may lead in a circle */ };

typedef struct walk {
    pt__file_set_t *set;
    pt__file_named_fn *named;
    int32_t label;
} walk_t;

static pt_status_t skip(const walk_t *walk, const char *path, const char *reason)
{
    return pt__file_set_skip(walk->set, -1, path, pt__fail(PT_ERR_FORMAT, "%s", reason));
}

/* The reason ends with what the files are. */
static pt_status_t skip_no(const walk_t *walk, const char *path, const char *reason, const char *end)
{
    return pt__file_set_skip(walk->set, -1, path, pt__fail(PT_ERR_FORMAT, "%s %s%s", reason, walk->set->noun, end));
}

static pt_status_t add_file(const walk_t *walk, const char *path)
{
    const int32_t named = walk->named(path);
    const char *name = path + strlen(walk->set->root);
    name += name[0] == '/'; /* the root may end with one */
    if (named == 1)
        return pt__file_set_add_file(walk->set, name, walk->label);
    return named == 0 ? skip_no(walk, path, "no", ", by its name")
                      : skip_no(walk, path, "this build cannot decode", "s of this kind");
}

/* The path of a directory's entry, and whether it is a directory too; hidden ones give 0. What its name tells is not
 * looked at: there may be a million. */
static pt_status_t look_at(const walk_t *walk, const char *directory, const char *name, char *path, int32_t *is_shown,
                           int32_t *is_directory)
{
    pt__file_about_t about = {0};
    *is_directory = 0;
    *is_shown = name[0] != '.';
    if (!*is_shown)
        return PT_OK;
    PT__TRY(pt__path_join(directory, name, path, PT__PATH_SIZE));
    if (walk->named(name) != 0)
        return PT_OK;
    pt_status_t status = pt__file_look(path, &about);
    if (status != PT_OK) { /* a link to nothing */
        *is_shown = 0;
        return pt__file_set_skip(walk->set, -1, path, status);
    }
    *is_directory = about.is_directory;
    return PT_OK;
}

/* The names in a directory; one that cannot be read is passed over, and has none. */
static pt_status_t list(const walk_t *walk, const char *path, char ***names, int64_t *count)
{
    pt_status_t status = pt__directory_list(walk->set->memory, path, names, count);
    if (status == PT_OK)
        return PT_OK;
    *names = NULL;
    *count = 0;
    return pt__file_set_skip(walk->set, -1, path, status);
}

/* All files in a directory and below it, files and directories in one order. */
static pt_status_t add_all(const walk_t *walk, const char *directory, int32_t depth)
{
    char **names, *path = NULL;
    int64_t count;
    pt_status_t status;
    if (depth == DEEPEST)
        return skip(walk, directory, "directories lie too deep in each other");
    PT__TRY(list(walk, directory, &names, &count));
    PT__TRY_OUT(pt__allocate_uninitialised(walk->set->memory, PT__PATH_SIZE, 1, "path", &path));
    for (int64_t i = 0; i < count; i++) {
        int32_t is_shown, is_directory;
        PT__TRY_OUT(look_at(walk, directory, names[i], path, &is_shown, &is_directory));
        if (is_shown)
            PT__TRY_OUT(is_directory ? add_all(walk, path, depth + 1) : add_file(walk, path));
    }
out:
    pt__release(walk->set->memory, path);
    pt__release(walk->set->memory, names);
    return status;
}

static pt_status_t add_class(walk_t *walk, const char *name, const char *path)
{
    const int64_t before = walk->set->samples;
    walk->label = (int32_t)walk->set->n_classes;
    PT__TRY(pt__file_set_add_class(walk->set, name));
    PT__TRY(add_all(walk, path, 1));
    return walk->set->samples > before ? PT_OK : skip_no(walk, path, "a class without a", "");
}

/* Whether there is a directory among the names: then each is a class. */
static pt_status_t has_classes(const walk_t *walk, const char *root, char *const *names, int64_t count, char *path,
                               int32_t *out)
{
    *out = 0;
    for (int64_t i = 0; i < count && !*out; i++) {
        pt__file_about_t about;
        if (names[i][0] == '.' || walk->named(names[i]) != 0)
            continue;
        PT__TRY(pt__path_join(root, names[i], path, PT__PATH_SIZE));
        *out = pt__file_look(path, &about) == PT_OK && about.is_directory;
    }
    return PT_OK;
}

static pt_status_t add_top(walk_t *walk, const char *root, char *const *names, int64_t count, char *path)
{
    int32_t are_classes, is_shown, is_directory;
    PT__TRY(has_classes(walk, root, names, count, path, &are_classes));
    for (int64_t i = 0; i < count; i++) {
        PT__TRY(look_at(walk, root, names[i], path, &is_shown, &is_directory));
        if (!is_shown)
            continue;
        if (is_directory)
            PT__TRY(add_class(walk, names[i], path));
        else
            PT__TRY(are_classes ? skip(walk, path, "outside of the classes' directories") : add_file(walk, path));
    }
    return PT_OK;
}

pt_status_t pt__file_folders_read(pt__file_set_t *set, pt__file_named_fn *named, const char *path)
{
    walk_t walk = {set, named, -1};
    char **names, *entry = NULL;
    int64_t count;
    pt_status_t status;
    PT__TRY(pt__directory_list(set->memory, path, &names, &count));
    PT__TRY_OUT(pt__allocate_uninitialised(set->memory, PT__PATH_SIZE, 1, "path", &entry));
    PT__TRY_OUT(add_top(&walk, path, names, count, entry));
out:
    pt__release(set->memory, entry);
    pt__release(set->memory, names);
    return status;
}
