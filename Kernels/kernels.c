// The one list of OpenCL C sources: an #embed and a row for each .cl file of this folder, sorted by
// path.
#include "CKernels.h"

static const char bench_ceilings[] = {
#embed "bench/ceilings.cl" suffix(, 0)
};
static const char bench_products_vnni[] = {
#embed "bench/products_vnni.cl" suffix(, 0)
};
static const char codes_combine[] = {
#embed "codes/combine.cl" suffix(, 0)
};
static const char codes_map[] = {
#embed "codes/map.cl" suffix(, 0)
};
static const char codes_pool[] = {
#embed "codes/pool.cl" suffix(, 0)
};
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
static const char convolve_padded_rows[] = {
#embed "conv/padded_rows.cl" suffix(, 0)
};
static const char convolve_rows[] = {
#embed "conv/convolve_rows.cl" suffix(, 0)
};
static const char convolve_sum_runs[] = {
#embed "conv/sum_runs.cl" suffix(, 0)
};
static const char convolve_weight_gradient[] = {
#embed "conv/weight_gradient.cl" suffix(, 0)
};
static const char convolve_weight_gradient_tile[] = {
#embed "conv/weight_gradient_tile.cl" suffix(, 0)
};
static const char elementwise_combine[] = {
#embed "elementwise/combine.cl" suffix(, 0)
};
static const char elementwise_map[] = {
#embed "elementwise/map.cl" suffix(, 0)
};
static const char elementwise_select[] = {
#embed "elementwise/select.cl" suffix(, 0)
};
static const char movement_copy[] = {
#embed "movement/copy.cl" suffix(, 0)
};
static const char movement_gather[] = {
#embed "movement/gather.cl" suffix(, 0)
};
static const char movement_pad[] = {
#embed "movement/pad.cl" suffix(, 0)
};
static const char packed_convolve[] = {
#embed "packed/convolve.cl" suffix(, 0)
};
static const char packed_depthwise[] = {
#embed "packed/depthwise.cl" suffix(, 0)
};
static const char packed_dot[] = {
#embed "packed/dot.cl" suffix(, 0)
};
static const char packed_epilogue[] = {
#embed "packed/epilogue.cl" suffix(, 0)
};
static const char packed_finish[] = {
#embed "packed/finish.cl" suffix(, 0)
};
static const char packed_gather[] = {
#embed "packed/gather.cl" suffix(, 0)
};
static const char packed_geometry[] = {
#embed "packed/geometry.cl" suffix(, 0)
};
static const char packed_lanes[] = {
#embed "packed/lanes.cl" suffix(, 0)
};
static const char packed_layout[] = {
#embed "packed/layout.cl" suffix(, 0)
};
static const char packed_move[] = {
#embed "packed/move.cl" suffix(, 0)
};
static const char packed_multiply_avx2[] = {
#embed "packed/multiply_avx2.cl" suffix(, 0)
};
static const char packed_multiply_plain[] = {
#embed "packed/multiply_plain.cl" suffix(, 0)
};
static const char packed_multiply_vnni[] = {
#embed "packed/multiply_vnni.cl" suffix(, 0)
};
static const char packed_problem[] = {
#embed "packed/problem.cl" suffix(, 0)
};
static const char packed_sum_result[] = {
#embed "packed/sum_result.cl" suffix(, 0)
};
static const char packed_tile[] = {
#embed "packed/tile.cl" suffix(, 0)
};
static const char packed_tile_result[] = {
#embed "packed/tile_result.cl" suffix(, 0)
};
static const char packed_tile_warp[] = {
#embed "packed/tile_warp.cl" suffix(, 0)
};
static const char packed_warp[] = {
#embed "packed/warp.cl" suffix(, 0)
};
static const char packed_weights[] = {
#embed "packed/weights.cl" suffix(, 0)
};
static const char packed_window_sums[] = {
#embed "packed/window_sums.cl" suffix(, 0)
};
static const char packed_winograd[] = {
#embed "packed/winograd.cl" suffix(, 0)
};
static const char pool_maximum_gradient[] = {
#embed "pool/maximum_gradient.cl" suffix(, 0)
};
static const char pool_pool[] = {
#embed "pool/pool.cl" suffix(, 0)
};
static const char prelude_activations[] = {
#embed "prelude/activations.cl" suffix(, 0)
};
static const char prelude_codes[] = {
#embed "prelude/codes.cl" suffix(, 0)
};
static const char prelude_divide[] = {
#embed "prelude/divide.cl" suffix(, 0)
};
static const char prelude_elementary[] = {
#embed "prelude/elementary.cl" suffix(, 0)
};
static const char prelude[] = {
#embed "prelude/prelude.cl" suffix(, 0)
};
static const char prelude_rows[] = {
#embed "prelude/rows.cl" suffix(, 0)
};
static const char prelude_runs[] = {
#embed "prelude/runs.cl" suffix(, 0)
};
static const char prelude_truncate[] = {
#embed "prelude/truncate.cl" suffix(, 0)
};
static const char product_block[] = {
#embed "product/block.cl" suffix(, 0)
};
static const char product_each_row[] = {
#embed "product/each_row.cl" suffix(, 0)
};
static const char product_item_sums[] = {
#embed "product/item_sums.cl" suffix(, 0)
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
static const char quantize_dequantize[] = {
#embed "quantize/dequantize.cl" suffix(, 0)
};
static const char quantize_fake_quantize[] = {
#embed "quantize/fake_quantize.cl" suffix(, 0)
};
static const char quantize_quantize[] = {
#embed "quantize/quantize.cl" suffix(, 0)
};
static const char quantize_requantize[] = {
#embed "quantize/requantize.cl" suffix(, 0)
};
static const char reduce_reduce[] = {
#embed "reduce/reduce.cl" suffix(, 0)
};
static const char resize_resample[] = {
#embed "resize/resample.cl" suffix(, 0)
};
static const char softmax_normalize[] = {
#embed "softmax/normalize.cl" suffix(, 0)
};
static const char softmax_softmax[] = {
#embed "softmax/softmax.cl" suffix(, 0)
};
static const char histogram_facts[] = {
#embed "histogram/facts.cl" suffix(, 0)
};
static const char histogram_scatter[] = {
#embed "histogram/scatter.cl" suffix(, 0)
};
static const char histogram_stream[] = {
#embed "histogram/stream.cl" suffix(, 0)
};
static const char search_brackets[] = {
#embed "search/brackets.cl" suffix(, 0)
};
static const char search_rows[] = {
#embed "search/rows.cl" suffix(, 0)
};
static const char search_search[] = {
#embed "search/search.cl" suffix(, 0)
};
static const char search_short_rows[] = {
#embed "search/short_rows.cl" suffix(, 0)
};
static const char search_tables[] = {
#embed "search/tables.cl" suffix(, 0)
};

#define ROW(path, name)                                                                            \
  { path, name, sizeof name - 1 }
static const ck_source sources[] = {
    ROW("bench/ceilings.cl", bench_ceilings),
    ROW("bench/products_vnni.cl", bench_products_vnni),
    ROW("codes/combine.cl", codes_combine),
    ROW("codes/map.cl", codes_map),
    ROW("codes/pool.cl", codes_pool),
    ROW("conv/convolve_planes.cl", convolve_planes),
    ROW("conv/convolve_rows.cl", convolve_rows),
    ROW("conv/convolve_tile.cl", convolve_tile),
    ROW("conv/convolve_vector.cl", convolve_vector),
    ROW("conv/geometry.cl", convolution_geometry),
    ROW("conv/padded_rows.cl", convolve_padded_rows),
    ROW("conv/sum_runs.cl", convolve_sum_runs),
    ROW("conv/weight_gradient.cl", convolve_weight_gradient),
    ROW("conv/weight_gradient_tile.cl", convolve_weight_gradient_tile),
    ROW("elementwise/combine.cl", elementwise_combine),
    ROW("elementwise/map.cl", elementwise_map),
    ROW("elementwise/select.cl", elementwise_select),
    ROW("histogram/facts.cl", histogram_facts),
    ROW("histogram/scatter.cl", histogram_scatter),
    ROW("histogram/stream.cl", histogram_stream),
    ROW("movement/copy.cl", movement_copy),
    ROW("movement/gather.cl", movement_gather),
    ROW("movement/pad.cl", movement_pad),
    ROW("packed/convolve.cl", packed_convolve),
    ROW("packed/depthwise.cl", packed_depthwise),
    ROW("packed/dot.cl", packed_dot),
    ROW("packed/epilogue.cl", packed_epilogue),
    ROW("packed/finish.cl", packed_finish),
    ROW("packed/gather.cl", packed_gather),
    ROW("packed/geometry.cl", packed_geometry),
    ROW("packed/lanes.cl", packed_lanes),
    ROW("packed/layout.cl", packed_layout),
    ROW("packed/move.cl", packed_move),
    ROW("packed/multiply_avx2.cl", packed_multiply_avx2),
    ROW("packed/multiply_plain.cl", packed_multiply_plain),
    ROW("packed/multiply_vnni.cl", packed_multiply_vnni),
    ROW("packed/problem.cl", packed_problem),
    ROW("packed/sum_result.cl", packed_sum_result),
    ROW("packed/tile.cl", packed_tile),
    ROW("packed/tile_result.cl", packed_tile_result),
    ROW("packed/tile_warp.cl", packed_tile_warp),
    ROW("packed/warp.cl", packed_warp),
    ROW("packed/weights.cl", packed_weights),
    ROW("packed/window_sums.cl", packed_window_sums),
    ROW("packed/winograd.cl", packed_winograd),
    ROW("pool/maximum_gradient.cl", pool_maximum_gradient),
    ROW("pool/pool.cl", pool_pool),
    ROW("prelude/activations.cl", prelude_activations),
    ROW("prelude/codes.cl", prelude_codes),
    ROW("prelude/divide.cl", prelude_divide),
    ROW("prelude/elementary.cl", prelude_elementary),
    ROW("prelude/prelude.cl", prelude),
    ROW("prelude/rows.cl", prelude_rows),
    ROW("prelude/runs.cl", prelude_runs),
    ROW("prelude/truncate.cl", prelude_truncate),
    ROW("product/block.cl", product_block),
    ROW("product/each_row.cl", product_each_row),
    ROW("product/item_sums.cl", product_item_sums),
    ROW("product/pack_rows.cl", pack_rows),
    ROW("product/result.cl", product_result),
    ROW("product/vectors.cl", vectors),
    ROW("quantize/dequantize.cl", quantize_dequantize),
    ROW("quantize/fake_quantize.cl", quantize_fake_quantize),
    ROW("quantize/quantize.cl", quantize_quantize),
    ROW("quantize/requantize.cl", quantize_requantize),
    ROW("reduce/reduce.cl", reduce_reduce),
    ROW("resize/resample.cl", resize_resample),
    ROW("search/brackets.cl", search_brackets),
    ROW("search/rows.cl", search_rows),
    ROW("search/search.cl", search_search),
    ROW("search/short_rows.cl", search_short_rows),
    ROW("search/tables.cl", search_tables),
    ROW("softmax/normalize.cl", softmax_normalize),
    ROW("softmax/softmax.cl", softmax_softmax),
};

const ck_source *ck_sources(size_t *count) {
  *count = sizeof sources / sizeof *sources;
  return sources;
}
