#include "report_destination.h"

#include <errno.h>
#include <string.h>

#include "out_directory.h"
#include "output.h"

static const struct {
    const char *ending;
    int (*write)(const report_t *report, FILE *file);
} kinds[] = {{".html", report_html}, {".htm", report_html}, {".json", report_json}, {".png", report_png}};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* What the path ends in behind its last point, or "" where that is none of a file's name. */
static const char *ending_of(const char *path)
{
    const char *name = strrchr(path, '/'), *point;
    name = name ? name + 1 : path;
    point = strrchr(name, '.');
    return point && point > name ? point : "";
}

/* The kind of a file; KINDS: a directory. */
static int kind_of(const char *path)
{
    int kind = 0;
    while (kind < KINDS && strcmp(ending_of(path), kinds[kind].ending) != 0)
        kind++;
    return path_is_directory(path) ? KINDS : kind;
}

int report_destination_check(const settings_t *settings)
{
    const char *path = settings->report;
    const int kind = kind_of(path);
    if (kind == KINDS && !path_is_directory(path) && *ending_of(path))
        return usage_error(settings->command,
                           "--report %s: expected a name that ends in .html, .json or .png, or a directory (new ones "
                           "without a point in their name, or with / at the end)",
                           path);
    if (kind < KINDS && kinds[kind].write == report_png && !report_has_png())
        return fail("--report %s: this build writes no PNG, as it has no libpng; expected .html or .json", path);
    if (kind == KINDS && !report_has_png())
        note("--report %s: report.html and report.json only, as this build has no libpng to write PNG with", path);
    return kind == KINDS ? out_directory_make("--report", path) : out_file_check("--report", path);
}

int report_destination_write(const settings_t *settings, const report_t *report)
{
    char path[PATH_SIZE];
    const int kind = kind_of(settings->report);
    if (kind == KINDS)
        return report_write(report, settings->report, path, sizeof path) == 0 ? EXIT_DONE
                                                                              : fail("%s: %s", path, strerror(errno));
    FILE *file = fopen(settings->report, "wb");
    int failure = file && kinds[kind].write(report, file) == 0 ? 0 : errno;
    if (file && fclose(file) != 0 && failure == 0)
        failure = errno;
    return file && failure == 0 ? EXIT_DONE : fail("%s: %s", settings->report, strerror(failure));
}
