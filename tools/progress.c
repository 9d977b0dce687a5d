#include "progress.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output.h"
#include "session.h"

enum { POINTS_AT_MOST = 2048 };
static const double redraw = 0.1, next_line = 5;

void progress_begin(progress_t *progress, const settings_t *settings, const pt_model_t *model)
{
    *progress = (progress_t){.settings = settings,
                             .model = model,
                             .shown = -next_line,
                             .is_terminal = !settings->progress && isatty(STDERR_FILENO)};
}

/* ---- Curves ------------------------------------------------------------------------------------------------------ */

/* Drops what there is no memory for: the report then shows less. */
static void series_add(series_t *series, double x, double y)
{
    if (series->every == 0)
        series->every = 1;
    if (series->added++ % series->every != 0)
        return;
    if (series->count == POINTS_AT_MOST) {
        for (int64_t i = 0; 2 * i < series->count; i++) {
            series->x[i] = series->x[2 * i];
            series->y[i] = series->y[2 * i];
        }
        series->count = (series->count + 1) / 2;
        series->every *= 2;
    }
    if (series->count == series->capacity) {
        const size_t bytes = (size_t)(2 * series->capacity + 64) * sizeof(double);
        double *more_x = realloc(series->x, bytes);
        series->x = more_x ? more_x : series->x;
        double *more_y = realloc(series->y, bytes);
        series->y = more_y ? more_y : series->y;
        if (!more_x || !more_y)
            return;
        series->capacity = 2 * series->capacity + 64;
    }
    series->x[series->count] = x;
    series->y[series->count++] = y;
}

static void record(progress_t *progress, const pt_event_t *event)
{
    if (event->kind == PT_EVENT_STEP)
        series_add(&progress->losses, (double)event->step, event->loss);
    if (event->kind != PT_EVENT_EVALUATION)
        return;
    series_add(&progress->held_out, (double)event->step, event->evaluation_loss);
    series_add(&progress->metrics, (double)event->step, event->evaluation_metric);
}

void progress_end(progress_t *progress)
{
    series_t *all[] = {&progress->losses, &progress->held_out, &progress->metrics};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        free(all[i]->x);
        free(all[i]->y);
        *all[i] = (series_t){0};
    }
}

/* ---- For people -------------------------------------------------------------------------------------------------- */

enum { LINE = 256, BAR = 20 };

/* Adds to a line; what is beyond its end is cut. */
static void add(char line[LINE], const char *format, ...)
{
    const size_t length = strlen(line);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line + length, LINE - length, format, arguments);
    va_end(arguments);
}

/* What a bar and a line both end with. */
static void add_state(char line[LINE], const pt_event_t *event)
{
    add(line, "step %lld", (long long)event->step);
    if (event->total_steps > 0)
        add(line, "/%lld", (long long)event->total_steps);
    add(line, "  loss %.4f", plain_number(event->loss));
    if (!isnan(event->evaluation_loss))
        add(line, "  held out %.4f", event->evaluation_loss);
    if (event->kind == PT_EVENT_END)
        add(line, "  in %.1f s", event->seconds);
    else if (!isnan(event->seconds_left))
        add(line, "  %.0f s left", event->seconds_left);
    if (event->kind != PT_EVENT_END && event->tokens_per_second > 0)
        add(line, "  %.0f tokens/s", event->tokens_per_second);
    else if (event->kind != PT_EVENT_END)
        add(line, "  %.0f samples/s", event->samples_per_second);
}

static void draw_bar(const pt_event_t *event)
{
    char line[LINE] = "";
    double done = event->total_steps > 0 ? (double)event->step / (double)event->total_steps : 0;
    for (int i = 0; i < BAR; i++)
        line[i] = i < (int)(done * BAR + 0.5) ? '#' : '-';
    add(line, " %3.0f%%  ", 100 * done);
    add_state(line, event);
    output_bar(line);
}

/* The metrics of an evaluation that has just been made. */
static void print_metrics(const progress_t *progress, const pt_event_t *event)
{
    char line[LINE] = "";
    for (int64_t i = 0; i < pt_model_metric_count(progress->model); i++) {
        pt_metric_info_t info = {.struct_size = sizeof info};
        if (pt_model_metric_info(progress->model, i, &info) == PT_OK)
            add(line, " %s %.4f", info.name, plain_number(info.value));
    }
    note("step %lld, held out:%s", (long long)event->step, line);
}

static void show(progress_t *progress, const pt_event_t *event)
{
    const int is_over = event->kind == PT_EVENT_END;
    if (event->kind == PT_EVENT_CHECKPOINT_FAILED) {
        note("warning: %s: %s", event->path, event->message);
    } else if (event->kind == PT_EVENT_RESUME) {
        note("goes on at step %lld, from %s", (long long)event->step, event->path);
    }
    if (!progress->is_terminal && !progress->settings->progress)
        return;
    if (event->kind == PT_EVENT_EVALUATION)
        print_metrics(progress, event);
    if (!is_over && (event->kind != PT_EVENT_STEP ||
                     event->seconds - progress->shown < (progress->is_terminal ? redraw : next_line)))
        return;
    progress->shown = event->seconds;
    if (progress->is_terminal) {
        draw_bar(event);
        if (is_over)
            output_bar(NULL);
    } else {
        char line[LINE] = "";
        add_state(line, event);
        note("%s", line);
    }
}

/* ---- For programs ------------------------------------------------------------------------------------------------ */

static const char *kind_name(int32_t kind)
{
    static const char *const names[] = {
        [PT_EVENT_STEP] = "step",
        [PT_EVENT_EVALUATION] = "evaluation",
        [PT_EVENT_CHECKPOINT] = "checkpoint",
        [PT_EVENT_NONFINITE] = "nonfinite",
        [PT_EVENT_END] = "end",
        [PT_EVENT_RESUME] = "resume",
        [PT_EVENT_CHECKPOINT_FAILED] = "checkpoint_failed",
    };
    return kind > 0 && kind < (int32_t)(sizeof names / sizeof *names) ? names[kind] : "other";
}

static const char *reason_name(int32_t reason)
{
    static const char *const names[] = {
        [PT_REASON_DONE] = "done",
        [PT_REASON_EARLY] = "early",
        [PT_REASON_TIME] = "time",
        [PT_REASON_HOST] = "interrupted",
        [PT_REASON_CANCELLED] = "interrupted",
        [PT_REASON_END_OF_DATA] = "end_of_data",
    };
    return reason > 0 && reason < (int32_t)(sizeof names / sizeof *names) ? names[reason] : "other";
}

static void write_event(const progress_t *progress, const pt_event_t *event)
{
    writer_t writer;
    json_open(&writer, stdout);
    json_begin(&writer, NULL, '{');
    json_text(&writer, "event", kind_name(event->kind));
    json_whole(&writer, "step", event->step);
    json_whole(&writer, "total_steps", event->total_steps);
    json_whole(&writer, "epoch", event->epoch);
    json_number(&writer, "loss", event->loss);
    json_number(&writer, "learning_rate", event->learning_rate);
    json_number(&writer, "gradient_norm", event->gradient_norm);
    json_number(&writer, "seconds", event->seconds);
    json_number(&writer, "seconds_left", event->seconds_left);
    json_number(&writer, "samples_per_second", event->samples_per_second);
    json_number(&writer, "tokens_per_second", event->tokens_per_second);
    json_whole(&writer, "bytes", event->bytes);
    if (event->kind == PT_EVENT_EVALUATION)
        json_metrics(&writer, "metrics", progress->model);
    if (event->path)
        json_text(&writer, "path", event->path);
    if (event->message)
        json_text(&writer, "message", event->message);
    if (event->kind == PT_EVENT_END)
        json_text(&writer, "reason", reason_name(event->reason));
    json_end(&writer, '}');
    json_close(&writer);
}

void progress_event(void *user, pt_event_t *event)
{
    progress_t *progress = user;
    event->action = PT_ACTION_GO_ON;
    show(progress, event);
    if (progress->settings->report)
        record(progress, event);
    if (progress->settings->events) {
        write_event(progress, event);
        progress->is_broken |= !output_flush();
    }
    if (progress->is_broken || interrupted())
        event->action = PT_ACTION_STOP;
}
