// peak_memory FILE PROGRAM ARGUMENTS...: runs the program, writes the most memory that it had
// resident, in KiB, to the file, and exits with its status. The kernel counts to a process what its
// parent held when it was started, so a test that starts one itself measures itself. This holds
// next to nothing.
#include <cstdio>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char** arguments) {
  if (count < 3) {
    return 126;
  }
  const pid_t child = fork();
  if (child == 0) {
    execv(arguments[2], arguments + 2);
    _exit(127);
  }
  int status = 0;
  rusage usage = {};
  if (child < 0 || wait4(child, &status, 0, &usage) != child) {
    return 126;
  }
  std::FILE* const file = std::fopen(arguments[1], "w");
  if (file == nullptr) {
    return 126;
  }
  std::fprintf(file, "%ld", usage.ru_maxrss);
  std::fclose(file);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}
