// The report's sources; the build embeds the files beside this one (cmake/embed_report.cmake).
#pragma once

#include <string_view>

namespace lamella::report {

extern const std::string_view kTemplate;  // report.html, with placeholders <!--lamella:NAME-->
extern const std::string_view kStyle;     // report.css
extern const std::string_view kScript;    // all .js files, in load order

}  // namespace lamella::report
