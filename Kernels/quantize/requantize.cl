// Sums to codes: saturate(rint((float)(sum + bias) * multiplier) + zero point), the sum wrapping
//
// Parameters move over the elements as `Runs` says: operand 0. STEP: 1 where the parameter moves
// along the run, 0 where it does not.
#ifndef STEP
#error "STEP"
#endif

__kernel LB_GROUP void requantize(__global const int *restrict sums,
                                  __global const int *restrict biases,
                                  __global const float *restrict multipliers,
                                  __global const CODE *restrict zero_point,
                                  __global CODE *restrict codes, __constant Runs *runs,
                                  const uint multiplier_step, const uint count) {
  const int zero = (int)zero_point[0];
  FOR_EACH_RUN(runs, start, length) {
    const int parameter = lb_offset(runs, 0, start);
    for (uint i = 0; i < length; i++) {
      const uint at = (uint)parameter + i * STEP;
      const int sum = (int)((uint)sums[start + i] + (uint)biases[at]);
      codes[start + i] = lb_code(rint((float)sum * multipliers[at * multiplier_step]), zero);
    }
  }
}
