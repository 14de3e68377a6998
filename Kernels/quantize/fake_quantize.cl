// What a quantizer brings a value back as, and the derivative of that by the straight-through
// estimator: dy where x lies within the quantizer's range, else 0.
//
// TOP: the largest code. Scales and zero points move over the elements as `Runs` says: operand 0.
// STEP: 1 where they move along the run, 0 where they do not. After prelude/divide.cl and
// prelude/runs.cl.
#if !defined(TOP) || !defined(STEP)
#error "TOP, STEP"
#endif

// A NaN passes through comparisons and sums as it is.
LB_FUNCTION float lb_fake_quantize(float x, float scale, float zero) {
  float code = rint(lb_divide(x, scale)) + zero;
  code = code < 0.0f ? 0.0f : code;
  code = code > TOP ? TOP : code;
  return (code - zero) * scale;
}

__kernel LB_GROUP void fake_quantize(__global const float *restrict x,
                                     __global const float *restrict scales,
                                     __global const int *restrict zero_points,
                                     __global float *restrict y, __constant Runs *runs,
                                     const uint count) {
  FOR_EACH_RUN(runs, start, length) {
    const int parameter = lb_offset(runs, 0, start);
#if !STEP
    const float scale = scales[parameter], zero = (float)zero_points[parameter];
#endif
    for (uint i = 0; i < length; i++) {
#if STEP
      const float scale = scales[parameter + i], zero = (float)zero_points[parameter + i];
#endif
      y[start + i] = lb_fake_quantize(x[start + i], scale, zero);
    }
  }
}

__kernel LB_GROUP void
fake_quantize_gradient(__global const float *restrict x, __global const float *restrict scales,
                       __global const int *restrict zero_points, __global const float *restrict dy,
                       __global float *restrict dx, __constant Runs *runs, const uint count) {
  FOR_EACH_RUN(runs, start, length) {
    const int parameter = lb_offset(runs, 0, start);
#if !STEP
    const float scale = scales[parameter], zero = (float)zero_points[parameter];
#endif
    for (uint i = 0; i < length; i++) {
#if STEP
      const float scale = scales[parameter + i], zero = (float)zero_points[parameter + i];
#endif
      const float value = x[start + i], slope = dy[start + i];
      dx[start + i] = ((value >= -zero * scale) & (value <= (TOP - zero) * scale)) ? slope : 0.0f;
    }
  }
}
