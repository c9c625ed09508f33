# cmake -DPREFIX=... -DWORK_DIR=... -DPROJECT=... [-DARGUMENTS=...]
#       [-DRUN=... [-DRUN_ARGUMENTS=...] [-DINPUT=... -DOUTPUT=...]] -P run.cmake
#
# Builds a downstream project from what was installed at PREFIX, with the given arguments (a|b), and runs the program that it
# made, which must turn the file INPUT into the file OUTPUT where those are given.
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/step.cmake)

string(REPLACE "|" ";" ARGUMENTS "${ARGUMENTS}")
file(REMOVE_RECURSE "${WORK_DIR}")
step(${CMAKE_COMMAND} -S "${PROJECT}" -B "${WORK_DIR}" -G Ninja -DCMAKE_BUILD_TYPE=Release
     "-DCMAKE_PREFIX_PATH=${PREFIX}" ${ARGUMENTS})
step(${CMAKE_COMMAND} --build "${WORK_DIR}")
if(INPUT)
  step("${WORK_DIR}/${RUN}" ${RUN_ARGUMENTS} INPUT_FILE "${INPUT}" OUTPUT_FILE "${WORK_DIR}/output")
  step(${CMAKE_COMMAND} -E compare_files --ignore-eol "${OUTPUT}" "${WORK_DIR}/output")
elseif(RUN)
  step("${WORK_DIR}/${RUN}" ${RUN_ARGUMENTS})
endif()
