/* A report as files in a directory. */
#include <errno.h>
#include <unistd.h>

#include "report_sheets.h"

static const struct {
    const char *name;
    /* 0: not a sheet */
    unsigned parts;
} files[] = {
    {"report.json", 0},
    {"report.html", 0},
    {"curves.png", SHEET_CURVES},
    {"confusion.png", SHEET_CONFUSION},
    {"predictions.png", SHEET_PREDICTIONS},
    {"filters.png", SHEET_FILTERS},
};

int report_write(const report_t *report, const char *directory, char *path, size_t size)
{
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (files[i].parts && !report_has_png())
            continue;
        snprintf(path, size, "%s/%s", directory, files[i].name);
        FILE *file = fopen(path, "wb");
        if (!file)
            return -1;
        int result = files[i].parts ? report_sheet(report, files[i].parts, file)
                     : i == 0       ? report_json(report, file)
                                    : report_html(report, file);
        const int failure = errno, is_empty = result != 0 && files[i].parts && failure == ENODATA;
        if (fclose(file) != 0 && result == 0)
            return -1;
        /* of an earlier report it would be no part of this one */
        if (is_empty)
            unlink(path);
        else if (result != 0) {
            errno = failure;
            return -1;
        }
    }
    return 0;
}
