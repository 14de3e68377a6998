// Saturation to integer codes.
//
// CODE: the integer type of codes. LOWEST, HIGHEST: the smallest and the largest code.
#if !defined(CODE) || !defined(LOWEST) || !defined(HIGHEST)
#error "CODE, LOWEST, HIGHEST"
#endif

// zero + steps within the range of codes; a NaN gives the zero point. Differences of codes are
// below 2^17, so the bounds are exact floats.
LB_FUNCTION CODE lb_code(float steps, int zero) {
  const float lower = (float)(LOWEST - zero), upper = (float)(HIGHEST - zero);
  const float clipped = steps < lower ? lower : steps > upper ? upper : steps;
  return (CODE)((int)(clipped == clipped ? clipped : 0.0f) + zero);
}
