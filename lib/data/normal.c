/* Normalisation applied: see normal.h. */
#include "data/normal.h"

#include <math.h>

#include "base/dtype.h"

enum { AT_ONCE = 256 }; /* values converted together */

int64_t pt__normal_features(int32_t rank, const int64_t *shape)
{
    return rank > 0 && shape[rank - 1] > 0 ? shape[rank - 1] : 1;
}

pt_status_t pt__normal_apply(const pt__normal_t *normal, const char *field, int32_t dtype, const void *values,
                             int64_t elements, float *dst)
{
    double raw[AT_ONCE];
    int64_t feature = 0;
    for (int64_t first = 0; first < elements; first += AT_ONCE) {
        const int64_t now = elements - first < AT_ONCE ? elements - first : AT_ONCE;
        PT__TRY(pt__dtype_convert(field, dtype, (const char *)values + first * pt__dtype_size(dtype), PT_FLOAT64, raw,
                                  now));
        for (int64_t i = 0; i < now; i++) {
            const double value = normal->fill != NULL && isnan(raw[i]) ? normal->fill[feature] : raw[i];
            dst[first + i] = (float)((value - normal->shift[feature]) / normal->scale[feature]);
            feature = feature + 1 < normal->count ? feature + 1 : 0;
        }
    }
    return PT_OK;
}
