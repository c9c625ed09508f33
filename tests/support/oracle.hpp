// The library's reference (src/verify/oracle.hpp), under the name that the tests use.
#pragma once

#include "verify/oracle.hpp"

namespace lamella::test {

using verify::disagreement;
using verify::evaluate;
using verify::Reference;

}  // namespace lamella::test
