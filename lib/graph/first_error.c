/* The first error of a graph sticks: the builder's calls after it do nothing, and making a model tells it. */
#include <stdio.h>
#include <string.h>

#include "base/plain_locale.h"
#include "graph/graph.h"

pt_tensor_t pt__graph_fail(pt_graph_t *graph, pt_status_t status, const char *format, ...)
{
    char message[PT__MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    pt__plain_print(message, sizeof message, format, arguments);
    va_end(arguments);
    pt__fail(status, "%s", message);
    if (graph->status == PT_OK) {
        graph->status = status;
        memcpy(graph->message, message, sizeof message);
    }
    return PT_NO_TENSOR;
}

pt_tensor_t pt__graph_stick(pt_graph_t *graph, pt_status_t status)
{
    char message[PT__MESSAGE_SIZE];
    snprintf(message, sizeof message, "%s", pt__error_message());
    return pt__graph_fail(graph, status, "%s", message);
}

pt_status_t pt__graph_ready(const pt_graph_t *graph, const char *function)
{
    pt__error_clear();
    if (graph == NULL)
        return pt__fail(PT_ERR_ARGUMENT, "%s%sgraph is NULL", function != NULL ? function : "",
                        function != NULL ? ": " : "");
    if (graph->status != PT_OK)
        pt__error_set(graph->message);
    return graph->status;
}

pt_status_t pt_graph_status(const pt_graph_t *graph)
{
    return pt__graph_ready(graph, "pt_graph_status");
}

const char *pt_graph_last_error(const pt_graph_t *graph)
{
    return graph == NULL ? "" : graph->message;
}
