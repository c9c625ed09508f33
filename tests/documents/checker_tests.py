#!/usr/bin/env python3
"""The programs beside this find what they look for."""
import sys
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

import check_architecture
import check_includes
import check_links
import run_snippets
from run_snippets import markdown  # and finds docs/site
import build
import filter as site_filter


class Tree(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        self.root = Path(self._folder.name).resolve()

    def write(self, name, text):
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        return file


class Markdown(unittest.TestCase):
    def test_anchors_are_those_of_github(self):
        text = "# One `two`, three: four/five\n## Same\n## Same\n```\n# none\n```\n"
        self.assertEqual([heading.anchor for heading in markdown.headings(text)],
                         ["one-two-three-fourfive", "same", "same-1"])

    def test_links_in_code_are_none(self):
        text = "[a `b`](c.md) `[d](e)` [![f](g.svg)](h)\n\n```\n[i](j)\n```\n"
        self.assertEqual([link.target for link in markdown.links(text)], ["c.md", "h"])

    def test_a_mark_belongs_to_the_block_behind_it(self):
        blocks = markdown.read("<!-- test: fails -->\n```sh\nfalse\n```\n```sh\ntrue\n```\n")[1]
        self.assertEqual([block.mark for block in blocks], ["fails", ""])

    def test_a_mark_before_something_else_is_an_error(self):
        for text in ("<!-- test: fails -->\nwords\n", "<!-- test: fails -->\n", "```sh\n"):
            with self.assertRaises(markdown.PageError):
                markdown.read(text)


class Includes(Tree):
    def test_what_is_missing_is_found(self):
        self.write("src/a/a.hpp", "#include <vector>\n")
        self.write("src/a/a.cpp", '#include "a/a.hpp"\nstd::vector<std::string> f();  // std::map\n"std::set";\n')
        self.write("tests/b.cpp", '#include <fmt/format.h>\n#include "a/a.hpp"\nfmt::format(std::vector<int>())\n')
        self.write("tests/c.cpp", "fmt::format()\n")
        self.assertEqual(check_includes.check(self.root),
                         ["src/a/a.cpp uses std::string and does not include <string>",
                          "tests/c.cpp uses fmt and does not include <fmt/format.h>"])


class Links(Tree):
    def faults(self, page):
        self.write("README.md", page)
        self.write("docs/README.md", "# Pages\n")
        return [fault.split(" ", 1)[1] for fault in check_links.check(self.root)[0]]

    def test_good_links_are_good(self):
        self.assertEqual(self.faults("# A b\n[x](docs/README.md#pages) [y](#a-b) [z](https://example.org/a)\n"), [])

    def test_bad_links_are_found(self):
        for link, words in (("docs/none.md", "leads to no file"), ("docs/README.md#none", "leads to no heading"),
                            ("#none", "leads to no heading"), ("../..", "leads out of the tree"),
                            ("http://nowhere/", "is no address"), ("ftp://a.b/", "is neither relative nor http")):
            self.assertEqual(self.faults(f"[x]({link})\n"), [f"{link} {words}"], link)

    def test_pages_that_nothing_leads_to_are_found(self):
        self.write("docs/lost.md", "[back](README.md)\n")
        self.assertEqual(self.faults("words\n"), ["docs/README.md does not lead here"])


class Architecture(Tree):
    def faults(self, include):
        self.write("docs/architecture.md",
                   "| `include/lamella` | a | |\n| `src/core` | b | |\n| `src/io` | c | core |\n| `kernels` | d | |\n"
                   "| 1 | [a.cu](../kernels/a.cu): the kernel | `launch` |\n")
        self.write("include/lamella/a.hpp", "")
        self.write("kernels/a.cu", '#include "launch.cuh"\n')
        self.write("src/core/a.cpp", include)
        self.write("src/io/a.hpp", '#include "core/a.hpp"\n#include "io/b.hpp"\n')
        return check_architecture.check(self.root)

    def edit(self, old, new):
        page = self.root / "docs/architecture.md"
        page.write_text(page.read_text("utf-8").replace(old, new), "utf-8")
        return check_architecture.check(self.root)

    def test_an_allowed_dependency_passes(self):
        self.assertEqual(self.faults('#include "core/b.hpp"\n'), [])

    def test_a_forbidden_dependency_is_found(self):
        self.assertEqual(self.faults('#include "io/a.hpp"\n'),
                         ["src/core/a.cpp includes io/, which src/core may not use"])

    def test_an_unused_dependency_is_found(self):
        self.faults("")
        self.assertEqual(self.edit("| d | |", "| d | core |"),
                         ["docs/architecture.md allows kernels to use core, which it does not"])

    def test_flags_are_named_by_the_command_alone(self):
        self.write("src/cli/run.cpp", 'help("--top N");\n')
        self.write("src/core/log.cpp", '// what --top gives\nchar a[] = "<!--a-->", b[] = "x--y";\n')
        self.assertEqual(check_architecture.flags_in_library(self.root), [])
        self.write("src/io/rows.cpp", 'int n;\nthrow Error("give more "\n  "with --memory");\n')
        self.assertEqual(check_architecture.flags_in_library(self.root),
                         ['src/io/rows.cpp:3 names a flag of the command: "with --memory"'])

    def test_a_cycle_is_found(self):
        self.faults('#include "io/a.hpp"\n')
        self.assertEqual(self.edit("| b | |", "| b | io |"), ["in docs/architecture.md these use each other: core, io"])

    def test_a_module_that_the_page_leaves_out_is_found(self):
        self.write("src/new/a.cpp", "")
        self.assertEqual(self.faults(""), ["docs/architecture.md does not list src/new"])

    def test_a_walk_that_leads_nowhere_is_found(self):
        self.faults("")
        self.assertEqual(self.edit("`launch`", "`lunch`"),
                         ["docs/architecture.md finds 'lunch' in ../kernels/a.cu, which does not hold it"])
        self.assertEqual(self.edit("| 1 |", "| one |"), ["docs/architecture.md has no walk from the README to a kernel"])


class Snippets(Tree):
    def run_page(self, text):
        """The faults, the counts and the skipped blocks of a project whose README is this."""
        self.write("README.md", text)
        self.write("examples/a/README.md", "")
        for name in ("model.safetensors", "test.npy", "expected.npy"):
            self.write(f"tests/data/digits/{name}", name)
        (self.root / "build/lib").mkdir(parents=True, exist_ok=True)
        return run_snippets.run(SimpleNamespace(
            source=self.root, build=self.root / "build", work=self.root / "work", bin=self.root / "work/bin",
            command=Path("/bin/echo"), cxx="c++", simulated=False, cuda_include=[]))

    def test_commands_print_what_the_page_shows(self):
        page = "```sh\ncd home\nx=1\nexport y=2\n```\n```sh\necho a b\nlamella run\npwd\necho $y >&2\n```\n"
        shown = "```text\na …\n…\n…/home\n2\n```\n"
        self.assertEqual(self.run_page(page + shown), ([], {"sh": 2}, []))

    def test_what_differs_is_found(self):
        for shown in ("a c", "a b\nc", "…c", "a", "b"):
            faults = self.run_page(f"```sh\necho a b\n```\n```text\n{shown}\n```\n")[0]
            self.assertEqual(len(faults), 1, shown)
            self.assertIn("README.md:1: the block prints something else", faults[0])
        self.assertEqual(len(self.run_page("```sh\necho a\necho b\n```\n```text\na\n```\n")[0]), 1)

    def test_commands_that_fail_are_found(self):
        self.assertIn("ends with 1", self.run_page("```sh\nfalse\ntrue\n```\n")[0][0])
        self.assertEqual(self.run_page("<!-- test: fails -->\n```sh\nfalse\n```\n")[0], [])
        self.assertIn("ends with 0", self.run_page("<!-- test: fails -->\n```sh\ntrue\n```\n")[0][0])

    def test_console_sessions_are_compared(self):
        self.assertEqual(self.run_page("```console\n$ echo a\na\n$ echo b\nb\n```\n")[0], [])
        self.assertEqual(len(self.run_page("```console\n$ echo a\na\n$ echo b\na\n```\n")[0]), 1)

    def test_files_are_there_for_the_blocks_behind(self):
        self.assertEqual(self.run_page("<!-- test: file a/b.json -->\n```json\n{}\n```\n```sh\ncat a/b.json\n```\n"
                                       "```text\n{}\n```\n"), ([], {"json": 1, "sh": 1}, []))

    def test_skipped_blocks_are_counted(self):
        self.assertEqual(self.run_page("<!-- test: skip, it burns -->\n```sh\nfalse\n```\n"
                                       "<!-- test: needs no-such-program -->\n```sh\nfalse\n```\n")[1:],
                         ({}, ["README.md:2: it burns", "README.md:6: needs no-such-program"]))

    def test_data_that_cannot_be_parsed_is_found(self):
        self.assertEqual(len(self.run_page("```json\n{\n```\n```sbatch\nif\n```\n")[0]), 2)

    def test_marks_and_words_that_nobody_knows_are_found(self):
        for page, words in (("<!-- test: maybe -->\n```sh\n```\n", "unknown mark"), ("```bash\n```\n", "unknown language"),
                            ("```cmake\n```\n", "cmake needs a mark"), ("```text\n```\n", "text stands behind no")):
            self.assertIn(words, self.run_page(page)[0][0])

    def test_launches_become_calls(self):
        self.assertEqual(run_snippets.launches("f<<<(n + 255) / 256, 256, 0, stream>>>(a, n);"),
                         "(void)lamella::launch(f, dim3((n + 255) / 256), dim3(256), 0, stream, a, n);")

    def test_programs_keep_to_themselves(self):
        unit = run_snippets.one_unit(["#include <a>\nint x;\nint main() {\n}\n", "#include <a>\nint x;\nint main() {\n}\n"])
        self.assertEqual(unit.count("#include <a>"), 1)
        self.assertIn("namespace snippet_1 {\nint x;\nint run() {\n  return 0;\n}\n}", unit)
        with self.assertRaises(run_snippets.Failed):
            run_snippets.one_unit(["int main(int, char**) {\n}\n"])


class Site(Tree):
    def test_comments_of_headers_become_documentation(self):
        self.assertEqual(site_filter.header("// Head.\n//\n// More.\n#pragma once\n// A.\nint a;  // b\n"
                                            "        // c\nint d;\n}  // namespace e\n"),
                         "/// @file\n/// Head.\n/// \n/// More.\n#pragma once\n/// A.\nint a;  ///< b\n"
                         "        ///< c\nint d;\n}  // namespace e\n")
        self.assertEqual(site_filter.header("#pragma once\n// As\n//   a = b\n// says.\nint a;"),
                         "#pragma once\n/// As\n///\n///       a = b\n/// says.\nint a;")
        self.assertEqual(site_filter.c_header("/* Head. */\n/* ---- Part ---- */\n/* A. */\nint a; /* b */\n"),
                         "/** @file\n * Head. */\n/* ---- Part ---- */\n/** A. */\nint a; /**< b */\n")

    def test_links_become_references(self):
        def target(link):
            return site_filter.target_of("docs/README.md", markdown.links(f"[x]({link})")[0])
        self.assertEqual(target("faq.md"), "@ref faq")
        self.assertEqual(target("faq.md#size"), "@ref faq-size")
        self.assertEqual(target("#top"), "@ref index-top")
        self.assertEqual(target("../examples/digits/README.md"), "@ref example-digits")
        self.assertEqual(target("../include/lamella/lamella.h"), "@ref lamella.h")
        self.assertIsNone(target("../LICENSE"))

    def test_links_of_the_site_that_lead_nowhere_are_found(self):
        self.write("a.html", '<a href="b.html#c">x</a> <a href="https://a.b/">y</a> <img src="d.svg">')
        self.write("b.html", '<h1 id="c">z</h1>')
        self.write("d.svg", "")
        self.assertEqual(build.check(self.root), ([], {"a.html", "b.html", "d.svg"}))
        self.write("b.html", '<a href="e.html">x</a>')
        self.assertEqual(build.check(self.root)[0],
                         ["a.html: b.html#c leads to no anchor", "b.html: e.html leads to no file"])

    def test_only_members_may_go_without_a_comment(self):
        kept = ["a.hpp:1: warning: Compound lamella::A is not documented.",
                "a.hpp:1: warning: Member f() (function) of namespace lamella is not documented.",
                "a.hpp:1: warning: Member E (enumeration) of namespace lamella is not documented.",
                "a.md:1: warning: unable to resolve reference to 'b' for \\ref command"]
        self.assertEqual(build.warnings(kept + [
            "a.hpp:1: warning: Member rows() (function) of class lamella::Matrix is not documented."]), kept)


if __name__ == "__main__":
    sys.exit(unittest.main())
