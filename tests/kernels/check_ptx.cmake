# Compiles a kernel source file to PTX and counts instructions: 16-byte accesses that a careless
# change splits into 4-byte ones give the same results at a fraction of the speed.
#
#     cmake -D COMMAND=... -D PTX=... -D RULES=... -P check_ptx.cmake
#
# COMMAND compiles to the file PTX. Each of RULES is "kernel|instruction|count": at least one
# kernel's mangled name must match the first expression, and each such kernel must contain at least
# count instructions that match the second.
execute_process(COMMAND ${COMMAND} RESULT_VARIABLE status OUTPUT_VARIABLE text ERROR_VARIABLE text)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${text}")
endif()
file(READ ${PTX} ptx)
string(REGEX REPLACE "[][;]" " " ptx "${ptx}") # special characters of CMake lists
string(REPLACE ".entry " ";" kernels "${ptx}")
list(POP_FRONT kernels)

set(failures "")
foreach(rule IN LISTS RULES)
  string(REPLACE "|" ";" rule "${rule}")
  list(GET rule 0 name)
  list(GET rule 1 instruction)
  list(GET rule 2 min)
  set(seen 0)
  foreach(kernel IN LISTS kernels)
    string(REGEX MATCH "^[A-Za-z0-9_]+" kernel_name "${kernel}")
    if(kernel_name MATCHES "${name}")
      math(EXPR seen "${seen} + 1")
      string(REGEX MATCHALL "${instruction}" found "${kernel}")
      list(LENGTH found count)
      if(count LESS min)
        string(APPEND failures "${kernel_name}: ${count} of ${instruction}, at least ${min} wanted\n")
      endif()
    endif()
  endforeach()
  if(seen EQUAL 0)
    string(APPEND failures "no kernel is called ${name}\n")
  endif()
endforeach()
if(failures)
  message(FATAL_ERROR "${failures}")
endif()
