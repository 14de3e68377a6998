// The one list of OpenCL C sources: an #embed and a row for each .cl file of this folder.
#include "CKernels.h"

static const char convolve_planes[] = {
#embed "conv/convolve_planes.cl" suffix(, 0)
};
static const char convolve_tile[] = {
#embed "conv/convolve_tile.cl" suffix(, 0)
};
static const char convolve_vector[] = {
#embed "conv/convolve_vector.cl" suffix(, 0)
};
static const char convolution_geometry[] = {
#embed "conv/geometry.cl" suffix(, 0)
};
static const char prelude[] = {
#embed "prelude/prelude.cl" suffix(, 0)
};
static const char product_block[] = {
#embed "product/block.cl" suffix(, 0)
};
static const char pack_rows[] = {
#embed "product/pack_rows.cl" suffix(, 0)
};
static const char product_result[] = {
#embed "product/result.cl" suffix(, 0)
};
static const char vectors[] = {
#embed "product/vectors.cl" suffix(, 0)
};

#define ROW(path, name) {path, name, sizeof name - 1}
static const ck_source sources[] = {
    ROW("conv/convolve_planes.cl", convolve_planes),
    ROW("conv/convolve_tile.cl", convolve_tile),
    ROW("conv/convolve_vector.cl", convolve_vector),
    ROW("conv/geometry.cl", convolution_geometry),
    ROW("prelude/prelude.cl", prelude),
    ROW("product/block.cl", product_block),
    ROW("product/pack_rows.cl", pack_rows),
    ROW("product/result.cl", product_result),
    ROW("product/vectors.cl", vectors),
};

const ck_source *ck_sources(size_t *count) {
  *count = sizeof sources / sizeof *sources;
  return sources;
}
