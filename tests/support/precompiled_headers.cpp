// Nothing: the headers themselves are what is compiled (tests/CMakeLists.txt).
