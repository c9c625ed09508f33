# What cpack makes: a .deb and a .tar.gz, each with everything that is installed.
set(LAMELLA_PACKAGE_CONTACT "LAMELLA_PACKAGE_CONTACT is unset <unset@example.invalid>" CACHE STRING
  "Maintainer of the packages that cpack makes, as 'Name <address>'")
set(LAMELLA_PACKAGE_HOMEPAGE "" CACHE STRING "Homepage of the packages; left out where empty")

set(CPACK_GENERATOR DEB TGZ)
set(CPACK_PACKAGE_NAME lamella)
set(CPACK_PACKAGE_VENDOR Lamella)
set(CPACK_PACKAGE_CONTACT "${LAMELLA_PACKAGE_CONTACT}")
if(LAMELLA_PACKAGE_HOMEPAGE)
  set(CPACK_PACKAGE_HOMEPAGE_URL "${LAMELLA_PACKAGE_HOMEPAGE}")
endif()
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY ${PROJECT_DESCRIPTION})
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/lib)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS OFF)
# What the static libraries want of a program that links them. CUDA is opened where it is there, so it is not a dependency:
# NVIDIA's packages are as often installed without the package manager as with it.
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "libfmt-dev, zlib1g-dev")
if(LAMELLA_CUDA_ENABLED AND NOT LAMELLA_CUDA_SIM)
  string(APPEND CPACK_DEBIAN_PACKAGE_SUGGESTS
    ", libcublas-${CUDAToolkit_VERSION_MAJOR}-${CUDAToolkit_VERSION_MINOR}, cuda-cudart-${CUDAToolkit_VERSION_MAJOR}-${CUDAToolkit_VERSION_MINOR}")
endif()
include(CPack)
