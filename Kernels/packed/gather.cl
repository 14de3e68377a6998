// The pixels under a window, one window after the other, as the products read them.

// 4 * `words` bytes.
LB_FUNCTION void copy_words(__global const uchar *from, __global uchar *to, int words) {
  for (int word = 0; word < words; ++word)
    ((__global uint *)to)[word] = ((__global const uint *)from)[word];
}

// `bytes` bytes, a multiple of 32, between addresses that are multiples of 32.
LB_FUNCTION void copy_vectors(__global const uchar *from, __global uchar *to, int bytes) {
  for (int i = 0; i < bytes / 32; ++i)
    ((__global uint8 *)to)[i] = ((__global const uint8 *)from)[i];
}

// `bytes` bytes, a multiple of 4, of the border's code.
LB_FUNCTION void fill_border(__constant Geometry *g, __global uchar *to, int bytes) {
  const uint word = (uint)g->x_zero * 0x01010101u;
  if (g->tap % 32 == 0) {
    for (int i = 0; i < bytes / 32; ++i) ((__global uint8 *)to)[i] = word;
  } else {
    for (int i = 0; i < bytes / 4; ++i) ((__global uint *)to)[i] = word;
  }
}

// The channels of `group` of `taps` neighbouring pixels.
LB_FUNCTION void copy_taps(__constant Geometry *g, __global const uchar *pixel, int group,
                           __global uchar *to, int taps) {
  if (g->groups == 1 && g->x_pixel == 4) {
    copy_words(pixel, to, taps);
  } else if (g->groups == 1) {
    copy_vectors(pixel, to, taps * g->tap);
  } else {
    pixel += group * g->channels;
    for (int tap = 0; tap < taps; ++tap, pixel += g->x_pixel, to += g->tap) {
      if (g->channels % 32 == 0) {
        copy_vectors(pixel, to, g->channels);
      } else {
        for (int c = 0; c < g->tap; ++c) to[c] = c < g->channels ? pixel[c] : 0;
      }
    }
  }
}

// `taps` neighbouring pixels of row `y` from column `left` on, the border where there are none.
LB_FUNCTION void gather_run(__constant Geometry *g, __global const uchar *x, int image, int y,
                            int left, int group, __global uchar *to, int taps) {
  if (y < 0 || y >= g->height) {
    fill_border(g, to, taps * g->tap);
    return;
  }
  const int first = clamp(-left, 0, taps), last = clamp(g->width - left, first, taps);
  const long pixel = ((long)image * g->height + y) * g->width + left + first;
  if (first > 0) fill_border(g, to, first * g->tap);
  if (last > first) copy_taps(g, x + pixel * g->x_pixel, group, to + first * g->tap, last - first);
  if (last < taps) fill_border(g, to + last * g->tap, (taps - last) * g->tap);
}

// The window at (top, left) to `to`.
LB_FUNCTION void gather_window(__constant Geometry *g, __global const uchar *x, int image, int top,
                               int left, int group, __global uchar *to) {
  for (int ky = 0; ky < g->kernel_height; ++ky) {
    const int y = top + ky * g->dilation_height;
    if (g->dilation_width == 1) {
      gather_run(g, x, image, y, left, group, to, g->kernel_width);
      to += g->kernel_width * g->tap;
    } else {
      for (int kx = 0; kx < g->kernel_width; ++kx, to += g->tap)
        gather_run(g, x, image, y, left + kx * g->dilation_width, group, to, 1);
    }
  }
}
