// float32 to int64 as convert_long_sat_rtz, which some drivers (Mesa's rusticl 22) get wrong:
// towards zero, saturated, a NaN to 0, in integer operations on the bits.
LB_FUNCTION long lb_long(float x) {
  const uint bits = as_uint(x), magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return 0l;
  // |x| = mantissa * 2^shift; a subnormal x has a shift that leaves nothing of it.
  const int shift = (int)(magnitude >> 23) - 150;
  const ulong mantissa = (ulong)((magnitude & 0x007fffffu) | 0x00800000u);
  if (shift >= 40) return bits >> 31 ? LONG_MIN : LONG_MAX;
  const ulong whole = shift >= 0 ? mantissa << shift : shift > -24 ? mantissa >> -shift : 0ul;
  return bits >> 31 ? -(long)whole : (long)whole;
}
