# Lamella's dependencies, from the distribution's packages (cmake/install-dependencies.sh installs
# them).

set(lamella_hint "run cmake/install-dependencies.sh, which installs it on Debian and Ubuntu")

find_package(Threads REQUIRED)
find_package(fmt QUIET)
find_package(ZLIB QUIET)
find_package(nlohmann_json QUIET)
find_package(FastFloat QUIET)
foreach(package IN ITEMS fmt ZLIB nlohmann_json FastFloat)
  if(NOT ${package}_FOUND)
    message(FATAL_ERROR "${package} was not found: ${lamella_hint}")
  endif()
endforeach()
if(LAMELLA_BUILD_COMMAND)
  find_package(CLI11 QUIET)
  if(NOT CLI11_FOUND)
    message(FATAL_ERROR "CLI11 was not found: ${lamella_hint}")
  endif()
endif()

# CUDA: the simulation needs only the toolkit's headers; a real build also needs nvcc and cuBLAS.
set(LAMELLA_CUDA_ENABLED OFF)
if(LAMELLA_CUDA_SIM)
  include(cmake/find_cuda_toolkit.cmake)
  set(LAMELLA_CUDA_HEADERS ${PROJECT_SOURCE_DIR}/build/cuda-headers CACHE PATH
    "Where cmake/install-dependencies.sh --cuda-headers puts them, for the simulated CUDA where there is no toolkit")
  if(NOT CUDAToolkit_FOUND AND EXISTS ${LAMELLA_CUDA_HEADERS}/include/cuda_runtime_api.h)
    set(CUDAToolkit_FOUND TRUE)
    set(CUDAToolkit_INCLUDE_DIRS ${LAMELLA_CUDA_HEADERS}/include)
  endif()
  if(NOT CUDAToolkit_FOUND)
    message(FATAL_ERROR "The simulated CUDA needs the headers of the CUDA Toolkit 13, which was not found: "
                        "cmake/install-dependencies.sh --cuda-headers fetches them")
  endif()
  include(cmake/cuda_sim.cmake)
  set(LAMELLA_CUDA_ENABLED ON)
elseif(NOT LAMELLA_CUDA STREQUAL "OFF")
  include(CheckLanguage)
  check_language(CUDA)
  include(cmake/find_cuda_toolkit.cmake)
  if(CMAKE_CUDA_COMPILER AND TARGET CUDA::cublas)
    include(cmake/cuda_architectures.cmake)
    enable_language(CUDA)
    # CMake before 3.26 does not know that nvcc supports C++20 (for users of the package:
    # cmake/cxx20.cmake).
    if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
      set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
      set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
    endif()
    set(LAMELLA_CUDA_ENABLED ON)
  elseif(LAMELLA_CUDA STREQUAL "ON")
    message(FATAL_ERROR "LAMELLA_CUDA is ON, but nvcc or cuBLAS of CUDA 13 was not found: install the CUDA Toolkit, "
                        "or name nvcc with -DCMAKE_CUDA_COMPILER=..., or configure with -DLAMELLA_CUDA=OFF")
  else()
    message(STATUS "Lamella: no nvcc or no cuBLAS of CUDA 13 found; building the CPU engine alone")
  endif()
endif()
