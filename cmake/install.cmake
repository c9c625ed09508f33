# Lays out the installation, and the packages for find_package(lamella) and pkg-config. No installed
# file contains the prefix, so the tree may be moved.
include(CMakePackageConfigHelpers)

set(lamella_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lamella)

# lamella_install(TARGET... EXPORT NAME) installs the libraries and lamella_NAME.cmake, which the
# package's component reads.
function(lamella_install)
  cmake_parse_arguments(arg "" "EXPORT" "" ${ARGN})
  install(TARGETS ${arg_UNPARSED_ARGUMENTS} EXPORT lamella_${arg_EXPORT})
  install(EXPORT lamella_${arg_EXPORT} NAMESPACE lamella:: DESTINATION ${lamella_package_dir})
endfunction()

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/lamella DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.hpp" PATTERN "*.h")
lamella_install(lamella EXPORT cpu)
lamella_install(lamella_static EXPORT static)
if(LAMELLA_CUDA_ENABLED)
  set(simulator "")
  if(LAMELLA_CUDA_SIM)
    set(simulator cuda_sim)
  endif()
  lamella_install(lamella_cuda ${simulator} EXPORT cuda)
  lamella_install(lamella_cuda_static EXPORT cuda_static)
endif()
if(LAMELLA_BUILD_COMMAND)
  install(TARGETS lamella_command)
  if(TARGET lamella_texts)
    # lamella_install_text(NAME DIRECTORY FILE)
    function(lamella_install_text name directory file)
      install(FILES ${PROJECT_BINARY_DIR}/src/cli/${name} DESTINATION ${directory} RENAME ${file})
    endfunction()
    lamella_install_text(manual ${CMAKE_INSTALL_MANDIR}/man1 lamella.1)
    lamella_install_text(completion_bash ${CMAKE_INSTALL_DATADIR}/bash-completion/completions lamella)
    lamella_install_text(completion_zsh ${CMAKE_INSTALL_DATADIR}/zsh/site-functions _lamella)
    lamella_install_text(completion_fish ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d lamella.fish)
  endif()
endif()
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/lamellaConfig.cmake.in
  ${PROJECT_BINARY_DIR}/lamellaConfig.cmake INSTALL_DESTINATION ${lamella_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lamellaConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/lamellaConfig.cmake ${PROJECT_BINARY_DIR}/lamellaConfigVersion.cmake
        ${PROJECT_SOURCE_DIR}/cmake/cxx20.cmake ${PROJECT_SOURCE_DIR}/cmake/find_cuda_toolkit.cmake
        DESTINATION ${lamella_package_dir})

set(lamella_pc_dir ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH lamella_pc_prefix ${lamella_pc_dir} ${CMAKE_INSTALL_PREFIX})
file(RELATIVE_PATH lamella_pc_libdir ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_LIBDIR})
file(RELATIVE_PATH lamella_pc_includedir ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_INCLUDEDIR})
configure_file(${PROJECT_SOURCE_DIR}/cmake/lamella.pc.in ${PROJECT_BINARY_DIR}/lamella.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/lamella.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(PROJECT_IS_TOP_LEVEL)
  include(cmake/packages.cmake)
endif()
