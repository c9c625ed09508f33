// The page's own sources, which the build takes from the files beside this one
// (cmake/embed_page.cmake).
#pragma once

#include <string_view>

namespace lamella::page {

extern const std::string_view
    kTemplate;                          // page.html; <!--lamella:NAME--> stands where NAME belongs
extern const std::string_view kStyle;   // page.css
extern const std::string_view kScript;  // all .js, in their order

}  // namespace lamella::page
