# What cmake --install puts where, and the package that find_package(lamella) finds there.
include(CMakePackageConfigHelpers)

set(lamella_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lamella)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/lamella DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.hpp" PATTERN "*.h")
install(TARGETS lamella EXPORT lamella_cpu)
install(EXPORT lamella_cpu NAMESPACE lamella:: DESTINATION ${lamella_package_dir})
if(LAMELLA_CUDA_ENABLED)
  install(TARGETS lamella_cuda EXPORT lamella_cuda)
  if(LAMELLA_CUDA_SIM)
    install(TARGETS cuda_sim EXPORT lamella_cuda)
  endif()
  install(EXPORT lamella_cuda NAMESPACE lamella:: DESTINATION ${lamella_package_dir})
endif()
if(LAMELLA_BUILD_COMMAND)
  install(TARGETS lamella_command)
endif()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/lamellaConfig.cmake.in
  ${PROJECT_BINARY_DIR}/lamellaConfig.cmake INSTALL_DESTINATION ${lamella_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lamellaConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/lamellaConfig.cmake ${PROJECT_BINARY_DIR}/lamellaConfigVersion.cmake ${PROJECT_SOURCE_DIR}/cmake/cxx20.cmake
        DESTINATION ${lamella_package_dir})
