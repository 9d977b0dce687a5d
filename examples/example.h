/* What the C examples share: a progress bar drawn from the library's events, a check for calls that can fail, and
 * small files. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <math.h>
#include <pretrain.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Ends a function at its label `out` when a call fails, with the library's message. */
#define TRY(call)                                                                  \
    do {                                                                           \
        if ((call) != PT_OK) {                                                     \
            fprintf(stderr, "\n%s:%d: %s\n", __FILE__, __LINE__, pt_last_error()); \
            goto out;                                                              \
        }                                                                          \
    } while (0)

typedef struct progress {
    const char *title;
    double shown; /* when a line was last drawn; start with 0 */
} progress_t;

/* An event callback (its user is a progress_t): one line that is drawn over on a terminal, else a line every ten
 * seconds. */
static inline void show_progress(void *user, pt_event_t *event)
{
    progress_t *progress = user;
    event->action = PT_ACTION_GO_ON; /* what is not written here stops the training */
    int over = event->kind == PT_EVENT_END;
    if (!over && event->kind != PT_EVENT_STEP)
        return;
    int terminal = isatty(2);
    if (!over && event->seconds - progress->shown < (terminal ? 0.1 : 10.0))
        return;
    progress->shown = event->seconds;

    char bar[] = "------------------------";
    int width = (int)sizeof bar - 1;
    double done = event->total_steps > 0 ? (double)event->step / (double)event->total_steps : 0;
    for (int i = 0; i < width && i < (int)(done * width + 0.5); i++)
        bar[i] = '#';
    fprintf(stderr, "%s%-12s %s %3.0f%%  step %lld/%lld  loss %.4f", terminal ? "\r" : "", progress->title, bar,
            100 * done, (long long)event->step, (long long)event->total_steps, event->loss);
    if (over)
        fprintf(stderr, "  in %.1f s", event->seconds);
    else if (event->tokens_per_second > 0)
        fprintf(stderr, "  %.0f tokens/s", event->tokens_per_second);
    else
        fprintf(stderr, "  %.0f samples/s", event->samples_per_second);
    if (!over && !isnan(event->seconds_left))
        fprintf(stderr, "  %.0f s left", event->seconds_left);
    fprintf(stderr, "%s%s", terminal ? "\033[K" : "", terminal && !over ? "" : "\n");
}

/* A small file, below 64 KB, to be freed; what fails has been said. */
static inline char *read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = file ? calloc(1, 65536) : NULL;
    if (!text || fread(text, 1, 65535, file) == 0)
        perror(path);
    if (file)
        fclose(file);
    return text;
}

#endif
