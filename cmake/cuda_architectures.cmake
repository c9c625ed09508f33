# Which GPUs the CUDA code is compiled for: all supported ones in packages, else the one at hand, or
# one, so that builds stay short. Set CMAKE_CUDA_ARCHITECTURES to choose.

option(LAMELLA_ALL_ARCHITECTURES "Compile CUDA code for every supported architecture" OFF)

if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  if(LAMELLA_ALL_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 75 80 86 89 90 100 120)
  else()
    execute_process(COMMAND nvidia-smi --query-gpu=name --format=csv,noheader
                    RESULT_VARIABLE lamella_no_gpu OUTPUT_QUIET ERROR_QUIET)
    if(lamella_no_gpu)
      set(CMAKE_CUDA_ARCHITECTURES 90)
    else()
      set(CMAKE_CUDA_ARCHITECTURES native)
    endif()
  endif()
endif()
