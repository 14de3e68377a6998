// Depthwise convolution of packed codes: one channel and one filter a group. After problem.cl with
// UNIT 1 and sum_result.cl.
//
//   weights short [taps][blocks of CHANNELS channels], less their zero points
//
// An item computes ITEM_PIXELS pixels of CHANNELS channels, as many as fill whole words of x and of
// the result; neighbours have the next channels.
#ifndef CHANNELS
#error "CHANNELS: 32 / min(XBITS, YBITS), of an item"
#endif

#define X_WORDS (CHANNELS * XBITS / 32)
#define CODES_OF_WORD (32 / XBITS)

// Work-items: blocks of channels within groups of pixels.
__kernel void convolve_packed_lanes(__constant Problem *g, __global const int4 *restrict units,
                                    __global const uint *restrict x, const uint border,
                                    __global const short *restrict weights, RESULT_PARAMETERS,
                                    const int taps, const int blocks) {
  const int group = get_global_id(0) / blocks, block = get_global_id(0) - group * blocks;
  const int firstPixel = group * ITEM_PIXELS;
  if (firstPixel >= g->pixels) return;
  int sums[ITEM_PIXELS][CHANNELS];
  Window windows[ITEM_PIXELS];
#pragma unroll
  for (int j = 0; j < ITEM_PIXELS; j++) {
    windows[j] = window_of(g, 0, firstPixel + j);
#pragma unroll
    for (int c = 0; c < CHANNELS; c++) sums[j][c] = 0;
  }

  for (int tap = 0; tap < taps; tap++) {
    short own[CHANNELS];
#pragma unroll
    for (int c = 0; c < CHANNELS; c++) own[c] = weights[(tap * blocks + block) * CHANNELS + c];
#pragma unroll
    for (int word = 0; word < X_WORDS; word++) {
      // A block can reach beyond the words of a pixel, where weights are 0.
      int4 unit = units[tap];
      unit.x += min(block * X_WORDS + word, g->inputWords - 1);
#pragma unroll
      for (int j = 0; j < ITEM_PIXELS; j++) {
        const uint codes = load_unit(g, x, windows[j], unit, border).words[0];
#pragma unroll
        for (int c = 0; c < CODES_OF_WORD; c++) {
          const int code = (int)(codes >> (XBITS * c) & ((1u << XBITS) - 1u));
          sums[j][word * CODES_OF_WORD + c] += code * own[word * CODES_OF_WORD + c];
        }
      }
    }
  }

  const int channels = g->groups, firstChannel = block * CHANNELS;
#pragma unroll
  for (int j = 0; j < ITEM_PIXELS; j++) {
    const int pixel = firstPixel + j;
    if (pixel >= g->pixels) continue;
#ifdef SUMS
    const int plane = g->outputY * g->outputX, image = pixel / plane;
    for (int c = 0; c < min(CHANNELS, channels - firstChannel); c++) {
      const int channel = firstChannel + c;
      y[(image * channels + channel) * plane + pixel - image * plane] =
          (uint)whole_sum(sums[j][c], rows[channel], inputZeroPoint, 0, 0);
    }
#else
    uint packed[CHANNELS * YBITS / 32];
#pragma unroll
    for (int word = 0; word < CHANNELS * YBITS / 32; word++) packed[word] = 0;
#pragma unroll
    for (int q = 0; q < CHANNELS / 4; q++) {
      uint four = 0;
#pragma unroll
      for (int i = 0; i < 4; i++) {
        const int channel = firstChannel + q * 4 + i;
        if (channel >= channels) continue;
        const int sum = whole_sum(sums[j][q * 4 + i], rows[channel], inputZeroPoint, 0,
                                  hasBias ? bias[channel] : 0);
        four |=
            code_of(sum, multiplier[channel * multiplierStep], shift[channel * shiftStep], codes)
            << (8 * i);
      }
#ifdef RESIDUAL
      const int left = channels - firstChannel - q * 4;
      if (left > 0)
        four = add_residual(four, other[pixel * g->otherWords + firstChannel / 4 + q], min(4, left),
                            codes, otherCodes, scales);
#endif
      packed[q * YBITS / 8] |= narrow_codes(four) << (q * 4 * YBITS & 31);
    }
#pragma unroll
    for (int word = 0; word < CHANNELS * YBITS / 32; word++) {
      const int at = block * (CHANNELS * YBITS / 32) + word;
      if (at < g->outputWords) y[pixel * g->outputWords + at] = packed[word];
    }
#endif
  }
}
