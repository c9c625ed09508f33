# Which GPUs the CUDA code is compiled for: all supported ones in packages, else those at hand, or
# one, so that builds stay short. Set CMAKE_CUDA_ARCHITECTURES to choose.

option(LAMELLA_ALL_ARCHITECTURES "Compile CUDA code for every supported architecture" OFF)

if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(lamella_architectures 75 80 86 89 90 100 120)
  if(NOT LAMELLA_ALL_ARCHITECTURES)
    # A line for each GPU, as 9.0. CUDA 13 compiles for nothing older than 7.5.
    execute_process(COMMAND nvidia-smi --query-gpu=compute_cap --format=csv,noheader
                    TIMEOUT 30 RESULT_VARIABLE lamella_no_gpu OUTPUT_VARIABLE lamella_capabilities ERROR_QUIET)
    set(lamella_architectures "")
    if(lamella_no_gpu EQUAL 0)
      string(REGEX MATCHALL "[0-9]+\\.[0-9]" lamella_capabilities "${lamella_capabilities}")
      foreach(capability IN LISTS lamella_capabilities)
        string(REPLACE "." "" architecture ${capability})
        if(architecture GREATER_EQUAL 75)
          list(APPEND lamella_architectures ${architecture})
        endif()
      endforeach()
      list(REMOVE_DUPLICATES lamella_architectures)
    endif()
    if(NOT lamella_architectures)
      set(lamella_architectures 90)
    endif()
  endif()
  set(CMAKE_CUDA_ARCHITECTURES ${lamella_architectures})
endif()
