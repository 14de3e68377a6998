// Searches tables that the host made of histograms.
//
//   counts, excesses  [tables][2][BINS + 1]
//   grids             [tables][8]  exponent, start, lowest, highest, threshold bits, tick bits
//   results           [tables][8]  see put_result

__kernel GROUP void search_tables(__global const uint *counts, __global const long *excesses,
                                  __global const int *grids, __global ulong *results, uint tables) {
  SHARED bracket_state state;
  for (uint index = get_group_id(0); index < tables; index += get_num_groups(0)) {
    __global const int *words = grids + index * 8;
    const scale_grid grid = {words[0], words[1], words[2], words[3]};
    const ulong first = (ulong)index * 2 * ENTRIES;
    const excess_table table = {counts + first, excesses + first, words[4], words[5]};
    search_brackets(table, grid, &state);
    if (get_local_id(0) == 0) put_result(results, index, state.best, 0, 0, 0.0f, 0.0f, 0, true);
    SYNCHRONIZE;
  }
}
