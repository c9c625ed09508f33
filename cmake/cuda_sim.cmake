# Builds sources with CUDA kernels against the simulated CUDA of tests/cuda_sim.

# lamella_simulate_cuda(TARGET FILES...)
#
# Compiles the .cu files among FILES, which must be sources of TARGET, as C++ with the host compiler,
# and links TARGET to the simulator in place of libcudart and libcublas. The properties are set in
# TARGET's own directory: call this from there. One .cu file may belong to several simulated targets
# of a directory, but not to a simulated and a real CUDA target of the same directory.
function(lamella_simulate_cuda target)
  foreach(file IN LISTS ARGN)
    if(file MATCHES "\\.cu$")
      set_source_files_properties("${file}" PROPERTIES LANGUAGE CXX COMPILE_OPTIONS "-x;c++;-Wno-unknown-pragmas")
    endif()
  endforeach()
  target_link_libraries(${target} PRIVATE cuda_sim)
endfunction()
