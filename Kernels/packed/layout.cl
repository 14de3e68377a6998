// Codes from channels second to channels last and back, a byte each, and from one width to another.

// As many pixels and channels as are moved at once: lines of both sides stay in the first cache.
#define SIDE 32

// [N][channels][plane] to [N][plane][pitch]. Work-items: stretches of `length` pixels, images.
__kernel LB_GROUP void channels_last(__global const uchar *from, __global uchar *to, int channels,
                                     int plane, int pitch, int length, uchar offset) {
  const int begin = (int)get_global_id(0) * length, end = min(begin + length, plane);
  __global const uchar *image = from + get_global_id(1) * (long)channels * plane;
  __global uchar *pixels = to + get_global_id(1) * (long)plane * pitch;
  if (channels == 3) {
    __global uint *words = (__global uint *)pixels;
    for (int p = begin; p < end; ++p) {
      const uint a = (uchar)(image[p] + offset), b = (uchar)(image[plane + p] + offset);
      const uint c = (uchar)(image[2 * plane + p] + offset);
      words[p] = a | b << 8 | c << 16;
    }
    return;
  }
  for (int first = begin; first < end; first += SIDE) {
    const int last = min(first + SIDE, end);
    for (int c0 = 0; c0 < pitch; c0 += SIDE) {
      const int c1 = min(c0 + SIDE, pitch);
      for (int p = first; p < last; ++p) {
        for (int c = c0; c < c1; ++c)
          pixels[(long)p * pitch + c] =
              c < channels ? (uchar)(image[(long)c * plane + p] + offset) : (uchar)0;
      }
    }
  }
}

// [N][plane][pitch] to [N][channels][plane].
__kernel LB_GROUP void channels_second(__global const uchar *from, __global uchar *to, int channels,
                                       int plane, int pitch, int length, uchar offset) {
  const int begin = (int)get_global_id(0) * length, end = min(begin + length, plane);
  __global const uchar *pixels = from + get_global_id(1) * (long)plane * pitch;
  __global uchar *image = to + get_global_id(1) * (long)channels * plane;
  for (int first = begin; first < end; first += SIDE) {
    const int last = min(first + SIDE, end);
    for (int c = 0; c < channels; ++c) {
      for (int p = first; p < last; ++p)
        image[(long)c * plane + p] = (uchar)(pixels[(long)p * pitch + c] - offset);
    }
  }
}

// One code of a pixel of less than 8 codes.
LB_FUNCTION uint code_of(uint pixel, int bits, int c) {
  return c * bits < 32 ? pixel >> (c * bits) & ((1u << bits) - 1) : 0u;
}

// Codes of BITS < 8 bits to a byte each and back, 32 at a time: a WIDE integer holds as many bytes
// as a byte holds codes.
#ifdef BITS
#if BITS == 4
#define WIDE(name) name##ushort16
#define NARROW(name) name##uchar16
#define PARTS 16
#elif BITS == 2
#define WIDE(name) name##uint8
#define NARROW(name) name##uchar8
#define PARTS 8
#else
#define WIDE(name) name##ulong4
#define NARROW(name) name##uchar4
#define PARTS 4
#endif

LB_FUNCTION WIDE() spread(WIDE() w) {
#if BITS == 4
  return (w | w << 4) & (ushort)0x0f0f;
#elif BITS == 2
  w = (w | w << 12) & 0x000f000fu;
  return (w | w << 6) & 0x03030303u;
#else
  w = (w | w << 28) & 0x0000000f0000000ful;
  w = (w | w << 14) & 0x0003000300030003ul;
  return (w | w << 7) & 0x0101010101010101ul;
#endif
}

LB_FUNCTION WIDE() gather(WIDE() w) {
#if BITS == 4
  return (w | w >> 4) & (ushort)0x00ff;
#elif BITS == 2
  w = (w | w >> 6) & 0x000f000fu;
  return (w | w >> 12) & 0xffu;
#else
  w = (w | w >> 7) & 0x0003000300030003ul;
  w = (w | w >> 14) & 0x0000000f0000000ful;
  return (w | w >> 28) & 0xfful;
#endif
}

// A pixel has whole parts, or 4 bytes.
LB_FUNCTION void widen_pixel(__global const uchar *from, __global uchar *to, int from_pitch,
                             int to_pitch) {
  if (from_pitch == 4) {
    const uint all = *(__global const uint *)from;
    for (int c = 0; c < to_pitch; ++c) to[c] = (uchar)code_of(all, BITS, c);
    return;
  }
  for (int byte = 0; byte < to_pitch * BITS / 8; byte += PARTS) {
    const WIDE() codes = WIDE(convert_)(*(__global const NARROW() *)(from + byte));
    *(__global WIDE() *)(to + byte * (8 / BITS)) = spread(codes);
  }
}

LB_FUNCTION void narrow_pixel(__global const uchar *from, __global uchar *to, int channels,
                              int from_pitch, int to_pitch) {
  if (to_pitch == 4) {
    uint all = 0;
    for (int c = 0; c < channels; ++c) all |= (uint)from[c] << (c * BITS);
    *(__global uint *)to = all;
    return;
  }
  for (int byte = 0; byte < to_pitch; byte += PARTS) {
    NARROW() codes = 0;
    if (byte * (8 / BITS) < from_pitch)
      codes = NARROW(convert_)(gather(*(__global const WIDE() *)(from + byte * (8 / BITS))));
    *(__global NARROW() *)(to + byte) = codes;
  }
}

// Pixels of codes of BITS bits to 8.
__kernel LB_GROUP void widen(__global const uchar *from, __global uchar *to, int channels,
                             int from_pitch, int to_pitch, const uint count) {
  FOR_EACH_ITEM(pixel, count) {
    widen_pixel(from + (long)pixel * from_pitch, to + (long)pixel * to_pitch, from_pitch, to_pitch);
  }
}

// The way back.
__kernel LB_GROUP void narrow(__global const uchar *from, __global uchar *to, int channels,
                              int from_pitch, int to_pitch, const uint count) {
  FOR_EACH_ITEM(pixel, count) {
    narrow_pixel(from + (long)pixel * from_pitch, to + (long)pixel * to_pitch, channels, from_pitch,
                 to_pitch);
  }
}
#endif
