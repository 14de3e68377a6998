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

// Pixels of `channels` codes from one width in bits to another, one of the two 8.
__kernel LB_GROUP void change_width(__global const uchar *from, __global uchar *to, int channels,
                                    int from_bits, int from_pitch, int to_bits, int to_pitch,
                                    const uint count) {
  const int from_codes = 8 / from_bits, to_codes = 8 / to_bits;
  const int mask = (1 << from_bits) - 1;
  FOR_EACH_ITEM(pixel, count) {
    __global const uchar *source = from + (long)pixel * from_pitch;
    __global uchar *target = to + (long)pixel * to_pitch;
    for (int byte = 0; byte < to_pitch; ++byte) {
      int packed = 0;
      for (int i = 0; i < to_codes; ++i) {
        const int c = byte * to_codes + i;
        if (c < channels)
          packed |= (source[c / from_codes] >> (c % from_codes * from_bits) & mask)
                    << (i * to_bits);
      }
      target[byte] = (uchar)packed;
    }
  }
}
