/* What callbacks left behind that did not return: pt_recover. */
#include "base/unfinished.h"

int32_t pt_call_depth(void)
{
    return pt__unfinished_depth();
}

pt_status_t pt_recover(int32_t depth)
{
    pt__error_clear();
    if (depth < 0 || depth > pt__unfinished_depth())
        return pt__fail(PT_ERR_ARGUMENT, "pt_recover: depth is %ld, expected 0 to %ld, which pt_call_depth gives now",
                        (long)depth, (long)pt__unfinished_depth());
    return pt__unfinished_end(depth);
}
