# cmake -DBUILD_DIR=... -DWORK_DIR=... -P install.cmake
#
# Installs the build into a fresh prefix and moves that to another place, since a package must not care: WORK_DIR/a prefix
# with spaces. Nothing in it may name the first place, or the folder it was built in.
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/step.cmake)

file(REMOVE_RECURSE "${WORK_DIR}")
step(${CMAKE_COMMAND} --install "${BUILD_DIR}" --prefix "${WORK_DIR}/first")
file(RENAME "${WORK_DIR}/first" "${WORK_DIR}/a prefix with spaces")

file(GLOB_RECURSE texts "${WORK_DIR}/a prefix with spaces/*.cmake" "${WORK_DIR}/a prefix with spaces/*.pc"
  "${WORK_DIR}/a prefix with spaces/share/*")
foreach(text IN LISTS texts)
  file(READ "${text}" content)
  foreach(place IN ITEMS "${WORK_DIR}/first" "${BUILD_DIR}")
    string(FIND "${content}" "${place}" found)
    if(NOT found EQUAL -1)
      message(FATAL_ERROR "${text} names ${place}")
    endif()
  endforeach()
endforeach()
