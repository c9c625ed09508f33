# What a user of the build may choose, and what follows from it for every target.

set(LAMELLA_CUDA AUTO CACHE STRING "Build the CUDA engine: AUTO (where nvcc and cuBLAS are found), ON, OFF")
set_property(CACHE LAMELLA_CUDA PROPERTY STRINGS AUTO ON OFF)
option(LAMELLA_CUDA_SIM "Build the CUDA engine against the simulated CUDA instead (tests; no GPU needed)" OFF)
set(LAMELLA_SANITIZE "" CACHE STRING "Sanitizers over everything: empty, address (with undefined), thread")
set_property(CACHE LAMELLA_SANITIZE PROPERTY STRINGS "" address thread)
option(LAMELLA_WERROR "Treat warnings as errors" OFF)
option(LAMELLA_BUILD_COMMAND "Build the lamella command" ${PROJECT_IS_TOP_LEVEL})
option(LAMELLA_BUILD_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(LAMELLA_BUILD_BENCH "Build the benchmarks in tests/bench" OFF)
option(LAMELLA_CUDA_TESTS_ONLY "Build only the tests that have to do with CUDA: the others are the same in every build" OFF)
option(LAMELLA_BUILD_FUZZERS "Build the libFuzzer targets in tests/fuzz (clang only)" OFF)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# The command finds its libraries, and the library its CUDA part, in the build tree and beside each
# other after installation.
if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
  set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
endif()
file(RELATIVE_PATH lamella_bin_to_lib ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
set(CMAKE_INSTALL_RPATH "$ORIGIN" "$ORIGIN/${lamella_bin_to_lib}")

find_program(LAMELLA_CCACHE ccache)
mark_as_advanced(LAMELLA_CCACHE)
if(LAMELLA_CCACHE AND PROJECT_IS_TOP_LEVEL)
  # Without these ccache keeps nothing that was compiled with a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${LAMELLA_CCACHE})
  add_compile_options($<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fpch-preprocess>)
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${LAMELLA_CCACHE})
endif()

# -O1 and lines alone: an instrumented build takes half the time, and reports read better.
if(LAMELLA_SANITIZE STREQUAL "address")
  # A null pointer ends the program anyway, and AddressSanitizer knows how large objects are.
  set(lamella_sanitize_flags -fsanitize=address,undefined -fno-sanitize=null,object-size,vptr -fno-sanitize-recover=undefined
    -fno-omit-frame-pointer -O1 -g1)
elseif(LAMELLA_SANITIZE STREQUAL "thread")
  set(lamella_sanitize_flags -fsanitize=thread -fno-omit-frame-pointer -O1 -g1)
elseif(NOT LAMELLA_SANITIZE STREQUAL "")
  message(FATAL_ERROR "LAMELLA_SANITIZE is '${LAMELLA_SANITIZE}'; address or thread is wanted, or nothing")
endif()
if(lamella_sanitize_flags)
  set(lamella_unity ON)
else()
  set(lamella_unity OFF)
endif()
option(LAMELLA_UNITY_BUILD "Compile the command and the CUDA library as one file each, the library in batches" ${lamella_unity})
if(lamella_sanitize_flags)
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:${lamella_sanitize_flags}>")
  add_link_options(${lamella_sanitize_flags})
endif()

# Fuzzers need the whole library instrumented, and the sanitizers to notice what they find.
if(LAMELLA_BUILD_FUZZERS)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "LAMELLA_BUILD_FUZZERS needs clang++: configure with -DCMAKE_CXX_COMPILER=clang++")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g)
  add_link_options(-fsanitize=address,undefined)
endif()

# Flags for our own targets, not for what they link.
function(lamella_target_defaults target)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR})
  # Designated initializers leave the rest to their defaults on purpose. -Wrestrict of GCC 12 fires falsely on std::string
  # concatenation (GCC bug 105651). Clang reports what libstdc++ 12's own std::stable_sort is made of as deprecated, and
  # the script of explain's report as longer than the 64 KiB that every compiler takes. In C++ GCC's -Wconversion leaves
  # signs alone, Clang's does not.
  set(warnings -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
    -Wno-missing-field-initializers)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    list(APPEND warnings -Wno-restrict)
  else()
    list(APPEND warnings -Wno-deprecated-declarations -Wno-overlength-strings -Wno-sign-conversion)
  endif()
  if(LAMELLA_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    list(APPEND warnings -Wno-maybe-uninitialized) # GCC takes its own instrumentation for a reason
  endif()
  target_compile_options(${target} PRIVATE
    "$<$<COMPILE_LANGUAGE:CXX>:${warnings}>"
    "$<$<AND:$<COMPILE_LANGUAGE:CXX>,$<BOOL:${LAMELLA_WERROR}>>:-Werror>"
    "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra>"
    "$<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${LAMELLA_WERROR}>>:-Werror=all-warnings>")
  set_target_properties(${target} PROPERTIES
    CXX_VISIBILITY_PRESET hidden CUDA_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
endfunction()

# lamella_unity_build(TARGET): compiles the target as one file under LAMELLA_UNITY_BUILD, in half the time (the library in
# batches: src/CMakeLists.txt; test executables always). Elsewhere each file is compiled by itself, which shows that it
# includes what it needs of the project's own headers; tests/documents/check_includes.py checks those of the standard library and fmt, which a precompiled
# header could hide.
function(lamella_unity_build target)
  if(LAMELLA_UNITY_BUILD)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 0)
  endif()
endfunction()

# lamella_precompile(TARGET): precompiles the headers that most files include, which saves a second for each file. GCC does not
# treat precompiled system headers as such and warns, falsely, about std::string's own code; those warnings are off.
function(lamella_precompile target)
  target_precompile_headers(${target} PRIVATE <algorithm> <array> <cmath> <cstdint> <functional> <memory> <optional> <span>
    <string> <string_view> <utility> <vector> <fmt/format.h>)
  target_compile_options(${target} PRIVATE
    "$<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-array-bounds;-Wno-stringop-overflow;-Wno-stringop-overread>")
endfunction()

# lamella_export_only(TARGET FILE): a shared library shows what FILE.in, a linker's version script, names and what is
# visible by the public headers (the standard library's templates are visible too, and nobody's business).
function(lamella_export_only target file)
  set(script ${CMAKE_CURRENT_BINARY_DIR}/${file})
  configure_file(${file}.in ${script} @ONLY)
  target_link_options(${target} PRIVATE "LINKER:--version-script=${script}")
  set_target_properties(${target} PROPERTIES LINK_DEPENDS ${script})
  if(NOT LAMELLA_SANITIZE AND NOT LAMELLA_BUILD_FUZZERS) # whose runtime is the program's
    target_link_options(${target} PRIVATE LINKER:--no-undefined)
  endif()
endfunction()
