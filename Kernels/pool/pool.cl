// Pooling of x [planes, inputs_y, inputs_x] into y [planes, outputs_y, outputs_x]. The taps of a window
// are taken in row-major order; those outside of the input are left out.
//
// T: element type. INITIAL, COMBINE in terms of r (so far) and v (a tap), FINISH in terms of r and
// counted (taps that an average counts). KERNEL_Y, KERNEL_X, STRIDE_Y, STRIDE_X, DILATION_Y,
// DILATION_X: the window. BORDER: whether taps on the border are counted.
#if !defined(T) || !defined(INITIAL) || !defined(COMBINE) || !defined(FINISH)
#error "T, INITIAL, COMBINE, FINISH"
#endif
#if !defined(KERNEL_Y) || !defined(STRIDE_Y) || !defined(DILATION_Y)
#error "KERNEL_Y, STRIDE_Y, DILATION_Y"
#endif
#if !defined(KERNEL_X) || !defined(STRIDE_X) || !defined(DILATION_X) || !defined(BORDER)
#error "KERNEL_X, STRIDE_X, DILATION_X, BORDER"
#endif

// Taps of a window that begins at `start` (on the border if negative) which an average counts.
LB_FUNCTION int lb_counted(int start, int kernel_extent, int dilation, int before, int inputs,
                           int after) {
  int counted = 0;
  for (int k = 0; k < kernel_extent; k++) {
    const int at = start + k * dilation;
    counted += BORDER ? (at >= -before && at < inputs + after) : (at >= 0 && at < inputs);
  }
  return counted;
}

#ifdef CPU
// A work-item takes ROWS rows of one plane; the inner loops run along a row of outputs.
#define TILE 64
__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
pool(__global const T *restrict x, __global T *restrict y, const int rows, const int inputs_y,
     const int inputs_x, const int outputs_y, const int outputs_x, const int before_y,
     const int before_x, const int after_y, const int after_x) {
  const size_t plane = get_global_id(0);
  __global const T *from = x + plane * (size_t)inputs_y * inputs_x;
  __global T *to = y + plane * (size_t)outputs_y * outputs_x;
  const int first = (int)get_global_id(1) * rows;
  for (int oy = first; oy < min(first + rows, outputs_y); oy++) {
    const int start_y = oy * STRIDE_Y - before_y;
    const int counted_y =
        lb_counted(start_y, KERNEL_Y, DILATION_Y, before_y, inputs_y, after_y);
    for (int left = 0; left < outputs_x; left += TILE) {
      const int width = min(TILE, outputs_x - left);
      T results[TILE];
      for (int i = 0; i < width; i++) results[i] = INITIAL;
      for (int ky = 0; ky < KERNEL_Y; ky++) {
        const int iy = start_y + ky * DILATION_Y;
        if (iy < 0 || iy >= inputs_y) continue;
        for (int kx = 0; kx < KERNEL_X; kx++) {
          // Outputs of the tile for which this tap lies on the input: 0 <= ix < inputs_x.
          const int offset = left * STRIDE_X - before_x + kx * DILATION_X;
          const int low = offset < 0 ? (-offset + STRIDE_X - 1) / STRIDE_X : 0;
          const int beyond = inputs_x - offset;
          const int high = beyond <= 0 ? 0 : min(width, (beyond + STRIDE_X - 1) / STRIDE_X);
          __global const T *row = from + (long)iy * inputs_x + offset;
          for (int i = low; i < high; i++) {
            const T v = row[i * STRIDE_X];
            const T r = results[i];
            results[i] = COMBINE;
          }
        }
      }
      for (int i = 0; i < width; i++) {
        const T r = results[i];
        const int start_x = (left + i) * STRIDE_X - before_x;
        const float counted = (float)(counted_y * lb_counted(start_x, KERNEL_X, DILATION_X,
                                                             before_x, inputs_x, after_x));
        (void)counted;
        to[(long)oy * outputs_x + left + i] = FINISH;
      }
    }
  }
}
#else
__kernel void pool(__global const T *restrict x, __global T *restrict y, const int planes,
                   const int inputs_y, const int inputs_x, const int outputs_y, const int outputs_x,
                   const int before_y, const int before_x, const int after_y, const int after_x) {
  const int ox = (int)get_global_id(0);
  const int oy = (int)get_global_id(1);
  const size_t plane = get_global_id(2);
  if (ox >= outputs_x || oy >= outputs_y || plane >= (size_t)planes) return;
  __global const T *from = x + plane * (size_t)inputs_y * inputs_x;
  const int start_y = oy * STRIDE_Y - before_y, start_x = ox * STRIDE_X - before_x;
  T r = INITIAL;
  for (int ky = 0; ky < KERNEL_Y; ky++) {
    const int iy = start_y + ky * DILATION_Y;
    if (iy < 0 || iy >= inputs_y) continue;
    for (int kx = 0; kx < KERNEL_X; kx++) {
      const int ix = start_x + kx * DILATION_X;
      if (ix < 0 || ix >= inputs_x) continue;
      const T v = from[(long)iy * inputs_x + ix];
      r = COMBINE;
    }
  }
  const float counted =
      (float)(lb_counted(start_y, KERNEL_Y, DILATION_Y, before_y, inputs_y, after_y) *
              lb_counted(start_x, KERNEL_X, DILATION_X, before_x, inputs_x, after_x));
  (void)counted;
  y[(plane * outputs_y + oy) * outputs_x + ox] = FINISH;
}
#endif
