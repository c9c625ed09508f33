// The cores that this process may compute on.
#pragma once

namespace lamella::core {

// At least 1.
[[nodiscard]] int usable_cores();

}  // namespace lamella::core
