// Compiles one loop for several instruction sets in one translation unit, chosen at run time. The
// body is an always-inlined function; each variant inlines it under its own target attribute. So no
// code for a newer processor leaks into shared inline functions, and no ifunc is needed.
#pragma once

#define LAMELLA_ALWAYS_INLINE [[gnu::always_inline]] inline

#if defined(__x86_64__)
#define LAMELLA_TARGET_AVX2 [[gnu::target("avx2,fma")]]
#define LAMELLA_TARGET_AVX512 [[gnu::target("avx2,fma,avx512f,avx512dq,avx512bw,avx512vl")]]
#else
#define LAMELLA_TARGET_AVX2
#define LAMELLA_TARGET_AVX512
#endif
