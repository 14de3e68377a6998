// DequantizeLinear: (code - zero point) * scale
//
// CODE: the integer type of codes. Parameters move over the elements as `Runs` says: operand 0.
// STEP: 1 where the parameter moves along the run, 0 where it does not.
#if !defined(CODE) || !defined(STEP)
#error "CODE, STEP"
#endif

__kernel LB_GROUP void dequantize(__global const CODE *restrict codes,
                                  __global const float *restrict scales,
                                  __global const CODE *restrict zero_points,
                                  __global float *restrict y, __constant Runs *runs,
                                  const uint count) {
  FOR_EACH_RUN(runs, start, length) {
    const int parameter = lb_offset(runs, 0, start);
    __global const float *restrict scale = scales + parameter;
    __global const CODE *restrict zero_point = zero_points + parameter;
    for (uint i = 0; i < length; i++) {
      const int difference = (int)((uint)codes[start + i] - (uint)zero_point[i * STEP]);
      y[start + i] = (float)difference * scale[i * STEP];
    }
  }
}
