# The headers need C++20. A compile feature passes this on to every user of the target, also for
# CUDA sources. CMake before 3.26 does not know that nvcc supports C++20 and would fail, so there a
# project with CUDA sources must request C++20 itself. C projects do not need it.
get_property(lamella_languages GLOBAL PROPERTY ENABLED_LANGUAGES)
if("CXX" IN_LIST lamella_languages AND
   (CMAKE_VERSION VERSION_GREATER_EQUAL 3.26 OR NOT "CUDA" IN_LIST lamella_languages))
  target_compile_features(${lamella_target} INTERFACE cxx_std_20)
endif()
