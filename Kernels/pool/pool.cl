// Pooling of x [planes, inputs_y, inputs_x] into y [planes, outputs_y, outputs_x]. The taps of a
// window are taken in row-major order; those outside of the input are left out.
//
// T: element type; TV: a vector of 16 of them. INITIAL. COMBINE: of r (so far) and v (a tap),
// scalars and vectors alike. FINISH: of a scalar r and counted (taps that an average counts).
// KERNEL_Y, KERNEL_X, STRIDE_Y, STRIDE_X, DILATION_Y, DILATION_X: the window. BORDER: whether taps
// on the border are counted.
#if !defined(T) || !defined(TV) || !defined(INITIAL) || !defined(COMBINE) || !defined(FINISH)
#error "T, TV, INITIAL, COMBINE, FINISH"
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

// COMBINE of the taps of one window.
LB_FUNCTION T lb_window(__global const T *from, int start_y, int start_x, int inputs_y,
                        int inputs_x) {
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
  return r;
}

#ifdef CPU
// A work-item takes `rows` rows of one plane. Neighbouring outputs whose taps all lie on the
// input's rows are computed 16 at a time.
#define TAPS(p, i) (p)[(i)*STRIDE_X]
#if STRIDE_X == 1
#define LOAD(p) vload16(0, p)
#elif STRIDE_X == 2
// The odd elements of the second half end with the last one that is needed.
#define LOAD(p) ((TV)(vload16(0, p).even, vload16(0, (p) + 15).odd))
#else
#define LOAD(p)                                                                                    \
  ((TV)(TAPS(p, 0), TAPS(p, 1), TAPS(p, 2), TAPS(p, 3), TAPS(p, 4), TAPS(p, 5), TAPS(p, 6),        \
        TAPS(p, 7), TAPS(p, 8), TAPS(p, 9), TAPS(p, 10), TAPS(p, 11), TAPS(p, 12), TAPS(p, 13),    \
        TAPS(p, 14), TAPS(p, 15)))
#endif

LB_FUNCTION void lb_finish(TV vector, int taps, __global T *to) {
  T results[16];
  vstore16(vector, 0, results);
  const float counted = (float)taps;
  (void)counted;
  for (int i = 0; i < 16; i++) {
    const T r = results[i];
    to[i] = FINISH;
  }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
pool(__global const T *restrict x, __global T *restrict y, const int rows, const int inputs_y,
     const int inputs_x, const int outputs_y, const int outputs_x, const int before_y,
     const int before_x, const int after_y, const int after_x) {
  const size_t plane = get_global_id(0);
  __global const T *from = x + plane * (size_t)inputs_y * inputs_x;
  __global T *to = y + plane * (size_t)outputs_y * outputs_x;
  const int first = (int)get_global_id(1) * rows;
  // Outputs whose taps all lie on the input's rows.
  const int reach = inputs_x + before_x - 1 - (KERNEL_X - 1) * DILATION_X;
  const int inner_first = (before_x + STRIDE_X - 1) / STRIDE_X;
  const int inner_end = reach < 0 ? 0 : min(outputs_x, reach / STRIDE_X + 1);
  for (int oy = first; oy < min(first + rows, outputs_y); oy++) {
    const int start_y = oy * STRIDE_Y - before_y;
    const int counted_y = lb_counted(start_y, KERNEL_Y, DILATION_Y, before_y, inputs_y, after_y);
    for (int ox = 0; ox < outputs_x;) {
      int start_x = ox * STRIDE_X - before_x;
      if (ox >= inner_first && ox < inner_end && inner_end - inner_first >= 16) {
        // The last 16 may overlap those before them.
        ox = min(ox, inner_end - 16);
        start_x = ox * STRIDE_X - before_x;
        TV r = (TV)(INITIAL);
        for (int ky = 0; ky < KERNEL_Y; ky++) {
          const int iy = start_y + ky * DILATION_Y;
          if (iy < 0 || iy >= inputs_y) continue;
          __global const T *row = from + (long)iy * inputs_x + start_x;
          for (int kx = 0; kx < KERNEL_X; kx++) {
            const TV v = LOAD(row + kx * DILATION_X);
            r = COMBINE;
          }
        }
        lb_finish(r, counted_y * KERNEL_X, to + (long)oy * outputs_x + ox);
        ox += 16;
      } else {
        const T r = lb_window(from, start_y, start_x, inputs_y, inputs_x);
        const float counted = (float)(counted_y * lb_counted(start_x, KERNEL_X, DILATION_X,
                                                             before_x, inputs_x, after_x));
        (void)counted;
        to[(long)oy * outputs_x + ox] = FINISH;
        ox++;
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
  const T r = lb_window(from, start_y, start_x, inputs_y, inputs_x);
  const float counted =
      (float)(lb_counted(start_y, KERNEL_Y, DILATION_Y, before_y, inputs_y, after_y) *
              lb_counted(start_x, KERNEL_X, DILATION_X, before_x, inputs_x, after_x));
  (void)counted;
  y[(plane * outputs_y + oy) * outputs_x + ox] = FINISH;
}
#endif
