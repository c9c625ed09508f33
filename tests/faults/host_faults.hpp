// Faults of the host, for a test executable that has host_faults.cpp in it: operator new and
// pthread_create that fail when a test says so.
#pragma once

#include <functional>
#include <string>

namespace lamella::test {

// Makes the nth allocation by operator new from now on throw std::bad_alloc, whichever thread asks
// for it, counted from 1; 0 switches it off. What the simulated CUDA allocates and releases for
// itself, inside its calls, counts nowhere here: on a card that would be the driver's.
void fail_allocation(long nth);
[[nodiscard]] bool allocation_failed();
// Pieces of memory from operator new that have not been released.
[[nodiscard]] long live_allocations();

// Makes the nth thread from now on, and with lasting every one after it, fail to start.
void fail_thread(long nth, bool lasting = false);
[[nodiscard]] bool thread_failed();

// Runs the body once for each allocation that it makes, with that one failing. It must end by
// std::bad_alloc, or by an exception of Lamella's that speaks of memory, or do all the same what it
// does otherwise, which the body checks. After each failure the body runs undisturbed, and then
// nothing more must be allocated than before. between is run after the failure and before that.
// Prints and returns how many allocations failed.
long sweep_allocations(
    const std::string& name, const std::function<void()>& body,
    const std::function<void()>& between = [] {});

}  // namespace lamella::test
