// QuantizeLinear: saturate(rint(x / scale) + zero point)
//
// Parameters move over the elements as `Runs` says: operand 0. STEP: 1 where the parameter moves
// along the run, 0 where it does not.
#ifndef STEP
#error "STEP"
#endif

__kernel LB_GROUP void quantize(__global const float *restrict x,
                                __global const float *restrict scales,
                                __global const CODE *restrict zero_points,
                                __global CODE *restrict codes, __constant Runs *runs,
                                const uint count) {
  FOR_EACH_RUN(runs, start, length) {
    const int parameter = lb_offset(runs, 0, start);
    __global const float *restrict scale = scales + parameter;
    __global const CODE *restrict zero_point = zero_points + parameter;
    for (uint i = 0; i < length; i++) {
      codes[start + i] =
          lb_code(rint(lb_divide(x[start + i], scale[i * STEP])), (int)zero_point[i * STEP]);
    }
  }
}
