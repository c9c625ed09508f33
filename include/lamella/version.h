/* The version of these headers, for the preprocessor; in C and C++. */
#ifndef LAMELLA_VERSION_H
#define LAMELLA_VERSION_H

#define LAMELLA_VERSION_MAJOR 0
#define LAMELLA_VERSION_MINOR 2
#define LAMELLA_VERSION_PATCH 0

/* #if LAMELLA_VERSION >= LAMELLA_MAKE_VERSION(0, 2, 0) */
#define LAMELLA_MAKE_VERSION(major, minor, patch) ((major)*1000000 + (minor)*1000 + (patch))
#define LAMELLA_VERSION \
  LAMELLA_MAKE_VERSION(LAMELLA_VERSION_MAJOR, LAMELLA_VERSION_MINOR, LAMELLA_VERSION_PATCH)

#endif
