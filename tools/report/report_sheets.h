/* The drawings of a report as PNG files. */
#ifndef REPORT_SHEETS_H
#define REPORT_SHEETS_H

#include "report.h"

enum {
    SHEET_HEADING = 1,
    SHEET_CURVES = 2,
    SHEET_CONFUSION = 4,
    SHEET_PREDICTIONS = 8,
    SHEET_FILTERS = 16,
    SHEET_ALL = 31,
};
/* Writes what of `parts` there is. 0, or -1 with errno set; ENODATA: there is nothing of it. */
int report_sheet(const report_t *report, unsigned parts, FILE *file);

#endif
