# What cmake --install puts where.

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/lamella DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
install(TARGETS lamella EXPORT lamella_targets)
if(LAMELLA_BUILD_COMMAND)
  install(TARGETS lamella_command)
endif()
