// The report's own sources, which the build takes from the files beside this one
// (cmake/embed_report.cmake).
#pragma once

#include <string_view>

namespace lamella::report {

extern const std::string_view
    kTemplate;                         // report.html; <!--lamella:NAME--> stands where NAME belongs
extern const std::string_view kStyle;  // report.css
extern const std::string_view kScript;  // all .js, in their order

}  // namespace lamella::report
