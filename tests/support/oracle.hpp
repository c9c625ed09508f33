// The library's reference (src/verify/oracle.hpp), under the name that the tests use.
#pragma once

#include "verify/oracle.hpp"

namespace lamella::test {

using verify::evaluate;
using verify::mismatch;
using verify::Reference;

}  // namespace lamella::test
