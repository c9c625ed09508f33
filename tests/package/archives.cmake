# cmake -DBUILD_DIR=... -DWORK_DIR=... -P archives.cmake
#
# Makes the .deb and the .tar.gz, unpacks the first (without installing it) into WORK_DIR/unpacked and looks at both: what
# they hold, what the first depends on, and whom it names.
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/step.cmake)

file(REMOVE_RECURSE "${WORK_DIR}")
step(${CMAKE_CPACK_COMMAND} --config "${BUILD_DIR}/CPackConfig.cmake" -B "${WORK_DIR}")
file(GLOB package "${WORK_DIR}/*.deb")
file(GLOB archive "${WORK_DIR}/*.tar.gz")
step(dpkg-deb -x "${package}" "${WORK_DIR}/unpacked")
step("${WORK_DIR}/unpacked/usr/bin/lamella" --version)

execute_process(COMMAND dpkg-deb -f "${package}" Depends OUTPUT_VARIABLE depends COMMAND_ERROR_IS_FATAL ANY)
foreach(wanted IN ITEMS libc6 libstdc libfmt zlib1g)
  if(NOT depends MATCHES "(^|, )${wanted}")
    message(FATAL_ERROR "the package does not depend on ${wanted}: ${depends}")
  endif()
endforeach()
if(depends MATCHES "lamella|cublas")
  message(FATAL_ERROR "the package depends on what it brings along, or can do without: ${depends}")
endif()

foreach(pair IN ITEMS LAMELLA_PACKAGE_CONTACT:Maintainer LAMELLA_PACKAGE_HOMEPAGE:Homepage)
  string(REPLACE ":" ";" pair ${pair})
  list(GET pair 0 variable)
  list(GET pair 1 field)
  file(STRINGS "${BUILD_DIR}/CMakeCache.txt" wanted REGEX "^${variable}:")
  string(REGEX REPLACE "^${variable}:[A-Z]+=" "" wanted "${wanted}")
  execute_process(COMMAND dpkg-deb -f "${package}" ${field} OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE
    COMMAND_ERROR_IS_FATAL ANY)
  if(NOT found STREQUAL wanted)
    message(FATAL_ERROR "the package's ${field} is '${found}', not '${wanted}'")
  endif()
endforeach()

# One way in, two archives: the same files.
file(GLOB_RECURSE unpacked RELATIVE "${WORK_DIR}/unpacked/usr" "${WORK_DIR}/unpacked/usr/*")
step(${CMAKE_COMMAND} -E make_directory "${WORK_DIR}/tar")
step(${CMAKE_COMMAND} -E chdir "${WORK_DIR}/tar" ${CMAKE_COMMAND} -E tar xf "${archive}")
file(GLOB top "${WORK_DIR}/tar/*")
file(GLOB_RECURSE extracted RELATIVE "${top}" "${top}/*")
if(NOT unpacked OR NOT unpacked STREQUAL extracted)
  message(FATAL_ERROR "the .deb holds ${unpacked}\nthe .tar.gz ${extracted}")
endif()
foreach(wanted IN ITEMS bin/lamella include/lamella/lamella.h share/man/man1/lamella.1
    share/bash-completion/completions/lamella share/zsh/site-functions/_lamella share/fish/vendor_completions.d/lamella.fish)
  if(NOT wanted IN_LIST unpacked)
    message(FATAL_ERROR "the packages have no ${wanted}")
  endif()
endforeach()
