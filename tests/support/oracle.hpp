// Makes the library's reference (src/verify/oracle.hpp) available under the tests' namespace.
#pragma once

#include "verify/oracle.hpp"

namespace lamella::test {

using verify::evaluate;
using verify::mismatch;
using verify::Reference;

}  // namespace lamella::test
