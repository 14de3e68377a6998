// EACH_ROW(X): X of every row of weights that is worked on together, each with sums of its own in
// registers.
#ifndef ROWS
#error "ROWS: rows of weights that are worked on together, 4, 6, 8 or 12"
#endif

#if ROWS == 12
#define EACH_ROW(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#elif ROWS == 8
#define EACH_ROW(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#elif ROWS == 6
#define EACH_ROW(X) X(0) X(1) X(2) X(3) X(4) X(5)
#elif ROWS == 4
#define EACH_ROW(X) X(0) X(1) X(2) X(3)
#endif
