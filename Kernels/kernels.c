// The one list of OpenCL C sources: an #embed and a row for each .cl file of this folder.
#include "CKernels.h"

static const char prelude[] = {
#embed "prelude/prelude.cl" suffix(, 0)
};

#define ROW(path, name) {path, name, sizeof name - 1}
static const ck_source sources[] = {
    ROW("prelude/prelude.cl", prelude),
};

const ck_source *ck_sources(size_t *count) {
  *count = sizeof sources / sizeof *sources;
  return sources;
}
