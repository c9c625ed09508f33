/* Scores rows of numbers from standard input through a trained network, in C99.
 *
 *     score MODEL < rows.txt
 */
#include <stdio.h>
#include <stdlib.h>

#include <lamella/lamella.h>

static int complain(const char* what) {
  fprintf(stderr, "score: %s: %s\n", what, lamella_last_error());
  return EXIT_FAILURE;
}

/* Reads count numbers. Returns 1 for a full row, 0 at the end of input, -1 for invalid input. */
static int read_row(float* row, size_t count) {
  size_t i;
  for (i = 0; i < count; ++i) {
    const int got = scanf("%f", &row[i]);
    if (got != 1) {
      return got == EOF && i == 0 ? 0 : -1;
    }
  }
  return 1;
}

static int score_rows(lamella_engine* engine, size_t inputs, size_t outputs) {
  float* const row = malloc(inputs * sizeof *row);
  float* const output = malloc(outputs * sizeof *output);
  int result = row != NULL && output != NULL ? EXIT_SUCCESS : EXIT_FAILURE;
  int got = 0;
  while (result == EXIT_SUCCESS && (got = read_row(row, inputs)) == 1) {
    size_t i;
    if (lamella_engine_run(engine, row, 1, output) != LAMELLA_OK) {
      result = complain("the engine");
      break;
    }
    for (i = 0; i < outputs; ++i) {
      printf("%s%g", i == 0 ? "" : " ", output[i]);
    }
    printf("\n");
  }
  if (got < 0) {
    fprintf(stderr, "score: a row has %lu numbers\n", (unsigned long)inputs);
    result = EXIT_FAILURE;
  }
  free(output);
  free(row);
  return result;
}

int main(int argc, char** argv) {
  lamella_network* network = NULL;
  lamella_engine* engine = NULL;
  int result = EXIT_FAILURE;
  if (argc != 2) {
    fprintf(stderr, "usage: score MODEL < rows.txt\n");
    return 2;
  }
  if (lamella_network_load(argv[1], NULL, NULL, &network) != LAMELLA_OK) {
    return complain(argv[1]);
  }
  if (lamella_engine_create(network, NULL, &engine) != LAMELLA_OK) {
    result = complain("the engine");
  } else {
    result = score_rows(engine, lamella_network_inputs(network), lamella_network_outputs(network));
  }
  lamella_engine_release(engine);
  lamella_network_release(network);
  return result;
}
