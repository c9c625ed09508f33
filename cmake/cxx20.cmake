# The headers need C++20. A compile feature says so to every user of the target, in CUDA sources too; CMake
# before 3.26 does not know that nvcc speaks C++20 and would reject, so there a project with CUDA sources
# asks for C++20 itself. A C project has no use for it.
get_property(lamella_languages GLOBAL PROPERTY ENABLED_LANGUAGES)
if("CXX" IN_LIST lamella_languages AND
   (CMAKE_VERSION VERSION_GREATER_EQUAL 3.26 OR NOT "CUDA" IN_LIST lamella_languages))
  target_compile_features(${lamella_target} INTERFACE cxx_std_20)
endif()
