// The derivative of a maximum pool of x [planes, inputs_y, inputs_x] from dy [planes, outputs_y,
// outputs_x]: every window's goes to the first of its largest taps, of which a NaN is larger than a
// number; what comes together is added from 0 in the order of the windows. A work-item takes a
// plane.
//
// KERNEL_Y, KERNEL_X, STRIDE_Y, STRIDE_X, DILATION_Y, DILATION_X: the window.
#if !defined(KERNEL_Y) || !defined(STRIDE_Y) || !defined(DILATION_Y)
#error "KERNEL_Y, STRIDE_Y, DILATION_Y"
#endif
#if !defined(KERNEL_X) || !defined(STRIDE_X) || !defined(DILATION_X)
#error "KERNEL_X, STRIDE_X, DILATION_X"
#endif

// The first tap of a window from `start` on that lies on the input, and the one behind the last.
LB_FUNCTION int first_tap(int start, int dilation) {
  return start < 0 ? (dilation - 1 - start) / dilation : 0;
}
LB_FUNCTION int end_tap(int start, int kernel_extent, int dilation, int inputs) {
  return start >= inputs ? 0 : min(kernel_extent, (inputs - 1 - start) / dilation + 1);
}

__kernel void maximum_gradient(__global const float *restrict x, __global const float *restrict dy,
                               __global float *restrict dx, const int planes, const int inputs_y,
                               const int inputs_x, const int outputs_y, const int outputs_x,
                               const int before_y, const int before_x) {
  const int plane = (int)get_global_id(0);
  if (plane >= planes) return;
  const int inputs = inputs_y * inputs_x;
  x += plane * inputs;
  dx += plane * inputs;
  dy += plane * outputs_y * outputs_x;
  for (int i = 0; i < inputs; i++) dx[i] = 0.0f;
  for (int oy = 0; oy < outputs_y; oy++) {
    const int start_y = oy * STRIDE_Y - before_y;
    const int first_y = first_tap(start_y, DILATION_Y);
    const int end_y = end_tap(start_y, KERNEL_Y, DILATION_Y, inputs_y);
    for (int ox = 0; ox < outputs_x; ox++) {
      const int start_x = ox * STRIDE_X - before_x;
      const int first_x = first_tap(start_x, DILATION_X);
      const int end_x = end_tap(start_x, KERNEL_X, DILATION_X, inputs_x);
      if (first_y >= end_y || first_x >= end_x) continue;
      int best = (start_y + first_y * DILATION_Y) * inputs_x + start_x + first_x * DILATION_X;
      float largest = x[best];
      for (int ky = first_y; ky < end_y; ky++) {
        const int row = (start_y + ky * DILATION_Y) * inputs_x + start_x;
        for (int kx = first_x; kx < end_x; kx++) {
          const int at = row + kx * DILATION_X;
          const float value = x[at];
          // Without branches, which data would decide.
          const int is_better = (value > largest) | ((value != value) & (largest == largest));
          best = select(best, at, is_better ? -1 : 0);
          largest = select(largest, value, is_better ? -1 : 0);
        }
      }
      dx[best] += dy[oy * outputs_x + ox];
    }
  }
}
