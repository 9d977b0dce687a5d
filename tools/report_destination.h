/* Where --report writes to: a page, JSON or a picture by the file's ending, or a directory that gets all of them. */
#ifndef REPORT_DESTINATION_H
#define REPORT_DESTINATION_H

#include "report/report.h"
#include "settings.h"

/* Before anything is computed, so that what cannot be written is told now; makes the directory. EXIT_DONE, or a status
 * after a message. */
int report_destination_check(const settings_t *settings);
/* EXIT_DONE, or a status after a message. */
int report_destination_write(const settings_t *settings, const report_t *report);

#endif
