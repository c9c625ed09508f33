#!/usr/bin/env python3
"""check_includes.py ROOT: what the sources use of the standard library and of fmt is included, by the file itself or by
headers of ours that it includes. Precompiled headers would hide from the compiler that an include is missing."""
import functools
import re
import sys
from pathlib import Path

_NAMES = {
    "algorithm": "all_of any_of clamp copy_if count_if fill fill_n find_if lower_bound max_element min_element none_of "
                 "replace_if shuffle sort stable_sort transform upper_bound",
    "array": "array",
    "atomic": "atomic memory_order_acquire memory_order_relaxed memory_order_release",
    "bit": "bit_cast countr_zero endian has_single_bit popcount",
    "charconv": "from_chars to_chars",
    "chrono": "chrono",
    "cmath": "erfc exp expm1 fabs isfinite isinf isnan ldexp log1p lrint nextafter sqrt tanh",
    "condition_variable": "condition_variable",
    "cstdlib": "abort getenv strtod strtof",
    "cstring": "memcmp memcpy memset strerror strlen",
    "deque": "deque",
    "exception": "current_exception exception_ptr rethrow_exception",
    "filesystem": "filesystem",
    "fstream": "ifstream ofstream",
    "functional": "function",
    "future": "async future promise",
    "iostream": "cerr cin cout",
    "limits": "numeric_limits",
    "map": "map",
    "memory": "make_shared make_unique shared_ptr unique_ptr weak_ptr",
    "mutex": "lock_guard mutex once_flag scoped_lock unique_lock",
    "new": "bad_alloc nothrow",
    "numeric": "accumulate gcd iota lcm",
    "optional": "nullopt optional",
    "random": "mt19937 mt19937_64 random_device",
    "regex": "regex regex_match regex_replace regex_search",
    "set": "set",
    "span": "as_bytes as_writable_bytes span",
    "sstream": "istringstream ostringstream stringstream",
    "stdexcept": "invalid_argument logic_error out_of_range runtime_error",
    "string": "getline stod stoi stol string stoul to_string",
    "string_view": "string_view",
    "system_error": "error_code generic_category",
    "thread": "jthread thread",
    "tuple": "make_tuple tuple",
    "unordered_map": "unordered_map",
    "unordered_set": "unordered_set",
    "utility": "exchange",
    "variant": "get_if holds_alternative variant visit",
    "vector": "vector",
}
_HEADER = {name: header for header, names in _NAMES.items() for name in names.split()}
_INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', re.MULTILINE)
_NO_CODE = re.compile(r'R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_FOLDERS = ("include", "src", "kernels", "tests")
_SUFFIXES = {".hpp", ".h", ".cpp", ".cu", ".cuh"}


def needed(text):
    """The headers that a source needs, each with the name that it is needed for."""
    code = _NO_CODE.sub('""', text)
    found = {_HEADER[name]: f"std::{name}" for name in re.findall(r"\bstd::(\w+)", code) if name in _HEADER}
    if re.search(r"\bfmt::(format|join|to_string)\b", code):
        found["fmt/format.h"] = "fmt"
    return found


def check(root):
    @functools.lru_cache(maxsize=None)
    def direct(file):
        """What a source includes: headers of ours, and the names of others."""
        folders = [file.parent, root / "include", root / "src", root, root / "tests", root / "tests" / "cuda_sim"]
        ours, others = set(), set()
        for name in _INCLUDE.findall(file.read_text("utf-8")):
            place = next((folder / name for folder in folders if (folder / name).is_file()), None)
            others.add(name) if place is None else ours.add(place.resolve())
        return ours, others

    faults = []
    for folder in _FOLDERS:
        for file in sorted((root / folder).rglob("*")):
            if file.suffix not in _SUFFIXES:
                continue
            reached, left, included = set(), [file.resolve()], set()
            while left:
                one = left.pop()
                if one not in reached:
                    reached.add(one)
                    ours, others = direct(one)
                    left += ours
                    included |= others
            faults += [f"{file.relative_to(root)} uses {name} and does not include <{header}>"
                       for header, name in sorted(needed(file.read_text("utf-8")).items())
                       if header not in included and not (header == "fmt/format.h" and "fmt/ranges.h" in included)]
    return faults


def main():
    faults = check(Path(sys.argv[1]).resolve())
    print("\n".join(faults) or "what is used is included")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
