# cmake -DWORK_DIR=... -DWAY=add_subdirectory|fetch_content -DSOURCE_DIR=... -DMAIN_SOURCE=... -P subdirectory.cmake
#
# Lamella within another project: it is configured, the sources that the build generates are made and compiled, and for all the
# rest of the consumer there is a rule (a dry run).
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/step.cmake)

if(WAY STREQUAL "fetch_content")
  set(binary _deps/lamella-build)
  set(fetched ON)
else()
  set(binary lamella)
  set(fetched OFF)
endif()
file(REMOVE_RECURSE "${WORK_DIR}")
step(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/subdirectory -B "${WORK_DIR}" -G Ninja -DLAMELLA_SOURCE_DIR=${SOURCE_DIR}
     -DMAIN_SOURCE=${MAIN_SOURCE} -DLAMELLA_CUDA=OFF -DFETCHED=${fetched})
set(objects ${binary}/src/CMakeFiles/lamella_objects.dir)
step(${CMAKE_COMMAND} --build "${WORK_DIR}" --target ${objects}/core/version.cpp.o ${objects}/report/sources.cpp.o)
step(${CMAKE_COMMAND} --build "${WORK_DIR}" --target consumer -- -n)
