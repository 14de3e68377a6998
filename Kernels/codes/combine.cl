// A function of what two tensors of packed 8-bit codes stand for, as packed codes.
//
// COMBINE: of `first` and `second`. INTEGER 0: they are floats, and codes are
// clip(rint(COMBINE / scale) + zero). INTEGER 1: they are `long`, COMBINE may use what `p` points
// at, and codes are clip(((COMBINE + half) >> shift) + zero). Pixels have `pixel_bytes`
// bytes, of which `channels` are codes. `plane`: pixels that share one pixel of b, 1 where every
// pixel of a has its own.
#if !defined(COMBINE) || !defined(INTEGER)
#error "COMBINE, INTEGER"
#endif

typedef struct {
#if INTEGER
  int a_multiplier, b_multiplier, a_shift, b_shift, shift, rounds_half_up;
#else
  float a_unit, b_unit, scale;
#endif
} Combination;

LB_FUNCTION uchar lb_combined(uchar a, uchar b, int a_zero, int b_zero, float zero, float lowest,
                              float highest, __constant Combination *p) {
#if INTEGER
  const long first = (int)a - a_zero, second = (int)b - b_zero;
  const long half_step = ((long)p->rounds_half_up << p->shift) >> 1;
  const long code = ((COMBINE + half_step) >> p->shift) + (long)zero;
  return (uchar)clamp(code, (long)lowest, (long)highest);
#else
  const float first = (float)((int)a - a_zero) * p->a_unit;
  const float second = (float)((int)b - b_zero) * p->b_unit;
  const float code = rint(lb_divide(COMBINE, p->scale)) + zero;
  return (uchar)(int)(code < lowest ? lowest : code > highest ? highest : code);
#endif
}

__kernel LB_GROUP void combine_codes(__global const uchar *restrict a,
                                     __global const uchar *restrict b, __global uchar *restrict y,
                                     const int a_zero, const int b_zero, const float zero,
                                     const float lowest, const float highest, const uint channels,
                                     const uint pixel_bytes, const uint plane, const uint pixels,
                                     const uint pixels_per_item,
                                     __constant Combination *combination) {
#ifdef CPU
  const uint first_pixel = (uint)get_global_id(0) * pixels_per_item;
  for (uint pixel = first_pixel; pixel < min(first_pixel + pixels_per_item, pixels); pixel++) {
    __global const uchar *restrict from = a + (size_t)pixel * pixel_bytes;
    __global const uchar *restrict other = b + (size_t)(pixel / plane) * pixel_bytes;
    __global uchar *restrict to = y + (size_t)pixel * pixel_bytes;
    for (uint c = 0; c < channels; c++) {
      to[c] = lb_combined(from[c], other[c], a_zero, b_zero, zero, lowest, highest, combination);
    }
    for (uint c = channels; c < pixel_bytes; c++) to[c] = 0;
  }
#else
  const uint i = (uint)get_global_id(0);
  const uint pixel = i / pixel_bytes, c = i % pixel_bytes;
  if (pixel >= pixels) return;
  y[i] = c < channels ? lb_combined(a[i], b[(size_t)(pixel / plane) * pixel_bytes + c], a_zero,
                                    b_zero, zero, lowest, highest, combination)
                      : (uchar)0;
#endif
}
