# cmake -DBUILD_DIR=... -DWORK_DIR=... -DPROJECT=... [-DARGUMENTS=...]
#       [-DRUN=... [-DRUN_ARGUMENTS=...] [-DINPUT=... -DOUTPUT=...]] -P run.cmake
#
# Installs the build into a fresh prefix, moves that to another place (a package must not care), builds a
# downstream project from it with the given arguments, and runs the program that it made, which must turn
# the file INPUT into the file OUTPUT where those are given.
foreach(wanted IN ITEMS BUILD_DIR WORK_DIR PROJECT)
  if(NOT DEFINED ${wanted})
    message(FATAL_ERROR "${wanted} is missing")
  endif()
endforeach()

function(step)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "failed with ${result}: ${command}")
  endif()
endfunction()

file(REMOVE_RECURSE "${WORK_DIR}")
step(${CMAKE_COMMAND} --install "${BUILD_DIR}" --prefix "${WORK_DIR}/first")
file(RENAME "${WORK_DIR}/first" "${WORK_DIR}/a prefix with spaces")
step(${CMAKE_COMMAND} -S "${PROJECT}" -B "${WORK_DIR}/build" -G Ninja -DCMAKE_BUILD_TYPE=Release
     "-DCMAKE_PREFIX_PATH=${WORK_DIR}/a prefix with spaces" ${ARGUMENTS})
step(${CMAKE_COMMAND} --build "${WORK_DIR}/build")
if(INPUT)
  step("${WORK_DIR}/build/${RUN}" ${RUN_ARGUMENTS} INPUT_FILE "${INPUT}" OUTPUT_FILE "${WORK_DIR}/output")
  step(${CMAKE_COMMAND} -E compare_files --ignore-eol "${OUTPUT}" "${WORK_DIR}/output")
elseif(RUN)
  step("${WORK_DIR}/build/${RUN}" ${RUN_ARGUMENTS})
endif()
