# Finds the CUDA Toolkit 13, as CUDAToolkit_FOUND and the targets CUDA::... say.
# CMake 3.25's module says of CUDA::nvToolsExt that it is deprecated, and ends with an error since CUDA 13 has none.
if(CMAKE_VERSION VERSION_LESS 3.27 AND NOT TARGET CUDA::nvToolsExt)
  add_library(CUDA::nvToolsExt INTERFACE IMPORTED)
endif()
find_package(CUDAToolkit 13 QUIET)
